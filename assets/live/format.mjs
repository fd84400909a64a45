// Numbers as people read them: the same places everywhere, a dash where there is none.

export const NONE = "–";

/** A number with `places` decimals; a true minus sign. */
export function fixed(value, places = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return value.toFixed(places).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
}

/** A number with about three figures. */
export function figures(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function percent(share, places = 0) {
  return share === null || share === undefined || !Number.isFinite(share) ? NONE : `${fixed(100 * share, places)} %`;
}

/** Signed difference, e.g. +0.12. */
export function signed(value, places = 2) {
  const text = fixed(value, places);
  return Number.isFinite(value) && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** Simulated seconds as h:min:s. */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "–:––:––";
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** As Python's `{value:g}` for the sizes that parameters have. */
export function general(value) {
  return String(Number(value.toPrecision(6)));
}
