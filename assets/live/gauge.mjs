// What the map measures about itself: frames per second, draw time, latency from frame written to frame drawn.

const KEPT = 600;

class Window {
  constructor() {
    this.values = [];
  }

  add(value) {
    this.values.push(value);
    if (this.values.length > KEPT) this.values.shift();
  }

  quantile(q) {
    if (!this.values.length) return null;
    const sorted = Float64Array.from(this.values).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  }
}

export class Gauge {
  constructor() {
    this.reset();
  }

  reset() {
    this.gaps = new Window();
    this.draws = new Window();
    this.latency = new Window();
    this.corrections = new Window();
    this.framesDrawn = 0;
    this.ticks = 0;
    this.lastTick = null;
  }

  /** An animation frame at `now` that took `drawMs`; `joined`: the one before belongs to the same motion. */
  tick(now, drawMs, joined) {
    this.ticks += 1;
    if (joined && this.lastTick !== null) this.gaps.add(now - this.lastTick);
    this.lastTick = now;
    this.draws.add(drawMs);
  }

  drawn(latencyMs) {
    this.framesDrawn += 1;
    this.latency.add(latencyMs);
  }

  /** Mean draw time of the last `count` animation frames. */
  recentDraw(count) {
    const last = this.draws.values.slice(-count);
    return last.reduce((a, b) => a + b, 0) / Math.max(1, last.length);
  }

  /** Mean gap of the last `count` animation frames. */
  recentGap(count) {
    const last = this.gaps.values.slice(-count);
    return last.reduce((a, b) => a + b, 0) / Math.max(1, last.length);
  }

  get report() {
    const gap = this.recentGap(KEPT);
    return {
      fps: gap > 0 ? 1000 / gap : 0,
      gapP95Ms: this.gaps.quantile(0.95),
      drawP50Ms: this.draws.quantile(0.5),
      drawP95Ms: this.draws.quantile(0.95),
      latencyP50Ms: this.latency.quantile(0.5),
      latencyP95Ms: this.latency.quantile(0.95),
      correctionM: this.corrections.quantile(0.5),
      framesDrawn: this.framesDrawn,
      ticks: this.ticks,
    };
  }
}
