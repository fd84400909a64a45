// Small lines of what adapts, eq. (45), and of the bytes sent: of one RSU, or the mean of all.
import { s, say } from "./dom.mjs";
import { fixed, NONE } from "./format.mjs";
import { bytes } from "./rounds.mjs";

const POINTS = 60;
const WIDTH = 100;
const HEIGHT = 24;
const KEYS = ["sigma_min", "interval_s", "count"];
const TEXT = {
  sigma_min: (value) => (value === 0 ? "0" : value < 0.1 ? value.toPrecision(2) : fixed(value, 2)),
  interval_s: (value) => `${fixed(value, 1)} s`,
  count: (value) => fixed(value, 1),
  bytes,
};

export class FedTraces {
  #parts = new Map();

  constructor(elements) {
    for (const element of elements) {
      const line = s("polyline", { class: "fed-line", "vector-effect": "non-scaling-stroke" });
      element.append(s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, line));
      this.#parts.set(element.dataset.trace, { line, value: element.querySelector(".fed-trace-value") });
    }
  }

  /** `rsu`: number, or null for the mean of all. */
  draw(learning, now, seconds, rsu) {
    const times = Array.from({ length: POINTS }, (_, i) => now - seconds + ((i + 1) * seconds) / POINTS);
    const adapted = adaptedAt(learning?.rounds ?? [], times, rsu);
    for (const key of KEYS) this.#line(key, adapted.map((values) => values?.[key] ?? NaN));
    this.#line("bytes", sentAt(learning?.sent ?? [], times));
  }

  #line(key, values) {
    const { line, value } = this.#parts.get(key);
    const known = values.filter(Number.isFinite);
    const last = values.at(-1);
    say(value, Number.isFinite(last) ? TEXT[key](last) : NONE);
    if (!known.length) return line.setAttribute("points", "");
    const low = key === "bytes" ? 0 : Math.min(...known);
    const high = Math.max(...known);
    const span = Math.max(high - low, 1e-9 + 0.04 * Math.abs(high));
    const points = values.map((one, i) => [(i * WIDTH) / (POINTS - 1), HEIGHT - 3 - ((one - low) / span) * (HEIGHT - 6)]);
    line.setAttribute("points", points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  }
}

/** sigma_min, tau_agg and N_agg at each time, means over the RSUs that had a round by then; null before the first. */
function adaptedAt(rounds, times, rsu) {
  const latest = new Map();
  const sums = { sigma_min: 0, interval_s: 0, count: 0 };
  const told = [];
  let next = 0;
  for (const time of times) {
    for (; next < rounds.length && rounds[next].t_s <= time; next += 1) {
      const round = rounds[next];
      if (round.tier !== "forecast" || (rsu !== null && round.rsu !== rsu)) continue;
      const before = latest.get(round.rsu);
      for (const key of KEYS) sums[key] += round[key] - (before?.[key] ?? 0);
      latest.set(round.rsu, round);
    }
    told.push(latest.size ? Object.fromEntries(KEYS.map((key) => [key, sums[key] / latest.size])) : null);
  }
  return told;
}

function sentAt(sent, times) {
  let next = 0;
  let last = sent.length ? 0 : NaN;
  return times.map((time) => {
    for (; next < sent.length && sent[next][0] <= time; next += 1) last = sent[next][1];
    return last;
  });
}
