// One ranking: a contest by one kind of ingredients, its table, forest plot and verdicts, and where it comes from.
import { h } from "../live/dom.mjs";
import { fixed } from "../live/format.mjs";
import { exportAddress } from "./contests.mjs";
import { exportButtons, saveSvg } from "./exports.mjs";
import { forest } from "./forest.mjs";

const SIGNS = { better: "✓", worse: "✕", "not enough evidence": "?" };
const KINDS = {
  own: ["Own ingredients", "Each learned scheme with the reward and the observation that its paper gives it."],
  equal: ["Equal ingredients", "All learned schemes with AF-MARL's reward with toll, forecast context, seats by quotas, shared loads and form of the split."],
};

export class ContestView {
  #schema;
  #kind;
  #choice = h("select", { class: "contest-choice", onchange: () => this.#chosen(this.#choice.value) });
  #body = h("div", { class: "contest-body" });
  #wanted = "";
  #contests = [];
  #seen = {};
  #drawn = "";

  constructor(schema, kind) {
    this.#schema = schema;
    this.#kind = kind;
    const [title, about] = KINDS[kind];
    this.#choice.setAttribute("aria-label", `${title}: which results`);
    this.element = h("section", { class: "contest", "data-ingredients": kind, "aria-label": title },
      h("header", { class: "contest-head" }, h("h3", { tabindex: 0, "data-tip": about, text: title }), this.#choice), this.#body);
  }

  /** Show these results, {name, label, command, contest, judged} each; the first unless another was chosen. */
  show(contests, seen) {
    this.#contests = contests.filter(({ contest }) => contest.ingredients === this.#kind);
    this.#seen = seen;
    const names = this.#contests.map(({ name }) => name);
    const options = this.#contests.map(({ name, label }) => h("option", { value: name, text: label }));
    this.#choice.replaceChildren(...options);
    this.#choice.hidden = !names.length;
    this.#choice.value = names.includes(this.#wanted) ? this.#wanted : (names[0] ?? "");
    this.#draw();
  }

  #chosen(name) {
    this.#wanted = name;
    this.#draw();
  }

  #draw() {
    const found = this.#contests.find(({ name }) => name === this.#choice.value);
    const { measure, theme } = this.#seen;
    // A poll that brings nothing new leaves alone what somebody may be reading.
    const key = JSON.stringify([found?.name, found?.contest.seeds, found?.contest.made?.command, measure.name, theme]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const judged = found?.judged[measure.column];
    this.element.dataset.seeds = judged?.n ?? 0;
    if (!judged?.n) {
      this.#body.replaceChildren(h("p", { class: "contest-empty", text: `No contest with ${this.#kind} ingredients yet: start one below.` }));
      return;
    }
    this.#body.replaceChildren(
      this.#origin(found),
      h("div", { class: "contest-figures" }, this.#table(judged, measure), h("div", { class: "forest-room" }, forest(judged, measure, this.#look(), {}))),
      this.#verdicts(judged),
      this.#ingredients(found.contest.schemes),
    );
  }

  #look() {
    const { theme } = this.#seen;
    const style = getComputedStyle(document.body);
    const token = (name) => style.getPropertyValue(name).trim();
    return { colour: (name) => this.#schema.colour(name, theme), label: (name) => this.#schema.label(name), text: token("--ink-2"), strong: token("--ink"), grid: token("--line"), ground: token("--surface"), font: token("--font") };
  }

  #origin({ name, command, contest }) {
    const { measure } = this.#seen;
    const file = (format) => () => h("a", { href: exportAddress(name, format), download: "" }).click();
    const ways = { csv: file("csv"), parquet: file("parquet"), json: file("marl-eval"), svg: () => this.#picture("svg"), png: () => this.#picture("png") };
    const counted = contest.steps - contest.skip;
    const said = [`n = ${contest.seeds.length} seeds`, `${counted} s each`, ...differing(contest.parameters, this.#schema), contest.mobility];
    return h("div", { class: "contest-origin" },
      h("strong", { class: "contest-n", text: said[0] }), h("span", { text: said.slice(1).join(" · ") }),
      h("details", { class: "contest-command" }, h("summary", { text: "made by" }), h("code", { text: command })),
      contest.note ? h("span", { class: "contest-note", text: contest.note }) : null,
      h("span", { class: "exports" }, ...exportButtons(`${KINDS[this.#kind][0]}, ${measure.label}`, ways)));
  }

  #table({ schemes, reference, better }, { places, scale, unit, label }) {
    const number = (value) => fixed(value * scale, places);
    const rows = Object.entries(schemes).sort(([, a], [, b]) => (better === "lower" ? a.iqm - b.iqm : b.iqm - a.iqm));
    const cell = (text, more = {}) => h("td", { ...more, text });
    return h("table", { class: "contest-table" },
      h("thead", {}, h("tr", {}, ...["Scheme", "Mean", "IQM", "95 % interval"].map((text, i) => h("th", { scope: "col", "data-tip": HEADS[i], text: i ? text : `${label}${unit ? ` (${unit})` : ""}` })))),
      h("tbody", {}, ...rows.map(([name, { mean, iqm, interval }]) => h("tr", { "data-scheme": name },
        h("th", { scope: "row" }, h("span", { class: "dot", style: `background: ${this.#schema.colour(name, this.#seen.theme)}` }), this.#schema.label(name), name === reference ? h("em", { text: "reference" }) : null),
        cell(number(mean)), cell(number(iqm), { class: "strong" }), cell(`${number(interval[0])} – ${number(interval[1])}`)))));
  }

  #verdicts({ paired }) {
    return h("ul", { class: "verdicts", tabindex: 0, "aria-label": "Verdicts" }, ...Object.entries(paired).map(([name, { verdict, sentence }]) =>
      h("li", { "data-verdict": verdict, "data-scheme": name }, h("b", { class: "verdict-sign", "aria-hidden": "true", text: SIGNS[verdict] }), h("span", {}, sentence))));
  }

  #ingredients(names) {
    const learned = names.filter((name) => !this.#schema.scheme.get(name)?.reference && name !== "non-drl");
    const said = (name) => (this.#kind === "equal" && learned.includes(name) && name !== "af-marl" ? `${this.#schema.scheme.get(name)?.ingredients} Here with AF-MARL's reward, observations and form.` : this.#schema.scheme.get(name)?.ingredients);
    return h("details", { class: "ingredients" }, h("summary", { text: "What each scheme is made of" }),
      h("dl", {}, ...names.flatMap((name) => [h("dt", { text: this.#schema.label(name) }), h("dd", { text: said(name) ?? "" })])));
  }

  #picture(format) {
    const found = this.#contests.find(({ name }) => name === this.#choice.value);
    const { measure } = this.#seen;
    const { contest, command } = found;
    const title = [`${measure.label}: paired differences, ${this.#kind} ingredients, n = ${contest.seeds.length} seeds`, command.length > 118 ? `${command.slice(0, 117)}…` : command];
    const svg = forest(found.judged[measure.column], measure, this.#look(), { width: 720, title });
    return saveSvg(svg, `contest-${found.name}-${measure.name}.${format}`, format, { command, parameters: contest.parameters, seeds: contest.seeds, commit: contest.made?.commit });
  }
}

const HEADS = ["", "Mean over seeds", "Interquartile mean: of the middle half of the seeds", "Bootstrap interval of the interquartile mean over seeds"];

/** What sets a contest's parameters apart from the usual ones, vehicles always. */
function differing(parameters, schema) {
  const said = [`${parameters.vehicles} vehicles`];
  for (const [name, value] of Object.entries(parameters)) {
    const meta = schema.param.get(name);
    if (!meta || ["vehicles", "train", "ingredients", "seed"].includes(name)) continue;
    if (JSON.stringify(value) !== JSON.stringify(meta.default)) said.push(`${meta.label} ${Array.isArray(value) ? value.join("–") : value}`);
  }
  return said;
}
