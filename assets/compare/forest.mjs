// A forest plot: each scheme's paired difference from the reference as a point in its interval, on one axis with zero.
// All looks stand in attributes, so that the picture can be taken away as it is.
import { s } from "../live/dom.mjs";
import { fixed, percent, signed } from "../live/format.mjs";

const ROW = 26;
const TOP = 20;
const BOTTOM = 34;
const LEFT = 96;
const RIGHT = 232;
const TICKS = 4;
const CROWD = 4; // so many schemes, and one far away from the others must not squeeze them together:
const FAR = 4; // further than so many times the median
const NICE = [1, 2, 2.5, 5, 10];

/** {low, high, ticks} of an axis that holds all `values` and zero. */
export function axis(values) {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const span = high - low || 1;
  const size = 10 ** Math.floor(Math.log10(span / TICKS));
  const step = size * NICE.find((one) => one * size * TICKS >= span);
  const ticks = [];
  const [first, last] = low === high ? [-1, 1] : [Math.floor(low / step), Math.ceil(high / step)];
  for (let at = first; at <= last; at += 1) ticks.push(at * step);
  return { low: ticks[0], high: ticks.at(-1), ticks, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / size === 2.5 ? 1 : 0)) };
}

/** The differences that the axis has to hold: those further out get an arrow at its end. */
export function near(paired) {
  const all = Object.values(paired);
  const sizes = all.map(({ difference }) => Math.abs(difference)).sort((a, b) => a - b);
  const limit = FAR * sizes[Math.floor((sizes.length - 1) / 2)];
  const held = all.filter(({ difference }) => Math.abs(difference) <= limit);
  return all.length >= CROWD && limit > 0 && sizes.at(-1) > 2 * limit ? held : all;
}

/**
 * The plot as an SVG element. `judged`: of the server; `measure`; `look`: {colour(scheme), label(scheme), text, grid,
 * strong, ground, font}; `title` is for a picture that stands alone.
 */
export function forest(judged, measure, look, { width = 560, title = [] } = {}) {
  const others = Object.entries(judged.paired);
  const top = TOP + 18 * title.length;
  const height = top + ROW * others.length + BOTTOM;
  const scale = axis(near(judged.paired).flatMap(({ difference, interval }) => [difference, ...interval].map((value) => value * measure.scale)));
  const at = (value) => LEFT + ((value * measure.scale - scale.low) / (scale.high - scale.low)) * (width - LEFT - RIGHT);
  const ends = [LEFT, width - RIGHT];
  const words = (x, y, text, more = {}) => s("text", { x, y, fill: look.text, "font-size": 11, "font-family": look.font, ...more, text });
  const svg = s("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height, class: "forest", role: "img", "aria-label": spoken(judged, measure, look) });
  if (title.length) svg.append(s("rect", { width, height, fill: look.ground }));
  title.forEach((line, i) => svg.append(words(8, 18 + 18 * i, line, i === 0 ? { fill: look.strong, "font-weight": 650, "font-size": 13 } : { "font-size": 10 })));
  for (const tick of scale.ticks) {
    const x = at(tick / measure.scale);
    svg.append(s("line", { x1: x, x2: x, y1: top - 4, y2: height - BOTTOM, stroke: Math.abs(tick) < 1e-12 ? look.strong : look.grid, "stroke-width": Math.abs(tick) < 1e-12 ? 1.2 : 1 }));
    svg.append(words(x, height - BOTTOM + 14, fixed(tick, scale.places), { "text-anchor": "middle", "font-size": 10 }));
  }
  const way = measure.better === "lower" ? "right: the reference is better" : "left: the reference is better";
  const what = `${measure.label} minus ${look.label(judged.reference)}${measure.unit ? ` (${measure.unit})` : ""}, ${way}`;
  svg.append(words((LEFT + width - RIGHT) / 2, height - 5, what, { "text-anchor": "middle", "font-size": 10 }));
  svg.append(words(width - RIGHT + 16, top - 8, "difference [95 %]", { "font-size": 10 }), words(width - 6, top - 8, "P(ref. better)", { "font-size": 10, "text-anchor": "end" }));
  others.forEach(([name, told], i) => svg.append(...row(name, told, top + ROW * i + ROW / 2, { at, ends, words, look, measure, width })));
  return svg;
}

function row(name, { difference, interval, improvement, improvement_interval: sure }, y, { at, ends, words, look, measure, width }) {
  const number = (value) => signed(value * measure.scale, measure.places);
  const share = `${percent(improvement)} [${fixed(100 * sure[0], 0)}, ${fixed(100 * sure[1], 0)}]`;
  const middle = at(difference);
  const beyond = middle < ends[0] || middle > ends[1];
  return [
    words(LEFT - 10, y + 4, look.label(name), { "text-anchor": "end", fill: look.strong, "font-size": 11.5 }),
    ...(beyond ? [arrow(name, middle < ends[0], ends, y, look)] : mark(name, interval.map(at), middle, y, look)),
    words(width - RIGHT + 16, y + 4, `${number(difference)} [${number(interval[0])}, ${number(interval[1])}]`),
    words(width - 6, y + 4, share, { "text-anchor": "end" }),
  ];
}

function mark(name, [from, to], middle, y, look) {
  const colour = look.colour(name);
  const end = (x) => s("line", { x1: x, x2: x, y1: y - 5, y2: y + 5, stroke: colour, "stroke-width": 2 });
  return [
    s("line", { x1: from, x2: to, y1: y, y2: y, stroke: colour, "stroke-width": 2.4, class: "forest-bar", "data-scheme": name }),
    end(from),
    end(to),
    s("path", { d: `M${middle} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z`, fill: colour, stroke: look.ground, "stroke-width": 1 }),
  ];
}

// Off the axis: all of the interval, or nearly so, lies beyond its end.
function arrow(name, left, ends, y, look) {
  const [tip, way] = left ? [ends[0] - 6, 1] : [ends[1] + 6, -1];
  return s("path", { d: `M${tip} ${y}l${8 * way} -5v3.6h${22 * way}v2.8h${-22 * way}v3.6z`, fill: look.colour(name), class: "forest-beyond", "data-scheme": name });
}

const spoken = ({ paired, reference }, measure, look) =>
  `${measure.label} minus that of ${look.label(reference)}: ${Object.entries(paired).map(([name, { difference, interval }]) => `${look.label(name)} ${[difference, ...interval].map((value) => signed(value * measure.scale, measure.places)).join(", ")}`).join("; ")}`;
