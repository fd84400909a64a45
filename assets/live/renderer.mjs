// Draws the city on one canvas or on several that show the same scene under different schemes. Runs in a worker where
// there is OffscreenCanvas, else on the page's own thread; spoken to by messages in both cases (map.mjs sends them),
// answers through `post`.
import { Camera } from "./camera.mjs";
import { colouring, rsuCategories } from "./colours.mjs";
import { Gauge } from "./gauge.mjs";
import { Ground } from "./ground.mjs";
import { servingOf } from "./links.mjs";
import { Marks } from "./marks.mjs";
import { Motion } from "./motion.mjs";
import { Pane } from "./pane.mjs";
import { Quality } from "./quality.mjs";
import { sceneDigest } from "./scene_digest.mjs";
import { Stamps } from "./stamps.mjs";
import { THEMES } from "./themes.mjs";
import { RADIO_UP, decodeFrames, rsuRow, vehicleRow } from "./wire.mjs";

const EMPTY_CITY = { side_m: 5000, roads: [], junctions: [], signals: [], programs: [], rsus: [], mesh: [], range_m: 1000 };
const FOLLOW_MS = 250;
const VIEW_EVERY_MS = 120;

export class Renderer {
  #raf;
  #scheduled = false;
  #pending = null; // {buffer, keys} of the newest frame
  #undrawn = [];
  #lastNow = null;
  #viewSent = { at: 0, key: "" };
  #hoverAt = null; // {x, y, pane}
  #hoverKey = "";
  #resized = false;

  constructor(post, createCanvas) {
    this.post = post;
    this.panes = new Map(); // by key
    this.camera = new Camera();
    this.ground = new Ground(createCanvas);
    this.stamps = new Stamps(createCanvas);
    this.motion = new Motion();
    this.marks = new Marks();
    this.gauge = new Gauge();
    this.city = EMPTY_CITY;
    this.categories = [];
    this.serving = new Int16Array(0);
    this.radioUp = "";
    this.run = null;
    this.layers = { links: true, coverage: true, signals: true, mesh: true, labels: true };
    this.themeName = "dark";
    this.font = "sans-serif";
    this.mode = "offloading";
    this.selection = null;
    this.hover = null;
    this.following = false;
    this.quality = new Quality();
    this.size = { width: 1, height: 1, dpr: 1 };
    this.clock = 0; // seconds of animation, stands still while motion does
    this.#colour();
    this.#raf = globalThis.requestAnimationFrame?.bind(globalThis) ?? ((f) => setTimeout(() => f(performance.now()), 16));
  }

  /** A frame of one pane: what it says of the scene is said by all. */
  get frame() {
    for (const { frame } of this.panes.values()) if (frame) return frame;
    return null;
  }

  /** Handle one message: `type` names the method, the rest are its arguments. */
  handle({ type, ...content }) {
    this.messages[type](content);
    this.#schedule();
  }

  messages = {
    pane: ({ key, canvas }) => {
      this.panes.set(key, new Pane(canvas));
      this.#resized = true;
    },
    unpane: ({ key }) => this.panes.delete(key),
    size: ({ width, height, dpr }) => {
      this.size = { width, height, dpr };
      this.#resized = true;
    },
    city: ({ city }) => {
      this.city = { ...EMPTY_CITY, ...city };
      this.camera.sideM = this.city.side_m;
      if (this.camera.fitted) this.camera.fit();
      this.categories = rsuCategories(this.city.rsus);
      this.ground.setCity(this.city);
      this.#colour();
    },
    frame: ({ buffer, keys }) => {
      this.#pending = { buffer, keys };
    },
    clear: () => {
      this.motion = new Motion();
      for (const pane of this.panes.values()) pane.forget();
    },
    theme: ({ name, font }) => {
      this.themeName = name;
      this.font = font;
      this.ground.stale = true;
      this.#colour();
    },
    colouring: ({ mode }) => {
      this.mode = mode;
      this.#colour();
    },
    layers: ({ layers }) => {
      Object.assign(this.layers, layers);
      this.ground.stale = true;
    },
    running: ({ running }) => this.motion.setRunning(running, performance.now() / 1000),
    select: ({ selection }) => {
      this.selection = selection;
    },
    ghost: ({ ghost }) => {
      this.marks.ghost = ghost;
    },
    follow: ({ following }) => {
      this.following = following;
    },
    view: ({ view }) => this.camera.set(view),
    fit: () => {
      this.following = false;
      this.camera.fit();
    },
    zoom: ({ factor, x, y, now }) => this.camera.zoom(factor, x, y, now),
    pan: ({ dx, dy }) => {
      this.following = false;
      this.camera.pan(dx, dy);
    },
    pointer: ({ x, y, pane }) => {
      this.#hoverAt = x === null ? null : { x, y, pane };
    },
    pick: ({ x, y, pane }) => this.post({ type: "pick", target: this.#at(x, y, pane), pane }),
    stats: ({ id, reset }) => {
      const told = { ...this.gauge.report, quality: this.quality.level, groundMs: this.ground.drawMs, vehicles: this.frame?.n ?? 0, busy: this.#scheduled };
      if (reset) this.gauge.reset();
      this.post({ type: "stats", id, stats: told });
    },
    locate: ({ id, slot, pane = "" }) => {
      const row = this.#rowOf(slot);
      const at = row < 0 ? null : (this.panes.get(pane)?.locate(row, this.camera.dpr) ?? null);
      this.post({ type: "located", id, at });
    },
  };

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#raf((time) => this.#tick(time));
  }

  #tick(time) {
    this.#scheduled = false;
    const started = performance.now();
    const now = started / 1000;
    const passed = this.#lastNow === null ? 1 / 60 : Math.min(0.1, now - this.#lastNow);
    const joined = this.#lastNow !== null;
    // Resizing empties the canvas: here, so that it is drawn on before it is shown.
    if (this.quality.judge(this.gauge) || this.#resized) this.#resize();
    this.#takeFrame(now);
    const busy = this.#draw(now, passed);
    this.gauge.tick(time, performance.now() - started, joined);
    this.#acknowledge();
    this.#sendView(started, busy);
    this.#lastNow = busy ? now : null;
    if (busy) this.#schedule();
  }

  #takeFrame(now) {
    if (this.#pending === null) return;
    const { buffer, keys } = this.#pending;
    this.#pending = null;
    let told;
    try {
      told = decodeFrames(buffer);
    } catch (error) {
      this.post({ type: "drawn", seq: new DataView(buffer).getUint32(8, true), error: String(error.message ?? error) });
      return;
    }
    const { frames, run, seq, written } = told;
    if (this.run !== null && this.run !== run) this.messages.clear();
    this.run = run;
    if (frames.length) this.#takeScene(frames[0], now);
    const scenes = {};
    const kept = new Set(keys);
    for (const [key, pane] of this.panes) if (!kept.has(key)) pane.forget();
    frames.forEach((frame, i) => {
      this.panes.get(keys[i])?.take(frame, this);
      scenes[keys[i]] = { step: frame.step, digest: sceneDigest(frame) };
    });
    this.#remember();
    this.#undrawn.push({ seq, written, scenes });
  }

  #takeScene(frame, now) {
    this.motion.apply(frame, now);
    this.gauge.corrections.add(this.motion.errorM);
    this.serving = servingOf(frame, this.city.rsus, this.city.range_m);
    const radioUp = Array.from(frame.rsuFlags, (flags) => flags & RADIO_UP).join();
    if (radioUp !== this.radioUp) this.ground.stale = true;
    this.radioUp = radioUp;
  }

  #remember() {
    const { frame } = this;
    if (!frame) return;
    const row = this.#rowOf(this.selection?.slot);
    const slot = frame.slot[row];
    this.marks.remember(this.selection, frame, row, { x: this.motion.fx[slot], y: this.motion.fy[slot] });
  }

  #colour() {
    this.theme = { ...THEMES[this.themeName], font: this.font };
    this.colours = colouring(this.mode, this.themeName, this.categories);
    for (const pane of this.panes.values()) {
      pane.held.step.fill(-1e6);
      pane.bucket(this);
    }
  }

  #draw(now, passed) {
    const moving = this.motion.advance(now);
    const zooming = this.camera.advance(passed * 1000);
    const chasing = this.#chase(passed);
    if (moving && this.frame) this.clock += passed;
    let unfinished = false;
    for (const pane of this.panes.values()) unfinished = pane.draw(this, now, passed) || unfinished;
    this.#updateHover();
    const selectedRow = this.#rowOf(this.selection?.slot);
    const hoverRow = this.hover?.kind === "vehicle" ? this.#rowOf(this.hover.slot) : -1;
    for (const pane of this.panes.values()) pane.mark(this, { selectedRow, hoverRow });
    return moving || zooming || chasing || unfinished;
  }

  #chase(passed) {
    const row = this.following ? this.#rowOf(this.selection?.slot) : -1;
    if (row < 0) return false;
    const slot = this.frame.slot[row];
    const share = 1 - Math.exp((-passed * 1000) / FOLLOW_MS);
    const away = Math.hypot(this.motion.x[slot] - this.camera.x, this.motion.y[slot] - this.camera.y);
    this.camera.follow(this.motion.x[slot], this.motion.y[slot], share);
    return away * this.camera.scale > 0.5;
  }

  // Where the pointer is, something else may be by now: asked anew in every picture, told when it changed.
  #updateHover() {
    const from = this.#hoverAt;
    const target = from && this.#at(from.x, from.y, from.pane);
    const about = target ?? aboutOf(this.selection);
    const key = `${target ? "over" : ""}${about ? `${about.kind}${about.slot ?? about.index}@${this.frame?.seq}` : ""}`;
    if (key !== this.#hoverKey) {
      const shown = target && { ...target, screenX: from.x, screenY: from.y };
      this.post({ type: "hover", target: shown, pane: from?.pane, each: about && this.#each(about) });
    }
    this.#hoverKey = key;
    this.hover = target;
  }

  /** What each pane's frame says of a vehicle or an RSU, by key. */
  #each({ kind, slot, index }) {
    const row = kind === "vehicle" ? this.#rowOf(slot) : -1;
    const told = ({ frame }) => {
      if (!frame) return null;
      if (kind === "vehicle") return row < 0 ? null : { kind, ...vehicleRow(frame, row) };
      return index < frame.m ? { kind, ...rsuRow(frame, index) } : null;
    };
    return Object.fromEntries([...this.panes].map(([key, pane]) => [key, told(pane)]));
  }

  #at(x, y, key) {
    return this.panes.get(key)?.at(this, x, y) ?? null;
  }

  #rowOf(slot) {
    const { frame } = this;
    return slot === undefined || !frame ? -1 : frame.slot.indexOf(slot);
  }

  #resize() {
    this.#resized = false;
    const { width, height, dpr } = this.size;
    const sharp = Math.min(dpr, this.quality.now.dpr);
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * sharp)));
    for (const pane of this.panes.values()) pane.resize(w, h);
    this.camera.resize(width, height, sharp);
  }

  // After this animation frame's task the picture is handed to the screen.
  #acknowledge() {
    const drawn = this.#undrawn;
    if (!drawn.length) return;
    this.#undrawn = [];
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      const at = performance.timeOrigin + performance.now();
      for (const { seq, written, scenes } of drawn) {
        this.gauge.drawn(at - written * 1000);
        this.post({ type: "drawn", seq, written: written * 1000, at, scenes });
      }
    };
    channel.port2.postMessage(null);
  }

  #sendView(at, busy) {
    const { view, fitted } = this.camera;
    const key = `${view.x},${view.y},${view.zoom},${this.following}`;
    if (key === this.#viewSent.key || (busy && at - this.#viewSent.at < VIEW_EVERY_MS)) return;
    this.#viewSent = { at, key };
    this.post({ type: "view", view, fitted, following: this.following });
  }
}

const aboutOf = (selection) => {
  if (selection?.slot !== undefined) return { kind: "vehicle", slot: selection.slot };
  return selection?.rsu === undefined ? null : { kind: "rsu", index: selection.rsu };
};
