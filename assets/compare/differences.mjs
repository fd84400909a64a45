// The card of paired differences: what is compared, against whom, the lines, and the ways to take them away.
import { byId, h, present } from "../live/dom.mjs";
import { lineSample } from "../live/scheme_legend.mjs";
import { Timeline } from "../live/timeline.mjs";
import { csv, exportButtons, saveChart, saveText } from "./exports.mjs";
import { Paired } from "./paired.mjs";

const USUAL = "af-marl";
const SMOOTHING_S = 60;
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 30));

/** Events: `reference` (the new name). */
export class Differences extends EventTarget {
  provenance = () => ({}); // who made the figures: {run, seed, step, parameters, ...}
  #schema;
  #measures;
  #wanted; // reference from the address, "" for the usual one
  #names = [];
  #series = null;
  #paired = null;
  #timeline = null;
  #theme = "light";
  #notices = [];
  #busy = false;
  #stale = true; // heading and hover text belong to another measure
  #unthemed = true;
  #marked = "";
  #choice = h("select", { id: "reference", class: "reference", onchange: () => this.#chosen(this.#choice.value) });

  constructor(schema, measures, view) {
    super();
    this.#schema = schema;
    this.#measures = measures;
    this.#wanted = view.reference;
    byId("reference-room").append(h("label", {}, h("span", { text: "minus" }), this.#choice));
    byId("differences-exports").append(...exportButtons("Differences", { csv: () => this.#csv(), svg: () => this.#image("svg"), png: () => this.#image("png") }));
    byId("differences-measure").append(measures.tabs());
    measures.addEventListener("change", () => {
      this.#stale = true;
      this.#anew();
    });
  }

  /** Resolves once Dash has drawn the empty figure. */
  async ready(theme) {
    await present("#chart-differences .js-plotly-plot .main-svg");
    const graph = byId("chart-differences").querySelector(".js-plotly-plot");
    const { column, scale } = this.#measures.current;
    this.#timeline = new Timeline(graph, { metric: column, scale }, this.#schema.points);
    this.setTheme(theme);
  }

  /** Who the others are compared with. */
  get reference() {
    return [this.#wanted, USUAL].find((name) => this.#names.includes(name)) ?? this.#names[0] ?? "";
  }

  /** What the address says of it. */
  get wanted() {
    return this.#wanted;
  }

  setArms(names) {
    this.#names = names;
    this.#choice.replaceChildren(...names.map((name) => h("option", { value: name, text: this.#schema.label(name) })));
    this.#choice.value = this.reference;
    this.#anew();
  }

  setSeries(series) {
    this.#series = series;
    this.#anew();
  }

  /** Rows were added to the series. */
  grown() {
    this.#later();
  }

  setNotices(notices) {
    this.#notices = notices;
    this.#later();
  }

  setTheme(name) {
    this.#theme = name;
    this.#unthemed = true;
    this.#key();
    this.#later();
  }

  #chosen(name) {
    this.#wanted = name;
    this.#anew();
    this.dispatchEvent(new CustomEvent("reference", { detail: name }));
  }

  #anew() {
    this.#paired = this.#series && this.#names.length ? new Paired(this.#series, this.#names, this.reference, SMOOTHING_S) : null;
    this.#marked = "";
    this.#key();
    this.#later();
  }

  #key() {
    const others = this.#names.filter((name) => name !== this.reference);
    byId("differences-key").replaceChildren(...others.map((name) =>
      h("span", { class: "legend-entry" }, h("span", { class: "legend-line", style: `--scheme: ${this.#schema.colour(name, this.#theme)}` }, lineSample(this.#schema.scheme.get(name)?.dash)), this.#schema.label(name))));
  }

  #later() {
    if (this.#busy || !this.#timeline || !this.#paired) return;
    const told = { series: this.#paired, notices: this.#notices };
    const key = JSON.stringify(this.#notices);
    const marks = this.#paired.steps.length > 0 && key !== this.#marked;
    if (!this.#timeline.due(told) && !marks && !this.#stale && !this.#unthemed) return;
    this.#busy = true;
    idle(() => this.#draw(told, key).finally(() => {
      this.#busy = false;
      this.#later();
    }), { timeout: 900 });
  }

  async #draw(told, key) {
    const timeline = this.#timeline;
    if (this.#unthemed) await this.#paint();
    if (this.#stale) await this.#title();
    if (timeline.due(told)) await timeline.draw(told);
    if (told.series.steps.length && key !== this.#marked) {
      this.#marked = key;
      await timeline.mark(told);
    }
  }

  async #paint() {
    this.#unthemed = false;
    await this.#timeline.theme(this.#schema.charts[this.#theme], this.#schema, this.#theme);
  }

  async #title() {
    this.#stale = false;
    const { label, symbol, unit, places, column, scale } = this.#measures.current;
    Object.assign(this.#timeline, { metric: column, scale });
    const heading = `difference in ${[label.toLowerCase(), symbol].filter(Boolean).join(" ")} (${unit || "no unit"})`;
    const indices = [...this.#timeline.traces("mean").values()];
    // Not `relayout`: Dash would take its event for a new figure, and draw the empty one again.
    await Plotly.update(this.#timeline.graph, { hovertemplate: `%{y:+.${places}f}${unit && ` ${unit}`}` }, { "yaxis.title.text": heading }, indices);
  }

  // To take away

  #csv() {
    const { column, scale, label, unit } = this.#measures.current;
    const tails = this.#paired.names.map((name) => this.#paired.tail(name, column, Infinity, scale));
    const head = ["step", ...this.#paired.names.flatMap((name) => [name, `${name} mean of ${SMOOTHING_S} s`])];
    const rows = (tails[0]?.steps ?? []).map((step, i) => [step, ...tails.flatMap(({ raw, mean }) => [raw[i], mean[i]])]);
    const what = { what: `difference in ${label.toLowerCase()}${unit && ` in ${unit}`}, minus ${this.reference}`, ...this.provenance() };
    saveText(`${this.#file()}.csv`, csv(what, head, rows), "text/csv");
  }

  #image(format) {
    const names = this.#paired.names.map((name) => this.#schema.label(name)).join(", ");
    const title = `${names} minus ${this.#schema.label(this.reference)}`;
    return saveChart(this.#timeline.graph, `${this.#file()}.${format}`, format, { title, provenance: this.provenance() });
  }

  #file() {
    return `${this.provenance().run || "run"}-${this.#measures.current.name}-minus-${this.reference}`;
  }
}
