// The still part of the map: city, coverage, roads, lane markings, mesh. Drawn rarely, kept as a bitmap.

const LANE_M = 3.2;
const TILE_M = 500;
const MARKS_FROM = 1.4; // CSS pixels per metre
const MARGIN = 0.25; // of the size, on each side, so that panning finds something drawn
const REST_MS = 110;

/** Shift a polyline sideways (positive: right of the direction of travel). */
export function offsetLine(points, metres) {
  const out = new Float32Array(points.length);
  const count = points.length / 2;
  const normal = (i) => {
    const dx = points[2 * i + 2] - points[2 * i];
    const dy = points[2 * i + 3] - points[2 * i + 1];
    const length = Math.hypot(dx, dy) || 1;
    return [dy / length, -dx / length];
  };
  for (let i = 0; i < count; i += 1) {
    const before = normal(Math.max(0, i - 1));
    const after = normal(Math.min(count - 2, i));
    const sx = before[0] + after[0];
    const sy = before[1] + after[1];
    const square = Math.max(0.5, sx * sx + sy * sy); // bounds the miter of sharp bends
    out[2 * i] = points[2 * i] + (2 * sx * metres) / square;
    out[2 * i + 1] = points[2 * i + 1] + (2 * sy * metres) / square;
  }
  return out;
}

function trace(path, points, close = false) {
  path.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
  if (close) path.closePath();
}

/** Roads cut into tiles, one path per tile, width and class, so that close views draw little. */
function roadTiles(city) {
  const tiles = new Map();
  const tileOf = (points) => {
    const middle = 2 * Math.floor(points.length / 4);
    const key = `${Math.floor(points[middle] / TILE_M)},${Math.floor(points[middle + 1] / TILE_M)}`;
    if (!tiles.has(key)) tiles.set(key, { roads: [], fills: new Map(), box: [1e9, 1e9, -1e9, -1e9], junctions: new Path2D() });
    const tile = tiles.get(key);
    for (let i = 0; i < points.length; i += 2) {
      tile.box[0] = Math.min(tile.box[0], points[i] - 20);
      tile.box[1] = Math.min(tile.box[1], points[i + 1] - 20);
      tile.box[2] = Math.max(tile.box[2], points[i] + 20);
      tile.box[3] = Math.max(tile.box[3], points[i + 1] + 20);
    }
    return tile;
  };
  for (const road of city.roads) {
    const tile = tileOf(road.points);
    tile.roads.push(road);
    const key = `${road.arterial ? 1 : 0}:${road.width}`;
    if (!tile.fills.has(key)) {
      tile.fills.set(key, { arterial: road.arterial, lanes: road.width, path: new Path2D() });
    }
    trace(tile.fills.get(key).path, road.points);
  }
  for (const polygon of city.junctions ?? []) {
    if (polygon.length >= 6) trace(tileOf(polygon).junctions, polygon, true);
  }
  return [...tiles.values()];
}

/** Lane dividers, centre lines and kerbs of a tile, made when first seen from near. */
function markings(tile) {
  const marks = { dividers: new Path2D(), centres: new Path2D(), kerbs: new Path2D() };
  for (const { points, width } of tile.roads) {
    const half = (width * LANE_M) / 2;
    for (let lane = 1; lane < width; lane += 1) {
      trace(marks.dividers, offsetLine(points, lane * LANE_M - half));
    }
    trace(marks.centres, offsetLine(points, -half + 0.15));
    trace(marks.kerbs, offsetLine(points, half - 0.35));
  }
  return marks;
}

export class Ground {
  constructor(createCanvas) {
    this.createCanvas = createCanvas;
    this.tiles = [];
    this.city = null;
    this.canvas = null;
    this.stale = true;
    this.drawMs = 0;
    this.restless = 0; // when the view last differed from the bitmap
  }

  setCity(city) {
    this.city = city;
    this.tiles = roadTiles(city);
    this.stale = true;
  }

  /**
   * Paint the still map for `camera` on `context`, from the bitmap when it will do. Returns false when the bitmap
   * was stretched and a later call should refine it.
   */
  paint(context, camera, theme, layers, rsusUp, now) {
    if (this.stale || !this.canvas || this.#mustRedraw(camera, now)) {
      this.#redraw(camera, theme, layers, rsusUp);
    }
    const drawn = this.camera;
    const k = camera.scale / drawn.scale;
    const px = camera.scale * camera.dpr;
    const left = (drawn.x - camera.x) * px + context.canvas.width / 2 - (this.canvas.width * k) / 2;
    const top = (camera.y - drawn.y) * px + context.canvas.height / 2 - (this.canvas.height * k) / 2;
    const still = k === 1;
    const covers = this.#covers(camera);
    if (!covers) {
      context.fillStyle = theme.ground;
      context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    }
    if (still) context.drawImage(this.canvas, Math.round(left), Math.round(top));
    else context.drawImage(this.canvas, left, top, this.canvas.width * k, this.canvas.height * k);
    return still && covers;
  }

  #covers(camera) {
    const drawn = this.camera;
    const halfW = (this.canvas.width / camera.dpr / drawn.scale - camera.width / camera.scale) / 2;
    const halfH = (this.canvas.height / camera.dpr / drawn.scale - camera.height / camera.scale) / 2;
    return Math.abs(drawn.x - camera.x) <= halfW && Math.abs(drawn.y - camera.y) <= halfH;
  }

  // A stretched bitmap is good enough while the view moves; at rest, or when it no longer covers, draw anew.
  #mustRedraw(camera, now) {
    const drawn = this.camera;
    if (drawn.width !== camera.width || drawn.height !== camera.height || drawn.dpr !== camera.dpr) return true;
    const seen = `${camera.x},${camera.y},${camera.scale}`;
    if (seen !== this.seen) {
      this.seen = seen;
      this.restless = now;
    }
    const k = camera.scale / drawn.scale;
    const rested = now - this.restless > REST_MS;
    if (k !== 1 && (rested || k > 2.2 || (k < 0.5 && this.drawMs < 40))) return true;
    return !this.#covers(camera) && (rested || this.drawMs < 30);
  }

  #redraw(camera, theme, layers, rsusUp) {
    const started = performance.now();
    const { x, y, scale, width, height, dpr } = camera;
    this.camera = { x, y, scale, width, height, dpr };
    const w = Math.ceil(width * dpr * (1 + 2 * MARGIN));
    const h = Math.ceil(height * dpr * (1 + 2 * MARGIN));
    if (!this.canvas || this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas = this.createCanvas(w, h);
      this.context = this.canvas.getContext("2d", { alpha: false });
    }
    const c = this.context;
    const px = scale * dpr;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = theme.ground;
    c.fillRect(0, 0, w, h);
    c.setTransform(px, 0, 0, -px, w / 2 - x * px, h / 2 + y * px);
    const reach = [w / px / 2, h / px / 2];
    const inView = ({ box }) =>
      box[0] < x + reach[0] && box[2] > x - reach[0] && box[1] < y + reach[1] && box[3] > y - reach[1];
    const tiles = this.tiles.filter(inView);
    this.#city(c, theme, 1 / scale);
    if (layers.coverage) this.#coverage(c, theme, rsusUp, 1 / scale);
    this.#roads(c, tiles, theme, scale);
    if (scale >= MARKS_FROM) this.#marks(c, tiles, theme, scale);
    if (layers.mesh) this.#mesh(c, theme, 1 / scale);
    this.stale = false;
    this.seen = `${x},${y},${scale}`;
    this.drawMs = performance.now() - started;
  }

  // `pixel`: a CSS pixel in metres.
  #city(c, theme, pixel) {
    const side = this.city?.side_m ?? 5000;
    c.fillStyle = theme.city;
    c.strokeStyle = theme.cityEdge;
    c.lineWidth = pixel;
    c.fillRect(0, 0, side, side);
    c.strokeRect(0, 0, side, side);
  }

  #coverage(c, theme, rsusUp, pixel) {
    const range = this.city?.range_m ?? 1000;
    const [r, g, b] = theme.coverage;
    const side = this.city?.side_m ?? 5000;
    c.save();
    c.beginPath();
    c.rect(0, 0, side, side);
    c.clip();
    const tint = (alpha) => `rgba(${r},${g},${b},${alpha})`;
    (this.city?.rsus ?? []).forEach((rsu, index) => {
      if (rsusUp && !rsusUp[index]) return;
      const glow = c.createRadialGradient(rsu.x, rsu.y, 0, rsu.x, rsu.y, range);
      glow.addColorStop(0, tint(theme.coverageAlpha));
      glow.addColorStop(0.3, tint(theme.coverageAlpha * 0.5));
      glow.addColorStop(0.65, tint(theme.coverageAlpha * 0.2));
      glow.addColorStop(1, tint(theme.coverageAlpha * 0.08));
      c.fillStyle = glow;
      c.beginPath();
      c.arc(rsu.x, rsu.y, range, 0, 2 * Math.PI);
      c.fill();
      c.strokeStyle = theme.coverageRing;
      c.lineWidth = pixel;
      c.stroke();
    });
    c.restore();
  }

  #roads(c, tiles, theme, scale) {
    const pixel = 1 / scale;
    c.lineJoin = "round";
    const fills = tiles.flatMap((tile) => [...tile.fills.values()]).sort((a, b) => a.arterial - b.arterial);
    const widthOf = ({ lanes, arterial }) => Math.max(lanes * LANE_M, (arterial ? 1.5 : 0.9) * pixel);
    c.lineCap = "round";
    c.strokeStyle = theme.casing;
    for (const fill of fills) {
      c.lineWidth = widthOf(fill) + 2 * Math.min(1, 0.9 * pixel);
      c.stroke(fill.path);
    }
    for (const fill of fills) {
      c.strokeStyle = fill.arterial ? theme.arterial : theme.local;
      c.lineWidth = widthOf(fill);
      c.stroke(fill.path);
    }
    c.fillStyle = theme.junction;
    if (scale > 0.5) for (const tile of tiles) c.fill(tile.junctions);
  }

  #marks(c, tiles, theme, scale) {
    c.lineCap = "butt";
    c.globalAlpha = Math.min(1, (scale - MARKS_FROM) / 1.2 + 0.15);
    for (const tile of tiles) {
      tile.marks ??= markings(tile);
      c.strokeStyle = theme.edgeMark;
      c.lineWidth = 0.16;
      c.stroke(tile.marks.kerbs);
      c.strokeStyle = theme.centreMark;
      c.lineWidth = 0.2;
      c.stroke(tile.marks.centres);
      c.setLineDash([3, 6]);
      c.strokeStyle = theme.laneMark;
      c.lineWidth = 0.18;
      c.stroke(tile.marks.dividers);
      c.setLineDash([]);
    }
    c.globalAlpha = 1;
  }

  #mesh(c, theme, pixel) {
    c.strokeStyle = theme.mesh;
    c.lineWidth = 1.1 * pixel;
    c.setLineDash([2 * pixel, 5 * pixel]);
    c.beginPath();
    for (const [a, b] of this.city?.mesh ?? []) {
      c.moveTo(this.city.rsus[a].x, this.city.rsus[a].y);
      c.lineTo(this.city.rsus[b].x, this.city.rsus[b].y);
    }
    c.stroke();
    c.setLineDash([]);
  }
}
