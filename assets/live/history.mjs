// The ten-second window of a twin: time taken against the deadline, the share offloaded, met or missed.
import { h, s } from "./dom.mjs";
import { fixed, percent } from "./format.mjs";

const SECONDS = 10;
const CELL = 30;
const HEIGHT = 80;
const TOP_AT = 2; // t/T at the upper edge
const BASE = 46;
const SHARE = 15; // height of a whole task offloaded

export class History {
  #svg = s("svg", { viewBox: `0 0 ${SECONDS * CELL + 22} ${HEIGHT}`, class: "history", role: "img", "aria-label": "Delay over deadline in each of the last ten seconds" });

  constructor() {
    this.element = h("figure", { class: "history-figure" }, this.#svg,
      h("p", { class: "curve-key" },
        h("span", { class: "key" }, swatch("met"), "in time"),
        h("span", { class: "key" }, swatch("missed"), "too late"),
        h("span", { class: "key", text: "up: delay t/T, line at 1 · down: share ρ" })));
  }

  update(history) {
    const parts = [
      s("line", { x1: 20, x2: 20 + SECONDS * CELL, y1: level(1), y2: level(1), class: "history-deadline" }),
      s("text", { x: 16, y: level(1) + 3, class: "curve-tick end", text: "1" }),
      s("line", { x1: 20, x2: 20 + SECONDS * CELL, y1: BASE, y2: BASE, class: "history-base" }),
    ];
    for (const told of history) {
      const column = SECONDS - told.step_ago;
      if (column < 0 || column >= SECONDS) continue;
      const x = 20 + column * CELL;
      parts.push(s("text", { x: x + CELL / 2, y: HEIGHT - 3, class: "curve-tick middle", text: `−${told.step_ago}${told.step_ago === SECONDS ? " s" : ""}` }));
      if (!told.task) continue;
      const top = level(Math.min(TOP_AT, told.t_over_t));
      const title = `${told.step_ago} s ago: t/T ${fixed(told.t_over_t)}, E/E_max ${fixed(told.energy)}, ρ ${percent(told.rho)}`;
      parts.push(s("rect", { x: x + 6, width: CELL - 12, y: top, height: Math.max(1, BASE - top), rx: 1.5, class: told.success ? "met" : "missed" }, s("title", { text: title })));
      parts.push(s("rect", { x: x + 6, width: CELL - 12, y: BASE + 1, height: Math.max(0, told.rho * SHARE), rx: 1.5, class: "history-rho" }));
    }
    this.#svg.replaceChildren(...parts);
  }
}

const level = (share) => BASE - (share / TOP_AT) * (BASE - 4);
const swatch = (name) => s("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" }, s("rect", { width: 10, height: 10, rx: 2, class: name }));
