// What learning has told in this run: losses of each step, rounds of the federation, moments that were taken back.

const MOST_STEPS = 900; // entries kept, as the server keeps them
const MOST_ROUNDS = 6000;

/** Losses and rounds of one scheme, oldest first. */
export class Learning {
  constructor() {
    this.steps = [];
    this.losses = []; // one object a step
    this.names = new Set(); // of losses that were told
    this.rounds = []; // as the engine tells them
    this.troubles = []; // {step, text}
    this.bytes = 0; // of all rounds that came
    this.sent = []; // [t_s, bytes until then]
    this.since = null; // seconds of the first round that came
  }

  take({ step, losses, rounds, trouble }) {
    if (Object.keys(losses).length) {
      this.steps.push(step);
      this.losses.push(losses);
      for (const name of Object.keys(losses)) this.names.add(name);
    }
    for (const round of rounds) {
      this.since ??= round.t_s;
      this.bytes += round.bytes;
      this.rounds.push(round);
      this.sent.push([round.t_s, this.bytes]);
    }
    if (trouble) this.troubles.push({ step, text: trouble });
    keepLast(MOST_STEPS, this.steps, this.losses);
    keepLast(MOST_ROUNDS, this.rounds, this.sent);
    keepLast(MOST_STEPS, this.troubles);
  }

  get isEmpty() {
    return !this.steps.length && !this.rounds.length;
  }

  /** Rounds of an RSU, newest first. */
  roundsOf(rsu, most) {
    const found = [];
    for (let i = this.rounds.length - 1; i >= 0 && found.length < most; i -= 1) {
      if (this.rounds[i].tier === "forecast" && this.rounds[i].rsu === rsu) found.push(this.rounds[i]);
    }
    return found;
  }

  /** {steps, raw, mean} of a loss over the last `count` steps; `mean` is over `smoothing` s, gaps are null. */
  tail(name, count, smoothing) {
    const from = Math.max(0, this.steps.length - count);
    const told = { steps: this.steps.slice(from), raw: [], mean: [] };
    for (let i = from; i < this.steps.length; i += 1) {
      told.raw.push(this.losses[i][name] ?? null);
      told.mean.push(this.#mean(name, i, smoothing));
    }
    return told;
  }

  #mean(name, last, smoothing) {
    let sum = 0;
    let count = 0;
    for (let i = last; i >= 0 && this.steps[i] > this.steps[last] - smoothing; i -= 1) {
      const value = this.losses[i][name];
      if (!Number.isFinite(value)) continue;
      sum += value;
      count += 1;
    }
    return count ? sum / count : null;
  }

  /** How many steps with losses are newer than `step`. */
  after(step) {
    let count = 0;
    while (count < this.steps.length && this.steps[this.steps.length - 1 - count] > step) count += 1;
    return count;
  }
}

/** All schemes of a run; entries that came before are not taken twice. */
export class LearningLog {
  run = "";
  #last = -1;
  #of = new Map();

  /** A new run starts from nothing. */
  begin(run) {
    if (run === this.run) return;
    this.run = run;
    this.#last = -1;
    this.#of.clear();
  }

  /** Take a message of the server; whether there was something new in it. */
  take({ run, entries }) {
    if (run !== this.run) return false;
    let isNew = false;
    for (const entry of entries) {
      if (entry.i <= this.#last) continue;
      this.#last = entry.i;
      if (!this.#of.has(entry.scheme)) this.#of.set(entry.scheme, new Learning());
      this.#of.get(entry.scheme).take(entry);
      isNew = true;
    }
    return isNew;
  }

  /** What a scheme has told; null where it told nothing. */
  of(scheme) {
    return this.#of.get(scheme) ?? null;
  }

  get schemes() {
    return [...this.#of.keys()];
  }

  /** Grows with every entry. */
  get version() {
    return this.#last;
  }
}

function keepLast(most, ...lists) {
  const extra = lists[0].length - most;
  if (extra > 0) for (const list of lists) list.splice(0, extra);
}
