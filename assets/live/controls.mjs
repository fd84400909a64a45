// The left column: Dash's widgets told apart from what the engine should do, and kept equal to it.
import { byId, h, icon, say } from "./dom.mjs";
import { clamped, parse, sameValue, shown } from "./schema.mjs";
import { toast } from "./toast.mjs";
import { shortest } from "./url.mjs";

const setProps = (id, props) => window.dash_clientside.set_props(id, props);

export class Controls {
  #run;
  #schema;
  #steering;
  #shown = new Map(); // parameter -> value its widget holds
  #preset = "default"; // that the dropdown shows, null for none

  constructor(schema, steering, run) {
    this.#run = run;
    this.#schema = schema;
    this.#steering = steering;
    for (const { name, default: value } of schema.params) this.#shown.set(name, value);
    window.addEventListener("iov:params", ({ detail }) => this.#moved(detail));
    window.addEventListener("iov:preset", ({ detail }) => this.#presetChosen(detail));
    byId("controls").addEventListener("change", (event) => this.#typed(event));
    byId("controls").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches(".control-value, .control-value input")) event.target.blur();
    });
    for (const button of byId("stage").children) {
      button.addEventListener("click", () => this.#staged(button.dataset.scheme));
    }
    steering.addEventListener("change", ({ detail }) => this.#render(detail));
    steering.addEventListener("applied", () => this.#badges());
    this.#nameSliders();
  }

  /** What the engine says: waiting changes, and whether `best` had the time it wanted. */
  statusReceived(status) {
    this.#badges();
    this.#pendingNotice(status.pending ?? []);
    const share = status.best_cut_short ?? 0;
    const cut = share > 0 && status.stage?.includes("best");
    byId("stage-note").hidden = !cut;
    if (cut) {
      say(byId("stage-note"), `Best was cut short in ${Math.round(100 * share)} % of the last 60 steps: give it more time under Run, More.`);
    }
  }

  // From the widgets

  #moved(values) {
    const { control } = this.#steering;
    if (!control) return;
    const changed = {};
    for (const [name, held] of Object.entries(values)) {
      const meta = this.#schema.param.get(name);
      if (!meta || held === null || held === undefined) continue;
      const value = clamped(meta, held);
      this.#shown.set(name, held);
      if (!sameValue(value, control.params[name])) changed[name] = value;
    }
    if (Object.keys(changed).length) this.#steering.wish({ params: changed });
  }

  #typed(event) {
    const field = event.target.closest?.("[id^='value-']") ?? event.target;
    const name = field.closest?.("[data-param]")?.dataset.param;
    const meta = this.#schema.param.get(name);
    if (!meta || !String(field.id).startsWith("value-")) return;
    try {
      const value = parse(meta, event.target.value);
      if (!sameValue(value, this.#steering.control?.params[name])) this.#steering.wish({ params: { [name]: value } });
    } catch (error) {
      toast(error.message, "error");
    }
    this.#write(name, this.#steering.control?.params[name] ?? meta.default, true);
  }

  #presetChosen(name) {
    if (!name || name === this.#preset || !this.#steering.control) return;
    this.#steering.wish({ preset: name });
  }

  #staged(name) {
    const { control } = this.#steering;
    if (!control) return;
    const chosen = new Set(control.stage);
    if (chosen.has(name)) chosen.delete(name);
    else chosen.add(name);
    const order = [...this.#schema.scheme.keys()];
    this.#steering.wish({ stage: [...chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b)) });
  }

  // To the widgets

  #render(control) {
    for (const [name, value] of Object.entries(control.params)) this.#write(name, value);
    for (const button of byId("stage").children) {
      button.setAttribute("aria-checked", String(control.stage.includes(button.dataset.scheme)));
    }
    this.#scenario(control.params);
    this.#density(control.params.density);
    this.#badges();
  }

  // Vehicles and density are two ways to say the same: density wins while it is on.
  #density([low, high]) {
    const note = byId("density-note");
    note.hidden = !(high > 0);
    const swings = low < high ? `, swinging between ${low} and ${high}` : `, ${high}`;
    say(note, `Density sets the number${swings} per km².`);
    document.querySelector("[data-param=vehicles]").classList.toggle("overruled", high > 0);
  }

  #write(name, value, again = false) {
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

  #scenario(params) {
    const start = shortest(params, this.#schema);
    const names = Object.keys(start.params).filter((name) => this.#schema.param.get(name).label !== "Seed");
    const title = this.#schema.preset.get(start.preset);
    const exact = names.length === 0;
    const preset = exact ? start.preset : null;
    if (preset !== this.#preset) {
      this.#preset = preset;
      setProps("preset", { value: preset });
    }
    const labels = names.map((name) => this.#schema.param.get(name).label);
    say(byId("preset-note"), exact ? `${title.note}.` : `${title.title}, with other ${labels.slice(0, 3).join(", ")}${labels.length > 3 ? " …" : ""}.`);
  }

  #badges() {
    const pending = new Set(this.#steering.status?.pending ?? []);
    for (const badge of document.querySelectorAll(".badge-when")) {
      const { name } = badge.dataset;
      const live = this.#schema.param.get(name)?.live;
      const waits = live ? this.#steering.waits(name) : pending.has(name);
      badge.classList.toggle("waits", waits);
      say(badge, live ? (waits ? "applying…" : "now") : waits ? "waits for reset" : "at reset");
    }
  }

  #pendingNotice(names) {
    const box = byId("pending");
    const key = names.join();
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    box.hidden = names.length === 0;
    const labels = names.map((name) => this.#schema.param.get(name)?.label ?? name);
    box.replaceChildren(
      h("span", { text: `${labels.join(", ")} ${names.length === 1 ? "takes" : "take"} effect at reset.` }),
      h("button", { type: "button", class: "button", onclick: () => this.#run.reset() }, icon("reset"), "Reset now"),
    );
  }

  // Dash's slider thumbs have no name of their own.
  #nameSliders() {
    const name = () => {
      for (const thumb of document.querySelectorAll("#controls .dash-slider-thumb:not([data-named])")) {
        const meta = this.#schema.param.get(thumb.closest("[data-param]")?.dataset.param);
        if (!meta) continue;
        const end = thumb.getAttribute("aria-label");
        thumb.dataset.named = "";
        thumb.setAttribute("aria-label", [meta.label, end?.toLowerCase(), meta.unit && `in ${meta.unit}`].filter(Boolean).join(", "));
      }
    };
    new MutationObserver(name).observe(byId("controls"), { childList: true, subtree: true });
    name();
  }
}
