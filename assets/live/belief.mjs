// What a learned scheme believed of its RSU when it decided: the wait, the toll, what AdFL foretold.
import { h, say } from "./dom.mjs";
import { fixed, percent } from "./format.mjs";
import { facts } from "./inspect_rsu.mjs";

export class Belief {
  #bar = h("i", { class: "belief-idle" });
  #rest = h("i", { class: "belief-busy" });
  #sentence = h("p", { class: "belief-said" });
  #facts = h("dl", { class: "facts" });

  constructor() {
    this.element = h("div", { class: "belief", hidden: true },
      h("h4", { text: "What it believed" }),
      h("div", { class: "bar belief-bar" }, this.#bar, this.#rest), this.#sentence, this.#facts);
  }

  /** `told`: what the engine explains of a learned scheme's choice; nothing for other schemes. */
  update(told) {
    this.element.hidden = !told;
    if (!told) return;
    const { idle, mean_wait_s: wait, crowd, toll, context, seat, learner } = told;
    this.#bar.style.width = percent(idle, 1).replace(" ", "");
    this.#bar.dataset.tip = `No wait: ${percent(idle)}`;
    this.#rest.dataset.tip = `Else a wait of ${fixed(wait)} s on average`;
    say(this.#sentence, `${percent(idle)} no wait, else ${fixed(wait)} s.`);
    const rows = [["Toll for the delay of others", fixed(toll)]];
    if (Number.isFinite(crowd)) rows.push(["Those it would delay, Σ 1/T", `${fixed(crowd, 1)} /s`]);
    if (context) rows.push(["AdFL foretells", `${fixed(context.wait_s)} s wait, ${percent(context.success)} in time`]);
    if (Number.isFinite(seat) && seat >= 0) rows.push(["Its seat at the RSU", fixed(seat, 0)]);
    if (Number.isFinite(learner)) rows.push(["Decided by learner", fixed(learner, 0)]);
    facts(this.#facts, rows);
  }
}
