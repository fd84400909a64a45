// The left column: Dash's widgets told apart from what the engine should do, and kept equal to it.
import { byId, h, icon, say } from "./dom.mjs";
import { ParamWidgets, setProps } from "./param_widgets.mjs";
import { sameValue } from "./schema.mjs";
import { shortest } from "./url.mjs";

export class Controls {
  #run;
  #schema;
  #steering;
  #widgets;
  #preset = "default"; // that the dropdown shows, null for none

  constructor(schema, steering, run) {
    this.#run = run;
    this.#schema = schema;
    this.#steering = steering;
    this.#widgets = new ParamWidgets(schema, byId("controls"));
    this.#widgets.addEventListener("moved", ({ detail }) => this.#moved(detail));
    this.#widgets.addEventListener("typed", ({ detail }) => this.#typed(detail));
    window.addEventListener("iov:preset", ({ detail }) => this.#presetChosen(detail));
    for (const button of byId("stage").children) {
      button.addEventListener("click", () => this.#staged(button.dataset.scheme));
    }
    steering.addEventListener("change", ({ detail }) => this.#render(detail));
    steering.addEventListener("applied", () => this.#badges());
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
    const changed = Object.entries(values).filter(([name, value]) => !sameValue(value, control.params[name]));
    if (changed.length) this.#steering.wish({ params: Object.fromEntries(changed) });
  }

  #typed({ name, value }) {
    const now = () => this.#steering.control?.params[name];
    if (value !== undefined && !sameValue(value, now())) this.#steering.wish({ params: { [name]: value } });
    this.#widgets.write(name, now() ?? this.#schema.param.get(name).default, true);
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
    for (const [name, value] of Object.entries(control.params)) this.#widgets.write(name, value);
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
}
