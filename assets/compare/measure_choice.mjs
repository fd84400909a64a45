// What is compared, chosen once for all cards: each has the same buttons.
import { h } from "../live/dom.mjs";

/** Events: `change` (the measure). */
export class MeasureChoice extends EventTarget {
  #schema;
  #groups = [];

  /** `name` of the measure at first. */
  constructor(schema, name) {
    super();
    this.#schema = schema;
    this.current = schema.measures.find((measure) => measure.name === name);
  }

  /** Buttons for one more card. */
  tabs() {
    const group = h("div", { class: "segments measure", role: "group", "aria-label": "What is compared" },
      ...this.#schema.measures.map(({ name, label, about }) =>
        h("button", { type: "button", class: "segment", "data-measure": name, "data-tip": about, text: label, onclick: () => this.#choose(name) })));
    this.#groups.push(group);
    this.#show();
    return group;
  }

  #choose(name) {
    this.current = this.#schema.measures.find((measure) => measure.name === name);
    this.#show();
    this.dispatchEvent(new CustomEvent("change", { detail: this.current }));
  }

  #show() {
    for (const group of this.#groups) {
      for (const tab of group.children) tab.setAttribute("aria-pressed", String(tab.dataset.measure === this.current.name));
    }
  }
}
