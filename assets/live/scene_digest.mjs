// A short fingerprint of what nature did in a step: equal for two arms exactly if they saw the same.
import { HAS_TASK } from "./wire.mjs";

const START = 0x811c9dc5;
const PRIME = 0x01000193;

/** Eight hex digits (FNV-1a) of a frame's step, vehicles, places, headings, twin ages and tasks. */
export function sceneDigest(frame) {
  let hash = START;
  const take = (byte) => {
    hash = Math.imul(hash ^ byte, PRIME);
  };
  const takeBoth = (word) => {
    take(word & 255);
    take(word >> 8);
  };
  for (let shift = 0; shift < 32; shift += 8) take((frame.step >>> shift) & 255);
  for (let row = 0; row < frame.n; row += 1) {
    takeBoth(frame.slot[row]);
    takeBoth(frame.x[row]);
    takeBoth(frame.y[row]);
    take(frame.heading[row]);
    take(frame.info[row]);
    take(frame.state[row] & HAS_TASK);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
