// Whether schemes learn now, in words: under the switch, on the tab of charts, and where there is nothing to draw yet.
import { byId, h, icon, say } from "./dom.mjs";

const LEARNER = "af-marl"; // to put on stage where nobody there learns
const TONES = { training: "good", starting: "warn", restarting: "warn", failed: "bad" };
const NOTHING = {
  losses: {
    off: "Training is off, so there are no losses.",
    training: "Training has begun. The first losses come with its first update.",
  },
  federation: {
    off: "Training is off, so no models travel.",
    training: "Training has begun. The first round comes when vehicles have sent their updates.",
  },
};

export class Training {
  #schema;
  #steering;
  #shown = new Map(); // panel -> what its empty state said last

  constructor(schema, steering) {
    this.#schema = schema;
    this.#steering = steering;
  }

  /** `told`: the status's {scheme: {state, message, policy, learnt, dropped}}; `scheme`: the one charts show. */
  update(told, { scheme, learning, looking }) {
    const state = worst(Object.values(told));
    byId("learning-dot").hidden = !(state in TONES);
    byId("learning-dot").dataset.tone = TONES[state] ?? "";
    this.#note(told);
    const has = { losses: Boolean(learning?.steps.length), federation: Boolean(learning?.rounds.length) };
    for (const panel of Object.keys(NOTHING)) this.#empty(panel, told[scheme], has[panel], looking);
  }

  #note(told) {
    const note = byId("learning-note");
    if (!note) return;
    const schemes = Object.entries(told);
    note.hidden = schemes.length === 0;
    const lines = schemes.map(([name, one]) => [TONES[one.state] ?? "", `${this.#schema.label(name)}${words(one)}`]);
    const key = JSON.stringify(lines);
    if (note.dataset.key === key) return;
    note.dataset.key = key;
    note.replaceChildren(...lines.map(([tone, text]) => h("span", { class: "training-line" }, h("span", { class: "learning-dot", "data-tone": tone }), h("span", { text }))));
  }

  #empty(panel, one, hasData, looking) {
    const box = document.querySelector(`.card[data-panel="${panel}"] .card-empty`);
    if (!box) return;
    const content = hasData ? null : this.#nothing(panel, one);
    box.hidden = !content;
    const about = byId("about-losses");
    if (panel === "losses") say(about, hasData && one && one.state !== "training" ? paused(one) : "");
    const key = `${content?.text}|${content?.action?.text}|${looking}`;
    if (!content || this.#shown.get(panel) === key) return;
    this.#shown.set(panel, key);
    const button = content.action && !looking ? h("button", { type: "button", class: "button primary", onclick: content.action.run }, icon("play"), content.action.text) : null;
    box.replaceChildren(h("p", { text: content.text }), ...(button ? [button] : []));
  }

  #nothing(panel, one) {
    if (!one) {
      const learner = this.#schema.scheme.get(LEARNER);
      const join = () => this.#steering.wish({ stage: [...this.#schema.scheme.keys()].filter((name) => name === LEARNER || this.#steering.control?.stage.includes(name)) });
      return { text: "No scheme on stage learns.", action: learner && { text: `Put ${learner.label} on stage`, run: join } };
    }
    if (one.state === "off") return { text: NOTHING[panel].off, action: { text: "Train live", run: () => this.#steering.wish({ params: { train: true } }) } };
    if (one.state === "training") return { text: one.message || NOTHING[panel].training };
    return { text: paused(one) };
  }
}

const order = ["failed", "restarting", "starting", "training", "off"];
const worst = (all) => order.find((state) => all.some((one) => one.state === state)) ?? "off";

const STATES = { off: "Training is off", starting: "Training is starting", restarting: "Training starts again", failed: "Training has stopped", training: "Training" };

const paused = ({ state, message }) => `${STATES[state] ?? state}${message ? `: ${message}` : "."}`;

const lowered = (sentence) => sentence[0].toLowerCase() + sentence.slice(1);

const POLICIES = { shipped: "its shipped policy", scratch: "what it began with from scratch" };

function words({ state, message, policy, learnt, dropped }) {
  const start = POLICIES[policy] ?? policy;
  if (state === "off") return learnt ? ` has learnt from ${learnt} steps, and does not learn now.` : ` acts by ${start} and does not learn.`;
  if (state !== "training") return `: ${lowered(paused({ state, message }))}`;
  const missed = dropped ? ` (busy during ${dropped} more)` : "";
  return ` learns: ${learnt} steps so far${missed}, from ${start}.`;
}
