// The page's state in its address; the same codec as app/url_state.py, which says what each part means.
import { parse, sameValue, text } from "./schema.mjs";

export const DEFAULTS = {
  preset: "",
  params: {},
  stage: null,
  speed: 1,
  select: "",
  camera: null,
  colour: "offloading",
  arm: "",
  layers: null,
  charts: "",
  theme: "",
  presenter: false,
  arms: [],
  reference: "",
  measure: "cost",
  fork: "",
  horizon: 120,
};

const SAFE = { "%2C": ",", "%3A": ":" };
const quoted = (value) => encodeURIComponent(value).replace(/%2C|%3A/g, (found) => SAFE[found]);

/** The query string of a view, without `?`. */
export function encode(view, schema) {
  const seen = { ...DEFAULTS, ...view };
  const pairs = [];
  if (seen.preset) {
    pairs.push(["preset", seen.preset]);
    for (const name of Object.keys(seen.params).sort()) pairs.push([name, text(schema.param.get(name), seen.params[name])]);
    if (seen.stage) pairs.push(["stage", seen.stage.join(",")]);
    if (seen.speed !== 1) pairs.push(["speed", seen.speed === 0 ? "max" : String(seen.speed)]);
  }
  if (seen.select) pairs.push(["select", seen.select]);
  if (seen.camera) {
    const [x, y, zoom] = seen.camera;
    pairs.push(["view", `${x.toFixed(0)},${y.toFixed(0)},${zoom.toFixed(4)}`]);
  }
  const all = schema.layers.join(",");
  for (const [key, value, usual] of [
    ["colour", seen.colour, schema.colourings[0]],
    ["arm", seen.arm, ""],
    ["layers", seen.layers === null ? all : seen.layers.join(",") || "none", all],
    ["charts", seen.charts, ""],
    ["theme", seen.theme, ""],
    ["present", seen.presenter ? "1" : "", ""],
    ["arms", seen.arms.join(","), ""],
    ["reference", seen.reference, ""],
    ["measure", seen.measure, schema.measures[0].name],
    ["fork", seen.fork, ""],
    ["horizon", String(seen.horizon), String(schema.horizon)],
  ]) {
    if (value !== usual) pairs.push([key, value]);
  }
  return pairs.map(([key, value]) => `${key}=${quoted(value)}`).join("&");
}

/** {view, problems}: the view of a query string, and one sentence for each thing that was ignored. */
export function decode(query, schema) {
  const view = { ...DEFAULTS };
  const params = {};
  const problems = [];
  const readers = readersOf(schema);
  for (const [key, raw] of new URLSearchParams(query.slice(0, 4000))) {
    try {
      if (schema.param.has(key)) params[key] = parse(schema.param.get(key), raw);
      else if (readers[key]) Object.assign(view, readers[key](raw));
      else problems.push(`The link has an unknown part, “${key.slice(0, 40)}”, which is ignored.`);
    } catch (error) {
      problems.push(schema.param.has(key) ? error.message : `The link's ${key}=“${raw.slice(0, 40)}” means nothing and is ignored.`);
    }
  }
  if (!view.preset && (Object.keys(params).length || view.stage || view.speed !== 1)) view.preset = "default";
  const start = schema.preset.get(view.preset)?.params;
  view.params = Object.fromEntries(Object.entries(params).filter(([name, value]) => !sameValue(start[name], value)));
  return { view, problems };
}

function readersOf(schema) {
  const oneOf = (field, allowed) => (raw) => {
    if (!allowed.includes(raw)) throw new RangeError(raw);
    return { [field]: raw };
  };
  const listOf = (field, allowed) => (raw) => {
    const names = raw === "none" || raw === "" ? [] : raw.split(",");
    if (!names.every((name) => allowed.includes(name)) || new Set(names).size < names.length) throw new RangeError(raw);
    return { [field]: names };
  };
  return {
    preset: oneOf("preset", [...schema.preset.keys()]),
    stage: listOf("stage", [...schema.scheme.keys()]),
    speed: (raw) => {
      const speed = raw === "max" ? 0 : Number(raw);
      if (!schema.speeds.includes(speed) || (speed === 0 && raw !== "max")) throw new RangeError(raw);
      return { speed };
    },
    select: (raw) => {
      if (!/^[vr][0-9]{1,9}$/.test(raw)) throw new RangeError(raw);
      return { select: raw[0] + Number(raw.slice(1)) };
    },
    view: (raw) => {
      const camera = raw.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
      const [x, y, zoom] = camera;
      const inside = (value) => value >= -5000 && value <= 10000;
      if (camera.length !== 3 || !inside(x) || !inside(y) || !(zoom >= 0.01 && zoom <= 50)) throw new RangeError(raw);
      return { camera };
    },
    colour: oneOf("colour", schema.colourings),
    arm: oneOf("arm", [...schema.scheme.keys()]),
    layers: (raw) => {
      const { layers } = listOf("layers", schema.layers)(raw);
      return { layers: schema.layers.filter((name) => layers.includes(name)) };
    },
    charts: oneOf("charts", schema.subjects),
    theme: oneOf("theme", ["light", "dark"]),
    arms: (raw) => {
      const { arms } = listOf("arms", [...schema.scheme.keys()])(raw);
      if (!arms.length || arms.length > schema.max_arms) throw new RangeError(raw);
      return { arms };
    },
    reference: oneOf("reference", [...schema.scheme.keys()]),
    measure: oneOf("measure", schema.measures.map(({ name }) => name)),
    fork: (raw) => ({ fork: forkText(forkChange(raw, schema), schema) }),
    horizon: (raw) => {
      const [low, high] = schema.horizons;
      if (!/^[0-9]+$/.test(raw) || Number(raw) < low || Number(raw) > high) throw new RangeError(raw);
      return { horizon: Number(raw) };
    },
    present: (raw) => {
      oneOf("", ["1"])(raw);
      return { presenter: true };
    },
  };
}

/** What a fork changes, of what links say: {kind: "same" | "swap" | "param", old, new, name, value}; throws. */
export function forkChange(raw, schema) {
  const [kind, ...rest] = raw.split(":");
  if (raw === "same") return { kind: "same" };
  if (kind === "swap") {
    const known = (name) => schema.scheme.has(name) && name !== "bound";
    if (rest.length !== 2 || rest[0] === rest[1] || !rest.every(known)) throw new RangeError(raw);
    return { kind, old: rest[0], new: rest[1] };
  }
  const meta = schema.param.get(kind);
  if (!meta?.live || kind === "train" || !rest.length) throw new RangeError(raw);
  return { kind: "param", name: kind, value: parse(meta, rest.join(":")) };
}

/** The same in a link. */
export function forkText(change, schema) {
  if (change.kind === "same") return "same";
  if (change.kind === "swap") return `swap:${change.old}:${change.new}`;
  return `${change.name}:${text(schema.param.get(change.name), change.value)}`;
}

/** Preset and differing parameters that write `params` the shortest way; the earlier preset where two do. */
export function shortest(params, schema) {
  let best = null;
  for (const preset of schema.presets) {
    const differing = Object.entries(params).filter(([name, value]) => !sameValue(preset.params[name], value));
    if (best === null || differing.length < best.count) {
      best = { preset: preset.name, params: Object.fromEntries(differing), count: differing.length };
    }
  }
  return { preset: best.preset, params: best.params };
}
