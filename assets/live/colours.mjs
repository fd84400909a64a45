// What the colour of a vehicle says: modes, their colour-blind-safe scales and their legends.
import { HAS_TASK, SUCCESS, TARGET_VEHICLE } from "./wire.mjs";

const STEPS = 16;

// Sequential scales with monotone lightness (viridis-like) and blue-orange ones; lighter for the dark theme.
const SCALES = {
  dark: {
    sequential: ["#7a6ae0", "#4f8fe0", "#22b5a5", "#8fd352", "#fde725"],
    goodBad: ["#3f8fd9", "#79b9e6", "#e6dfb0", "#f3a764", "#f0641e"],
    badGood: ["#f0641e", "#f0a24a", "#e9d66b", "#7fcbb0", "#2fb4d8"],
  },
  light: {
    sequential: ["#46287c", "#31688e", "#1f918a", "#5aaa36", "#d9a400"],
    goodBad: ["#00569c", "#3a93c4", "#a89a3c", "#d9822b", "#b83f00"],
    badGood: ["#b83f00", "#cf7a1c", "#b59a1b", "#3c9b84", "#0072a8"],
  },
};
// Okabe-Ito without black and grey, which mean "no task" and "no server".
const CATEGORIES = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#4f7fe0"];
const CATEGORIES_LIGHT = ["#2f94cf", "#c98500", "#008a64", "#a89b00", "#b85c92", "#c04f00", "#3358b8"];
const NEUTRAL = { dark: "#77838f", light: "#8b95a1" };
const PLAIN = { dark: "#aab6c3", light: "#55606c" };

/** Mode names with what a control needs to offer them, in order of display. */
export const MODES = {
  offloading: { label: "Offloaded share", symbol: "ρ", scale: "sequential", low: 0, high: 1, ticks: ["0", "50 %", "100 %"] },
  cost: { label: "Cost", symbol: "Ω", scale: "goodBad", low: 0, high: 3, ticks: ["0", "1.5", "≥ 3"] },
  success: { label: "Deadline", symbol: "t ≤ T", classes: [["met", 0], ["missed", 1]] },
  rsu: { label: "Serving RSU", symbol: "m", classes: [["a colour per RSU", null]] },
  battery: { label: "Battery left", symbol: "E", scale: "badGood", low: 0, high: 1, ticks: ["0", "50 %", "100 %"] },
  age: { label: "Twin age", symbol: "sync intervals", scale: "goodBad", low: 0, high: 5, ticks: ["0", "2.5", "≥ 5"] },
};

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** [r, g, b, alpha] of a colour written `#rrggbb`, `rgb(...)` or `rgba(...)`. */
export function channelsOf(colour) {
  if (colour.startsWith("#")) return [...channels(colour), 1];
  const [r, g, b, alpha = 1] = colour.match(/[0-9.]+/g).map(Number);
  return [r, g, b, alpha];
}

/** Colour at `share` in [0, 1] of a list of stops. */
export function mix(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const from = channels(stops[low]);
  const to = channels(stops[low + 1]);
  const [r, g, b] = from.map((value, i) => Math.round(value + (to[i] - value) * (at - low)));
  return `rgb(${r},${g},${b})`;
}

/** Ring colour of an RSU whose load is `share` of full. */
export function loadColour(share, theme) {
  return mix(SCALES[theme].goodBad, share);
}

/** A colour index per RSU such that near ones differ: greedy over distance. */
export function rsuCategories(rsus) {
  const chosen = [];
  rsus.forEach((rsu, index) => {
    const near = rsus
      .slice(0, index)
      .map((other, j) => ({ j, d: Math.hypot(other.x - rsu.x, other.y - rsu.y) }))
      .sort((a, b) => a.d - b.d)
      .slice(0, CATEGORIES.length - 1);
    const used = new Set(near.map(({ j }) => chosen[j]));
    let colour = 0;
    while (used.has(colour)) colour += 1;
    chosen.push(colour);
  });
  return chosen;
}

/**
 * The colouring of one mode: `colours[i]`, and `bucket(frame, row, serving)`, an index into it. Index 0 means that
 * there is nothing to say (no task); `serving` is the RSU that serves the vehicle, -1 for none. `ofTask` modes say
 * something about a task, so that what they said last may stay for a moment after it.
 */
export function colouring(mode, theme, categories = []) {
  const description = MODES[mode];
  if (!description) throw new RangeError(`unknown colouring ${mode}; known: ${Object.keys(MODES).join(", ")}`);
  const neutral = NEUTRAL[theme];
  if (mode === "success") {
    const [met, , , , missed] = SCALES[theme].goodBad;
    const bucket = (frame, row) => {
      const state = frame.state[row];
      return state & HAS_TASK ? (state & SUCCESS ? 1 : 2) : 0;
    };
    return { colours: [neutral, met, missed], bucket, ofTask: true };
  }
  if (mode === "rsu") {
    const palette = theme === "dark" ? CATEGORIES : CATEGORIES_LIGHT;
    const bucket = (frame, row, serving) => {
      const target = frame.target[row];
      const rsu = target < TARGET_VEHICLE ? target : serving;
      return rsu < 0 || rsu >= categories.length ? 0 : 1 + categories[rsu];
    };
    return { colours: [neutral, ...palette], bucket, ofTask: false };
  }
  return rampColouring(mode, theme, neutral);
}

function rampColouring(mode, theme, neutral) {
  const { scale, low, high } = MODES[mode];
  const stops = SCALES[theme][scale];
  const ramp = Array.from({ length: STEPS }, (_, i) => mix(stops, i / (STEPS - 1)));
  const step = (value) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    return 1 + Math.round(share * (STEPS - 1));
  };
  const bucket = {
    offloading: (f, row) => (f.state[row] & HAS_TASK ? step(f.rho[row] / 255) : 0),
    cost: (f, row) => (f.state[row] & HAS_TASK ? step(f.cost[row] / 50) : 0),
    battery: (f, row) => step((f.state[row] >> 4) / 15),
    age: (f, row) => step(f.info[row] >> 4),
  }[mode];
  return { colours: [neutral, ...ramp], bucket, ofTask: mode === "offloading" || mode === "cost" };
}

/** What a legend draws: {title, symbol, stops?, ticks?, classes?: [{label, colour}]}. */
export function legend(mode, theme) {
  const { label, symbol, scale, ticks, classes } = MODES[mode];
  const told = { title: label, symbol, ticks, stops: scale && SCALES[theme][scale] };
  if (mode === "success") {
    const { colours } = colouring(mode, theme);
    told.classes = classes.map(([name], i) => ({ label: name, colour: colours[i + 1] }));
  }
  if (mode === "rsu") {
    const palette = theme === "dark" ? CATEGORIES : CATEGORIES_LIGHT;
    told.classes = [{ label: classes[0][0], colours: palette }];
  }
  if (mode === "battery" || mode === "age") return told;
  const none = mode === "rsu" ? "not served" : "no task";
  told.none = { label: none, colour: NEUTRAL[theme] };
  return told;
}

/** Colour of a vehicle sign in the legend. */
export function plainVehicle(theme) {
  return PLAIN[theme];
}
