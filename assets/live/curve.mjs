// Expected cost over the offloaded share, a curve per option, with every scheme's choice and the best in hindsight.
import { h, s } from "./dom.mjs";
import { fixed } from "./format.mjs";

const WIDTH = 320;
const HEIGHT = 190;
const LEFT = 36;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;
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
    const { options, hindsight } = about.arms[arm];
    const points = Object.entries(about.arms)
      .filter(([name, told]) => told?.choice && name !== "bound")
      .map(([name, told]) => ({ name, rho: told.choice.rho, cost: told.choice.cost }));
    const scale = scaleOf(options, [...points, hindsight]);
    const parts = [...axes(scale)];
    const curves = options.filter(({ rho }) => rho.length > 1);
    curves.forEach((option, i) => parts.push(...curveOf(option, i, scale)));
    for (const { rho, cost, name } of options.filter((option) => option.rho.length === 1)) {
      parts.push(s("path", { d: diamond(scale.x(rho[0]), scale.y(cost[0])), class: "curve-local" }, s("title", { text: `${name}: Ω ${fixed(cost[0])}` })));
    }
    parts.push(star(scale.x(hindsight.rho), scale.y(hindsight.cost), `Best in hindsight: Ω ${fixed(hindsight.cost)}`));
    for (const { name, rho, cost } of points) {
      const circle = s("circle", { cx: scale.x(rho), cy: scale.y(cost), r: name === arm ? 5 : 3.6, fill: schema.colour(name, themeOf()), class: name === arm ? "choice shown" : "choice" });
      circle.append(s("title", { text: `${schema.label(name)}: ρ ${fixed(rho)}, Ω ${fixed(cost)}` }));
      parts.push(circle);
    }
    this.#svg.setAttribute("aria-label", `Expected cost over the offloaded share for ${options.map(({ name }) => name).join(", ")}`);
    this.#svg.replaceChildren(...parts);
    this.#key(curves, options.some((option) => option.rho.length === 1));
  }

  #key(curves, local) {
    const entries = curves.map(({ name }, i) => h("span", { class: `key key-${i % 4}` }, sample(i), name));
    if (local) entries.push(h("span", { class: "key" }, small(s("path", { d: diamond(6, 5), class: "curve-local" })), "all local"));
    entries.push(h("span", { class: "key" }, small(star(6, 5)), "best in hindsight"));
    entries.push(h("span", { class: "key" }, small(s("circle", { cx: 6, cy: 5, r: 3.6, class: "choice key-dot" })), "choices, at what they cost"));
    const key = entries.map((entry) => entry.textContent).join("|");
    if (this.#caption.dataset.key === key) return;
    this.#caption.dataset.key = key;
    this.#caption.replaceChildren(...entries);
  }
}

function scaleOf(options, points) {
  const expected = options.flatMap(({ cost }) => cost).filter(Number.isFinite);
  const shown = points.map(({ cost }) => cost).filter(Number.isFinite);
  const low = Math.min(...expected, ...shown);
  const high = Math.min(Math.max(...expected, ...shown), Math.max(low + SPAN_MOST, ...shown));
  const step = [0.1, 0.2, 0.5, 1, 2, 5].find((size) => (high - low) / size <= 5) ?? 10;
  const from = Math.floor(low / step) * step;
  const to = Math.max(from + step, Math.ceil(high / step) * step);
  return {
    from,
    to,
    step,
    x: (rho) => LEFT + rho * (WIDTH - LEFT - RIGHT),
    y: (cost) => TOP + (1 - (Math.min(cost, to) - from) / (to - from)) * (HEIGHT - TOP - BOTTOM),
  };
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

function curveOf({ name, rho, cost }, i, { x, y }) {
  const d = rho.map((share, at) => `${at ? "L" : "M"}${x(share).toFixed(1)} ${y(cost[at]).toFixed(1)}`).join("");
  let lowest = 0;
  cost.forEach((value, at) => {
    if (value < cost[lowest]) lowest = at;
  });
  return [
    s("path", { d, class: `curve-line curve-${i % 4}` }, s("title", { text: `${name}: lowest expected Ω ${fixed(cost[lowest])} at ρ ${fixed(rho[lowest])}` })),
    s("circle", { cx: x(rho[lowest]), cy: y(cost[lowest]), r: 2, class: `curve-low curve-${i % 4}` }),
  ];
}

const diamond = (x, y) => `M${x} ${y - 4}l4 4l-4 4l-4 -4z`;

function star(x, y, title) {
  const corners = Array.from({ length: 10 }, (_, i) => {
    const angle = -Math.PI / 2 + (i * Math.PI) / 5;
    const radius = i % 2 ? 2.3 : 5.4;
    return `${(x + radius * Math.cos(angle)).toFixed(1)} ${(y + radius * Math.sin(angle)).toFixed(1)}`;
  });
  const made = s("path", { d: `M${corners.join("L")}Z`, class: "hindsight" });
  if (title) made.append(s("title", { text: title }));
  return made;
}

const small = (shape) => s("svg", { viewBox: "0 0 12 10", width: 12, height: 10, "aria-hidden": "true" }, shape);

function sample(i) {
  return s("svg", { viewBox: "0 0 16 10", width: 16, height: 10, "aria-hidden": "true" }, s("line", { x1: 0, x2: 16, y1: 5, y2: 5, class: `curve-line curve-${i % 4}` }));
}
