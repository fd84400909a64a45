// Vehicles seen from afar, put on a bitmap pixel by pixel. Without a GPU, filling 1500 small paths takes ten times as
// long. A stamp is a shape at one of some headings and places within a pixel, made when it is first needed.

const HEADINGS = 32;
const PHASES = 4; // places within a pixel, each way
const SAMPLES = 4; // a pixel is covered by so many points, each way
const GRAIN_PX = 0.25; // sizes differ by at least this, so that zooming keeps most stamps
const MOST_PX = 1_600_000; // clearing and handing over a larger bitmap would cost what the stamps save

/** Whether stamps pay on a canvas. */
export const pays = ({ width, height }) => width * height <= MOST_PX;

export class Stamps {
  #create;
  #canvas = null;
  #image = null;
  #pixels = null;
  #made = new Map();
  #key = "";
  #kinds = []; // {shape, length, width} by kind
  #rim = null; // {shape, by}
  #outline = [0, 0, 0, 1];

  constructor(createCanvas) {
    this.#create = createCanvas;
  }

  /** Start an empty bitmap. `kinds`: {shape, length, width} by kind; `rim`: {shape, by}, wider by so much; `outline`: its [r, g, b, alpha]. */
  begin(width, height, kinds, rim, outline) {
    if (this.#canvas?.width !== width || this.#canvas.height !== height) {
      this.#canvas = this.#create(width, height);
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    } else {
      this.#pixels.fill(0);
    }
    const grain = (px) => Math.round(px / GRAIN_PX) * GRAIN_PX;
    this.#kinds = kinds.map((kind) => ({ ...kind, length: grain(kind.length), width: grain(kind.width) }));
    this.#rim = rim;
    this.#outline = outline;
    const key = JSON.stringify([this.#kinds.map(({ length, width: w }) => [length, w]), rim.by, outline]);
    if (key !== this.#key) this.#made.clear();
    this.#key = key;
  }

  /** Put a vehicle of `kind` at (x, y), its heading in radians clockwise on the screen, its colour [r, g, b]. */
  add(kind, x, y, heading, [r, g, b]) {
    const turn = Math.round((heading / (2 * Math.PI)) * HEADINGS) & (HEADINGS - 1);
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const px = Math.floor((x - left) * PHASES);
    const py = Math.floor((y - top) * PHASES);
    const key = ((kind * HEADINGS + turn) * PHASES + px) * PHASES + py;
    let stamp = this.#made.get(key);
    if (!stamp) {
      stamp = this.#make(kind, (turn / HEADINGS) * 2 * Math.PI, (px + 0.5) / PHASES, (py + 0.5) / PHASES);
      this.#made.set(key, stamp);
    }
    this.#put(stamp, left, top, r, g, b);
  }

  #put({ dx, dy, alpha, body }, left, top, r, g, b) {
    const { width, height } = this.#image;
    const [or, og, ob] = this.#outline;
    const pixels = this.#pixels;
    for (let i = 0; i < alpha.length; i += 1) {
      const x = left + dx[i];
      const y = top + dy[i];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const w = body[i];
      const at = y * width + x;
      const under = pixels[at];
      const cr = or + (r - or) * w;
      const cg = og + (g - og) * w;
      const cb = ob + (b - ob) * w;
      pixels[at] = under === 0 ? packed(cr, cg, cb, alpha[i]) : over(under, cr, cg, cb, alpha[i]);
    }
  }

  /** The pixels that are covered: where, how much (alpha, 0 to 1), and which share of that by the body. */
  #make(kind, heading, fx, fy) {
    const { shape, length, width } = this.#kinds[kind];
    const { shape: rimShape, by } = this.#rim;
    const rim = turned(rimShape, length + by, width + by, heading, fx, fy);
    const inner = turned(shape, length, width, heading, fx, fy);
    const reach = Math.ceil(Math.hypot(length + by, width + by) / 2) + 1;
    const made = { dx: [], dy: [], alpha: [], body: [] };
    for (let y = -reach; y <= reach; y += 1) {
      for (let x = -reach; x <= reach; x += 1) {
        const covered = coverage(inner, x, y);
        const alpha = covered + coverage(rim, x, y) * this.#outline[3] * (1 - covered);
        if (alpha === 0) continue;
        made.dx.push(x);
        made.dy.push(y);
        made.alpha.push(alpha);
        made.body.push(covered / alpha);
      }
    }
    return { dx: Int8Array.from(made.dx), dy: Int8Array.from(made.dy), alpha: Float32Array.from(made.alpha), body: Float32Array.from(made.body) };
  }

  /** Draw all of it. */
  paint(context) {
    const own = this.#canvas.getContext("2d");
    own.putImageData(this.#image, 0, 0);
    context.drawImage(this.#canvas, 0, 0);
  }
}

const packed = (r, g, b, a) => ((Math.round(255 * a) << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** A colour with alpha `a` over a pixel. */
function over(under, r, g, b, a) {
  const below = ((under >>> 24) / 255) * (1 - a);
  const all = a + below;
  const up = a / all;
  const down = below / all;
  return packed(r * up + (under & 255) * down, g * up + ((under >> 8) & 255) * down, b * up + ((under >> 16) & 255) * down, all);
}

function turned(shape, length, width, heading, fx, fy) {
  const [cos, sin] = [Math.cos(heading), Math.sin(heading)];
  const points = new Float32Array(shape.length);
  for (let i = 0; i < shape.length; i += 2) {
    const along = shape[i] * length;
    const aside = 0.5 * shape[i + 1] * width;
    points[i] = fx + along * cos - aside * sin;
    points[i + 1] = fy + along * sin + aside * cos;
  }
  return points;
}

function coverage(points, x, y) {
  let hits = 0;
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    if (inside(points, x + ((i % SAMPLES) + 0.5) / SAMPLES, y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES)) hits += 1;
  }
  return hits / (SAMPLES * SAMPLES);
}

function inside(points, x, y) {
  let odd = false;
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
    const [xi, yi, xj, yj] = [points[i], points[i + 1], points[j], points[j + 1]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
