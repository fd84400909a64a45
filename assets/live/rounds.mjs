// Rounds of the federation as signs and words: what fired, how many came, were refused or lost.
import { s } from "./dom.mjs";
import { fixed } from "./format.mjs";

// Okabe and Ito's colours; shapes differ as well. Letters of a path of radius 1.
export const TRIGGERS = {
  time: { words: "time", light: "#0072b2", dark: "#4fa8e0", shape: square },
  count: { words: "count", light: "#d98200", dark: "#f0a830", shape: disc },
  all: { words: "all", light: "#008a63", dark: "#2fc296", shape: diamond },
  "time-out": { words: "time-out", light: "#c94f00", dark: "#ff7a3d", shape: triangle },
  arrival: { words: "arrival", light: "#b0558c", dark: "#e08fc0", shape: bar },
};
export const FIRED = {
  time: "τ_agg had passed",
  count: "N_agg updates had come",
  all: "all updates had come",
  "time-out": "it had waited long enough",
  arrival: "an update came",
};

/** Radius of the sign of a round with `count` updates in a row of this height. */
export const radius = (count, height) => Math.min(0.62 * height, 1.1 + 0.95 * Math.sqrt(count));

export const refused = ({ weight }) => weight.reduce((sum, value) => sum + (value > 0 ? 0 : 1), 0);

/** Radius of the hole in a sign: the more were refused, the larger. */
export const hole = (round, r) => {
  const share = refused(round) / Math.max(1, round.weight.length);
  return share > 0 ? r * Math.min(0.72, 0.34 + 0.4 * share) : 0;
};

function disc(path, x, y, r) {
  path.moveTo(x + r, y);
  path.arc(x, y, r, 0, 2 * Math.PI);
}

function square(path, x, y, r) {
  path.rect(x - 0.86 * r, y - 0.86 * r, 1.72 * r, 1.72 * r);
}

function bar(path, x, y, r) {
  path.rect(x - 0.5 * r, y - r, r, 2 * r);
}

function diamond(path, x, y, r) {
  corners(path, [x, y - 1.25 * r], [x + 1.1 * r, y], [x, y + 1.25 * r], [x - 1.1 * r, y]);
}

function triangle(path, x, y, r) {
  corners(path, [x, y - 1.15 * r], [x + 1.1 * r, y + 0.85 * r], [x - 1.1 * r, y + 0.85 * r]);
}

function corners(path, first, ...others) {
  path.moveTo(...first);
  for (const one of others) path.lineTo(...one);
  path.closePath();
}

// The same shapes as text, for the key and the card.
const PATHS = {
  time: "M1 1h8v8h-8z",
  count: "M9.4 5a4.4 4.4 0 1 1-8.8 0a4.4 4.4 0 1 1 8.8 0z",
  all: "M5 .2 9.4 5 5 9.8.6 5z",
  "time-out": "M5 .6 9.6 9.2H.4z",
  arrival: "M3 .6h4v8.8H3z",
};

/** A trigger's sign beside words. */
export function sign(fired) {
  const path = s("path", { d: PATHS[fired] ?? PATHS.count, class: `fired fired-${fired}` });
  return s("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" }, path);
}

/** Whose round it is. */
export const owner = ({ tier, rsu }) => (tier === "agents" ? "Agents" : `RSU ${rsu}`);

/** Bytes as people say them. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  const [size, unit] = value >= 1e9 ? [1e9, "GB"] : value >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  return `${fixed(value / size, value / size >= 100 ? 0 : 1)} ${unit}`;
}

/** A round in one sentence, for ears and tests. */
export function sentence(round) {
  const { vehicle, lost, t_s: time } = round;
  const refusals = refused(round);
  const parts = [`${owner(round)}, round ${round.version} at ${fixed(time, 0)} s: ${TRIGGERS[round.fired]?.words ?? round.fired}`];
  parts.push(`${vehicle.length} ${vehicle.length === 1 ? "update" : "updates"}`);
  if (refusals) parts.push(`${refusals} refused`);
  if (lost) parts.push(`${lost} lost`);
  parts.push(bytes(round.bytes));
  return `${parts.join(", ")}.`;
}
