// How the parts of the Compare page work together: one stream, one clock, several arms.
import { Address } from "../live/address.mjs";
import { City } from "../live/city.mjs";
import { byId, say } from "../live/dom.mjs";
import { Series } from "../live/series.mjs";
import { Shell } from "../live/shell.mjs";
import { showSwatches } from "../live/scheme_legend.mjs";
import { toast } from "../live/toast.mjs";
import { UP, decodeFrames } from "../live/wire.mjs";

export class ComparePage {
  #parts;
  #address;
  #shell;
  #city = new City();
  #run = "";
  #stage = [];
  #drawn = []; // names of the arms in frames
  #columns = [];
  #series = null;
  #selected = null; // {key, vehicle?, rsu?, slot?}

  constructor(parts) {
    this.#parts = parts;
    const { view, map, differences } = parts;
    this.#address = new Address(parts, () => this.#seen());
    this.#shell = new Shell(parts, this.#address);
    differences.provenance = parts.fork.provenance = () => this.#provenance();
    this.#streamEvents();
    this.#choices();
    if (view.camera) map.setView({ x: view.camera[0], y: view.camera[1], zoom: view.camera[2] });
    map.setLayers(layersOf(parts.schema, view.layers ?? parts.schema.layers));
    map.onDrawn = (_, __, scenes) => this.#drawnOn(scenes);
    if (view.select) this.#select(view.select[0] === "v" ? { vehicle: Number(view.select.slice(1)) } : { rsu: Number(view.select.slice(1)) });
    parts.colourKey.draw(view.colour, parts.theme.name);
  }

  /** What of the view is not the engine's: for the address. */
  #seen() {
    const { arms, differences, fork, measures } = this.#parts;
    return {
      arms: arms.wanted,
      reference: differences.wanted,
      measure: measures.current.name,
      fork: fork.text,
      horizon: fork.steps,
      select: nameOf(this.#selected),
    };
  }

  #provenance() {
    const { control } = this.#parts.steering;
    return { run: this.#run, step: this.#series?.steps.at(-1) ?? -1, seed: control?.params.seed, stage: this.#stage, parameters: control?.params };
  }

  // From the stream

  #streamEvents() {
    const { stream, appBar, steering, seed } = this.#parts;
    const on = (type, run) => stream.addEventListener(type, ({ detail }) => run(detail));
    on("state", (detail) => appBar.connection(detail));
    appBar.connection({ state: stream.state });
    on("hello", (hello) => this.#hello(hello));
    on("status", (status) => {
      steering.statusReceived(status);
      appBar.status(status);
      seed.statusReceived(status);
      this.#parts.map.setRunning(status.state === "running");
      if (status.message) say(byId("map-wait"), status.message);
      this.#setStage(status.stage ?? []);
      this.#parts.differences.setNotices(status.notices ?? []);
    });
    on("control", (control) => {
      steering.received(control);
      this.#address.follow();
    });
    on("frame", (detail) => this.#frame(detail));
    on("metrics", (batch) => this.#metrics(batch));
    on("inspect", (about) => this.#inspected(about));
    on("error", ({ text }) => toast(text, "error"));
  }

  #hello(hello) {
    const { map, panes, view, arms, verdict, fork } = this.#parts;
    if (hello.run !== this.#run) {
      map.clear();
      panes.forgetLoads();
    }
    this.#run = hello.run;
    this.#columns = hello.metrics;
    view.looking = hello.role === "viewer";
    byId("viewer-note").hidden = !view.looking;
    if (view.looking) say(byId("viewer-note"), "You are looking on: to steer, open the link with the token that steers.");
    byId("steers").hidden = view.looking;
    for (const part of [arms, verdict, fork]) part.setLooking(view.looking);
    this.#stage = [];
    this.#setStage(hello.stage ?? []);
    this.#newSeries();
    this.#city.load(hello.static, (city) => map.setCity(city));
  }

  #setStage(stage) {
    if (stage.join() === this.#stage.join()) return;
    this.#stage = stage;
    this.#drawn = stage.filter((name) => name !== "bound");
    this.#parts.arms.setStage(stage);
    this.#parts.fork.setStage(stage);
    showSwatches(this.#parts.schema, this.#parts.theme.name);
    this.#newSeries();
  }

  #newSeries() {
    const { schema, differences, fork } = this.#parts;
    if (!this.#columns.length) return;
    this.#series = new Series(this.#stage, this.#columns, { keep: schema.points, smoothing: schema.smoothing });
    differences.setSeries(this.#series);
    fork.setSeries(this.#series);
  }

  #frame({ buffer, ack }) {
    const { appBar, map, panes } = this.#parts;
    const { frames, tS } = decodeFrames(buffer);
    const keys = frames.map(({ arm }) => this.#drawn[arm]);
    if (frames.length) {
      appBar.frame(frames[0]);
      byId("map-wait").hidden = true;
      panes.takeLoads(tS, Object.fromEntries(frames.map((frame, i) => [keys[i], load(frame)])));
      this.#stillThere(frames[0]);
    }
    map.frame(buffer, keys).then(ack);
  }

  #drawnOn(scenes) {
    const told = this.#parts.panes.setScenes(scenes);
    const box = byId("lockstep");
    box.dataset.same = told ? String(told.same) : "";
    say(box, told ? (told.same ? `In lock-step: step ${told.step}, one scene` : "The maps show different scenes") : "");
  }

  #metrics(batch) {
    if (!this.#series?.append(batch)) return;
    this.#parts.panes.setSeries(this.#series);
    this.#parts.differences.grown();
  }

  #inspected(about) {
    const { map, mapBar } = this.#parts;
    const mine = this.#selected && (this.#selected.pending || this.#selected.key === about.key);
    if (!mine || about.kind !== "vehicle") return;
    if (this.#selected.pending) {
      this.#selected = { key: about.key, vehicle: about.vehicle, slot: this.#selected.slot };
      this.#address.remember();
    }
    const there = about.present && Number.isInteger(about.slot);
    mapBar.setFollowable(Boolean(there));
    if (!there) return this.#select(null);
    if (this.#selected.slot !== about.slot) map.select({ slot: about.slot });
    this.#selected.slot = about.slot;
    return undefined;
  }

  // A slot whose vehicle has left may be another vehicle's by now.
  #stillThere(frame) {
    const slot = this.#selected?.pending ? this.#selected.slot : undefined;
    if (slot !== undefined && !frame.slot.includes(slot)) this.#select(null);
  }

  // What people choose

  #choices() {
    const { arms, map, mapBar, panes, stream, theme, differences, verdict, fork, measures, steering, colourKey, view, schema } = this.#parts;
    arms.addEventListener("change", ({ detail }) => {
      panes.show(detail);
      panes.setTheme(theme.name);
      showSwatches(schema, theme.name);
      stream.setArms(detail);
      for (const part of [differences, verdict, fork]) part.setArms(detail);
      if (this.#series?.steps.length) panes.setSeries(this.#series);
      this.#address.remember();
    });
    map.addEventListener("pick", ({ detail }) => {
      if (!detail) this.#select(null);
      else this.#select(detail.kind === "rsu" ? { rsu: detail.index } : { slot: detail.slot });
    });
    map.addEventListener("each", ({ detail }) => panes.setTold(detail));
    map.addEventListener("view", () => this.#address.remember());
    map.addEventListener("moved", ({ detail }) => detail.by === "pan" && mapBar.following && mapBar.follow(false));
    map.addEventListener("error", ({ detail }) => console.error(detail.message));
    mapBar.addEventListener("colour", ({ detail }) => {
      map.setColouring(detail);
      view.colour = detail;
      colourKey.draw(detail, theme.name);
      this.#address.remember();
    });
    mapBar.addEventListener("layers", ({ detail }) => {
      map.setLayers(layersOf(schema, detail));
      view.layers = detail;
      this.#address.remember();
    });
    differences.addEventListener("reference", () => this.#address.remember());
    for (const part of [measures, fork, steering]) part.addEventListener("change", () => this.#address.remember());
    theme.addEventListener("change", ({ detail }) => {
      map.setTheme(detail);
      panes.setTheme(detail);
      for (const part of [differences, verdict, fork]) part.setTheme(detail);
      colourKey.draw(view.colour, detail);
      this.#address.remember();
    });
  }

  /** {slot}, {vehicle}, {rsu} or null: marked on all maps. */
  #select(what) {
    const { stream, map, mapBar } = this.#parts;
    stream.select(what && "rsu" in what ? null : what);
    mapBar.setFollowable(false);
    if (!what) this.#selected = null;
    else if ("rsu" in what) this.#selected = { key: `r:${what.rsu}`, rsu: what.rsu };
    else this.#selected = { key: "vehicle" in what ? `v:${what.vehicle}` : "", ...what, pending: !("vehicle" in what) };
    map.select(what && "vehicle" in what ? null : what);
    this.#address.remember();
  }

  help() {
    this.#shell.help();
  }

  togglePresenter() {
    this.#shell.togglePresenter();
  }

  close() {
    const menu = document.querySelector(".layer-menu[open]");
    if (menu) menu.open = false;
    else if (document.activeElement?.matches("input, select")) document.activeElement.blur();
    else if (this.#selected) this.#select(null);
    else if (this.#parts.view.presenter) this.togglePresenter();
  }
}

/** Seconds of work that wait at an RSU, mean over those that are up. */
function load({ backlogMs, rsuFlags }) {
  const up = Array.from(backlogMs).filter((_, i) => rsuFlags[i] & UP);
  return up.length ? up.reduce((a, b) => a + b, 0) / up.length / 1000 : NaN;
}

function nameOf(selected) {
  if (selected?.rsu !== undefined) return `r${selected.rsu}`;
  return selected?.vehicle === undefined ? "" : `v${selected.vehicle}`;
}

const layersOf = (schema, shown) => Object.fromEntries(schema.layers.map((name) => [name, shown.includes(name)]));
