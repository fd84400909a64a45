// Run or pause, step, speed, reset: buttons and keys of every page.
import { byId, say } from "./dom.mjs";

export class RunControls {
  #schema;
  #steering;

  constructor(schema, steering) {
    this.#schema = schema;
    this.#steering = steering;
    byId("run-toggle").addEventListener("click", () => this.toggle());
    byId("run-step").addEventListener("click", () => this.step());
    byId("run-reset").addEventListener("click", () => this.reset());
    for (const button of byId("speed").children) {
      button.addEventListener("click", () => this.setSpeed(Number(button.dataset.speed)));
    }
    steering.addEventListener("change", ({ detail }) => this.#render(detail));
  }

  toggle() {
    const { control } = this.#steering;
    if (control) this.#steering.wish({ running: !control.running });
  }

  /** One step; a running engine is paused first. */
  step() {
    const running = this.#steering.control?.running;
    this.#steering.wish(running ? { running: false } : { step: true });
  }

  reset() {
    this.#steering.wish({ reset: true });
  }

  setSpeed(speed) {
    if (this.#schema.speeds.includes(speed)) this.#steering.wish({ speed });
  }

  #render({ running, speed }) {
    say(byId("run-text"), running ? "Pause" : "Run");
    byId("run-toggle").querySelector(".icon").className = `icon icon-${running ? "pause" : "play"}`;
    byId("run-toggle").setAttribute("aria-pressed", String(running));
    for (const button of byId("speed").children) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === speed));
    }
  }
}
