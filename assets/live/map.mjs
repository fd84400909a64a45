// The city map as the page uses it: one canvas, or several that show the same scene under different schemes, moved and
// coloured together. The drawing itself happens in a worker; this side costs next to nothing.
import { MODES } from "./colours.mjs";
import { Legend } from "./legend.mjs";
import { Painter, canUseWorker } from "./painter.mjs";
import { attachPointers } from "./pointers.mjs";
import { THEMES } from "./themes.mjs";

const ONLY = ""; // the key of a map's only canvas

/**
 * Events (CustomEvent, payload in `detail`): `view` {x, y, zoom, fitted, following} with x, y the centre in metres and
 * zoom in CSS pixels per metre; `pick` and `hover`: {kind: "vehicle", slot, row, ...} | {kind: "rsu", index, ...} | null,
 * hover with screenX, screenY; `each`: what every canvas says of the thing pointed at, else of the selected one, by key,
 * null for none; `moved` {by: "pan" | "zoom" | "fit"} when somebody did; `error` {message}.
 *
 * `onDrawn(seq, writtenMs, scenes)` is called for every frame that reached the screen; `scenes`: {step, digest} by key.
 */
export class CityMap extends EventTarget {
  onDrawn = null;
  #panes = new Map(); // key -> {container, canvas, detach}
  #painter;
  #inWorker;
  #legend = null;
  #observer;
  #settings = new Map(); // last message of each kind, to start a renderer with
  #pending = new Map(); // seq -> resolve
  #asked = new Map();
  #questions = 0;
  #view = { x: 2500, y: 2500, zoom: 0.1, fitted: true, following: false };
  #theme;
  #mode = "offloading";

  /** `container` holds the only canvas and what lies over it; null where `setPanes` says where canvases are. */
  constructor(container, { theme = "dark", colouring = "offloading", worker = true } = {}) {
    super();
    this.#theme = theme;
    this.#mode = colouring;
    this.#inWorker = worker && canUseWorker();
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#start();
    if (container) {
      this.setPanes(new Map([[ONLY, container]]));
      this.#legend = new Legend(container);
    }
    this.setTheme(theme);
    this.setColouring(colouring);
  }

  /** Show these canvases and no others: container by key; all containers have the same size. */
  setPanes(containers) {
    for (const [key, { container }] of this.#panes) if (containers.get(key) !== container) this.#close(key);
    for (const [key, container] of containers) if (!this.#panes.has(key)) this.#open(key, container);
    this.#resized();
  }

  /** Static JSON of a run: roads, signals, RSUs, mesh. */
  setCity(city) {
    this.#keep({ type: "city", city });
    this.#legend?.setCredit(city.attribution);
  }

  /**
   * Show a frame; the buffer is handed over and of no use to the caller afterwards. `keys` name the canvases of its
   * arms in order. Resolves once drawn.
   */
  frame(buffer, keys = [ONLY]) {
    const seq = new DataView(buffer).getUint32(8, true);
    const drawn = new Promise((resolve) => this.#pending.set(seq, resolve));
    this.#send({ type: "frame", buffer, keys }, [buffer]);
    return drawn;
  }

  /** Forget all vehicles, as when another run begins. */
  clear() {
    this.#send({ type: "clear" });
  }

  /** While not running vehicles stand where the step has them. */
  setRunning(running) {
    this.#keep({ type: "running", running });
  }

  setColouring(mode) {
    if (!(mode in MODES)) throw new RangeError(`unknown colouring ${mode}; known: ${Object.keys(MODES).join(", ")}`);
    this.#mode = mode;
    this.#keep({ type: "colouring", mode });
    this.#legend?.draw(mode, this.#theme);
  }

  setTheme(name) {
    this.#theme = name;
    for (const { container } of this.#panes.values()) container.style.background = THEMES[name].ground;
    this.#keep({ type: "theme", name, font: getComputedStyle(document.body).fontFamily });
    this.#legend?.draw(this.#mode, name);
  }

  /** {links, coverage, signals, mesh, labels, legend}: booleans, those left out stay as they are. */
  setLayers(layers) {
    this.#keep({ type: "layers", layers: { ...this.#settings.get("layers")?.layers, ...layers } });
    this.#legend?.show(this.#settings.get("layers").layers);
  }

  /** {slot}, {rsu} or null. */
  select(selection) {
    this.#keep({ type: "select", selection });
  }

  /** Where the stale twin thinks the selected vehicle is: {x, y, age_s} or null. */
  setGhost(ghost) {
    this.#keep({ type: "ghost", ghost });
  }

  /** Keep the selected vehicle in the middle. */
  follow(following) {
    this.#keep({ type: "follow", following });
  }

  view() {
    return { ...this.#view };
  }

  setView(view) {
    this.#view = { ...this.#view, ...view, fitted: false };
    this.#keep({ type: "view", view });
    this.#legend?.setScale(this.#view.zoom);
  }

  fit() {
    this.#settings.delete("view");
    this.#move({ type: "fit" });
  }

  zoomBy(factor, x, y) {
    this.#move({ type: "zoom", factor, x, y, now: false });
  }

  /** Move the map by CSS pixels; positive moves its content right and down. */
  panBy(dx, dy) {
    this.#move({ type: "pan", dx, dy });
  }

  /** Resolves to {fps, gapP95Ms, drawP50Ms, drawP95Ms, latencyP50Ms, latencyP95Ms, framesDrawn, busy, ...}; `busy`: there is more to draw; `reset` starts anew. */
  stats({ reset = false } = {}) {
    return this.#ask({ type: "stats", reset });
  }

  /** Resolves to where a slot's vehicle is on the map, {x, y} in CSS pixels, or null. */
  locate(slot, pane = ONLY) {
    return this.#ask({ type: "locate", slot, pane });
  }

  destroy() {
    this.#observer.disconnect();
    for (const { container, detach } of this.#panes.values()) {
      detach();
      container.replaceChildren();
    }
    this.#painter.stop();
  }

  #start() {
    this.#painter = new Painter(this.#inWorker, (message) => this.#received(message), (event) => this.#failed(event));
  }

  #open(key, container) {
    if (getComputedStyle(container).position === "static") container.style.position = "relative";
    Object.assign(container.style, { overflow: "hidden", background: THEMES[this.#theme].ground });
    const canvas = document.createElement("canvas");
    Object.assign(canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", touchAction: "none", display: "block" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Map of the city: roads, vehicles and road-side units");
    container.prepend(canvas);
    this.#panes.set(key, { container, canvas, detach: attachPointers(canvas, this.#gestures(key)) });
    this.#observer.observe(container);
    this.#painter.open(key, canvas);
  }

  #close(key) {
    const { container, canvas, detach } = this.#panes.get(key);
    this.#panes.delete(key);
    this.#observer.unobserve(container);
    detach();
    canvas.remove();
    this.#send({ type: "unpane", key });
  }

  // A worker that cannot be loaded or breaks is replaced by drawing on this thread.
  #failed(event) {
    event.preventDefault();
    this.#emit("error", { message: `map worker: ${event.message ?? "could not be loaded"}` });
    this.#painter.stop();
    this.#inWorker = false;
    for (const resolve of this.#pending.values()) resolve();
    this.#pending.clear();
    const containers = [...this.#panes].map(([key, { container }]) => [key, container]);
    for (const [key] of containers) this.#close(key);
    this.#start();
    for (const [key, container] of containers) this.#open(key, container);
    for (const message of this.#settings.values()) this.#send(message);
  }

  #gestures(pane) {
    return {
      pan: (dx, dy) => this.panBy(dx, dy),
      zoom: (factor, x, y, now) => this.#move({ type: "zoom", factor, x, y, now }),
      click: (x, y) => this.#send({ type: "pick", x, y, pane }),
      hover: (x, y) => this.#send({ type: "pointer", x, y, pane }),
      leave: () => this.#send({ type: "pointer", x: null, y: null, pane }),
    };
  }

  #received(message) {
    switch (message.type) {
      case "drawn":
        this.#drawn(message);
        break;
      case "view":
        this.#view = { ...message.view, fitted: message.fitted, following: message.following };
        this.#settings.set("view", { type: "view", view: message.view });
        if (message.fitted) this.#settings.delete("view");
        this.#legend?.setScale(message.view.zoom);
        this.#emit("view", this.view());
        break;
      case "hover":
        for (const { canvas } of this.#panes.values()) canvas.style.cursor = message.target ? "pointer" : "";
        this.#emit("hover", message.target);
        this.#emit("each", message.each);
        break;
      case "pick":
        this.#emit("pick", message.target);
        break;
      default: // an answer
        this.#asked.get(message.id)?.(message.stats ?? message.at ?? null);
        this.#asked.delete(message.id);
    }
  }

  // Frames that came too fast were skipped for this one: they count as dealt with.
  #drawn({ seq, written, scenes, error }) {
    if (error) this.#emit("error", { message: error });
    for (const [waiting, resolve] of this.#pending) {
      this.#pending.delete(waiting);
      resolve(seq);
      if (waiting === seq) break;
    }
    if (!error) this.onDrawn?.(seq, written, scenes);
  }

  #ask(message) {
    const id = (this.#questions += 1);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#send({ ...message, id });
    });
  }

  #resized() {
    const [first] = this.#panes.values();
    if (!first) return;
    const { width, height } = first.container.getBoundingClientRect();
    if (width > 0 && height > 0) this.#keep({ type: "size", width, height, dpr: globalThis.devicePixelRatio || 1 });
  }

  #keep(message) {
    this.#settings.set(message.type, message);
    this.#send(message);
  }

  #move(message) {
    this.#send(message);
    this.#emit("moved", { by: message.type });
  }

  #send(message, transfer = []) {
    this.#painter.send(message, transfer);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
