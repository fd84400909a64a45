// Nothing chosen: what to do, and how the schemes did over the last minute.
import { h, s } from "./dom.mjs";
import { fixed, percent, signed } from "./format.mjs";

const SECONDS = 60;
const COLUMNS = ["cost", "success_rate", "delay_s", "energy_j"];

export class EmptyView {
  #context;
  #rows;
  #caption;

  constructor(context) {
    this.#context = context;
    this.#rows = h("tbody");
    this.#caption = h("p", { class: "note", text: "Figures come with the first steps." });
    const head = [
      ["Scheme", "", "left"],
      ["Ω", "Mean cost of a task, eq. (22); no unit"],
      ["± best", "Difference in cost from Best on the same tasks; no unit"],
      ["in time", "Share of tasks that met their deadline, %"],
      ["delay", "Mean time until a task is done, s"],
      ["energy", "Mean energy of a task, J"],
    ].map(([name, about, side]) => h("th", { scope: "col", class: side ?? "", "data-tip": about || null, text: name }));
    const units = ["", "", "", "%", "s", "J"].map((unit) => h("td", { text: unit }));
    this.element = h(
      "div",
      { class: "inspect" },
      h("section", { class: "hint" },
        h("p", {}, h("b", { text: "Click a vehicle" }), " to see what its twin believes, and why each scheme decided as it did."),
        h("p", {}, h("b", { text: "Click an RSU" }), " to see its queue, to fail it or to bring it back."),
      ),
      h("section", { class: "map-key" }, h("h3", { text: "On the map" }), h("div", { class: "map-key-grid" }, ...mapKey())),
      h("section", {},
        h("h3", { text: "Last minute" }),
        h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...head), h("tr", { class: "units" }, ...units)), this.#rows),
        this.#caption,
      ),
    );
  }

  update(series) {
    if (!series?.steps.length) {
      this.#rows.replaceChildren();
      return;
    }
    const { schema, themeOf } = this.#context;
    const means = new Map(series.names.map((name) => [name, series.means(name, SECONDS, COLUMNS)]));
    const best = means.get("best")?.cost ?? means.get("bound")?.cost ?? NaN;
    const reference = means.has("best") ? "best" : "bound";
    this.#rows.replaceChildren(
      ...series.names.map((name) => {
        const told = means.get(name);
        const cell = (text) => h("td", { text });
        return h("tr", {},
          h("th", { scope: "row", class: "left" }, h("span", { class: "swatch", "data-scheme": name, style: `--scheme: ${schema.colour(name, themeOf())}` }), schema.label(name)),
          cell(fixed(told.cost, 2)),
          cell(name === reference ? "" : signed(told.cost - best, 2)),
          cell(percent(told.success_rate, 0).replace(" %", "")),
          cell(fixed(told.delay_s, 2)),
          cell(fixed(told.energy_j, 0)),
        );
      }),
    );
    const { tasks } = means.get(series.names[0]) ?? { tasks: 0 };
    const compared = Number.isFinite(best) ? ` “± best” is against ${schema.label(reference)}.` : "";
    this.#caption.textContent = `Means over the ${Math.round(tasks)} tasks of the last ${Math.min(SECONDS, series.steps.length)} s; every scheme had the same ones.${compared}`;
  }
}

// The signs of the map, as assets/live/legend.mjs draws them when it is opened.
function mapKey() {
  const signs = [
    ["car", s("path", { d: "M16 6 10.5 9 5 8.4 6.4 6 5 3.6 10.5 3Z", class: "sign-fill" })],
    ["RSU, ring: load", s("circle", { cx: 10, cy: 6, r: 4.6, class: "sign-track" }), s("path", { d: "M10 1.4A4.6 4.6 0 0 1 14.6 6", class: "sign-load" })],
    ["bus", s("path", { d: "M18 6 15.5 9H2V3H15.5Z", class: "sign-fill" })],
    ["RSU out of order", s("path", { d: "M6 2l8 8M14 2l-8 8", class: "sign-fail" })],
    ["truck", s("path", { d: "M17 4.6V7.4L13.5 9H4V3H13.5Z", class: "sign-fill" })],
    ["offloads to", s("line", { x1: 1, x2: 19, y1: 6, y2: 6, class: "sign-link" })],
    ["twin's place", s("path", { d: "M10 1.5 14.5 6 10 10.5 5.5 6Z", class: "sign-ghost" })],
    ["passed on by mesh", s("path", { d: "M1 8Q10 3 19 8", class: "sign-flow" })],
  ];
  return signs.map(([name, ...shapes]) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 20 12", width: 20, height: 12, "aria-hidden": "true" }, ...shapes), name));
}
