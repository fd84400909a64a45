// The chart row: Plotly figures made by the server, appended here, one at a time when the browser is idle.
import { byId, present } from "./dom.mjs";

const IDLE_MS = 900;
const TIME = { "xaxis.type": "date" }; // Plotly guesses anew whenever all x change
const RSU_MS = 1000;
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 30));

/** A chart over simulated time: shows who is on stage, appends, marks changes. */
class Timeline {
  #series = null; // what is drawn, up to #step
  #step = -1;

  constructor(graph, { metric, scale }, points) {
    this.graph = graph;
    this.metric = metric;
    this.scale = scale;
    this.points = points;
  }

  due(series) {
    // What was drawn stays until there is something to draw instead.
    if (!series?.steps.length) return false;
    return series !== this.#series || series.after(this.#step) > 0;
  }

  async draw(series, notices) {
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
    const told = marksOf(series, notices);
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

  async mark(series, notices) {
    const told = marksOf(series, notices);
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

/** A step as a date of Plotly's, which takes small numbers for years. */
const moment = (step) => new Date(step * 1000).toISOString().slice(0, 19);

function marksOf(series, notices) {
  const first = series.steps[0] ?? Infinity;
  const seen = notices.filter(({ step }) => step >= first);
  return {
    x: seen.map(({ step }) => moment(step)),
    text: seen.map(({ text }) => text),
    shapes: (color) =>
      seen.map(({ step }) => ({
        type: "line",
        xref: "x",
        yref: "paper",
        x0: moment(step),
        x1: moment(step),
        y0: 0,
        y1: 1,
        line: { color, width: 1, dash: "dot" },
        layer: "below",
      })),
  };
}

function layoutColours(colours, graph) {
  const update = {
    "font.color": colours.text,
    "hoverlabel.bgcolor": colours.hover,
    "hoverlabel.bordercolor": colours.axis,
    "hoverlabel.font.color": colours.text,
    shapes: (graph.layout.shapes ?? []).map((shape) => ({ ...shape, line: { ...shape.line, color: colours.mark } })),
  };
  for (const axis of ["xaxis", "yaxis"]) {
    Object.assign(update, {
      [`${axis}.color`]: colours.text,
      [`${axis}.gridcolor`]: colours.grid,
      [`${axis}.linecolor`]: colours.axis,
    });
  }
  return update;
}

/** Work waiting at each RSU under the scheme the map shows. */
class RsuLoad {
  #due = false;
  #drawn = 0;
  #top = 0;

  constructor(graph) {
    this.graph = graph;
  }

  take(rsus, colour, failed) {
    if (!rsus) return;
    this.rsus = rsus;
    this.colour = colour;
    this.failed = failed;
    if (performance.now() - this.#drawn > RSU_MS) this.#due = true;
  }

  due() {
    return this.#due && Boolean(this.rsus);
  }

  async draw() {
    this.#drawn = performance.now();
    this.#due = false;
    const { backlogS, requests, up } = this.rsus;
    this.#top = steady(this.#top, Math.max(...backlogS));
    await Plotly.update(
      this.graph,
      {
        x: [backlogS.map((_, index) => index)],
        y: [backlogS],
        customdata: [requests.map((count, index) => (up[index] ? `${count} parts of tasks this second` : "out of order"))],
        "marker.color": [up.map((works) => (works ? this.colour : this.failed))],
      },
      { "yaxis.range": [0, this.#top] },
      [0],
    );
  }

  async theme(colours) {
    this.failed = colours.mark;
    this.#due = true;
    await Plotly.relayout(this.graph, layoutColours(colours, this.graph));
  }
}

/** The upper end of an axis: round, and left alone while the data fills it reasonably. */
function steady(top, most) {
  if (most <= top && most >= 0.3 * top) return top;
  const wanted = Math.max(0.1, 1.25 * most);
  const size = 10 ** Math.floor(Math.log10(wanted));
  return size * [1, 2, 5, 10].find((step) => wanted <= step * size);
}

export class Charts {
  #panels = new Map();
  #visible = new Set();
  #busy = false;
  #series = null;
  #notices = [];
  #marked = "";

  /** Resolves once Dash has drawn its empty figures. */
  static async create(schema, themeName) {
    await present(...schema.panels.map(({ name }) => `#chart-${name} .js-plotly-plot .main-svg`));
    return new Charts(schema, themeName);
  }

  constructor(schema, themeName) {
    this.schema = schema;
    for (const panel of schema.panels) {
      const graph = byId(`chart-${panel.name}`).querySelector(".js-plotly-plot");
      const made = panel.metric ? new Timeline(graph, panel, schema.points) : new RsuLoad(graph);
      this.#panels.set(panel.name, made);
    }
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#visible.add(target.dataset.panel);
        else this.#visible.delete(target.dataset.panel);
      }
      this.#later();
    });
    for (const card of document.querySelectorAll(".card[data-panel]")) observer.observe(card);
    this.setTheme(themeName);
  }

  async setTheme(name) {
    const colours = this.schema.charts[name];
    for (const panel of this.#panels.values()) await panel.theme(colours, this.schema, name);
    this.#later();
  }

  /** Figures of a run and stage; the same object again after rows were added to it. */
  setSeries(series) {
    if (series !== this.#series) this.#marked = "";
    this.#series = series;
    this.#later();
  }

  setNotices(notices) {
    this.#notices = notices;
    this.#later();
  }

  setRsus(rsus, colour) {
    this.#panels.get("rsu-load")?.take(rsus, colour, this.schema.charts.light.mark);
    this.#later();
  }

  #later() {
    if (this.#busy) return;
    const due = [...this.#panels].find(([name, panel]) => this.#visible.has(name) && panel.due(this.#series));
    const key = JSON.stringify(this.#notices);
    const remark = this.#series?.steps.length && key !== this.#marked;
    if (!due && !remark) return;
    this.#busy = true;
    idle(() => this.#one(due?.[1], remark ? key : null).finally(() => {
      this.#busy = false;
      this.#later();
    }), { timeout: IDLE_MS });
  }

  async #one(panel, marks) {
    if (panel) await panel.draw(this.#series, this.#notices);
    else if (marks !== null) {
      this.#marked = marks;
      for (const other of this.#panels.values()) if (other.metric) await other.mark(this.#series, this.#notices);
    }
  }
}
