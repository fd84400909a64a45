// Which charts are shown: all where there is room, else results or learning.
import { byId } from "./dom.mjs";

const ROOMY = matchMedia("(width >= 1800px)");

/** Events: `change` (subject, "" for what fits). */
export class ChartTabs extends EventTarget {
  #chosen;

  constructor(chosen) {
    super();
    for (const tab of byId("chart-tabs").children) {
      tab.addEventListener("click", () => {
        this.#show(tab.dataset.charts);
        this.dispatchEvent(new CustomEvent("change", { detail: this.#chosen }));
      });
    }
    ROOMY.addEventListener("change", () => this.#show(this.#chosen));
    this.#show(chosen);
  }

  #show(chosen) {
    this.#chosen = chosen;
    const seen = chosen || (ROOMY.matches ? "" : "results");
    byId("charts").dataset.charts = seen;
    for (const tab of byId("chart-tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.charts === seen));
  }
}
