// An RSU: what it is, its queue and twin under the scheme of the map, the vehicles it serves, fail or restore.
import { h, icon, say } from "./dom.mjs";
import { fixed, NONE, percent } from "./format.mjs";
import { bytes, refused, sign, TRIGGERS } from "./rounds.mjs";

const MOST_SERVED = 24;
const MOST_ROUNDS = 5;

export class RsuView {
  #context;
  #state = h("span", { class: "state-word" });
  #switch = h("button", { type: "button", class: "button" });
  #facts = h("dl", { class: "facts" });
  #rows = h("tbody");
  #twin = h("dl", { class: "facts" });
  #twinTitle = h("h3", { text: "Its twin" });
  #served = h("div", { class: "served" });
  #servedTitle = h("h3", { text: "Serves" });
  #rounds = h("tbody");
  #noRounds = h("p", { class: "note" });
  #roundsTable;
  #index = -1;
  #up = true;

  constructor(context) {
    this.#context = context;
    this.#switch.addEventListener("click", () => context.emit("rsu", { index: this.#index, up: !this.#up }));
    const head = [
      ["Scheme", "left"],
      ["queue", "", "Work that waits after this step, seconds of its processor"],
      ["parts", "", "Parts of tasks that reached it this second"],
      ["wait", "", "Mean time a part waited before it was computed, s"],
      ["load", "", "Work that arrived this second over what its processors can do in one"],
    ].map(([text, side, tip]) => h("th", { scope: "col", class: side ?? "", text, "data-tip": tip }));
    const units = ["", "s", "", "s", "%"].map((text) => h("td", { text }));
    this.#roundsTable = h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...ROUNDS.map(([text, side, tip]) => h("th", { scope: "col", class: side, text, "data-tip": tip || null })))), this.#rounds);
    this.element = h("div", { class: "inspect" },
      h("section", { class: "row-line" }, this.#state, this.#switch),
      h("section", {}, this.#facts),
      h("section", {}, h("h3", { text: "Queue in each arm" }),
        h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...head), h("tr", { class: "units" }, ...units)), this.#rows)),
      h("section", {}, this.#servedTitle, this.#served),
      h("section", { class: "rsu-rounds" }, h("h3", { text: "Its federated rounds" }), this.#roundsTable, this.#noRounds),
      h("section", {}, this.#twinTitle, this.#twin),
    );
  }

  update(about, { arm, down, learning }) {
    this.#index = about.rsu;
    this.#up = !down.has(about.rsu);
    this.element.dataset.up = String(about.up);
    say(this.#state, about.up ? "Works" : "Out of order: relays by radio and mesh, computes nothing");
    this.#state.dataset.level = about.up ? "good" : "bad";
    const wanted = this.#up ? "Fail it" : "Restore it";
    if (this.#switch.dataset.wanted !== wanted) {
      this.#switch.dataset.wanted = wanted;
      this.#switch.replaceChildren(icon(this.#up ? "fail" : "restore"), wanted);
    }
    facts(this.#facts, [
      ["Position", `${fixed(about.x, 0)}, ${fixed(about.y, 0)} m`],
      ["Processor", `${about.cores} × ${fixed(about.cpu_ghz, 2)} GHz`],
      ["Price of a full offload", fixed(about.unit_price, 2)],
      ["Battery", Number.isFinite(about.battery_wh) ? `${fixed(about.battery_wh, 0)} of ${fixed(about.battery_capacity_wh, 0)} Wh` : NONE],
      ["Mesh neighbours", about.neighbours?.filter((i) => i >= 0).sort((a, b) => a - b).map((i) => `RSU ${i}`).join(", ") || NONE],
    ]);
    this.#arms(about.arms ?? {}, arm);
    this.#servedBy(about.arms?.[arm], arm);
    this.#federated(learning.roundsOf(about.rsu, MOST_ROUNDS), learning.now);
    this.#twinOf(about.arms?.[arm]?.twin ?? about.twin ?? {}, arm);
  }

  #arms(arms, shown) {
    const { schema, themeOf } = this.#context;
    const names = Object.keys(arms).filter((name) => name !== "bound");
    this.#rows.replaceChildren(...names.map((name) => {
      const told = arms[name];
      const cells = [fixed(told.backlog_s, 2), fixed(told.requests, 0), fixed(told.mean_wait_s, 2), percent(told.utilisation, 0).replace(" %", "")];
      return h("tr", { "aria-current": name === shown ? "true" : null },
        h("th", { scope: "row", class: "left" }, h("span", { class: "swatch", "data-scheme": name, style: `--scheme: ${schema.colour(name, themeOf())}` }), schema.label(name)),
        ...cells.map((text) => h("td", { text })));
    }));
  }

  #servedBy(told, arm) {
    const served = told?.served ?? [];
    say(this.#servedTitle, `Serves under ${this.#context.schema.label(arm)}: ${served.length} ${served.length === 1 ? "vehicle" : "vehicles"}`);
    const key = served.join();
    if (this.#served.dataset.key === key) return;
    this.#served.dataset.key = key;
    const buttons = served.slice(0, MOST_SERVED).map((vehicle) =>
      h("button", { type: "button", class: "chip", text: String(vehicle), "aria-label": `Vehicle ${vehicle}`, onclick: () => this.#context.emit("select", { vehicle }) }));
    if (served.length > MOST_SERVED) buttons.push(h("span", { class: "note", text: `and ${served.length - MOST_SERVED} more` }));
    if (!served.length) buttons.push(h("span", { class: "note", text: "No task reached it this second." }));
    this.#served.replaceChildren(...buttons);
  }

  #federated(rounds, now) {
    this.#roundsTable.hidden = rounds.length === 0;
    this.#noRounds.hidden = rounds.length > 0;
    say(this.#noRounds, "None in this run: models travel while schemes train.");
    this.#rounds.replaceChildren(...rounds.map((round) => {
      const { fired, vehicle, staleness, lost } = round;
      const taken = vehicle.length - refused(round);
      const age = staleness.reduce((sum, value) => sum + value, 0) / Math.max(1, staleness.length);
      const ago = `${fixed(Math.max(0, now - round.t_s), 0)} s`;
      return h("tr", {},
        h("th", { scope: "row", class: "left fired-by" }, sign(fired), TRIGGERS[fired]?.words ?? fired),
        ...[ago, `${taken} of ${vehicle.length}`, fixed(age, 1), String(lost), bytes(round.bytes)].map((text) => h("td", { text })));
    }));
  }

  #twinOf(twin, arm) {
    const rows = TWIN.filter(([field]) => field in twin).map(([field, name, unit, factor, places]) => {
      const value = twin[field];
      return [name, typeof value === "boolean" ? (value ? "works" : "out of order") : `${fixed(value * factor, places)} ${unit}`.trim()];
    });
    title(this.#twinTitle, `Its twin under ${this.#context.schema.label(arm)}`, twin.age_s === undefined ? "" : `${fixed(twin.age_s, 1)} s old`);
    facts(this.#twin, rows);
  }
}

// Heading, side, what it says.
const ROUNDS = [
  ["Fired by", "left", ""],
  ["ago", "", "Simulated seconds since the round"],
  ["taken", "", "Updates that counted, of those that came"],
  ["age", "", "Mean staleness: versions that had passed since the vehicles fetched the model"],
  ["lost", "", "Vehicles given up since the round before: they left or were too late"],
  ["sent", "", "What the round put on the air"],
];

// Field, name, unit, factor into the unit, decimals.
const TWIN = [
  ["up", "State", "", 1, 0],
  ["backlog_s", "Waiting work W", "s", 1, 2],
  ["requests", "Parts in the last second", "", 1, 0],
  ["last_wait_s", "Wait in the last second", "s", 1, 2],
  ["mean_wait_s", "Wait, mean of 10 s", "s", 1, 2],
  ["mean_work_cycles", "Work, mean of 10 s", "Gcycle/s", 1e-9, 2],
  ["attached", "Vehicles attached", "", 1, 0],
  ["cpu_hz", "Clock of a core", "GHz", 1e-9, 2],
  ["unit_price", "Price of a full offload", "", 1, 2],
  ["mesh_rate_bps", "Mesh links", "Mbit/s", 1e-6, 0],
  ["battery_j", "Battery", "Wh", 1 / 3600, 0],
];

/** Set a heading and what stands small beside it. */
export function title(element, text, aside) {
  if (element.dataset.text === text + aside) return;
  element.dataset.text = text + aside;
  element.replaceChildren(text, h("span", { class: "aside", text: aside }));
}

/** Fill a list of facts without remaking it. */
export function facts(list, rows) {
  while (list.children.length > 2 * rows.length) list.lastElementChild.remove();
  rows.forEach(([name, value], i) => {
    if (!list.children[2 * i]) list.append(h("dt"), h("dd"));
    say(list.children[2 * i], name);
    say(list.children[2 * i + 1], value);
  });
}
