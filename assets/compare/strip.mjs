// The figures under a map: each measure now and over the last minute, as numbers and as a bar in the scheme's colour.
import { h, say } from "../live/dom.mjs";
import { fixed } from "../live/format.mjs";

export const WINDOW_S = 60;
const LOAD = { name: "load", label: "RSU load", symbol: "", unit: "s", places: 2, about: "Work that waits at an RSU, in seconds of its processor, mean over all RSUs that are up. The second number is the mean over the frames that this page has seen in the last 60 s." };

/** The rows of a strip. */
export const rowsOf = (schema) => [...schema.measures, LOAD];

export class Strip {
  #rows = new Map(); // name -> elements

  constructor(schema) {
    this.element = h("div", { class: "strip" },
      h("span", { class: "strip-head" }), h("span", { class: "strip-head" }), h("span", { class: "strip-head", text: "now" }), h("span", { class: "strip-head", text: `${WINDOW_S} s` }));
    for (const row of rowsOf(schema)) {
      const mean = h("i", { class: "strip-mean" });
      const tick = h("i", { class: "strip-now" });
      const cells = { mean, tick, now: h("b", { class: "strip-value" }), over: h("b", { class: "strip-value over" }) };
      const heading = [row.label, row.symbol].filter(Boolean).join(" ");
      this.element.append(
        h("span", { class: "strip-name", tabindex: 0, "data-tip": row.about, "data-row": row.name }, heading, row.unit ? h("em", { text: row.unit }) : null),
        h("span", { class: "strip-bar", "aria-hidden": "true" }, mean, tick), cells.now, cells.over);
      this.#rows.set(row.name, { ...cells, places: row.places });
    }
  }

  /** Show one row: `now` and `over` in its unit, `most` the longest bar of all strips. */
  set(name, { now, over, most }) {
    const row = this.#rows.get(name);
    say(row.now, fixed(now, row.places));
    say(row.over, fixed(over, row.places));
    row.now.dataset.value = now ?? "";
    row.over.dataset.value = over ?? "";
    row.mean.style.width = share(over, most);
    row.tick.style.left = share(now, most);
    row.tick.hidden = !Number.isFinite(now);
  }
}

const share = (value, most) => (Number.isFinite(value) && most > 0 ? `${Math.min(100, (100 * value) / most).toFixed(1)}%` : "0");
