// Work waiting at each RSU under the scheme the map shows.
import { layoutColours } from "./chart_parts.mjs";

const RSU_MS = 1000;

export class RsuLoad {
  #due = false;
  #drawn = 0;
  #top = 0;

  constructor(graph) {
    this.graph = graph;
  }

  take(rsus, colour, failed) {
    if (!rsus) return;
    this.rsus = rsus;
    this.colour = colour;
    this.failed = failed;
    if (performance.now() - this.#drawn > RSU_MS) this.#due = true;
  }

  due() {
    return this.#due && Boolean(this.rsus);
  }

  async draw() {
    this.#drawn = performance.now();
    this.#due = false;
    const { backlogS, requests, up } = this.rsus;
    this.#top = steady(this.#top, Math.max(...backlogS));
    await Plotly.update(
      this.graph,
      {
        x: [backlogS.map((_, index) => index)],
        y: [backlogS],
        customdata: [requests.map((count, index) => (up[index] ? `${count} parts of tasks this second` : "out of order"))],
        "marker.color": [up.map((works) => (works ? this.colour : this.failed))],
      },
      { "yaxis.range": [0, this.#top] },
      [0],
    );
  }

  async theme(colours) {
    this.failed = colours.mark;
    this.#due = true;
    await Plotly.relayout(this.graph, layoutColours(colours, this.graph));
  }
}

/** The upper end of an axis: round, and left alone while the data fills it reasonably. */
function steady(top, most) {
  if (most <= top && most >= 0.3 * top) return top;
  const wanted = Math.max(0.1, 1.25 * most);
  const size = 10 ** Math.floor(Math.log10(wanted));
  return size * [1, 2, 5, 10].find((step) => wanted <= step * size);
}
