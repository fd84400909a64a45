// A chart over simulated time: shows who is on stage, appends, marks changes.
import { layoutColours, marksOf, moment, TIME } from "./chart_parts.mjs";

export class Timeline {
  #series = null; // what is drawn, up to #step
  #step = -1;

  constructor(graph, { metric, scale }, points) {
    this.graph = graph;
    this.metric = metric;
    this.scale = scale;
    this.points = points;
  }

  due({ series }) {
    // What was drawn stays until there is something to draw instead.
    if (!series?.steps.length) return false;
    return series !== this.#series || series.after(this.#step) > 0;
  }

  async draw({ series, notices }) {
    const count = series === this.#series ? series.after(this.#step) : Infinity;
    this.#step = series.steps.at(-1) ?? -1;
    if (count < this.points) return this.#append(series, count);
    this.#series = series;
    return this.#whole(series, notices);
  }

  traces(role) {
    const found = new Map();
    this.graph.data.forEach((trace, index) => {
      if (trace.meta.role === role) found.set(trace.meta.scheme ?? "", index);
    });
    return found;
  }

  #columns(series, count) {
    const update = { x: [], y: [] };
    const indices = [];
    const raw = this.traces("raw");
    const mean = this.traces("mean");
    for (const name of series.names) {
      if (!raw.has(name)) continue;
      const told = series.tail(name, this.metric, count, this.scale);
      const x = told.steps.map(moment);
      update.x.push(x, x.slice());
      update.y.push(told.raw, told.mean);
      indices.push(raw.get(name), mean.get(name));
    }
    return { update, indices };
  }

  async #append(series, count) {
    const { update, indices } = this.#columns(series, count);
    if (indices.length) await Plotly.extendTraces(this.graph, update, indices, this.points);
  }

  async #whole(series, notices) {
    const { update, indices } = this.#columns(series, this.points);
    const all = this.graph.data.map((_, index) => index);
    const marks = this.traces("marks").get("");
    const told = marksOf(series.steps[0] ?? Infinity, notices);
    const full = { x: [], y: [], visible: [], text: [] };
    for (const index of all) {
      const at = indices.indexOf(index);
      full.x.push(index === marks ? told.x : at < 0 ? [] : update.x[at]);
      full.y.push(index === marks ? told.x.map(() => 1) : at < 0 ? [] : update.y[at]);
      full.visible.push(index === marks || at >= 0);
      full.text.push(index === marks ? told.text : "");
    }
    await Plotly.update(this.graph, full, { shapes: told.shapes(this.colour), ...TIME }, all);
  }

  async mark({ series, notices }) {
    if (!series?.steps.length) return;
    const told = marksOf(series.steps[0] ?? Infinity, notices);
    const update = { x: [told.x], y: [told.x.map(() => 1)], text: [told.text] };
    await Plotly.update(this.graph, update, { shapes: told.shapes(this.colour), ...TIME }, [this.traces("marks").get("")]);
  }

  async theme(colours, schema, name) {
    this.colour = colours.mark;
    const indices = [];
    const lines = [];
    for (const role of ["raw", "mean"]) {
      for (const [scheme, index] of this.traces(role)) {
        indices.push(index);
        lines.push(schema.colour(scheme, name));
      }
    }
    await Plotly.restyle(this.graph, { "line.color": lines }, indices);
    const marks = this.traces("marks").get("");
    await Plotly.update(this.graph, { "marker.color": [colours.mark] }, layoutColours(colours, this.graph), [marks]);
  }
}
