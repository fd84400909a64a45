// The maps side by side: one for each arm with its name, its scene, its strip, and what it says of the thing pointed at.
import { byId, h, say } from "../live/dom.mjs";
import { fixed, percent } from "../live/format.mjs";
import { TARGET_NONE, TARGET_VEHICLE } from "../live/wire.mjs";
import { Strip, WINDOW_S } from "./strip.mjs";

export class Panes {
  #schema;
  #map;
  #panes = new Map(); // scheme -> elements
  #loads = new Map(); // scheme -> [{tS, value}]

  constructor(schema, map) {
    this.#schema = schema;
    this.#map = map;
  }

  /** Put these arms side by side. */
  show(names) {
    for (const name of names) if (!this.#panes.has(name)) this.#panes.set(name, this.#made(name));
    for (const name of [...this.#panes.keys()]) if (!names.includes(name)) this.#panes.delete(name);
    this.#panes = new Map(names.map((name) => [name, this.#panes.get(name)]));
    byId("map").replaceChildren(...[...this.#panes.values()].map(({ element }) => element));
    byId("map").style.setProperty("--panes", String(Math.max(1, names.length)));
    this.#map.setPanes(new Map([...this.#panes].map(([name, { room }]) => [name, room])));
  }

  #made(name) {
    const scene = h("span", { class: "pane-scene", "data-tip": "The step that this map shows, and a fingerprint of its vehicles, places and tasks: the same for all arms in lock-step." });
    const told = h("p", { class: "pane-told", hidden: true });
    const room = h("div", { class: "pane-map" }, told);
    const strip = new Strip(this.#schema);
    const heading = h("h2", { class: "pane-name", tabindex: 0, "data-tip": this.#schema.scheme.get(name)?.ingredients ?? "", text: this.#schema.label(name) });
    const element = h("section", { class: "pane", "data-scheme": name, "aria-label": this.#schema.label(name) }, h("header", { class: "pane-head" }, heading, scene), room, strip.element);
    return { element, room, scene, told, strip };
  }

  setTheme(theme) {
    for (const [name, { element }] of this.#panes) element.style.setProperty("--scheme", this.#schema.colour(name, theme));
  }

  /** What each map has drawn: {step, digest} by scheme. Says whether all of it is the same scene. */
  setScenes(scenes) {
    for (const [name, { element, scene }] of this.#panes) {
      const told = scenes[name];
      element.dataset.step = told?.step ?? "";
      element.dataset.digest = told?.digest ?? "";
      say(scene, told ? `step ${told.step} · ${told.digest.slice(0, 6)}` : "not on stage");
    }
    const told = [...this.#panes.keys()].map((name) => scenes[name]);
    const [first] = told;
    if (!first) return null;
    return { ...first, same: told.every((one) => one?.step === first.step && one?.digest === first.digest) };
  }

  /** What each arm says of one vehicle or RSU, by scheme; null for nothing. */
  setTold(each) {
    for (const [name, { told }] of this.#panes) {
      const about = each?.[name];
      told.hidden = !about;
      if (about) say(told, sentence(about));
    }
  }

  /** Take the RSUs' backlog of a frame's arms, {tS, load} by scheme. */
  takeLoads(tS, loads) {
    for (const [name, value] of Object.entries(loads)) {
      const kept = (this.#loads.get(name) ?? []).filter((one) => one.tS > tS - WINDOW_S && one.tS < tS);
      kept.push({ tS, value });
      this.#loads.set(name, kept);
    }
    this.#fill("load", (name) => {
      const known = (this.#loads.get(name) ?? []).map(({ value }) => value).filter(Number.isFinite);
      return { now: loads[name], over: known.length ? known.reduce((a, b) => a + b, 0) / known.length : NaN };
    });
  }

  forgetLoads() {
    this.#loads.clear();
  }

  /** Fill the strips from the last minute of metrics. */
  setSeries(series) {
    const columns = this.#schema.measures.map(({ column }) => column);
    const means = new Map([...this.#panes.keys()].map((name) => [name, series.means(name, WINDOW_S, columns)]));
    for (const { name: row, column, scale } of this.#schema.measures) {
      this.#fill(row, (name) => ({ now: series.tail(name, column, 1, scale).raw[0] ?? NaN, over: means.get(name)[column] * scale }));
    }
  }

  #fill(row, of) {
    const found = [...this.#panes].map(([name, pane]) => ({ pane, ...of(name) }));
    const most = Math.max(0, ...found.flatMap(({ now, over }) => [now, over]).filter(Number.isFinite));
    for (const { pane, now, over } of found) pane.strip.set(row, { now, over, most });
  }
}

function sentence(about) {
  if (about.kind === "rsu") {
    return about.up ? `RSU ${about.index}: ${fixed(about.backlogS)} s waiting, ${about.requests} tasks` : `RSU ${about.index} is down`;
  }
  if (!about.hasTask) return "no task in this second";
  const where = about.target === TARGET_VEHICLE ? "a vehicle" : about.target === TARGET_NONE ? "" : `RSU ${about.target}`;
  const share = about.rho > 0 && where ? `ρ ${percent(about.rho)} → ${where}` : "all local";
  return `${share} · Ω ${fixed(about.cost)} · ${about.success ? "in time" : "too late"}`;
}
