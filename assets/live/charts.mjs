// The chart row: Plotly figures made by the server, appended here, one at a time when the browser is idle.
import { byId, present } from "./dom.mjs";
import { Losses } from "./losses.mjs";
import { RsuLoad } from "./rsu_load.mjs";
import { Timeline } from "./timeline.mjs";

const IDLE_MS = 900;
const OTHERS = { losses: Losses, "rsu-load": RsuLoad };
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 30));

/**
 * A panel has `due(told)`, `draw(told)`, `theme(colours, schema, name)` and, if changes are marked on it, `mark(told)`;
 * `told`: {series, learning, notices}.
 */
export class Charts {
  #panels = new Map();
  #visible = new Set();
  #busy = false;
  #told = { series: null, learning: null, notices: [] };
  #marked = "";

  /** Resolves once Dash has drawn its empty figures. */
  static async create(schema, themeName) {
    const drawn = schema.panels.filter(({ figure }) => figure);
    await present(...drawn.map(({ name }) => `#chart-${name} .js-plotly-plot .main-svg`));
    return new Charts(schema, themeName);
  }

  constructor(schema, themeName) {
    this.schema = schema;
    for (const panel of schema.panels) {
      if (!panel.figure) continue;
      const graph = byId(`chart-${panel.name}`).querySelector(".js-plotly-plot");
      const made = panel.metric ? new Timeline(graph, panel, schema.points) : new OTHERS[panel.name](graph, schema);
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
    if (series !== this.#told.series) this.#marked = "";
    this.#told.series = series;
    this.#later();
  }

  /** What learning has told; the same object again after something was added to it. */
  setLearning(learning) {
    this.#told.learning = learning;
    this.#later();
  }

  setNotices(notices) {
    this.#told.notices = notices;
    this.#later();
  }

  setRsus(rsus, colour) {
    this.#panels.get("rsu-load")?.take(rsus, colour, this.schema.charts.light.mark);
    this.#later();
  }

  #later() {
    if (this.#busy) return;
    const due = [...this.#panels].find(([name, panel]) => this.#visible.has(name) && panel.due(this.#told));
    const key = JSON.stringify(this.#told.notices);
    const remark = this.#told.series?.steps.length && key !== this.#marked;
    if (!due && !remark) return;
    this.#busy = true;
    idle(() => this.#one(due?.[1], remark ? key : null).finally(() => {
      this.#busy = false;
      this.#later();
    }), { timeout: IDLE_MS });
  }

  async #one(panel, marks) {
    if (panel) await panel.draw(this.#told);
    else if (marks !== null) {
      this.#marked = marks;
      for (const other of this.#panels.values()) await other.mark?.(this.#told);
    }
  }
}
