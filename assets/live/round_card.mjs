// The card of one round: who took part with how old a model and what say, why it fired, what it cost.
import { h, icon } from "./dom.mjs";
import { clock, figures, fixed, NONE, percent } from "./format.mjs";
import { bytes, FIRED, owner, refused, sign } from "./rounds.mjs";

const MOST = 7;
const GAP_PX = 12;

export class RoundCard {
  #element = h("div", { id: "round-card", class: "round-card", role: "dialog", "aria-label": "A round of the federation", hidden: true });
  #emit;
  round = null;
  isPinned = false;

  /** `emit(type, detail)`: `select` {rsu} or {vehicle}, `close`. */
  constructor(emit) {
    this.#emit = emit;
    document.getElementById("app").append(this.#element);
  }

  show(round, at, { pinned, now }) {
    this.isPinned = pinned;
    if (round !== this.round) this.#element.replaceChildren(...this.#content(round, now));
    this.round = round;
    this.#element.dataset.pinned = String(pinned);
    this.#element.hidden = false;
    this.#place(at);
  }

  hide() {
    this.round = null;
    this.isPinned = false;
    this.#element.hidden = true;
  }

  #place({ x, y }) {
    const { offsetWidth: width, offsetHeight: height } = this.#element;
    const left = Math.min(Math.max(GAP_PX, x - width / 2), innerWidth - width - GAP_PX);
    const above = y - GAP_PX - height;
    const top = above >= GAP_PX ? above : Math.max(GAP_PX, Math.min(y + GAP_PX, innerHeight - height - GAP_PX));
    this.#element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  #content(round, now) {
    const isAgents = round.tier === "agents";
    const title = isAgents
      ? h("b", { text: "Agents averaged" })
      : h("button", { type: "button", class: "row-button", onclick: () => this.#emit("select", { rsu: round.rsu }), "data-tip": "Show this RSU" }, h("b", { text: owner(round) }));
    const ago = Math.max(0, now - round.t_s);
    return [
      h("div", { class: "round-head" }, title, h("span", { text: `round ${round.version}` }),
        h("span", { class: "aside", text: `${clock(round.t_s)}, ${fixed(ago, 0)} s ago` }),
        h("button", { type: "button", class: "icon-button round-close", "aria-label": "Close (Esc)", onclick: () => this.#emit("close") }, icon("close"))),
      h("p", { class: "round-why" }, sign(round.fired), `Merged because ${FIRED[round.fired] ?? round.fired}.`),
      this.#updates(round, isAgents),
      h("dl", { class: "facts" }, ...facts(round)),
    ];
  }

  #updates(round, isAgents) {
    const order = round.vehicle.map((_, i) => i).sort((a, b) => round.weight[b] - round.weight[a]);
    const most = Math.max(1e-9, ...round.weight);
    const oldest = Math.max(3, ...round.staleness);
    const rows = order.slice(0, MOST).map((i) => {
      const [who, age, say] = [round.vehicle[i], round.staleness[i], round.weight[i]];
      const name = isAgents
        ? h("span", { text: `learner ${who}` })
        : h("button", { type: "button", class: "row-button", text: String(who), "aria-label": `Vehicle ${who}`, onclick: () => this.#emit("select", { vehicle: who }) });
      return h("tr", { "data-refused": String(!(say > 0)) },
        h("th", { scope: "row", class: "left" }, name),
        h("td", { text: fixed(age, Number.isInteger(age) ? 0 : 1) }), h("td", {}, meter(age / oldest, "age")),
        h("td", { text: say > 0 ? percent(say, 0) : "refused" }), h("td", {}, meter(say / most, "say")));
    });
    const head = [isAgents ? "Who" : "Vehicle", "Age", "", "Weight", ""];
    const more = order.slice(MOST);
    const refusals = more.filter((i) => !(round.weight[i] > 0)).length;
    return h("div", {},
      h("table", { class: "figures round-updates" }, h("thead", {}, h("tr", {}, ...head.map((text, i) => h("th", { scope: "col", class: i ? "" : "left", text })))), h("tbody", {}, ...rows)),
      more.length ? h("p", { class: "note", text: `and ${more.length} more with less weight${refusals ? `, ${refusals} refused` : ""}` }) : null);
  }
}

const meter = (share, kind) => h("i", { class: `meter meter-${kind}`, style: `width: ${fixed(100 * Math.min(1, Math.max(0, share)), 1)}%` });

function facts(round) {
  const count = round.vehicle.length;
  const taken = count - refused(round);
  const rows = [
    ["Updates", `${taken} of ${count} taken${round.lost ? `, ${round.lost} lost` : ""}`],
    ["Sent", bytes(round.bytes)],
    ["Loss before", Number.isFinite(round.loss) ? figures(round.loss) : NONE],
  ];
  if (round.tier === "forecast") rows.push(["From now on", `σ_min ${figures(round.sigma_min)}, τ_agg ${fixed(round.interval_s, 1)} s, N_agg ${fixed(round.count, 0)}`]);
  return rows.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]);
}
