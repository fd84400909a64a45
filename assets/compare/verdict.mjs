// The card of verdicts over seeds: both rankings side by side, and the form that has another contest played.
import { byId, h, say } from "../live/dom.mjs";
import { sameValue } from "../live/schema.mjs";
import { toast } from "../live/toast.mjs";
import { ContestView } from "./contest_view.mjs";
import { Contests } from "./contests.mjs";

const SEEDS = [3, 30];
const STEPS = [30, 600];
const USUAL = { seeds: 10, steps: 120 };

export class Verdict {
  #schema;
  #steering;
  #measures;
  #contests = new Contests();
  #views;
  #arms = [];
  #theme;
  #looking = false;
  #form;

  constructor(schema, steering, measures, theme) {
    this.#schema = schema;
    this.#steering = steering;
    this.#measures = measures;
    this.#theme = theme;
    this.#views = ["own", "equal"].map((kind) => new ContestView(schema, kind));
    byId("verdict-measure").append(measures.tabs());
    byId("rankings").append(...this.#views.map(({ element }) => element));
    this.#form = this.#made();
    byId("contest-form").append(this.#form.element);
    this.#contests.addEventListener("change", () => this.#render());
    measures.addEventListener("change", () => this.#render());
    steering.addEventListener("change", () => this.#about());
  }

  load() {
    return this.#contests.load();
  }

  setArms(names) {
    this.#arms = names;
    this.#about();
  }

  setTheme(theme) {
    this.#theme = theme;
    this.#render();
  }

  /** Who may only look sees results and progress. */
  setLooking(looking) {
    this.#form.fields.hidden = looking;
    this.#looking = looking;
    this.#render();
  }

  #made() {
    const number = (name, [low, high], about) => h("input", { type: "number", id: `contest-${name}`, min: low, max: high, step: 1, value: USUAL[name], "data-tip": about });
    const seeds = number("seeds", SEEDS, "Seeds, each with traffic, tasks and fading of its own; fewer than five are no evidence.");
    const steps = number("steps", STEPS, "Seconds of each seed; the first ones do not count.");
    const kind = h("select", { id: "contest-ingredients" }, h("option", { value: "own", text: "own" }), h("option", { value: "equal", text: "equal" }));
    const about = h("span", { class: "note", id: "contest-about" });
    const start = h("button", { type: "submit", class: "button primary", id: "contest-start", text: "Start" });
    const fields = h("form", { class: "contest-fields" },
      h("span", { class: "row-name", text: "Play a contest:" }),
      label("seeds", seeds), label("seconds", steps), label("ingredients", kind), start, about);
    fields.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start({ seeds: Number(seeds.value), steps: Number(steps.value), ingredients: kind.value });
    });
    const bar = h("progress", { id: "contest-progress", max: 1, value: 0, "aria-label": "Contest" });
    const message = h("span", { id: "contest-message", role: "status" });
    const cancel = h("button", { type: "button", class: "button", id: "contest-cancel", text: "Cancel", onclick: () => this.#attempt(() => this.#contests.cancel()) });
    const progress = h("div", { class: "contest-progress" }, bar, message, cancel);
    return { element: h("div", {}, fields, progress), fields, start, bar, message, cancel, progress, about };
  }

  #start(wanted) {
    const params = { ...this.#steering.control?.params };
    delete params.ingredients;
    return this.#attempt(() => this.#contests.start({ ...wanted, schemes: this.#arms, params }));
  }

  async #attempt(run) {
    try {
      await run();
    } catch (error) {
      toast(error.message, "error");
    }
  }

  // What the contest would be played with: the arms side by side, on the parameters as they stand.
  #about() {
    const { control } = this.#steering;
    if (!control) return;
    const labels = this.#arms.map((name) => this.#schema.label(name)).join(", ");
    const changed = Object.entries(control.params).filter(([name, value]) => !["seed", "vehicles", "ingredients", "train"].includes(name) && !sameValue(value, this.#schema.param.get(name)?.default));
    const rest = changed.length ? ` and ${changed.length} other ${changed.length === 1 ? "change" : "changes"}` : "";
    say(this.#form.about, `${labels}, with ${control.params.vehicles} vehicles${rest}, as the run has them now.`);
  }

  #render() {
    const { state, running, kept, shipped } = this.#contests;
    const named = (results, origin) => results.map((one) => ({ ...one, label: `${origin}: ${told(one.contest)}` }));
    const results = [...named(kept, "played here"), ...named(shipped.toSorted(byVehicles), "comes with the program")];
    const seen = { measure: this.#measures.current, theme: this.#theme };
    for (const view of this.#views) view.show(results, seen);
    this.#form.start.disabled = running;
    this.#form.progress.hidden = state.state === "none";
    this.#form.progress.dataset.state = state.state;
    this.#form.bar.hidden = !running;
    this.#form.bar.max = Math.max(1, state.of);
    this.#form.bar.value = state.done;
    this.#form.cancel.hidden = this.#looking || !running;
    say(this.#form.message, [state.message, running ? left(state.eta_s) : ""].filter(Boolean).join(" "));
  }
}

const label = (text, control) => h("label", { class: "field" }, control, h("span", { text }));
const byVehicles = (a, b) => a.contest.parameters.vehicles - b.contest.parameters.vehicles;
const told = ({ seeds, parameters }) => `${seeds.length} seeds, ${parameters.vehicles} vehicles`;

function left(seconds) {
  if (!Number.isFinite(seconds) || seconds === null) return "";
  return seconds < 90 ? `About ${Math.max(1, Math.round(seconds))} s left.` : `About ${Math.round(seconds / 60)} min left.`;
}
