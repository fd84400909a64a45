// What the colours on all maps say, in a line beside the choice of them.
import { legend } from "../live/colours.mjs";
import { h } from "../live/dom.mjs";

export class ColourKey {
  #box = h("span", { class: "colour-key", "aria-hidden": "true" });

  constructor(parent) {
    parent.append(this.#box);
  }

  draw(mode, theme) {
    const told = legend(mode, theme);
    const parts = [];
    if (told.stops) {
      const [low, , high] = told.ticks;
      parts.push(h("span", { text: low }), h("i", { class: "ramp", style: `background: linear-gradient(90deg, ${told.stops.join(", ")})` }), h("span", { text: high }));
    }
    for (const { label, colour, colours } of told.classes ?? []) parts.push(...swatches(colours ?? [colour]), h("span", { text: label }));
    if (told.none) parts.push(...swatches([told.none.colour]), h("span", { text: told.none.label }));
    this.#box.replaceChildren(...parts);
  }
}

const swatches = (colours) => colours.map((colour) => h("i", { style: `background: ${colour}` }));
