// How much is drawn: all, unless this machine was measured to be too slow for it.

const SLOW_MS = 25; // 40 fps
const FAST_MS = 17.4;
const JUDGED = 60; // animation frames between judgements,
const LONG_MS = 1500; // or fewer after so long,
const LEAST = 8; // but not fewer than this
const LONGEST_PATIENCE = 64;
const LEVELS = [
  { packets: true, links: true, dpr: 3 },
  { packets: false, links: true, dpr: 1.5 },
  { packets: false, links: true, dpr: 1 },
  { packets: false, links: false, dpr: 1 },
];

export class Quality {
  level = 0;
  #seen = 0;
  #calm = 0;
  #patience = 1;

  get now() {
    return LEVELS[this.level];
  }

  /**
   * Look at the last animation frames; true when the level changed. Each relapse doubles the wait before more is tried
   * again, so that the picture does not flicker between two levels.
   */
  judge(gauge) {
    this.#seen += 1;
    if (this.#seen < LEAST) return false;
    const gap = gauge.recentGap(this.#seen);
    if (this.#seen < JUDGED && this.#seen * gap < LONG_MS) return false;
    this.#seen = 0;
    if (gap > SLOW_MS && this.level < LEVELS.length - 1) {
      this.#patience = Math.min(LONGEST_PATIENCE, 2 * this.#patience);
      return this.#set(this.level + 1);
    }
    this.#calm = gap < FAST_MS ? this.#calm + 1 : 0;
    return this.level > 0 && this.#calm > this.#patience && this.#set(this.level - 1);
  }

  #set(level) {
    this.level = level;
    this.#calm = 0;
    return true;
  }
}
