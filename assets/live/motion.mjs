// Smooth motion between simulation steps: dead reckoning from the last two frames, corrections blended in.
import { FRESH, METRES_PER_UNIT, RADIANS_PER_UNIT } from "./wire.mjs";

const BLEND_S = 0.2;
const STEP_BLEND_S = 0.35; // after a single step, motion is shown as one glide
const JUMP_MPS = 60;
const ASIDE_MPS = 4;
const STILL_M = 0.4; // below this a step says nothing about the direction
// Of a change of speed half goes on in the next second, and small ones are dawdling: on the city's traffic this needs
// corrections of 0.79 m in the mean, against 0.93 m when all of it goes on.
const PERSISTS = 0.5;
const DAWDLE_MPS2 = 0.5;
const BRAKE_MPS2 = -9;
const GAIN_MPS2 = 3;
const TURN_LIMIT = 0.9; // rad per simulated second
const EASE_FROM = 1.1; // share of the interval after which motion slows when no frame has come
const EASE_OVER = 0.4;

/** Angle difference in (-pi, pi]. */
export const turn = (to, from) => {
  const d = (to - from) % (2 * Math.PI);
  return d > Math.PI ? d - 2 * Math.PI : d <= -Math.PI ? d + 2 * Math.PI : d;
};

/** Share of an interval to extrapolate when `share` of it has passed; comes to a stop at 1.3. */
export const eased = (share) => {
  if (share <= EASE_FROM) return Math.max(0, share);
  const over = Math.min(EASE_OVER, share - EASE_FROM);
  return EASE_FROM + over - (over * over) / (2 * EASE_OVER);
};

const smooth = (share) => (share >= 1 ? 1 : share * share * (3 - 2 * share));

/**
 * State per slot; `x`, `y`, `h` hold what is shown after `advance`. Times are wall seconds. While paused nothing is
 * extrapolated: vehicles glide to where the step has them.
 */
export class Motion {
  constructor(capacity = 2048) {
    this.rows = new Uint16Array(0); // slots of the last frame
    this.running = true;
    this.waiting = true; // for the next frame: the gap since the last one says nothing about the pace
    this.settledFrom = -Infinity;
    this.intervalS = 1; // wall time between frames
    this.stepS = 1; // simulated time between frames
    this.at = -Infinity; // wall time of the last frame
    this.tS = -Infinity;
    this.frames = 0;
    this.errorM = 0; // mean correction of the last frame
    this.#allocate(capacity);
  }

  #allocate(capacity) {
    const names = ["x", "y", "h", "fx", "fy", "fh", "speed", "gain", "omega", "chord", "ex", "ey", "eh", "blend"];
    for (const name of names) {
      const grown = new Float32Array(capacity);
      if (this[name]) grown.set(this[name]);
      this[name] = grown;
    }
    const seen = new Int32Array(capacity).fill(-1);
    if (this.seen) seen.set(this.seen);
    this.seen = seen;
    this.capacity = capacity;
  }

  /** Freeze at the last step, or take motion up again with the next frame. */
  setRunning(running, now) {
    if (running === this.running) return;
    this.advance(now);
    this.running = running;
    this.waiting = true;
    for (const slot of this.rows) this.#correct(slot, 0.45);
    this.settledFrom = now;
  }

  /** Take in a frame at wall time `now`. */
  apply(frame, now) {
    this.advance(now);
    const step = frame.tS - this.tS;
    const continues = step > 0 && step < 120;
    if (continues && this.running && !this.waiting) this.#measure(now - this.at);
    this.waiting = !this.running;
    this.stepS = continues ? step : 1;
    this.at = now;
    this.settledFrom = now;
    this.tS = frame.tS;
    this.frames += 1;
    const last = frame.slot.reduce((a, b) => Math.max(a, b), 0);
    if (last >= this.capacity) this.#allocate(2 ** Math.ceil(Math.log2(last + 1)));
    let error = 0;
    for (let row = 0; row < frame.n; row += 1) error += this.#fix(frame, row, continues);
    this.errorM = frame.n ? error / frame.n : 0;
    this.rows = frame.slot;
    this.advance(now);
  }

  #measure(gap) {
    const change = gap / this.intervalS;
    const bounded = Math.min(3, Math.max(0.01, gap));
    this.intervalS = change < 0.5 || change > 2 ? bounded : 0.7 * this.intervalS + 0.3 * bounded;
  }

  #fix(frame, row, continues) {
    const slot = frame.slot[row];
    const x = frame.x[row] * METRES_PER_UNIT;
    const y = frame.y[row] * METRES_PER_UNIT;
    let heading = frame.heading[row] * RADIANS_PER_UNIT;
    const known = continues && this.seen[slot] === this.frames - 1 && !(frame.info[row] & FRESH);
    const chord = known ? Math.hypot(x - this.fx[slot], y - this.fy[slot]) : 0;
    this.seen[slot] = this.frames;
    if (!known || chord > JUMP_MPS * Math.max(1, this.stepS)) {
      this.#place(slot, x, y, heading);
      return 0;
    }
    if (chord < STILL_M) heading = this.fh[slot];
    this.#reckon(slot, chord / this.stepS, turn(heading, this.fh[slot]) / this.stepS);
    this.fx[slot] = x;
    this.fy[slot] = y;
    this.fh[slot] = heading;
    this.#correct(slot, this.running ? BLEND_S : STEP_BLEND_S);
    return Math.hypot(this.ex[slot], this.ey[slot]);
  }

  #place(slot, x, y, heading) {
    this.fx[slot] = this.x[slot] = x;
    this.fy[slot] = this.y[slot] = y;
    this.fh[slot] = this.h[slot] = heading;
    this.chord[slot] = -1;
    this.speed[slot] = this.gain[slot] = this.omega[slot] = 0;
    this.ex[slot] = this.ey[slot] = this.eh[slot] = 0;
    this.blend[slot] = BLEND_S;
  }

  // The chord is the mean speed half a step ago; its change gives the speed now.
  #reckon(slot, chordMps, omega) {
    const before = this.chord[slot];
    this.chord[slot] = chordMps;
    const change = before < 0 || this.stepS > 2 ? 0 : (chordMps - before) / this.stepS;
    const felt = Math.abs(change) < DAWDLE_MPS2 ? 0 : PERSISTS * change;
    const gain = Math.min(GAIN_MPS2, Math.max(BRAKE_MPS2, felt));
    const speed = Math.max(0, chordMps + 0.5 * gain * this.stepS);
    this.speed[slot] = speed;
    this.gain[slot] = gain;
    this.omega[slot] = this.stepS > 2 ? 0 : Math.min(TURN_LIMIT, Math.max(-TURN_LIMIT, omega));
  }

  // What is shown now becomes an error against the fix, to be blended out. One that runs ahead of the fix gets more
  // time, so that it slows down rather than backs up; one to the side too, as a change of lane takes some.
  #correct(slot, seconds) {
    const ex = this.x[slot] - this.fx[slot];
    const ey = this.y[slot] - this.fy[slot];
    this.ex[slot] = ex;
    this.ey[slot] = ey;
    this.eh[slot] = turn(this.h[slot], this.fh[slot]);
    const cos = Math.cos(this.fh[slot]);
    const sin = Math.sin(this.fh[slot]);
    const ahead = ex * cos + ey * sin;
    const aside = Math.abs(ey * cos - ex * sin);
    const pace = (this.speed[slot] * this.stepS) / this.intervalS;
    const wanted = this.running ? Math.max((1.6 * ahead) / Math.max(2, pace), aside / ASIDE_MPS) : 0;
    this.blend[slot] = Math.max(seconds, Math.min(wanted, 0.9 * this.intervalS));
  }

  /** Compute what is shown at wall time `now`; true while anything may still move. */
  advance(now) {
    const passed = now - this.at;
    const t = this.ahead(now);
    const since = now - this.settledFrom;
    for (const slot of this.rows) {
      const gain = this.gain[slot];
      const speed = this.speed[slot];
      const moving = gain < 0 ? Math.min(t, -speed / gain) : t;
      const distance = speed * moving + 0.5 * gain * moving * moving;
      const swept = this.omega[slot] * (t - (t * t) / (3 * this.stepS));
      const direction = this.fh[slot] + 0.5 * swept;
      const left = 1 - smooth(since / this.blend[slot]);
      this.x[slot] = this.fx[slot] + distance * Math.cos(direction) + left * this.ex[slot];
      this.y[slot] = this.fy[slot] + distance * Math.sin(direction) + left * this.ey[slot];
      // The body turns no faster than the eye likes: its error gets twice the time.
      const leftTurn = 1 - smooth(since / (2 * this.blend[slot]));
      this.h[slot] = this.fh[slot] + swept + leftTurn * this.eh[slot];
    }
    return since < 1.2 || (!this.waiting && passed < (EASE_FROM + EASE_OVER) * this.intervalS);
  }

  /** How far shown time has run past the last frame, in simulated seconds. */
  ahead(now) {
    return this.waiting ? 0 : eased((now - this.at) / this.intervalS) * this.stepS;
  }
}
