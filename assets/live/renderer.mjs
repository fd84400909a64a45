// Draws the city on a canvas. Runs in a worker where there is OffscreenCanvas, else on the page's own thread; spoken
// to by messages in both cases (map.mjs sends them), answers through `post`.
import { Camera } from "./camera.mjs";
import { colouring, rsuCategories } from "./colours.mjs";
import { Gauge } from "./gauge.mjs";
import { Ground } from "./ground.mjs";
import { Links, servingOf } from "./links.mjs";
import { Marks } from "./marks.mjs";
import { Motion } from "./motion.mjs";
import { targetAt } from "./pick.mjs";
import { Quality } from "./quality.mjs";
import { THEMES } from "./themes.mjs";
import { Towers, paintSignals } from "./towers.mjs";
import { Vehicles } from "./vehicles.mjs";
import { HAS_TASK, RADIO_UP, decodeFrame } from "./wire.mjs";

const EMPTY_CITY = { side_m: 5000, roads: [], junctions: [], signals: [], programs: [], rsus: [], mesh: [], range_m: 1000 };
const HELD_STEPS = 3; // a task's colour stays this long after it
const FOLLOW_MS = 250;
const VIEW_EVERY_MS = 120;

export class Renderer {
  #raf;
  #scheduled = false;
  #pendingFrame = null;
  #undrawn = [];
  #lastNow = null;
  #viewSent = { at: 0, key: "" };
  #hoverAt = null;
  #resized = false;

  constructor(canvas, post, createCanvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.post = post;
    this.camera = new Camera();
    this.ground = new Ground(createCanvas);
    this.motion = new Motion();
    this.vehicles = new Vehicles();
    this.links = new Links();
    this.towers = new Towers();
    this.marks = new Marks();
    this.gauge = new Gauge();
    this.city = EMPTY_CITY;
    this.categories = [];
    this.frame = null;
    this.serving = new Int16Array(0);
    this.radioUp = "";
    this.held = { bucket: new Uint8Array(2048), step: new Int32Array(2048).fill(-1e6) };
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

  /** Handle one message: `type` names the method, the rest are its arguments. */
  handle({ type, ...content }) {
    this.messages[type](content);
    this.#schedule();
  }

  messages = {
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
    frame: ({ buffer }) => {
      this.#pendingFrame = buffer;
    },
    clear: () => {
      this.frame = null;
      this.motion = new Motion();
      this.held.step.fill(-1e6);
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
    pointer: ({ x, y }) => {
      this.#hoverAt = x === null ? null : { x, y };
    },
    pick: ({ x, y }) => this.post({ type: "pick", target: this.#at(x, y) }),
    stats: ({ id, reset }) => {
      const told = { ...this.gauge.report, quality: this.quality.level, groundMs: this.ground.drawMs, vehicles: this.frame?.n ?? 0, busy: this.#scheduled };
      if (reset) this.gauge.reset();
      this.post({ type: "stats", id, stats: told });
    },
    locate: ({ id, slot }) => {
      const row = this.#rowOf(slot);
      const { screen } = this.vehicles;
      const at = row < 0 ? null : { x: screen[2 * row] / this.camera.dpr, y: screen[2 * row + 1] / this.camera.dpr };
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
    const buffer = this.#pendingFrame;
    this.#pendingFrame = null;
    if (buffer === null) return;
    let frame;
    try {
      frame = decodeFrame(buffer);
    } catch (error) {
      this.post({ type: "drawn", seq: new DataView(buffer).getUint32(8, true), error: String(error.message ?? error) });
      return;
    }
    if (this.frame && this.frame.run !== frame.run) this.messages.clear();
    this.frame = frame;
    this.motion.apply(frame, now);
    this.gauge.corrections.add(this.motion.errorM);
    this.serving = servingOf(frame, this.city.rsus, this.city.range_m);
    this.links.read(frame, this.serving, this.city.rsus.length);
    this.vehicles.resize(frame.n);
    this.#bucket();
    const radioUp = Array.from(frame.rsuFlags, (flags) => flags & RADIO_UP).join();
    if (radioUp !== this.radioUp) this.ground.stale = true;
    this.radioUp = radioUp;
    const row = this.#rowOf(this.selection?.slot);
    const slot = frame.slot[row];
    this.marks.remember(this.selection, frame, row, { x: this.motion.fx[slot], y: this.motion.fy[slot] });
    this.#undrawn.push({ seq: frame.seq, written: frame.written });
  }

  // Colours of a frame: sorted once a frame, not once a picture.
  #bucket() {
    const { frame, held, vehicles } = this;
    if (!frame) return;
    const { bucket, ofTask, colours } = this.colours;
    if (held.bucket.length < this.motion.capacity) {
      held.bucket = new Uint8Array(this.motion.capacity);
      held.step = new Int32Array(this.motion.capacity).fill(-1e6);
    }
    for (let row = 0; row < frame.n; row += 1) {
      const slot = frame.slot[row];
      let colour = bucket(frame, row, this.serving[row]);
      if (ofTask && frame.state[row] & HAS_TASK) {
        held.bucket[slot] = colour;
        held.step[slot] = frame.step;
      } else if (ofTask && !(frame.info[row] & 4) && frame.step - held.step[slot] <= HELD_STEPS) {
        colour = held.bucket[slot];
      }
      vehicles.bucketOf[row] = colour;
    }
    vehicles.group(frame.n, colours.length);
  }

  #colour() {
    this.theme = { ...THEMES[this.themeName], font: this.font };
    this.colours = colouring(this.mode, this.themeName, this.categories);
    this.held.step.fill(-1e6);
    this.#bucket();
  }

  #draw(now, passed) {
    const { camera, context, frame, theme } = this;
    const moving = this.motion.advance(now);
    const zooming = camera.advance(passed * 1000);
    const chasing = this.#chase(passed);
    if (moving && frame) this.clock += passed;
    const rings = this.towers.ease(frame, 1 - Math.exp(-passed / 0.18));
    const rsusUp = frame && Array.from(frame.rsuFlags, (flags) => (flags & RADIO_UP) !== 0);
    const still = this.ground.paint(context, camera, theme, this.layers, rsusUp, now * 1000);
    this.towers.place(this.city.rsus, camera, this.canvas.width, this.canvas.height);
    if (this.layers.signals) paintSignals(context, this.city, camera, theme, frame ? frame.tS + this.motion.ahead(now) : 0);
    if (frame) this.#paintTraffic();
    this.towers.paint(context, frame, camera, theme, this.themeName, this.layers.labels);
    this.#paintMarks();
    return moving || zooming || chasing || rings || !still;
  }

  #paintTraffic() {
    const { camera, context, frame, theme, vehicles } = this;
    vehicles.place(context, frame, this.motion, camera);
    const { links, packets } = this.quality.now;
    if (this.layers.links && links) {
      this.links.paint(context, frame, vehicles.screen, this.towers.screen, camera, theme, this.clock, packets);
    }
    vehicles.paint(context, frame, this.motion, camera, theme, this.colours.colours);
  }

  #paintMarks() {
    const { frame } = this;
    if (this.#hoverAt !== undefined) this.#updateHover();
    const selectedRow = this.#rowOf(this.selection?.slot);
    const hoverRow = this.hover?.kind === "vehicle" ? this.#rowOf(this.hover.slot) : -1;
    const px = this.camera.scale * this.camera.dpr;
    this.marks.paint(this.context, {
      frame,
      selectedRow,
      hoverRow,
      selection: this.selection,
      hover: this.hover,
      theme: this.theme,
      camera: this.camera,
      towers: this.towers,
      city: this.city,
      screen: this.vehicles.screen,
      toScreen: (x, y) => [
        this.canvas.width / 2 + (x - this.camera.x) * px,
        this.canvas.height / 2 - (y - this.camera.y) * px,
      ],
    });
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
    const target = this.#hoverAt && this.#at(this.#hoverAt.x, this.#hoverAt.y);
    const key = target && `${target.kind}${target.slot ?? target.index}@${this.frame?.seq}`;
    if (key !== this.hoverKey) this.post({ type: "hover", target: target && { ...target, screenX: this.#hoverAt.x, screenY: this.#hoverAt.y } });
    this.hoverKey = key;
    this.hover = target;
  }

  #at(px, py) {
    return targetAt(this, px * this.camera.dpr, py * this.camera.dpr);
  }

  #rowOf(slot) {
    return slot === undefined || !this.frame ? -1 : this.frame.slot.indexOf(slot);
  }

  #resize() {
    this.#resized = false;
    const { width, height, dpr } = this.size;
    const sharp = Math.min(dpr, this.quality.now.dpr);
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * sharp)));
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
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
      for (const { seq, written } of drawn) {
        this.gauge.drawn(at - written * 1000);
        this.post({ type: "drawn", seq, written: written * 1000, at });
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
