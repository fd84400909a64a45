// The card of forks: asks for two futures of this second, shows how far they are, and what came of them.
import { byId, h, present, say } from "../live/dom.mjs";
import { clock } from "../live/format.mjs";
import { lineSample } from "../live/scheme_legend.mjs";
import { shown } from "../live/schema.mjs";
import { csv, exportButtons, saveChart, saveText } from "./exports.mjs";
import { arms, figure } from "./fork_chart.mjs";
import { ForkForm } from "./fork_form.mjs";

const ADDRESS = "/live/fork";
const RUNNING_MS = 600;
const REST_MS = 15_000; // another tab may have forked

/** Events: `change` of the form. */
export class Fork extends EventTarget {
  provenance = () => ({});
  #schema;
  #steering;
  #measures;
  #form;
  #record = {};
  #series = null;
  #names = [];
  #theme;
  #graph = null;
  #empty = null; // layout of the figure as Dash made it
  #timer = 0;
  #waits = ""; // id of a fork that the engine has not taken up yet
  #drawn = "";
  #busy = false;
  #state = h("div", { class: "fork-line" });
  #bar = h("progress", { id: "fork-progress", max: 1, value: 0, "aria-label": "Fork", hidden: true });
  #message = h("span", { id: "fork-message", role: "status" });
  #check = h("strong", { id: "fork-check", hidden: true });
  #cancel = h("button", { type: "button", class: "button", id: "fork-cancel", text: "Cancel", hidden: true, onclick: () => this.#steering.wish({ fork: { id: "" } }) });

  constructor(schema, steering, measures, view, theme) {
    super();
    this.#schema = schema;
    this.#steering = steering;
    this.#measures = measures;
    this.#theme = theme;
    this.#form = new ForkForm(schema, view);
    byId("fork-measure").append(measures.tabs());
    byId("fork-exports").append(...exportButtons("Fork", { csv: () => this.#csv(), svg: () => this.#image("svg"), png: () => this.#image("png") }));
    this.#state.append(this.#bar, this.#check, this.#message, this.#cancel);
    byId("fork-state").append(this.#state);
    byId("fork-exports").hidden = true;
    this.#form.addEventListener("change", () => this.dispatchEvent(new CustomEvent("change")));
    this.#form.addEventListener("fork", () => this.#start());
    measures.addEventListener("change", () => this.#draw());
    steering.addEventListener("change", ({ detail }) => this.#form.setControl(detail));
  }

  /** Resolves once Dash has drawn the empty figure. */
  async ready() {
    await present("#chart-fork .js-plotly-plot");
    this.#graph = byId("chart-fork").querySelector(".js-plotly-plot");
    await this.#look();
  }

  /** What the address says of it. */
  get text() {
    return this.#form.text;
  }

  get steps() {
    return this.#form.steps;
  }

  setStage(stage) {
    this.#form.setStage(stage);
  }

  setArms(names) {
    this.#names = names;
    this.#draw();
  }

  setSeries(series) {
    this.#series = series;
  }

  setTheme(theme) {
    this.#theme = theme;
    this.#draw();
  }

  /** Who may only look sees what others forked. */
  setLooking(looking) {
    byId("fork").querySelector(".fork-form").hidden = looking;
    this.#cancel.classList.toggle("unseen", looking);
  }

  async #start() {
    const id = `page-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`;
    this.#form.busy = true;
    this.#waits = id;
    const accepted = await this.#steering.wish({ fork: { id, change: this.#form.change, steps: this.#form.steps } });
    if (!accepted) {
      this.#waits = "";
      this.#form.busy = false;
      return;
    }
    say(this.#message, "The fork is asked for.");
    this.#later();
  }

  async #look() {
    try {
      const reply = await fetch(ADDRESS);
      if (reply.ok) this.#take(await reply.json());
    } catch {
      // the app bar says that the server is away
    }
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.#running ? RUNNING_MS : REST_MS);
  }

  get #running() {
    return Boolean(this.#waits) || this.#record.state === "running";
  }

  #take(record) {
    if (this.#waits && record.id !== this.#waits) return; // the one before
    this.#waits = "";
    this.#record = record;
    const known = Boolean(record.id);
    const running = record.state === "running";
    this.#form.busy = running;
    this.#bar.hidden = this.#cancel.hidden = !running;
    this.#bar.max = Math.max(1, record.steps ?? 1);
    this.#bar.value = record.done ?? 0;
    this.#state.dataset.state = record.state ?? "";
    say(this.#message, known ? this.#sentence(record) : "");
    this.#judge(record);
    byId("fork-result").hidden = byId("fork-exports").hidden = !(record.done > 0);
    this.#draw();
  }

  #sentence({ state, message, change, from_step: from, steps, done }) {
    const what = `From second ${from} (${clock(from)}), ${this.#said(change)}`;
    if (state === "running") return `${what}: ${message}`;
    if (state === "done") return `${what}: ${done} of ${steps} s are played.`;
    return `${what}: ${message}`;
  }

  #said({ params, replace }) {
    if (replace) return Object.entries(replace).map(([old, other]) => `${this.#schema.label(other)} in the place of ${this.#schema.label(old)}`).join();
    const changed = Object.entries(params ?? {}).map(([name, value]) => {
      const meta = this.#schema.param.get(name);
      return `${meta.label} ${shown(meta, value)}${meta.unit ? ` ${meta.unit}` : ""}`;
    });
    return changed.join(", ") || "no change";
  }

  // Futures without a change have to be the same to the last bit; with one, their scenes have to be.
  #judge({ state, change = {}, done, digest = {}, first_difference: first }) {
    const same = !change.params && !change.replace;
    this.#check.hidden = state !== "done" || !same;
    if (this.#check.hidden) return;
    const scenes = digest.base === digest.changed;
    const identical = scenes && !first;
    this.#check.dataset.identical = String(identical);
    const where = first ? `${this.#schema.label(first.scheme)}, ${first.metric} at step ${first.step}` : "the scenes";
    say(this.#check, identical ? `Bit-identical: no metric of any arm and no scene differs in ${done} s.` : `Not identical: they first differ in ${where}.`);
  }

  // One drawing at a time; what came meanwhile is drawn after it.
  async #draw() {
    if (!this.#graph?._fullLayout || !(this.#record.done > 0)) return;
    const key = JSON.stringify([this.#record.id, this.#record.done, this.#measures.current.name, this.#theme, this.#names]);
    if (this.#busy || key === this.#drawn) return;
    this.#busy = true;
    this.#drawn = key;
    this.#empty ??= structuredClone(this.#graph.layout);
    try {
      const { data, layout } = this.#figure();
      await Plotly.react(this.#graph, data, layout, { displayModeBar: false, responsive: true, doubleClick: false });
    } finally {
      this.#busy = false;
    }
    this.#key();
    await this.#draw();
  }

  #figure() {
    const { column, scale } = this.#measures.current;
    const none = { steps: [], raw: [] };
    const history = (name) => (this.#series?.names.includes(name) && this.#record.run === this.provenance().run ? this.#series.tail(name, column, Infinity, scale) : none);
    return figure(this.#record, this.#names, this.#measures.current, { schema: this.#schema, theme: this.#theme, history, layout: this.#empty });
  }

  #key() {
    const shownArms = arms(this.#record).filter(({ base, changed }) => this.#names.includes(base) || this.#names.includes(changed));
    const names = [...new Set(shownArms.flatMap(({ base, changed }) => [base, changed]))];
    const entry = (text, dash, colour) => h("span", { class: "legend-entry" }, h("span", { class: "legend-line", style: `--scheme: ${colour}` }, lineSample(dash)), text);
    byId("fork-key").replaceChildren(
      ...names.map((name) => entry(this.#schema.label(name), "solid", this.#schema.colour(name, this.#theme))),
      entry("as it is", "solid", "var(--ink-3)"), entry("changed", "dot", "var(--ink-3)"));
  }

  // To take away

  #told() {
    const { id, run, from_step: from, steps, done, change, digest } = this.#record;
    const { parameters, seed } = this.provenance();
    return { what: "two futures of one second", fork: id, run, seed, step: from, steps, done, change, scenes: digest, parameters };
  }

  #csv() {
    const { base, changed, from_step: from, done } = this.#record;
    const columns = this.#schema.measures.map(({ column }) => column);
    const futures = [["as it is", base], ["changed", changed]];
    const rows = futures.flatMap(([future, told]) => Object.entries(told).flatMap(([name, values]) =>
      Array.from({ length: done }, (_, i) => [from + i, future, name, ...columns.map((column) => values[column]?.[i])])));
    saveText(`${this.#file()}.csv`, csv(this.#told(), ["step", "future", "scheme", ...columns], rows), "text/csv");
  }

  #image(format) {
    const title = `${this.#measures.current.label} from second ${this.#record.from_step}: ${this.#said(this.#record.change)}`;
    return saveChart(this.#graph, `${this.#file()}-${this.#measures.current.name}.${format}`, format, { title, provenance: this.#told() });
  }

  #file() {
    return `${this.#record.run || "run"}-fork-${this.#record.from_step}`;
  }
}
