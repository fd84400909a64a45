// A vehicle: what its twin believes, its last ten seconds, its task, and why each scheme decided as it did.
import { h, say } from "./dom.mjs";
import { Belief } from "./belief.mjs";
import { Curve } from "./curve.mjs";
import { Parts } from "./parts.mjs";
import { fixed, NONE, percent } from "./format.mjs";
import { History } from "./history.mjs";
import { facts, title } from "./inspect_rsu.mjs";

const KIND = { car: "Car", bus: "Bus", truck: "Truck" };

export class VehicleView {
  #context;
  #identity = h("p", { class: "identity" });
  #ghost = h("p", { class: "ghost-line" });
  #twin = h("tbody");
  #age = h("span", { class: "aside" });
  #history = new History();
  #task = h("dl", { class: "facts" });
  #noTask = h("p", { class: "note" });
  #taskTitle = h("span", { class: "aside" });
  #why;
  #whyTitle = h("h3", { text: "Why this decision" });
  #curve;
  #rows = h("tbody");
  #equation = h("p", { class: "equation" });
  #parts = new Parts();
  #verdict = h("p", { class: "verdict" });
  #belief = new Belief();
  #body;
  #known; // sections that stay away as long as nothing was told of the vehicle
  #last = null; // what was said when it last had a task

  constructor(context) {
    this.#context = context;
    this.#curve = new Curve(context);
    const head = [
      ["Scheme", "left"],
      ["ρ", "", "Offloaded share of the task, %"],
      ["to", "left", "Who computed the share"],
      ["Ω", "", "Cost it led to, eq. (22); no unit"],
      ["regret", "", "Cost above the best choice in hindsight, in its own arm; no unit"],
    ].map(([text, side, tip]) => h("th", { scope: "col", class: side ?? "", text, "data-tip": tip }));
    const units = ["", "%", "", "", ""].map((text) => h("td", { text }));
    this.#body = h("div", { class: "why-body" }, this.#curve.element, this.#verdict, this.#belief.element,
      h("table", { class: "figures choices" }, h("thead", {}, h("tr", {}, ...head), h("tr", { class: "units" }, ...units)), this.#rows),
      this.#equation, this.#parts.element,
      h("h4", {}, "Task", this.#taskTitle), this.#task);
    this.#why = h("section", { class: "why" }, this.#whyTitle, this.#noTask, this.#body);
    this.#known = [
      this.#why,
      h("section", {}, h("h3", {}, "Last ten seconds"), this.#history.element),
      h("section", {}, h("h3", {}, "Twin and vehicle", this.#age),
        h("table", { class: "figures twin" }, h("thead", {}, h("tr", {}, ...["", "twin", "vehicle", ""].map((text) => h("th", { text, scope: "col" })))), this.#twin)),
    ];
    for (const section of this.#known) section.hidden = true;
    this.element = h("div", { class: "inspect" }, h("section", {}, this.#identity, this.#ghost), ...this.#known);
  }

  update(about, { arm, stage }) {
    this.element.dataset.present = String(about.present);
    const kind = KIND[about.vehicle_type ?? about.type] ?? "Vehicle";
    if (!about.present) {
      say(this.#identity, "This vehicle has left the city. Choose another one.");
      return;
    }
    for (const section of this.#known) section.hidden = false;
    const { actual } = about;
    const shown = arm in (about.arms ?? {}) ? arm : stage.find((name) => name in (about.arms ?? {}));
    const twin = about.arms?.[shown]?.twin ?? about.twin;
    const off = Math.hypot(actual.x - twin.x, actual.y - twin.y);
    say(this.#identity, `${kind} · ${fixed(actual.speed_mps, 1)} m/s · at ${fixed(actual.x, 0)}, ${fixed(actual.y, 0)} m`);
    say(this.#ghost, off < 0.5 ? "Its twin has it where it is." : `Its twin believes it is ${fixed(off, 0)} m away, where it was ${fixed(twin.age_s, 1)} s ago.`);
    say(this.#age, `${fixed(twin.age_s, 1)} s old`);
    this.#twinRows(actual, twin);
    this.#history.update(about.arms?.[shown]?.history ?? about.history ?? []);
    if (about.task) this.#last = about;
    this.#decision(about.step, shown);
  }

  #twinRows(actual, twin) {
    const heading = Math.hypot(twin.vx, twin.vy);
    const rows = [
      ["East", fixed(twin.x, 0), fixed(actual.x, 0), "m"],
      ["North", fixed(twin.y, 0), fixed(actual.y, 0), "m"],
      ["Speed", fixed(heading, 1), fixed(actual.speed_mps, 1), "m/s"],
      ["Processor", fixed(twin.cpu_ghz, 2), NONE, "GHz"],
      ["Radio rate", fixed(twin.rate_mbps, 1), NONE, "Mbit/s"],
      ["Battery", `${fixed(twin.battery_wh, 1)} of ${fixed(twin.battery_capacity_wh, 0)}`, NONE, "Wh"],
      ["Served by", twin.serving >= 0 ? `RSU ${twin.serving}` : "nobody", NONE, ""],
    ];
    rows.forEach(([name, believed, is, unit], i) => {
      if (!this.#twin.children[i]) this.#twin.append(h("tr", {}, h("th", { scope: "row", class: "left", text: name }), h("td"), h("td"), h("td", { class: "unit", text: unit })));
      const cells = this.#twin.children[i].children;
      say(cells[1], believed);
      say(cells[2], is === NONE ? "" : is);
    });
  }

  // A vehicle has a task every other second: what it decided last stays until it decides again.
  #decision(step, arm) {
    const about = this.#last;
    const told = about?.arms?.[arm];
    const decided = Boolean(told?.choice);
    this.#body.hidden = !decided;
    this.#noTask.hidden = decided;
    const { schema } = this.#context;
    const ago = about ? step - about.step : 0;
    const when = !decided ? "" : ago === 0 ? " · now" : ` · ${ago} s ago`;
    title(this.#whyTitle, "Why this decision", decided ? `${schema.label(arm)}${when}` : schema.label(arm));
    say(this.#noTask, "No task since you chose it; the next one comes by itself.");
    if (!decided) return;
    this.#curve.update(about, arm);
    say(this.#verdict, verdict(told));
    this.#belief.update(told.belief);
    this.#choices(about.arms, arm);
    say(this.#equation, told.equation ?? "");
    this.#parts.update(told.choice, about.task);
    facts(this.#task, [
      ["Data D", `${fixed(about.task.data_mb, 2)} MB`],
      ["Work C", `${fixed(about.task.gcycles, 2)} Gcycle`],
      ["Deadline T", `${fixed(about.task.deadline_s, 2)} s`],
      ["Arrived", `${fixed(about.task.phase_s, 2)} s into the step`],
    ]);
  }

  #choices(arms, shown) {
    const { schema, themeOf, emit } = this.#context;
    const names = Object.keys(arms).filter((name) => arms[name]?.choice && name !== "bound");
    this.#rows.replaceChildren(...names.map((name) => {
      const { choice, regret, options } = arms[name];
      const button = h("button", { type: "button", class: "row-button", onclick: () => emit("arm", name), "aria-pressed": String(name === shown) },
        h("span", { class: "swatch", "data-scheme": name, style: `--scheme: ${schema.colour(name, themeOf())}` }), schema.label(name));
      return h("tr", { "aria-current": name === shown ? "true" : null },
        h("th", { scope: "row", class: "left" }, button),
        h("td", { text: percent(choice.rho, 0).replace(" %", "") }),
        h("td", { class: "left", text: choice.rho > 0 ? optionName(options, choice.option) : "itself" }),
        h("td", { class: choice.success ? "" : "late", text: fixed(choice.cost, 2) }),
        h("td", { text: regret === null ? NONE : fixed(Math.max(0, regret), 2) }));
    }));
  }
}

function verdict({ choice, hindsight, regret, options }) {
  const words = [];
  if (choice.mandated) words.push("The mandate forced the share up.");
  if (choice.forwarded) words.push("The RSU passed it on.");
  if (choice.rejected) words.push("The RSU refused it.");
  const met = choice.success ? "In time." : "Too late.";
  if (!hindsight) return [met, ...words].join(" ");
  const best = hindsight.rho > 0 ? `${percent(hindsight.rho, 0)} to ${optionName(options, hindsight.option)}` : "all local";
  return [met, ...words, `Best in hindsight: ${best}, Ω ${fixed(hindsight.cost, 2)}. Regret ${fixed(Math.max(0, regret), 2)}.`].join(" ");
}

function optionName(options, option) {
  const name = typeof option === "number" ? options?.[option]?.name : option;
  return name === "local" || name === undefined ? "itself" : name;
}
