// Where the time and the energy of a task went: the local and the offloaded part side by side on one clock.
import { h } from "./dom.mjs";
import { fixed } from "./format.mjs";

const DELAY = [
  ["t_up_s", "upload"],
  ["t_hop_s", "mesh"],
  ["wait_s", "queue"],
  ["t_comp_s", "compute"],
  ["t_down_s", "download"],
  ["t_twin_s", "twin"],
];
const ENERGY = [
  ["e_local_j", "local"],
  ["e_radio_j", "radio"],
  ["e_comp_j", "RSU"],
  ["e_twin_j", "twin"],
];

export class Parts {
  #local = bar();
  #edge = bar();
  #energy = bar();
  #deadline = h("i", { class: "deadline" });
  #key = h("p", { class: "parts-key" });
  #delayTitle = h("span", { class: "aside" });
  #energyTitle = h("span", { class: "aside" });

  constructor() {
    const clock = h("div", { class: "clocked" }, line("vehicle", this.#local), line("offloaded", this.#edge), h("div", { class: "deadline-room" }, this.#deadline));
    this.element = h("div", { class: "parts" },
      h("h4", {}, "Delay", this.#delayTitle), clock,
      h("h4", {}, "Energy", this.#energyTitle), line("", this.#energy), this.#key);
  }

  update(choice, task) {
    const edge = DELAY.map(([name, label], i) => ({ value: choice[name] ?? 0, label, tone: i, unit: "s" }));
    const edgeS = choice.rho > 0 ? edge.reduce((sum, { value }) => sum + value, 0) : 0;
    const local = choice.t_local_s ?? 0;
    const deadline = task.deadline_s;
    const whole = Math.max(local, edgeS, deadline) * 1.04;
    fill(this.#local, [{ value: local, label: "compute", tone: 3, unit: "s" }], whole);
    fill(this.#edge, choice.rho > 0 ? edge : [], whole);
    this.#deadline.style.left = `${(100 * deadline) / whole}%`;
    this.#deadline.dataset.tip = `Deadline T = ${fixed(deadline)} s`;
    this.#delayTitle.textContent = `t = ${fixed(choice.delay_s)} s of T = ${fixed(deadline)} s`;
    const energy = ENERGY.map(([name, label], i) => ({ value: choice[name] ?? 0, label, tone: [3, 0, 2, 5][i], unit: "J" }));
    const total = energy.reduce((sum, { value }) => sum + value, 0);
    fill(this.#energy, energy, total || 1);
    this.#energyTitle.textContent = `E = ${fixed(choice.energy_j, 0)} J`;
    this.#describe([...(choice.rho > 0 ? edge : []), ...energy]);
  }

  #describe(parts) {
    const shown = parts.filter(({ value, unit }) => value >= (unit === "s" ? 0.005 : 0.5));
    const text = shown.map(({ label, value, unit }) => `${label} ${fixed(value, unit === "s" ? 2 : 0)} ${unit}`).join(" · ");
    if (this.#key.textContent !== text) this.#key.textContent = text;
  }
}

const bar = () => h("div", { class: "bar" });
const line = (name, filled) => h("div", { class: "bar-line" }, name ? h("span", { class: "bar-name", text: name }) : null, filled);

function fill(element, parts, whole) {
  while (element.children.length > parts.length) element.lastElementChild.remove();
  parts.forEach(({ value, label, tone, unit }, i) => {
    if (!element.children[i]) element.append(h("i"));
    const part = element.children[i];
    part.className = `part tone-${tone}`;
    part.style.width = `${(100 * value) / whole}%`;
    part.dataset.tip = `${label} ${fixed(value, unit === "s" ? 3 : 1)} ${unit}`;
  });
}
