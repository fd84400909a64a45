// Which arms stand side by side: chips of those on stage, and what to do where there are too few.
import { byId, h } from "../live/dom.mjs";
import { toast } from "../live/toast.mjs";

const LEAST = 2;

/** The wanted arms as far as they are on stage, else the first ones there, in the order of the stage. */
export function sideBySide(wanted, drawn, most) {
  const found = drawn.filter((name) => wanted.includes(name)).slice(0, most);
  return found.length >= LEAST ? found : drawn.slice(0, most);
}

/** Events: `change` (names side by side). */
export class Arms extends EventTarget {
  #schema;
  #steering;
  #wanted;
  #drawn = [];
  #shown = [];
  #looking = false;

  /** `wanted`: names from the address, none for the first on stage. */
  constructor(schema, steering, wanted) {
    super();
    this.#schema = schema;
    this.#steering = steering;
    this.#wanted = wanted;
  }

  /** Side by side now. */
  get names() {
    return this.#shown;
  }

  /** What the address says of them. */
  get wanted() {
    return this.#wanted;
  }

  /** Who only looks may choose among those on stage, but not put others there. */
  setLooking(looking) {
    this.#looking = looking;
    this.#render();
  }

  setStage(stage) {
    this.#drawn = stage.filter((name) => name !== "bound");
    this.#update();
  }

  #update() {
    const shown = sideBySide(this.#wanted, this.#drawn, this.#schema.max_arms);
    const changed = shown.join() !== this.#shown.join();
    this.#shown = shown;
    this.#render();
    if (changed) this.dispatchEvent(new CustomEvent("change", { detail: shown }));
  }

  #toggle(name) {
    const chosen = new Set(this.#shown);
    if (!chosen.delete(name)) chosen.add(name);
    if (chosen.size < LEAST) {
      toast("Two arms at least stand side by side: choose another one first.");
      return;
    }
    this.#wanted = this.#inOrder(chosen);
    this.#update();
  }

  #inOrder(names) {
    return [...this.#schema.scheme.keys()].filter((name) => new Set(names).has(name));
  }

  #enter(name) {
    const room = this.#shown.length < this.#schema.max_arms;
    if (room) this.#wanted = this.#inOrder([...this.#shown, name]);
    this.#stage([name]);
  }

  #stage(names) {
    this.#steering.wish({ stage: this.#inOrder([...(this.#steering.control?.stage ?? []), ...names]) });
  }

  #render() {
    const full = this.#shown.length >= this.#schema.max_arms;
    const chips = this.#drawn.map((name) => this.#chip(name, this.#shown.includes(name), full));
    byId("arms").replaceChildren(...chips, this.#looking ? "" : this.#adder());
    this.#note();
  }

  #chip(name, pressed, full) {
    const about = this.#schema.scheme.get(name)?.ingredients ?? "";
    const blocked = full && !pressed;
    const tip = blocked ? `${about}\nFive arms at most: take one away first.` : about;
    return h("button", { type: "button", class: "chip", "data-scheme": name, "aria-pressed": String(pressed), "aria-disabled": blocked ? "true" : null, "data-tip": tip, onclick: () => !blocked && this.#toggle(name) },
      h("span", { class: "swatch", "data-scheme": name, "aria-hidden": "true" }), this.#schema.label(name));
  }

  #adder() {
    const missing = [...this.#schema.scheme.values()].filter(({ name }) => name !== "bound" && !this.#drawn.includes(name));
    const choice = h("select", { class: "arms-add", "aria-label": "Put another scheme on stage", onchange: () => choice.value && this.#enter(choice.value) },
      h("option", { value: "", text: "+ on stage" }), ...missing.map(({ name, label }) => h("option", { value: name, text: label })));
    return missing.length ? choice : "";
  }

  // Too few on stage, or a link that names some that are not: one click puts them there.
  #note() {
    const box = byId("arms-note");
    const absent = this.#wanted.filter((name) => !this.#drawn.includes(name));
    const few = this.#drawn.length < LEAST;
    const offered = few && !absent.length ? this.#suggested() : absent;
    box.hidden = !few && !absent.length;
    if (box.hidden) return;
    const labels = offered.map((name) => this.#schema.label(name)).join(", ");
    const said = few
      ? "Fewer than two schemes are on stage, and comparing takes two."
      : `${labels} ${offered.length === 1 ? "is" : "are"} not on stage.`;
    const put = h("button", { type: "button", class: "button", onclick: () => this.#stage(offered), text: `Put ${labels} on stage` });
    box.replaceChildren(h("span", { text: said }), this.#looking ? "" : put);
  }

  /** The paper's schemes. */
  #suggested() {
    const own = [...this.#schema.scheme.values()].filter(({ reference }) => !reference).map(({ name }) => name);
    return own.slice(0, this.#schema.max_arms);
  }
}
