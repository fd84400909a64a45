// What the user wants of the engine: shown at once, posted, and put right by what the server says.
import { toast } from "./toast.mjs";

const URL_CONTROL = "/live/control";

/** The control as it will be once `patch` is accepted; the server has the last word. */
export function merged(control, patch, schema) {
  const next = { ...control };
  if (patch.preset) next.params = { ...schema.preset.get(patch.preset).params, seed: control.params.seed };
  if (patch.params) {
    next.params = { ...next.params, ...patch.params };
    if ("vehicles" in patch.params && !("density" in patch.params)) next.params.density = [0, 0];
  }
  for (const key of ["stage", "running", "speed"]) if (key in patch) next[key] = patch[key];
  if (patch.step) next.steps = control.steps + 1;
  if (patch.reset) next.reset = control.reset + 1;
  if (patch.rsu) {
    const down = new Set(control.down);
    if (patch.rsu.up) down.delete(patch.rsu.index);
    else down.add(patch.rsu.index);
    next.down = [...down].sort((a, b) => a - b);
  }
  return next;
}

/** Events: `change` (control, as wanted now), `applied` (names waiting changed). */
export class Steering extends EventTarget {
  control = null;
  status = null;
  #schema;
  #told = null; // the server's newest record
  #underWay = 0;
  #version = -1; // of our newest accepted wish
  #waiting = new Map(); // parameter -> version that brings it, Infinity until it is known

  constructor(schema) {
    super();
    this.#schema = schema;
  }

  /** A record from the server. */
  received(control) {
    this.#told = control;
    if (this.#underWay === 0 && control.version >= this.#version) this.#adopt(control);
  }

  statusReceived(status) {
    this.status = status;
    const before = this.#waiting.size;
    for (const [name, version] of this.#waiting) if (version <= status.applied_version) this.#waiting.delete(name);
    if (before !== this.#waiting.size) this.dispatchEvent(new CustomEvent("applied"));
  }

  /** Whether a change of this parameter has not reached the engine yet. */
  waits(name) {
    return this.#waiting.has(name);
  }

  /** Ask for a change; resolves to whether it was accepted. */
  async wish(patch) {
    if (!this.control) {
      toast("The page is not connected to the engine yet: try again in a moment.", "error");
      return false;
    }
    this.#adopt(merged(this.control, patch, this.#schema));
    const names = Object.keys(patch.params ?? {}).filter((name) => this.#schema.param.get(name)?.live);
    for (const name of names) this.#waiting.set(name, Infinity);
    this.dispatchEvent(new CustomEvent("applied"));
    this.#underWay += 1;
    try {
      const { version } = await post(patch);
      this.#version = Math.max(this.#version, version);
      for (const name of names) this.#waiting.set(name, version);
      return true;
    } catch (error) {
      for (const name of names) this.#waiting.delete(name);
      toast(error.message, "error");
      this.#version = -1; // whatever the server holds is right
      return false;
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0 && this.#told && this.#told.version >= this.#version) this.#adopt(this.#told);
      this.dispatchEvent(new CustomEvent("applied"));
    }
  }

  #adopt(control) {
    this.control = control;
    this.dispatchEvent(new CustomEvent("change", { detail: control }));
  }
}

async function post(patch) {
  let reply;
  try {
    reply = await fetch(URL_CONTROL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(patch),
    });
  } catch {
    throw new Error("The server does not answer: is iov-twin still running? The change was not made.");
  }
  const content = await reply.json().catch(() => ({}));
  if (reply.ok) return content;
  if (reply.status === 403) throw new Error(content.error ?? "You may look but not steer: ask for the link that steers.");
  throw new Error(content.error ?? `The change was not made (the server answered ${reply.status}).`);
}
