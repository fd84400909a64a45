// Dash's widgets of parameters: what people do with them comes out as values, values that are to be shown go in.
import { byId } from "./dom.mjs";
import { clamped, parse, sameValue, shown } from "./schema.mjs";
import { toast } from "./toast.mjs";

export const setProps = (id, props) => window.dash_clientside.set_props(id, props);

/**
 * Events: `moved` (values by name, all widgets' or those that were moved), `typed` {name, value}; the value is undefined
 * where what was typed is none, which people have been told then.
 */
export class ParamWidgets extends EventTarget {
  #schema;
  #shown = new Map(); // parameter -> value its widget holds

  /** `root` holds the widgets. */
  constructor(schema, root) {
    super();
    this.#schema = schema;
    for (const { name, default: value } of schema.params) this.#shown.set(name, value);
    window.addEventListener("iov:params", ({ detail }) => this.#moved(detail));
    root.addEventListener("change", (event) => this.#typed(event));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches(".control-value, .control-value input")) event.target.blur();
    });
    this.#nameSliders(root);
  }

  /** Show a value; `again`: whatever the field says now. */
  write(name, value, again = false) {
    const meta = this.#schema.param.get(name);
    if (!meta) return;
    if (!sameValue(this.#shown.get(name), value)) {
      this.#shown.set(name, value);
      if (meta.widget) setProps({ type: "param", name }, { value });
    }
    const field = byId(`value-${name}`);
    const written = shown(meta, value);
    if (!field) return;
    const input = field.matches("input") ? field : field.querySelector("input");
    if (again || (document.activeElement !== input && input.value !== written)) setProps(`value-${name}`, { value: written });
  }

  #moved(values) {
    const found = {};
    for (const [name, held] of Object.entries(values)) {
      const meta = this.#schema.param.get(name);
      if (!meta || held === null || held === undefined) continue;
      this.#shown.set(name, held);
      found[name] = clamped(meta, held);
    }
    this.dispatchEvent(new CustomEvent("moved", { detail: found }));
  }

  #typed(event) {
    const field = event.target.closest?.("[id^='value-']") ?? event.target;
    const name = field.closest?.("[data-param]")?.dataset.param;
    const meta = this.#schema.param.get(name);
    if (!meta || !String(field.id).startsWith("value-")) return;
    let value;
    try {
      value = parse(meta, event.target.value);
    } catch (error) {
      toast(error.message, "error");
    }
    this.dispatchEvent(new CustomEvent("typed", { detail: { name, value } }));
  }

  // Dash's slider thumbs have no name of their own.
  #nameSliders(root) {
    const name = () => {
      for (const thumb of root.querySelectorAll(".dash-slider-thumb:not([data-named])")) {
        const meta = this.#schema.param.get(thumb.closest("[data-param]")?.dataset.param);
        if (!meta) continue;
        const end = thumb.getAttribute("aria-label");
        thumb.dataset.named = "";
        thumb.setAttribute("aria-label", [meta.label, end?.toLowerCase(), meta.unit && `in ${meta.unit}`].filter(Boolean).join(", "));
      }
    };
    new MutationObserver(name).observe(root, { childList: true, subtree: true });
    name();
  }
}
