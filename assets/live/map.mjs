// The city map as the page uses it. The drawing itself happens in a worker; this side costs next to nothing.
import { MODES } from "./colours.mjs";
import { Legend } from "./legend.mjs";
import { attachPointers } from "./pointers.mjs";
import { Renderer } from "./renderer.mjs";
import { THEMES } from "./themes.mjs";

/**
 * Events (CustomEvent, payload in `detail`): `view` {x, y, zoom, fitted, following} with x, y the centre in metres and
 * zoom in CSS pixels per metre; `pick` and `hover`: {kind: "vehicle", slot, row, ...} | {kind: "rsu", index, ...} | null,
 * hover with screenX, screenY; `moved` {by: "pan" | "zoom" | "fit"} when somebody did; `error`
 * {message}.
 *
 * `onDrawn(seq, writtenMs)` is called for every frame that reached the screen.
 */
export class CityMap extends EventTarget {
  onDrawn = null;
  #container;
  #canvas = null;
  #worker = null;
  #renderer = null;
  #legend;
  #detach = null;
  #observer;
  #settings = new Map(); // last message of each kind, to start a renderer with
  #pending = new Map(); // seq -> resolve
  #asked = new Map();
  #questions = 0;
  #view = { x: 2500, y: 2500, zoom: 0.1, fitted: true, following: false };
  #theme;
  #mode = "offloading";

  constructor(container, { theme = "dark", colouring = "offloading", worker = true } = {}) {
    super();
    this.#container = container;
    if (getComputedStyle(container).position === "static") container.style.position = "relative";
    container.style.overflow = "hidden";
    this.#theme = theme;
    this.#mode = colouring;
    const inWorker = worker && typeof HTMLCanvasElement.prototype.transferControlToOffscreen === "function";
    this.#start(inWorker);
    this.#legend = new Legend(container);
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(container);
    this.#resized();
    this.setTheme(theme);
    this.setColouring(colouring);
  }

  /** Static JSON of a run: roads, signals, RSUs, mesh. */
  setCity(city) {
    this.#keep({ type: "city", city });
    this.#legend.setCredit(city.attribution);
  }

  /** Show a frame; the buffer is handed over and of no use to the caller afterwards. Resolves once drawn. */
  frame(buffer) {
    const seq = new DataView(buffer).getUint32(8, true);
    const drawn = new Promise((resolve) => this.#pending.set(seq, resolve));
    this.#send({ type: "frame", buffer }, [buffer]);
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
    this.#legend.draw(mode, this.#theme);
  }

  setTheme(name) {
    this.#theme = name;
    this.#container.style.background = THEMES[name].ground;
    this.#keep({ type: "theme", name, font: getComputedStyle(this.#container).fontFamily });
    this.#legend.draw(this.#mode, name);
  }

  /** {links, coverage, signals, mesh, labels, legend}: booleans, those left out stay as they are. */
  setLayers(layers) {
    this.#keep({ type: "layers", layers: { ...this.#settings.get("layers")?.layers, ...layers } });
    this.#legend.show(this.#settings.get("layers").layers);
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
    this.#legend.setScale(this.#view.zoom);
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
  locate(slot) {
    return this.#ask({ type: "locate", slot });
  }

  destroy() {
    this.#observer.disconnect();
    this.#detach();
    this.#worker?.terminate();
    this.#container.replaceChildren();
  }

  #start(inWorker) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", touchAction: "none", display: "block" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Map of the city: roads, vehicles and road-side units");
    this.#detach?.();
    this.#canvas?.remove();
    this.#canvas = canvas;
    this.#container.prepend(canvas);
    this.#detach = attachPointers(canvas, this.#gestures);
    if (inWorker) {
      this.#worker = new Worker(new URL("./map_worker.mjs", import.meta.url), { type: "module", name: "city map" });
      this.#worker.onmessage = ({ data }) => this.#received(data);
      this.#worker.onerror = (event) => this.#workerFailed(event);
      const surface = canvas.transferControlToOffscreen();
      this.#worker.postMessage({ type: "start", canvas: surface }, [surface]);
    } else {
      const create = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
      this.#renderer = new Renderer(canvas, (message) => this.#received(message), create);
    }
    for (const message of this.#settings.values()) this.#send(message);
  }

  // A worker that cannot be loaded or breaks is replaced by drawing on this thread.
  #workerFailed(event) {
    event.preventDefault();
    this.#emit("error", { message: `map worker: ${event.message ?? "could not be loaded"}` });
    this.#worker.terminate();
    this.#worker = null;
    for (const resolve of this.#pending.values()) resolve();
    this.#pending.clear();
    this.#start(false);
  }

  #gestures = {
    pan: (dx, dy) => this.panBy(dx, dy),
    zoom: (factor, x, y, now) => this.#move({ type: "zoom", factor, x, y, now }),
    click: (x, y) => this.#send({ type: "pick", x, y }),
    hover: (x, y) => this.#send({ type: "pointer", x, y }),
    leave: () => this.#send({ type: "pointer", x: null, y: null }),
  };

  #received(message) {
    switch (message.type) {
      case "drawn":
        this.#drawn(message);
        break;
      case "view":
        this.#view = { ...message.view, fitted: message.fitted, following: message.following };
        this.#settings.set("view", { type: "view", view: message.view });
        if (message.fitted) this.#settings.delete("view");
        this.#legend.setScale(message.view.zoom);
        this.#emit("view", this.view());
        break;
      case "hover":
        this.#canvas.style.cursor = message.target ? "pointer" : "";
        this.#emit("hover", message.target);
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
  #drawn({ seq, written, error }) {
    if (error) this.#emit("error", { message: error });
    for (const [waiting, resolve] of this.#pending) {
      this.#pending.delete(waiting);
      resolve(seq);
      if (waiting === seq) break;
    }
    if (!error) this.onDrawn?.(seq, written);
  }

  #ask(message) {
    const id = (this.#questions += 1);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#send({ ...message, id });
    });
  }

  #resized() {
    const { width, height } = this.#container.getBoundingClientRect();
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
    if (this.#worker) this.#worker.postMessage(message, transfer);
    else this.#renderer.handle(message);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
