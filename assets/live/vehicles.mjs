// Vehicles as oriented shapes: stamps from afar, from near one path per colour.
import { channelsOf } from "./colours.mjs";
import { pays } from "./stamps.mjs";
import { KIND } from "./wire.mjs";

// Length and width in metres as in the city's vehicle types, and the least size in CSS pixels seen from afar.
const SIZES = [
  { length: 5.0, width: 1.9, farLength: 6.6, farWidth: 3.6 },
  { length: 12.0, width: 2.5, farLength: 10.5, farWidth: 3.9 },
  { length: 10.0, width: 2.5, farLength: 8.8, farWidth: 4.2 },
];
// Outlines in shares of length (nose at +0.5) and half width. Far: a glyph with a direction; near: a body.
const FAR = [
  [0.5, 0, 0.02, 1, -0.5, 0.8, -0.34, 0, -0.5, -0.8, 0.02, -1],
  [0.5, 0, 0.36, 1, -0.5, 1, -0.5, -1, 0.36, -1],
  [0.5, 0.45, 0.5, -0.45, 0.2, -1, -0.5, -1, -0.5, 1, 0.2, 1],
];
const NEAR = [
  [0.5, 0.55, 0.44, 0.86, 0.3, 1, -0.34, 1, -0.46, 0.88, -0.5, 0.6, -0.5, -0.6, -0.46, -0.88, -0.34, -1, 0.3, -1, 0.44, -0.86, 0.5, -0.55],
  [0.5, 0.8, 0.48, 0.98, -0.49, 1, -0.5, 0.9, -0.5, -0.9, -0.49, -1, 0.48, -0.98, 0.5, -0.8],
  [0.5, 0.7, 0.48, 0.92, 0.23, 0.95, 0.23, 0.78, 0.19, 0.78, 0.19, 1, -0.5, 1, -0.5, -1, 0.19, -1, 0.19, -0.78, 0.23, -0.78, 0.23, -0.95, 0.48, -0.92, 0.5, -0.7],
];
// Windows, drawn over the body from near.
const GLASS = [
  [[0.22, 0.78, 0.06, 0.66, 0.06, -0.66, 0.22, -0.78], [-0.26, 0.62, -0.38, 0.76, -0.38, -0.76, -0.26, -0.62]],
  [[0.47, 0.84, 0.42, 0.84, 0.42, -0.84, 0.47, -0.84], [0.3, 0.3, -0.36, 0.3, -0.36, -0.3, 0.3, -0.3]],
  [[0.44, 0.78, 0.36, 0.78, 0.36, -0.78, 0.44, -0.78]],
];
const BRAKES = [
  [-0.5, 0.85, -0.44, 0.9, -0.44, 0.5, -0.5, 0.5],
  [-0.5, -0.85, -0.44, -0.9, -0.44, -0.5, -0.5, -0.5],
];
const RIM = [0.5, 0.5, -0.5, 1, -0.5, -1, 0.5, -0.5];
const RIM_PX = 1.5;
const NEAR_PX = 11; // a car this long gets a body
const DETAIL_PX = 20;
const BRAKING_MPS2 = -0.7;

function polygon(c, shape, x, y, ax, ay, bx, by) {
  c.moveTo(x + shape[0] * ax + shape[1] * bx, y + shape[0] * ay + shape[1] * by);
  for (let i = 2; i < shape.length; i += 2) {
    c.lineTo(x + shape[i] * ax + shape[i + 1] * bx, y + shape[i] * ay + shape[i + 1] * by);
  }
  c.closePath();
}

export class Vehicles {
  constructor() {
    this.order = new Uint16Array(0);
    this.bucketOf = new Uint8Array(0);
    this.screen = new Float32Array(0); // x, y in device pixels by row
    this.starts = [];
  }

  /** Make room for n rows. */
  resize(n) {
    if (this.order.length >= n) return;
    this.order = new Uint16Array(2 * n);
    this.bucketOf = new Uint8Array(2 * n);
    this.screen = new Float32Array(4 * n);
  }

  /** Sort the rows of a frame by colour: `bucketOf[row]` must be filled before. */
  group(n, buckets) {
    const starts = new Uint16Array(buckets + 1);
    for (let row = 0; row < n; row += 1) starts[this.bucketOf[row] + 1] += 1;
    for (let b = 0; b < buckets; b += 1) starts[b + 1] += starts[b];
    this.starts = starts.slice();
    for (let row = 0; row < n; row += 1) this.order[starts[this.bucketOf[row]]++] = row;
  }

  /** Glyph size of a kind in device pixels: true to scale, with a floor. */
  static size(kind, camera) {
    const s = SIZES[kind] ?? SIZES[0];
    const grow = Math.min(1.5, Math.max(0.8, 1 + 0.22 * Math.log2(camera.scale / 0.16)));
    return {
      length: Math.max(s.length * camera.scale, s.farLength * grow) * camera.dpr,
      width: Math.max(s.width * camera.scale, s.farWidth * grow) * camera.dpr,
    };
  }

  /** Where the middle of every vehicle is on the screen now. */
  place(c, frame, motion, camera) {
    const px = camera.scale * camera.dpr;
    const left = c.canvas.width / 2 - camera.x * px;
    const top = c.canvas.height / 2 + camera.y * px;
    const { x, y, h } = motion;
    for (let row = 0; row < frame.n; row += 1) {
      const slot = frame.slot[row];
      const back = 0.5 * SIZES[(frame.info[row] & KIND) % 3].length; // the position is the front bumper's
      this.screen[2 * row] = left + (x[slot] - back * Math.cos(h[slot])) * px;
      this.screen[2 * row + 1] = top - (y[slot] - back * Math.sin(h[slot])) * px;
    }
  }

  paint(c, frame, motion, camera, theme, colours, stamps) {
    const near = SIZES[0].length * camera.scale >= NEAR_PX;
    if (near || !pays(c.canvas)) this.#paths(c, frame, motion, camera, theme, colours, near);
    else this.#stamps(c, frame, motion, camera, theme, colours, stamps);
  }

  #stamps(c, frame, motion, camera, theme, colours, stamps) {
    const kinds = SIZES.map((_, kind) => ({ shape: FAR[kind], ...Vehicles.size(kind, camera) }));
    stamps.begin(c.canvas.width, c.canvas.height, kinds, { shape: RIM, by: RIM_PX * camera.dpr }, channelsOf(theme.outline));
    const inks = colours.map(channelsOf);
    for (let bucket = 0; bucket < colours.length; bucket += 1) {
      for (let i = this.starts[bucket]; i < this.starts[bucket + 1]; i += 1) {
        const row = this.order[i];
        stamps.add((frame.info[row] & KIND) % 3, this.screen[2 * row], this.screen[2 * row + 1], -motion.h[frame.slot[row]], inks[bucket]);
      }
    }
    stamps.paint(c);
  }

  #paths(c, frame, motion, camera, theme, colours, near) {
    const detail = SIZES[0].length * camera.scale >= DETAIL_PX;
    const sizes = SIZES.map((_, kind) => Vehicles.size(kind, camera));
    const shapes = near ? NEAR : FAR;
    const reach = sizes[1].length;
    const { order, screen, starts } = this;
    const { h } = motion;
    const visible = (row) => {
      const sx = screen[2 * row];
      const sy = screen[2 * row + 1];
      return sx > -reach && sy > -reach && sx < c.canvas.width + reach && sy < c.canvas.height + reach;
    };
    const add = (row, shape, { length, width }, angle) => {
      const cos = Math.cos(angle);
      const sin = -Math.sin(angle);
      const half = 0.5 * width;
      polygon(c, shape, screen[2 * row], screen[2 * row + 1], length * cos, length * sin, -half * sin, half * cos);
    };
    // Outlines are larger shapes beneath: stroking 1500 of them costs four times as much.
    const rim = RIM_PX * camera.dpr;
    const rims = sizes.map(({ length, width }) => ({ length: length + rim, width: width + rim }));
    for (let bucket = 0; bucket < colours.length; bucket += 1) {
      if (starts[bucket] === starts[bucket + 1]) continue;
      for (const [dress, colour] of [[rims, theme.outline], [sizes, colours[bucket]]]) {
        c.fillStyle = colour;
        c.beginPath();
        for (let i = starts[bucket]; i < starts[bucket + 1]; i += 1) {
          const row = order[i];
          if (!visible(row)) continue;
          const kind = (frame.info[row] & KIND) % 3;
          add(row, dress === rims && !near ? RIM : shapes[kind], dress[kind], h[frame.slot[row]]);
        }
        c.fill();
      }
    }
    if (detail) this.#details(c, frame, motion, theme, sizes, visible, add);
  }

  #details(c, frame, motion, theme, sizes, visible, add) {
    c.fillStyle = theme.glass;
    c.beginPath();
    for (let row = 0; row < frame.n; row += 1) {
      if (!visible(row)) continue;
      const kind = (frame.info[row] & KIND) % 3;
      for (const shape of GLASS[kind]) add(row, shape, sizes[kind], motion.h[frame.slot[row]]);
    }
    c.fill();
    c.fillStyle = theme.brake;
    c.beginPath();
    for (let row = 0; row < frame.n; row += 1) {
      const slot = frame.slot[row];
      if (motion.gain[slot] > BRAKING_MPS2 || !visible(row)) continue;
      const kind = (frame.info[row] & KIND) % 3;
      for (const shape of BRAKES) add(row, shape, sizes[kind], motion.h[slot]);
    }
    c.fill();
  }

  /** Row nearest to a point in device pixels within `reach` of it, -1 for none. */
  nearest(n, px, py, reach) {
    let best = -1;
    let least = reach * reach;
    for (let row = 0; row < n; row += 1) {
      const d = (this.screen[2 * row] - px) ** 2 + (this.screen[2 * row + 1] - py) ** 2;
      if (d < least) [best, least] = [row, d];
    }
    return best;
  }
}
