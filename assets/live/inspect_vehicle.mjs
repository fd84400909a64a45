// A vehicle: what its twin believes, its last ten seconds, its task, and why each scheme decided as it did.
import { h, say } from "./dom.mjs";
import { Curve } from "./curve.mjs";
import { Parts } from "./parts.mjs";
import { fixed, NONE, percent, signed } from "./format.mjs";
import { History } from "./history.mjs";
import { facts } from "./inspect_rsu.mjs";

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
  #why;
  #whyTitle = h("h3", { text: "Why this decision" });
  #curve;
  #rows = h("tbody");
  #equation = h("p", { class: "equation" });
  #parts = new Parts();
  #verdict = h("p", { class: "verdict" });

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
    this.#why = h("section", { class: "why" }, this.#whyTitle, this.#curve.element, this.#verdict,
      h("table", { class: "figures choices" }, h("thead", {}, h("tr", {}, ...head)), this.#rows),
      this.#equation, this.#parts.element);
    this.element = h("div", { class: "inspect" },
      h("section", {}, this.#identity, this.#ghost),
      this.#why,
      h("section", {}, h("h3", { text: "Task" }), this.#task, this.#noTask),
      h("section", {}, h("h3", {}, "Last ten seconds"), this.#history.element),
      h("section", {}, h("h3", {}, "Twin and vehicle", this.#age),
        h("table", { class: "figures twin" }, h("thead", {}, h("tr", {}, ...["", "twin", "vehicle", ""].map((text) => h("th", { text, scope: "col" })))), this.#twin)),
    );
  }

  update(about, { arm, stage }) {
    this.element.dataset.present = String(about.present);
    const kind = KIND[about.vehicle_type ?? about.type] ?? "Vehicle";
    if (!about.present) {
      say(this.#identity, "This vehicle has left the city. Choose another one.");
      return;
    }
    const { actual, twin } = about;
    const off = Math.hypot(actual.x - twin.x, actual.y - twin.y);
    say(this.#identity, `${kind} · ${fixed(actual.speed_mps, 1)} m/s · at ${fixed(actual.x, 0)}, ${fixed(actual.y, 0)} m`);
    say(this.#ghost, off < 0.5 ? "Its twin has it where it is." : `Its twin believes it is ${fixed(off, 0)} m away, ${fixed(twin.age_s, 1)} s ago.`);
    say(this.#age, `${fixed(twin.age_s, 1)} s old`);
    this.#twinRows(actual, twin);
    this.#history.update(about.history ?? []);
    this.#taskOf(about.task);
    this.#decision(about, arm in (about.arms ?? {}) ? arm : stage.find((name) => name in (about.arms ?? {})));
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

  #taskOf(task) {
    this.#task.hidden = !task;
    this.#noTask.hidden = Boolean(task);
    say(this.#noTask, "No task this second; the next one comes by itself.");
    if (!task) return;
    facts(this.#task, [
      ["Data D", `${fixed(task.data_mb, 2)} MB`],
      ["Work C", `${fixed(task.gcycles, 2)} Gcycle`],
      ["Deadline T", `${fixed(task.deadline_s, 2)} s`],
      ["Arrived at", `${fixed(task.phase_s, 2)} s of the second`],
    ]);
  }

  #decision(about, arm) {
    const told = about.arms?.[arm];
    const decided = Boolean(about.task && told?.choice);
    this.#why.hidden = !decided;
    if (!decided) return;
    const { schema } = this.#context;
    this.#whyTitle.replaceChildren("Why this decision", h("span", { class: "aside", text: schema.label(arm) }));
    this.#curve.update(about, arm);
    const { choice, hindsight, regret } = told;
    const words = [];
    if (choice.mandated) words.push("the mandate forced the share up");
    if (choice.forwarded) words.push("the RSU passed it on");
    if (choice.rejected) words.push("the RSU refused it");
    const best = `Best in hindsight: ${percent(hindsight.rho, 0)} to ${optionName(told.options, hindsight.option)}, Ω ${fixed(hindsight.cost, 2)}.`;
    say(this.#verdict, `${choice.success ? "In time." : "Too late."} ${best} Regret ${fixed(Math.max(0, regret), 2)}.${words.length ? ` Here ${words.join(", ")}.` : ""}`);
    this.#verdict.dataset.level = choice.success ? "good" : "bad";
    this.#choices(about.arms, arm);
    say(this.#equation, told.equation ?? "");
    this.#parts.update(choice, about.task);
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
        h("td", { text: signed(Math.max(0, regret), 2).replace("+", "") }));
    }));
  }
}

function optionName(options, option) {
  const name = typeof option === "number" ? options?.[option]?.name : option;
  return name === "local" || name === undefined ? "itself" : name;
}
