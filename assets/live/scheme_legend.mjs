// Who is on stage, in the colours and dashes of the charts; a click shows a scheme's decisions on the map.
import { byId, h, s } from "./dom.mjs";

const DASHES = { solid: "", dot: "1.5 3", dash: "6 3", dashdot: "6 3 1.5 3", longdash: "9 3", longdashdot: "9 3 1.5 3" };

export function lineSample(dash) {
  return s("svg", { viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" }, s("line", { x1: 1, x2: 21, y1: 4, y2: 4, "stroke-dasharray": DASHES[dash] || null }));
}

/** Fill the legend of the charts; `choose` is told the scheme that was clicked. */
export function showLegend(schema, theme, stage, arm, choose) {
  byId("legend").replaceChildren(
    ...stage.map((name) => {
      const sample = h("span", { class: "legend-line", style: `--scheme: ${schema.colour(name, theme)}` }, lineSample(schema.scheme.get(name)?.dash));
      const about = schema.scheme.get(name)?.ingredients ?? "";
      if (name === "bound") return h("span", { class: "legend-entry", "data-tip": about }, sample, schema.label(name));
      return h("button", { type: "button", class: "legend-entry", "aria-pressed": String(name === arm), "data-tip": `${about}\nClick: show its decisions on the map.`, onclick: () => choose(name) }, sample, schema.label(name));
    }),
  );
}

/** Colour all swatches of the page for a theme. */
export function showSwatches(schema, theme) {
  for (const swatch of document.querySelectorAll(".swatch[data-scheme]")) {
    swatch.style.setProperty("--scheme", schema.colour(swatch.dataset.scheme, theme));
    if (swatch.closest("#stage, .chip") && !swatch.firstChild) swatch.append(lineSample(schema.scheme.get(swatch.dataset.scheme).dash));
  }
}
