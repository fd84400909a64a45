// The seed of the run: typed here, in force from the next reset on.
import { byId, h, say } from "../live/dom.mjs";
import { parse, shown } from "../live/schema.mjs";
import { toast } from "../live/toast.mjs";

export class SeedField {
  #steering;
  #meta;
  #input;
  #when = h("span", { class: "badge-when", "data-when": "reset", text: "at reset" });

  constructor(schema, steering) {
    this.#steering = steering;
    this.#meta = schema.param.get("seed");
    this.#input = h("input", { id: "value-seed", type: "text", inputmode: "numeric", class: "control-value", autocomplete: "off", spellcheck: "false", onchange: () => this.#typed() });
    this.#input.addEventListener("keydown", (event) => event.key === "Enter" && this.#input.blur());
    byId("seed").append(h("label", { class: "control-field", "data-tip": "Traffic, tasks and fading follow from it. A change takes effect at reset." },
      h("span", { class: "control-unit", text: "Seed" }), this.#input), this.#when);
    steering.addEventListener("change", ({ detail }) => this.#show(detail.params.seed));
  }

  /** Whether a seed waits for a reset. */
  statusReceived({ pending = [] }) {
    const waits = pending.includes("seed");
    this.#when.classList.toggle("waits", waits);
    say(this.#when, waits ? "waits for reset" : "at reset");
  }

  #show(seed) {
    if (document.activeElement !== this.#input) this.#input.value = shown(this.#meta, seed);
  }

  #typed() {
    const { control } = this.#steering;
    try {
      const seed = parse(this.#meta, this.#input.value);
      if (seed !== control?.params.seed) this.#steering.wish({ params: { seed } });
    } catch (error) {
      toast(error.message, "error");
    }
    if (this.#steering.control) this.#input.value = shown(this.#meta, this.#steering.control.params.seed);
  }
}
