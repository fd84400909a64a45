// What a fork changes: one parameter by its own widget, a scheme for another, or nothing at all as a check; and for how long.
import { byId, h } from "../live/dom.mjs";
import { ParamWidgets } from "../live/param_widgets.mjs";
import { forkChange, forkText } from "../live/url.mjs";

const KINDS = [
  ["param", "A parameter", "The same schemes with one parameter otherwise"],
  ["swap", "A scheme", "Another scheme takes over an arm: its queues, batteries and twins"],
  ["same", "Nothing", "A check: two futures with no change have to be the same to the last bit"],
];
const FIRST = "rsu_capacity";

/** Events: `change`, `fork`. */
export class ForkForm extends EventTarget {
  #schema;
  #kind = "param";
  #name = FIRST;
  #drafts = new Map(); // parameter -> value chosen here
  #control = null;
  #stage = [];
  #touched = false;
  #widgets;
  #kinds;
  #names;
  #old = h("select", { id: "fork-old", "aria-label": "Scheme that is replaced", onchange: () => this.#edit() });
  #new = h("select", { id: "fork-new", "aria-label": "Scheme that takes over", onchange: () => this.#edit() });
  #steps;
  #start = h("button", { type: "submit", class: "button primary", id: "fork-start", text: "Fork from here" });

  /** `view`: of the address. */
  constructor(schema, view) {
    super();
    this.#schema = schema;
    this.#widgets = new ParamWidgets(schema, byId("fork-params"));
    this.#widgets.addEventListener("moved", ({ detail }) => this.#moved(detail));
    this.#widgets.addEventListener("typed", ({ detail }) => this.#typed(detail));
    this.#kinds = h("div", { class: "segments", role: "group", "aria-label": "What changes" },
      ...KINDS.map(([kind, text, about]) => h("button", { type: "button", class: "segment", "data-kind": kind, "data-tip": about, text, onclick: () => this.#choose(kind) })));
    const known = [...byId("fork-params").children].map(({ dataset }) => dataset.param);
    this.#names = h("select", { id: "fork-param", "aria-label": "Parameter that changes", onchange: () => this.#edit(() => (this.#name = this.#names.value)) },
      ...known.map((name) => h("option", { value: name, text: schema.param.get(name).label })));
    this.#names.value = this.#name;
    const [low, high] = schema.horizons;
    this.#steps = h("input", { id: "fork-steps", type: "number", min: low, max: high, step: 1, value: view.horizon, onchange: () => this.#edit() });
    const swap = h("span", { class: "fork-swap" }, this.#old, h("span", { text: "→", "aria-hidden": "true" }), this.#new);
    const form = h("form", { class: "fork-fields" }, this.#kinds, this.#names, swap, h("label", { class: "field" }, h("span", { text: "for" }), this.#steps, h("span", { text: "seconds" })), this.#start);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("fork"));
    });
    byId("fork-form").append(form);
    for (const { name, label } of schema.scheme.values()) if (name !== "bound") this.#new.append(h("option", { value: name, text: label }));
    if (view.fork) this.#take(forkChange(view.fork, schema));
    this.#show();
  }

  /** What the address says of it, "" as long as nobody has chosen anything. */
  get text() {
    return this.#touched ? forkText(this.#change(), this.#schema) : "";
  }

  get steps() {
    const [low, high] = this.#schema.horizons;
    return Math.min(high, Math.max(low, Math.round(Number(this.#steps.value)) || low));
  }

  /** The change in the server's words. */
  get change() {
    const change = this.#change();
    if (change.kind === "same") return {};
    return change.kind === "swap" ? { replace: { [change.old]: change.new } } : { params: { [change.name]: change.value } };
  }

  set busy(busy) {
    this.#start.disabled = busy;
  }

  setControl(control) {
    this.#control = control;
    this.#show();
  }

  setStage(stage) {
    const drawn = stage.filter((name) => name !== "bound");
    if (drawn.join() === this.#stage.join()) return;
    const before = this.#old.value || this.#wantedOld;
    this.#stage = drawn;
    this.#old.replaceChildren(...drawn.map((name) => h("option", { value: name, text: this.#schema.label(name) })));
    if (drawn.includes(before)) this.#old.value = before;
    this.#apart();
  }

  #wantedOld = "";

  #take(change) {
    this.#touched = true;
    this.#kind = change.kind;
    if (change.kind === "param") {
      this.#name = this.#names.value = change.name;
      this.#drafts.set(change.name, change.value);
    } else if (change.kind === "swap") {
      this.#wantedOld = change.old;
      this.#new.value = change.new;
    }
  }

  #change() {
    if (this.#kind === "same") return { kind: "same" };
    if (this.#kind === "swap") return { kind: "swap", old: this.#old.value || this.#wantedOld, new: this.#new.value };
    return { kind: "param", name: this.#name, value: this.#value(this.#name) };
  }

  #value(name) {
    return this.#drafts.get(name) ?? this.#control?.params[name] ?? this.#schema.param.get(name).default;
  }

  #choose(kind) {
    this.#edit(() => (this.#kind = kind));
  }

  #edit(run = () => {}) {
    run();
    this.#touched = true;
    this.#apart();
    this.#show();
    this.dispatchEvent(new CustomEvent("change"));
  }

  // A scheme cannot replace itself.
  #apart() {
    for (const option of this.#new.options) option.disabled = option.value === this.#old.value;
    if (this.#new.selectedOptions[0]?.disabled) this.#new.value = [...this.#new.options].find(({ disabled }) => !disabled).value;
  }

  #moved(values) {
    const value = values[this.#name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(this.#value(this.#name))) return;
    this.#edit(() => this.#drafts.set(this.#name, value));
  }

  #typed({ name, value }) {
    if (value !== undefined) this.#edit(() => this.#drafts.set(name, value));
    this.#widgets.write(name, this.#value(name), true);
  }

  #show() {
    for (const segment of this.#kinds.children) segment.setAttribute("aria-pressed", String(segment.dataset.kind === this.#kind));
    this.#names.hidden = this.#kind !== "param";
    this.#old.parentElement.hidden = this.#kind !== "swap";
    for (const widget of byId("fork-params").children) widget.classList.toggle("chosen", this.#kind === "param" && widget.dataset.param === this.#name);
    if (this.#kind === "param") this.#widgets.write(this.#name, this.#value(this.#name));
  }
}
