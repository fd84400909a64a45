// What sets arms apart from a reference on the same seconds: looks like a Series to those who draw it.

const finite = (value) => (Number.isFinite(value) ? value : null);

/** Differences of `names` minus `reference`, each also as a mean over the last `smoothing` seconds. */
export class Paired {
  constructor(series, names, reference, smoothing) {
    this.series = series;
    this.reference = reference;
    this.names = names.filter((name) => name !== reference);
    this.smoothing = smoothing;
  }

  get steps() {
    return this.series.steps;
  }

  after(step) {
    return this.series.after(step);
  }

  /** {steps, raw, mean} of the last `count` rows, gaps as null. */
  tail(scheme, column, count, scale = 1) {
    const reach = Number.isFinite(count) ? count + this.smoothing : count;
    const ours = this.series.tail(this.reference, column, reach, scale);
    const theirs = this.series.tail(scheme, column, reach, scale);
    const all = theirs.raw.map((value, i) => (value === null || ours.raw[i] === null ? NaN : value - ours.raw[i]));
    const from = Math.max(0, all.length - count);
    const raw = [];
    const mean = [];
    for (let i = from; i < all.length; i += 1) {
      raw.push(finite(all[i]));
      mean.push(finite(this.#mean(all, theirs.steps, i)));
    }
    return { steps: theirs.steps.slice(from), raw, mean };
  }

  #mean(values, steps, last) {
    let sum = 0;
    let count = 0;
    for (let i = last; i >= 0 && steps[i] > steps[last] - this.smoothing; i -= 1) {
      if (!Number.isFinite(values[i])) continue;
      sum += values[i];
      count += 1;
    }
    return count ? sum / count : NaN;
  }
}
