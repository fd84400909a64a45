// Losses of the schemes that learn: four plots over the same time, each loss to its own scale.
import { layoutColours, logAxis, marksOf, moment } from "./chart_parts.mjs";

const DRAW_MS = 1800; // training is slow: looking twice in a while is enough
const COLUMNS = ["x", "x2"];
const TIMES = { "xaxis.type": "date", "xaxis2.type": "date" }; // see TIME
// Loss, number of its plot, dash, name behind the scheme's, whether its axis is logarithmic.
const LINES = [
  ["critic", "", "solid", "critic", true],
  ["actor", "2", "solid", "actor", false],
  ["forecast", "3", "solid", "forecast", true],
  ["cvae_reconstruction", "4", "solid", "reconstruction", true],
  ["cvae_kl", "4", "dot", "KL", true],
];

export class Losses {
  #graph;
  #keep;
  #smoothing;
  #lines = ""; // that are drawn, by name
  #run = "";
  #version = -1;
  #step = -1;
  #at = -DRAW_MS;
  #troubles = 0; // marked ones
  #look = null; // {colours, schema, name} of the theme

  constructor(graph, { points, smoothing }) {
    this.#graph = graph;
    this.#keep = points;
    this.#smoothing = smoothing;
  }

  due({ learning }) {
    if (!learning || !this.#look || performance.now() - this.#at < DRAW_MS) return false;
    return learning.run !== this.#run ? learning.version >= 0 : learning.version !== this.#version;
  }

  async draw({ learning, notices }) {
    const lines = linesOf(learning).map(([scheme, [loss]]) => `${scheme} ${loss}`).join();
    const told = learning.schemes.map((name) => learning.of(name));
    const added = Math.max(0, ...told.map((one) => one.after(this.#step)));
    const whole = lines !== this.#lines || learning.run !== this.#run || added >= this.#keep;
    const after = this.#step;
    this.#at = performance.now();
    this.#step = Math.max(-1, ...told.map(({ steps }) => steps.at(-1) ?? -1));
    [this.#lines, this.#run, this.#version] = [lines, learning.run, learning.version];
    this.#scale(learning);
    if (whole) await this.#whole(learning, notices);
    else {
      if (added) await this.#append(learning, after);
      if (troublesOf(learning).length !== this.#troubles) await this.mark({ learning, notices });
    }
  }

  // In time for the redraw that follows, which takes the layout as it is.
  #scale(learning) {
    for (const plot of new Set(LINES.filter(([, , , , isLog]) => isLog).map(([, number]) => number))) {
      const names = LINES.filter(([, number]) => number === plot).map(([loss]) => loss);
      const told = learning.schemes.flatMap((scheme) => learning.of(scheme).losses.slice(-this.#keep));
      const found = logAxis(told.flatMap((losses) => names.map((name) => losses[name])));
      if (found) Object.assign(this.#graph.layout[`yaxis${plot}`], { ...found, tickmode: "array", autorange: false });
    }
  }

  #told(learning, scheme, [loss, , , , isLog], count) {
    const told = learning.of(scheme).tail(loss, count, this.#smoothing);
    const drawn = isLog ? (value) => (value > 0 ? value : null) : (value) => value;
    return { x: told.steps.map(moment), raw: told.raw.map(drawn), mean: told.mean.map(drawn) };
  }

  async #append(learning, after) {
    const update = { x: [], y: [] };
    const indices = [];
    this.#graph.data.forEach(({ meta }, index) => {
      if (!meta.loss) return;
      const count = learning.of(meta.scheme).after(after);
      if (!count) return;
      const told = this.#told(learning, meta.scheme, LINES.find(([loss]) => loss === meta.loss), count);
      update.x.push(told.x);
      update.y.push(told[meta.role]);
      indices.push(index);
    });
    if (indices.length) await Plotly.extendTraces(this.#graph, update, indices, this.#keep);
  }

  async #whole(learning, notices) {
    const { schema, name: theme } = this.#look;
    const lines = linesOf(learning).flatMap(([scheme, line]) => {
      const [loss, plot, dash, words] = line;
      const told = this.#told(learning, scheme, line, this.#keep);
      const colour = schema.colour(scheme, theme);
      const common = { x: told.x, xaxis: `x${plot}`, yaxis: `y${plot}`, mode: "lines", connectgaps: false };
      return [
        { ...common, y: told.raw, meta: { scheme, loss, role: "raw" }, opacity: 0.22, hoverinfo: "skip", line: { color: colour, width: 1, dash: "solid" } },
        { ...common, y: told.mean, meta: { scheme, loss, role: "mean" }, name: `${schema.label(scheme)} ${words}`, hovertemplate: "%{y:.3~g}", line: { color: colour, width: 2, dash } },
      ];
    });
    const marks = this.#graph.data.filter(({ meta }) => !meta.loss);
    await Plotly.react(this.#graph, [...marks, ...lines], this.#graph.layout);
    await this.mark({ learning, notices });
  }

  async mark({ learning, notices }) {
    if (!learning || !this.#look) return;
    const { colours } = this.#look;
    const first = Math.min(Infinity, ...learning.schemes.map((name) => learning.of(name).steps[0] ?? Infinity));
    const changes = marksOf(first, notices, COLUMNS);
    const troubles = marksOf(first, troublesOf(learning), COLUMNS);
    this.#troubles = troublesOf(learning).length;
    const update = { x: [], y: [], text: [], "marker.color": [] };
    const indices = [];
    this.#graph.data.forEach(({ meta }, index) => {
      if (meta.loss) return;
      const told = meta.role === "trouble" ? troubles : changes;
      update.x.push(told.x);
      update.y.push(told.x.map(() => 0.9));
      update.text.push(told.text);
      update["marker.color"].push(meta.role === "trouble" ? colours.trouble : colours.mark);
      indices.push(index);
    });
    const shapes = [...changes.shapes(colours.mark), ...troubles.shapes(colours.trouble, "solid")];
    await Plotly.update(this.#graph, update, { shapes, ...TIMES }, indices);
  }

  async theme(colours, schema, name) {
    this.#look = { colours, schema, name };
    this.#run = ""; // all is drawn anew
    this.#at = -DRAW_MS;
    await Plotly.relayout(this.#graph, layoutColours(colours, this.#graph));
  }
}

/** [scheme, line] of all that was told. */
function linesOf(learning) {
  return learning.schemes.flatMap((scheme) => {
    const { names } = learning.of(scheme);
    return LINES.filter(([loss]) => names.has(loss)).map((line) => [scheme, line]);
  });
}

const troublesOf = (learning) => learning.schemes.flatMap((name) => learning.of(name).troubles);
