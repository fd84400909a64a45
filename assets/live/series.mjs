// The last minutes of every scheme's figures: what charts append, tables average and links export.

/** Rows of metrics in order of step, with a running mean; a row is Float32Array[schemes * columns]. */
export class Series {
  constructor(names, columns, { keep, smoothing }) {
    this.names = names;
    this.columns = columns;
    this.keep = keep;
    this.smoothing = smoothing;
    this.steps = [];
    this.rows = [];
  }

  /** Take a decoded batch; returns how many rows were new. */
  append({ steps, values, schemes, columns }) {
    const width = schemes * columns;
    if (schemes !== this.names.length || columns !== this.columns.length) return 0;
    let added = 0;
    for (let i = 0; i < steps.length; i += 1) {
      if (this.steps.length && steps[i] <= this.steps.at(-1)) continue;
      this.steps.push(steps[i]);
      this.rows.push(values.slice(i * width, (i + 1) * width));
      added += 1;
    }
    const extra = this.steps.length - this.keep;
    if (extra > 0) {
      this.steps.splice(0, extra);
      this.rows.splice(0, extra);
    }
    return Math.min(added, this.keep);
  }

  #at(scheme, column) {
    return this.names.indexOf(scheme) * this.columns.length + this.columns.indexOf(column);
  }

  /** How many rows are newer than `step`. */
  after(step) {
    const first = this.steps.findIndex((one) => one > step);
    return first < 0 ? 0 : this.steps.length - first;
  }

  /** {steps, raw, mean} of the last `count` rows, gaps as null. */
  tail(scheme, column, count, scale = 1) {
    const at = this.#at(scheme, column);
    const from = Math.max(0, this.rows.length - count);
    const raw = [];
    const mean = [];
    for (let i = from; i < this.rows.length; i += 1) {
      raw.push(finite(this.rows[i][at] * scale));
      mean.push(finite(this.#mean(at, i) * scale));
    }
    return { steps: this.steps.slice(from), raw, mean };
  }

  #mean(at, last) {
    let sum = 0;
    let count = 0;
    for (let i = last; i >= 0 && this.steps[i] > this.steps[last] - this.smoothing; i -= 1) {
      const value = this.rows[i][at];
      if (!Number.isFinite(value)) continue;
      sum += value;
      count += 1;
    }
    return count ? sum / count : NaN;
  }

  /** Mean per task over the last `seconds`, each step weighted by its tasks; {tasks, [column]: mean}. */
  means(scheme, seconds, columns) {
    const last = this.steps.at(-1);
    const sums = new Map(columns.map((column) => [column, 0]));
    const weights = new Map(columns.map((column) => [column, 0]));
    const tasksAt = this.#at(scheme, "tasks");
    let tasks = 0;
    for (let i = this.rows.length - 1; i >= 0 && this.steps[i] > last - seconds; i -= 1) {
      const weight = this.rows[i][tasksAt];
      if (!(weight > 0)) continue;
      tasks += weight;
      for (const column of columns) {
        const value = this.rows[i][this.#at(scheme, column)];
        if (!Number.isFinite(value)) continue;
        sums.set(column, sums.get(column) + value * weight);
        weights.set(column, weights.get(column) + weight);
      }
    }
    const entries = columns.map((column) => [column, weights.get(column) ? sums.get(column) / weights.get(column) : NaN]);
    return { tasks, ...Object.fromEntries(entries) };
  }
}

const finite = (value) => (Number.isFinite(value) ? value : null);
