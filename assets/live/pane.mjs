// One canvas of the map: what one scheme does in the scene that all canvases share.
import { Links } from "./links.mjs";
import { targetAt } from "./pick.mjs";
import { Towers, paintSignals } from "./towers.mjs";
import { Vehicles } from "./vehicles.mjs";
import { HAS_TASK, RADIO_UP } from "./wire.mjs";

const HELD_STEPS = 3; // a task's colour stays this long after it

/** `shared`, in all methods, is the renderer: camera, city, motion, colours, layers, theme. */
export class Pane {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.vehicles = new Vehicles();
    this.links = new Links();
    this.towers = new Towers();
    this.frame = null;
    this.held = { bucket: new Uint8Array(2048), step: new Int32Array(2048).fill(-1e6) };
  }

  take(frame, shared) {
    this.frame = frame;
    this.links.read(frame, shared.serving, shared.city.rsus.length);
    this.vehicles.resize(frame.n);
    this.bucket(shared);
  }

  forget() {
    this.frame = null;
    this.held.step.fill(-1e6);
  }

  // Colours of a frame: sorted once a frame, not once a picture.
  bucket({ colours: { bucket, ofTask, colours }, motion, serving }) {
    const { frame, held, vehicles } = this;
    if (!frame) return;
    if (held.bucket.length < motion.capacity) {
      held.bucket = new Uint8Array(motion.capacity);
      held.step = new Int32Array(motion.capacity).fill(-1e6);
    }
    for (let row = 0; row < frame.n; row += 1) {
      const slot = frame.slot[row];
      let colour = bucket(frame, row, serving[row]);
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

  resize(width, height) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }

  /** Paint all but the marks; true while there is more to paint. */
  draw(shared, now, passed) {
    const { camera, city, ground, layers, motion, theme, themeName } = shared;
    const { context, frame, towers } = this;
    const rings = towers.ease(frame, 1 - Math.exp(-passed / 0.18));
    const rsusUp = frame && Array.from(frame.rsuFlags, (flags) => (flags & RADIO_UP) !== 0);
    const still = ground.paint(context, camera, theme, layers, rsusUp, now * 1000);
    towers.place(city.rsus, camera, this.canvas.width, this.canvas.height);
    if (layers.signals) paintSignals(context, city, camera, theme, frame ? frame.tS + motion.ahead(now) : 0);
    if (frame) this.#traffic(shared);
    towers.paint(context, frame, camera, theme, themeName, layers.labels);
    return rings || !still;
  }

  #traffic({ camera, clock, colours, layers, motion, quality, stamps, theme }) {
    const { context, frame, links, towers, vehicles } = this;
    vehicles.place(context, frame, motion, camera);
    const { links: linked, packets } = quality.now;
    if (layers.links && linked) links.paint(context, frame, vehicles.screen, towers.screen, camera, theme, clock, packets);
    vehicles.paint(context, frame, motion, camera, theme, colours.colours, stamps);
  }

  /** Rings and trails of what is selected and pointed at. */
  mark({ camera, city, hover, marks, selection, theme }, rows) {
    const px = camera.scale * camera.dpr;
    marks.paint(this.context, {
      ...rows,
      frame: this.frame,
      selection,
      hover,
      theme,
      camera,
      city,
      towers: this.towers,
      screen: this.vehicles.screen,
      toScreen: (x, y) => [this.canvas.width / 2 + (x - camera.x) * px, this.canvas.height / 2 - (y - camera.y) * px],
    });
  }

  /** What is at a point in CSS pixels. */
  at({ camera, city, motion, serving }, x, y) {
    const { frame, towers, vehicles } = this;
    return targetAt({ camera, city, frame, motion, serving, towers, vehicles }, x * camera.dpr, y * camera.dpr);
  }

  /** Where a row's vehicle is, in CSS pixels. */
  locate(row, dpr) {
    const { screen } = this.vehicles;
    return { x: screen[2 * row] / dpr, y: screen[2 * row + 1] / dpr };
  }
}
