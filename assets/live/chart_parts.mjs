// What charts made by Plotly share: time, marks of changes, the colours of a theme.

export const TIME = { "xaxis.type": "date" }; // Plotly guesses anew whenever all x change

/** A step as a date of Plotly's, which takes small numbers for years. */
export const moment = (step) => new Date(step * 1000).toISOString().slice(0, 19);

/** Marks of what happened at steps from `first` on; `across` names the time axes their lines cross. */
export function marksOf(first, happened, across = ["x"]) {
  const seen = happened.filter(({ step }) => step >= first);
  return {
    x: seen.map(({ step }) => moment(step)),
    text: seen.map(({ text }) => text),
    shapes: (color, dash = "dot") =>
      seen.flatMap(({ step }) => across.map((xref) => ({
        type: "line",
        xref,
        yref: "paper",
        x0: moment(step),
        x1: moment(step),
        y0: 0,
        y1: 1,
        line: { color, width: 1, dash },
        layer: "below",
      }))),
  };
}

export function layoutColours(colours, graph) {
  const update = {
    "font.color": colours.text,
    "hoverlabel.bgcolor": colours.hover,
    "hoverlabel.bordercolor": colours.axis,
    "hoverlabel.font.color": colours.text,
    shapes: (graph.layout.shapes ?? []).map((shape) => ({ ...shape, line: { ...shape.line, color: colours.mark } })),
  };
  for (const axis of Object.keys(graph.layout).filter((name) => /^[xy]axis[0-9]*$/.test(name))) {
    Object.assign(update, {
      [`${axis}.color`]: colours.text,
      [`${axis}.gridcolor`]: colours.grid,
      [`${axis}.linecolor`]: colours.axis,
    });
  }
  return update;
}

const NICE = [1, 2, 5];

/** Range and ticks of a logarithmic axis for these values: few round numbers, however small the range. */
export function logAxis(values) {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!known.length) return null;
  const [low, high] = [Math.min(...known) / 1.06, Math.max(...known) * 1.06];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const digit of NICE) ticks.push(digit * 10 ** power);
  }
  let shown = ticks.filter((value) => value >= low && value <= high);
  if (shown.length < 2) {
    const size = 10 ** Math.floor(Math.log10((high - low) / 2));
    const step = size * (NICE.findLast((digit) => digit * size <= (high - low) / 2) ?? 1);
    shown = [];
    for (let value = step * Math.ceil(low / step); value <= high; value += step) shown.push(value);
  }
  const every = Math.ceil(shown.length / 4);
  return { range: [Math.log10(low), Math.log10(high)], tickvals: shown.filter((_, i) => i % every === 0) };
}
