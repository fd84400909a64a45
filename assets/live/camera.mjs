// Which part of the city is seen: metres (y up) to device pixels (y down), with eased zoom and following.

const MAX_SCALE = 28; // CSS pixels per metre
const EASE_MS = 70;
const FIT_MARGIN_PX = 18;
const FIT_MARGIN = 0.04; // of a small map


export class Camera {
  constructor(sideM = 5000) {
    this.sideM = sideM;
    this.width = 1; // CSS pixels
    this.height = 1;
    this.dpr = 1;
    this.x = sideM / 2;
    this.y = sideM / 2;
    this.scale = 0.1; // CSS pixels per metre
    this.fitted = true;
    this.goal = null; // {scale, px, py}: zoom under way, anchored at a point of the screen
  }

  resize(width, height, dpr) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.dpr = dpr;
    if (this.fitted) this.fit();
    else this.#clamp();
  }

  get fitScale() {
    const side = Math.min(this.width, this.height);
    return Math.max(40, side - 2 * Math.min(FIT_MARGIN_PX, FIT_MARGIN * side)) / this.sideM;
  }

  fit() {
    this.x = this.y = this.sideM / 2;
    this.scale = this.fitScale;
    this.fitted = true;
    this.goal = null;
  }

  set({ x = this.x, y = this.y, zoom = this.scale }) {
    Object.assign(this, { x, y, scale: zoom, fitted: false, goal: null });
    this.#clamp();
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.fitted = false;
    this.#clamp();
  }

  /** Zoom by a factor around a point of the screen (CSS pixels), eased unless `now`. */
  zoom(factor, px = this.width / 2, py = this.height / 2, now = false) {
    const from = this.goal ? this.goal.scale : this.scale;
    this.goal = { scale: this.#bounded(from * factor), px, py };
    this.fitted = false;
    if (now) this.#approach(1);
  }

  /** Let easing go on for `ms`; true while it has not ended. */
  advance(ms) {
    if (!this.goal) return false;
    const done = Math.abs(Math.log(this.goal.scale / this.scale)) < 0.004;
    this.#approach(done ? 1 : 1 - Math.exp(-ms / EASE_MS));
    return true;
  }

  /** Move the centre towards a point by a share of the way. */
  follow(x, y, share) {
    this.x += (x - this.x) * share;
    this.y += (y - this.y) * share;
    this.fitted = false;
    this.#clamp();
  }

  /** CSS pixels to metres. */
  toWorld(px, py) {
    return {
      x: this.x + (px - this.width / 2) / this.scale,
      y: this.y - (py - this.height / 2) / this.scale,
    };
  }

  get view() {
    return { x: this.x, y: this.y, zoom: this.scale };
  }

  #approach(share) {
    const { scale, px, py } = this.goal;
    const before = this.toWorld(px, py);
    this.scale = share === 1 ? scale : this.scale * (scale / this.scale) ** share;
    const after = this.toWorld(px, py);
    this.x += before.x - after.x;
    this.y += before.y - after.y;
    if (share === 1) this.goal = null;
    this.#clamp();
  }

  #bounded(scale) {
    return Math.min(MAX_SCALE, Math.max(this.fitScale * 0.6, scale));
  }

  #clamp() {
    this.scale = this.#bounded(this.scale);
    this.x = Math.min(this.sideM, Math.max(0, this.x));
    this.y = Math.min(this.sideM, Math.max(0, this.y));
  }
}
