// Expected cost over the offloaded share, a curve per option, with every scheme's choice and the best in hindsight.
import { h, s } from "./dom.mjs";
import { fixed } from "./format.mjs";

const WIDTH = 320;
const HEIGHT = 190;
const LEFT = 36;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;
const TEXT_PX = 34;
const SPAN_MOST = 3; // of cost above the lowest point that is still drawn to scale

export class Curve {
  #context;
  #svg;
  #caption = h("p", { class: "curve-key" });

  constructor(context) {
    this.#context = context;
    this.#svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "curve" });
    this.element = h("figure", { class: "curve-figure" }, this.#svg, this.#caption);
  }

  update(about, arm) {
    const { schema, themeOf } = this.#context;
    const { hindsight, choice } = about.arms[arm];
    const local = about.arms[arm].options.find(({ target, name }) => target < 0 && name === "local");
    const curves = about.arms[arm].options.filter((option) => option !== local);
    const others = Object.entries(about.arms)
      .filter(([name, told]) => told?.choice && name !== "bound" && name !== arm)
      .map(([name, told]) => ({ name, ...told.choice }));
    const scale = scaleOf([...curves, ...(local ? [local] : [])], [choice, hindsight ?? choice], others);
    const parts = [...axes(scale)];
    const chosen = curves.findIndex(({ name }) => name === choice.option);
    curves.forEach((option, i) => parts.push(...curveOf(option, i, i === chosen, scale)));
    if (local) parts.push(s("path", { d: diamond(scale.x(0), scale.y(local.cost[0])), class: "curve-local" }, s("title", { text: `All local: Ω ${fixed(local.cost[0])}` })));
    if (hindsight) parts.push(ring(scale.x(hindsight.rho), scale.y(hindsight.cost), `Best in hindsight: Ω ${fixed(hindsight.cost)}`));
    const written = []; // where costs off the scale stand as text
    for (const other of others) parts.push(...mark(other, scale, schema.colour(other.name, themeOf()), schema.label(other.name), false, written));
    parts.push(...mark(choice, scale, schema.colour(arm, themeOf()), schema.label(arm), true, written));
    this.#svg.setAttribute("aria-label", `Expected cost over the offloaded share for ${curves.map(({ name }) => name).join(", ")}`);
    this.#svg.replaceChildren(...parts);
    this.#key(curves, chosen, Boolean(local));
  }

  #key(curves, chosen, local) {
    const entries = curves.map(({ name }, i) => h("span", { class: i === chosen ? "key chosen" : "key" }, sample(i, i === chosen), name));
    if (local) entries.push(h("span", { class: "key" }, small(s("path", { d: diamond(6, 5), class: "curve-local" })), "all local"));
    entries.push(h("span", { class: "key" }, small(ring(6, 5)), "best in hindsight"));
    entries.push(h("span", { class: "key" }, small(s("circle", { cx: 6, cy: 5, r: 3.6, class: "choice key-dot" })), "a choice, at what it cost"));
    const key = `${chosen}|${entries.map((entry) => entry.textContent).join("|")}`;
    if (this.#caption.dataset.key === key) return;
    this.#caption.dataset.key = key;
    this.#caption.replaceChildren(...entries);
  }
}

/** Axes for the curves and what must be seen; the other schemes' costs may lie beyond. */
function scaleOf(options, must, others) {
  const expected = options.flatMap(({ cost }) => cost).filter(Number.isFinite);
  const needed = must.map(({ cost }) => cost);
  const low = Math.min(...expected, ...needed, ...others.map(({ cost }) => cost));
  const high = Math.max(Math.min(Math.max(...expected), low + SPAN_MOST), ...needed);
  const step = [0.1, 0.2, 0.5, 1, 2, 5].find((size) => (high - low) / size <= 5) ?? 10;
  const from = Math.floor(low / step + 1e-9) * step;
  const to = Math.max(from + step, Math.ceil(high / step - 1e-9) * step);
  return {
    from,
    to,
    step,
    x: (rho) => LEFT + rho * (WIDTH - LEFT - RIGHT),
    y: (cost) => TOP + (1 - (Math.min(cost, to) - from) / (to - from)) * (HEIGHT - TOP - BOTTOM),
  };
}

/** A scheme's choice: a dot, or an arrow with the cost where that is off the scale. */
function mark({ rho, cost }, { x, y, to }, fill, label, shown, written) {
  const title = s("title", { text: `${label}: ρ ${fixed(rho)}, Ω ${fixed(cost)}` });
  if (cost <= to) return [s("circle", { cx: x(rho), cy: y(cost), r: shown ? 5.2 : 3.8, fill, class: shown ? "choice shown" : "choice" }, title)];
  const at = `${x(rho)} ${y(to) - 3}`;
  const inwards = rho > 0.5 ? -7 : 7;
  const arrow = s("path", { d: `M${at}l5 8h-10z`, fill, class: "choice" }, title);
  if (written.some((taken) => Math.abs(taken - x(rho)) < TEXT_PX)) return [arrow];
  written.push(x(rho));
  return [
    arrow,
    s("text", { x: x(rho) + inwards, y: y(to) + 5, class: `curve-tick ${rho > 0.5 ? "end" : ""}`, text: fixed(cost, 1) }),
  ];
}

function axes({ from, to, step, x, y }) {
  const parts = [];
  for (let cost = from; cost <= to + step / 2; cost += step) {
    parts.push(s("line", { x1: x(0), x2: x(1), y1: y(cost), y2: y(cost), class: "curve-grid" }));
    parts.push(s("text", { x: x(0) - 6, y: y(cost) + 3, class: "curve-tick end", text: fixed(cost, step < 1 ? 1 : 0) }));
  }
  for (const rho of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(s("text", { x: x(rho), y: HEIGHT - BOTTOM + 14, class: "curve-tick middle", text: `${100 * rho}` }));
  }
  parts.push(s("text", { x: x(0.5), y: HEIGHT - 4, class: "curve-title middle", text: "offloaded share ρ (%)" }));
  parts.push(s("text", { transform: `translate(10 ${(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)`, class: "curve-title middle", text: "cost Ω (no unit)" }));
  return parts;
}

function curveOf({ name, rho, cost }, i, chosen, { x, y }) {
  const d = rho.map((share, at) => `${at ? "L" : "M"}${x(share).toFixed(1)} ${y(cost[at]).toFixed(1)}`).join("");
  let lowest = 0;
  cost.forEach((value, at) => {
    if (value < cost[lowest]) lowest = at;
  });
  const title = `${name}: lowest expected Ω ${fixed(cost[lowest])} at ρ ${fixed(rho[lowest])}`;
  return [s("path", { d, class: lineClass(i, chosen) }, s("title", { text: title }))];
}

const lineClass = (i, chosen) => `curve-line curve-${i % 4}${chosen ? " chosen" : ""}`;

const diamond = (x, y) => `M${x} ${y - 4}l4 4l-4 4l-4 -4z`;

/** A ring, so that the choice that found it stays to be seen inside. */
function ring(x, y, text) {
  const made = s("circle", { cx: x, cy: y, r: 4.2, class: "hindsight" });
  if (text) {
    made.setAttribute("r", 7.6);
    made.append(s("title", { text }));
  }
  return made;
}

const small = (shape) => s("svg", { viewBox: "0 0 12 10", width: 12, height: 10, "aria-hidden": "true" }, shape);

function sample(i, chosen) {
  return s("svg", { viewBox: "0 0 16 10", width: 16, height: 10, "aria-hidden": "true" }, s("line", { x1: 0, x2: 16, y1: 5, y2: 5, class: lineClass(i, chosen) }));
}
