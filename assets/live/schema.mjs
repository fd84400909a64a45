// What the server told about parameters, presets, schemes and panels, and how values are read and written.
import { general } from "./format.mjs";

const CLOSE = 1e-9;

export class Schema {
  constructor(told) {
    Object.assign(this, told);
    this.param = new Map(told.params.map((meta) => [meta.name, meta]));
    this.preset = new Map(told.presets.map((preset) => [preset.name, preset]));
    this.scheme = new Map(told.schemes.map((scheme) => [scheme.name, scheme]));
  }

  label(scheme) {
    return this.scheme.get(scheme)?.label ?? scheme;
  }

  colour(scheme, theme) {
    return this.scheme.get(scheme)?.colour[theme] ?? "#888888";
  }
}

export function sameValue(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) < CLOSE;
  return a === b;
}

/** The value as on the command line and in links. */
export function text(meta, value) {
  if (meta.kind === "range") return sameValue(value[0], value[1]) ? general(value[0]) : `${general(value[0])}:${general(value[1])}`;
  if (meta.kind === "switch") return value ? "on" : "off";
  if (meta.kind === "float") return general(value);
  return String(value);
}

/** The value as its field shows it. */
export function shown(meta, value) {
  return meta.kind === "range" ? text(meta, value).replace(":", " – ") : text(meta, value);
}

/** The value that `raw` writes; throws with one sentence where it is none. */
export function parse(meta, raw) {
  const value = read(meta, raw.trim());
  if (value === undefined) throw new RangeError(`${meta.label}: ${JSON.stringify(raw.slice(0, 40))} is not possible: choose ${meta.allowed}.`);
  return value;
}

function read(meta, raw) {
  if (meta.kind === "choice") return meta.choices.includes(raw) ? raw : undefined;
  if (meta.kind === "switch") return { on: true, true: true, off: false, false: false }[raw.toLowerCase()];
  const parts = meta.kind === "range" ? raw.replace(/\s*[–—]\s*/, ":").split(":") : [raw];
  const numbers = parts.map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (numbers.length > 2 || !numbers.every((value) => Number.isFinite(value) && value >= meta.low && value <= meta.high)) return undefined;
  if (meta.kind === "int" && !Number.isInteger(numbers[0])) return undefined;
  if (meta.kind !== "range") return numbers[0];
  const [low, high] = [numbers[0], numbers.at(-1)];
  return low <= high ? [low, high] : undefined;
}

/** What a widget holds, brought inside the bounds. */
export function clamped(meta, value) {
  const one = (number) => Math.min(meta.high, Math.max(meta.low, number));
  if (meta.kind === "range") return value.map(one);
  return meta.kind === "float" || meta.kind === "int" ? one(value) : value;
}
