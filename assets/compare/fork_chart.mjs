// The chart of a fork: every arm's future as it is and changed, and below the difference, from a little before the fork on.
import { layoutColours, moment } from "../live/chart_parts.mjs";

const BEFORE_S = 60;
const SMOOTHING_S = 10;

/** Means over the last `SMOOTHING_S` values, gaps left out; `before` leads in. */
export function smoothed(values, before = []) {
  const all = [...before.slice(-SMOOTHING_S + 1), ...values];
  const lead = all.length - values.length;
  return values.map((_, i) => {
    const window = all.slice(Math.max(0, i + lead - SMOOTHING_S + 1), i + lead + 1).filter((value) => Number.isFinite(value));
    return window.length ? window.reduce((a, b) => a + b, 0) / window.length : null;
  });
}

/** {base, changed}: names of each arm in both futures, of a record of the server. */
export function arms({ stage, change }) {
  const swapped = change.replace ?? {};
  return stage.filter((name) => name !== "bound").map((name) => ({ base: name, changed: swapped[name] ?? name }));
}

/** {data, layout} for Plotly. `history(name)` gives {steps, raw} of the run itself, as far as it is known. */
export function figure(record, names, measure, { schema, theme, history, layout }) {
  const { column, scale, unit, places, label, symbol } = measure;
  const shown = arms(record).filter(({ base, changed }) => names.includes(base) || names.includes(changed));
  const at = (i) => moment(record.from_step + i);
  const values = (future, name) => (record[future][name]?.[column] ?? []).map((value) => (value === null ? NaN : value * scale));
  const hover = (sign) => `%{y:${sign}.${places}f}${unit ? ` ${unit}` : ""}`;
  const data = [];
  for (const { base, changed } of shown) {
    const past = history(base);
    const kept = past.steps.map((step, i) => [step, past.raw[i]]).filter(([step]) => step < record.from_step && step >= record.from_step - BEFORE_S - SMOOTHING_S);
    const lead = kept.map(([, value]) => (value === null ? NaN : value));
    const [as, otherwise] = [values("base", base), values("changed", changed)];
    const x = as.map((_, i) => at(i));
    const [colour, other] = [schema.colour(base, theme), schema.colour(changed, theme)];
    const line = (extra) => ({ type: "scatter", mode: "lines", hoverlabel: { namelength: -1 }, ...extra });
    data.push(
      line({ x: [...kept.map(([step]) => moment(step)).slice(-BEFORE_S), ...x.slice(0, 1)], y: smoothed([...lead, ...as.slice(0, 1)]).slice(-BEFORE_S - 1), name: `${schema.label(base)}, before`, line: { color: colour, width: 1.6 }, opacity: 0.55, hovertemplate: hover(""), meta: { scheme: base, role: "before" } }),
      line({ x, y: smoothed(as, lead), name: `${schema.label(base)}, as it is`, line: { color: colour, width: 2 }, hovertemplate: hover(""), meta: { scheme: base, role: "base" } }),
      line({ x, y: smoothed(otherwise, lead), name: `${schema.label(changed)}, changed`, line: { color: other, width: 2, dash: "dot" }, hovertemplate: hover(""), meta: { scheme: changed, role: "changed" } }),
      line({ x, y: smoothed(as.map((value, i) => otherwise[i] - value)), yaxis: "y2", name: changed === base ? schema.label(base) : `${schema.label(changed)} − ${schema.label(base)}`, line: { color: other, width: 2 }, hovertemplate: hover("+"), meta: { scheme: changed, role: "difference" } }),
    );
  }
  const colours = schema.charts[theme];
  const titled = [label.toLowerCase(), symbol].filter(Boolean).join(" ");
  const plain = structuredClone(layout);
  for (const [path, value] of Object.entries(layoutColours(colours, { layout: plain }))) put(plain, path, value);
  put(plain, "yaxis.title.text", `${titled} (${unit || "no unit"})`);
  put(plain, "yaxis2.title.text", `difference (${unit || "no unit"})`);
  put(plain, "yaxis2.zerolinecolor", colours.mark);
  plain.shapes = [{ type: "line", xref: "x", yref: "paper", x0: at(0), x1: at(0), y0: 0, y1: 1, line: { color: colours.mark, width: 1.4, dash: "dash" } }];
  plain.annotations = [{ text: "forked", xref: "x", yref: "paper", x: at(0), y: 1, xanchor: "right", yanchor: "top", xshift: -4, showarrow: false, font: { size: 10, color: colours.text } }];
  return { data, layout: plain };
}

function put(object, path, value) {
  const names = path.split(".");
  const last = names.pop();
  let place = object;
  for (const name of names) place = place[name] ??= {};
  place[last] = value;
}
