// How the parts of the page work together: what comes from the stream goes to all who show it, what people choose goes
// to the stream, the map and the address.
import { Address } from "./address.mjs";
import { City } from "./city.mjs";
import { byId, say } from "./dom.mjs";
import { showLegend } from "./scheme_legend.mjs";
import { Series } from "./series.mjs";
import { Shell } from "./shell.mjs";
import { toast } from "./toast.mjs";
import { decodeFrame, UP } from "./wire.mjs";

const CLOSE_ZOOM = 0.6; // pixels per metre when a searched vehicle is shown

export class Page {
  #parts;
  #charts = null;
  #series = null;
  #columns = [];
  #run = "";
  #stage = [];
  #arm;
  #wantedArm; // of the link or of a person; it may not be on stage yet
  #city = new City();
  #selected = null; // {key, vehicle?, rsu?, slot?}
  #address;
  #shell;
  #sought = null; // a search without an answer yet: {show}, whether the map is to go there
  #rsus = null;

  constructor(parts) {
    this.#parts = parts;
    this.#arm = this.#wantedArm = parts.view.arm;
    this.#address = new Address(parts, () => ({ select: nameOf(this.#selected), arm: this.#arm }));
    this.#shell = new Shell(parts, this.#address);
    this.#streamEvents();
    this.#choices();
    const { view, map } = parts;
    if (view.camera) map.setView({ x: view.camera[0], y: view.camera[1], zoom: view.camera[2] });
    map.setLayers(layersOf(parts.schema, view.layers ?? parts.schema.layers));
    if (view.select) this.select(view.select[0] === "v" ? { vehicle: Number(view.select.slice(1)) } : { rsu: Number(view.select.slice(1)) });
  }

  setCharts(charts) {
    this.#charts = charts;
    this.#parts.learning.setCharts(charts);
    charts.setTheme(this.#parts.theme.name);
    if (this.#series) charts.setSeries(this.#series);
    charts.setNotices(this.#parts.steering.status?.notices ?? []);
    this.#showRsus();
  }

  // From the stream

  #streamEvents() {
    const { stream, appBar, steering, controls, learning } = this.#parts;
    const on = (type, run) => stream.addEventListener(type, ({ detail }) => run(detail));
    on("state", (detail) => appBar.connection(detail));
    appBar.connection({ state: stream.state });
    on("hello", (hello) => this.#hello(hello));
    on("status", (status) => {
      steering.statusReceived(status);
      appBar.status(status);
      controls.statusReceived(status);
      learning.status(status);
      this.#parts.map.setRunning(status.state === "running");
      if (status.message) say(byId("map-wait"), status.message);
      this.#setStage(status.stage ?? []);
      this.#charts?.setNotices(status.notices ?? []);
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
    const { stream, map } = this.#parts;
    if (hello.run !== this.#run) map.clear();
    this.#run = hello.run;
    this.#columns = hello.metrics;
    this.#looking(hello.role === "viewer");
    this.#parts.learning.begin(hello.run, this.#parts.view.looking);
    this.#stage = [];
    this.#setStage(hello.stage ?? []);
    this.#newSeries();
    const link = byId("metrics-csv");
    link.hidden = !hello.run;
    link.href = `/live/metrics/${hello.run}.csv`;
    this.#city.load(hello.static, (city) => map.setCity(city));
    if (this.#arm) stream.setArm(this.#arm);
  }

  /** Who may only look gets no controls, rather than refusals. */
  #looking(only) {
    this.#parts.view.looking = only;
    byId("viewer-note").hidden = !only;
    document.querySelector("#controls .column-scroll").inert = only;
  }

  #setStage(stage) {
    if (!stage.length || stage.join() === this.#stage.join()) return;
    this.#stage = stage;
    const drawn = stage.filter((name) => name !== "bound");
    const arm = [this.#wantedArm, this.#arm].find((name) => drawn.includes(name)) ?? preferred(drawn);
    if (arm !== this.#arm) this.#setArm(arm);
    this.#parts.mapBar.setStage(stage, this.#arm);
    this.#newSeries();
    this.#legend();
  }

  #newSeries() {
    const { schema } = this.#parts;
    if (!this.#columns.length) return;
    this.#series = new Series(this.#stage, this.#columns, { keep: schema.points, smoothing: schema.smoothing });
    this.#charts?.setSeries(this.#series);
    this.#parts.inspector.setSeries(this.#series);
  }

  #frame({ buffer, ack }) {
    const frame = decodeFrame(buffer);
    this.#parts.appBar.frame(frame);
    this.#parts.learning.setNow(frame.tS);
    this.#rsus = {
      backlogS: Array.from(frame.backlogMs, (ms) => ms / 1000),
      requests: Array.from(frame.requests),
      up: Array.from(frame.rsuFlags, (flags) => (flags & UP) !== 0),
    };
    byId("map-wait").hidden = true;
    this.#parts.map.frame(buffer).then(ack);
    this.#showRsus();
  }

  #showRsus() {
    const { schema, theme } = this.#parts;
    this.#charts?.setRsus(this.#rsus, schema.colour(this.#arm, theme.name));
  }

  #metrics(batch) {
    const added = this.#series?.append(batch) ?? 0;
    if (!added) return;
    this.#charts?.setSeries(this.#series);
    this.#parts.inspector.setSeries(this.#series);
  }

  #inspected(about) {
    const { map, mapBar, inspector } = this.#parts;
    const { key } = about;
    const mine = this.#selected && (this.#selected.key === key || this.#selected.pending);
    if (!mine) return;
    if (this.#selected.pending) {
      this.#selected = { key, vehicle: about.vehicle, rsu: about.rsu };
      this.#address.remember();
    }
    if (about.kind === "vehicle") {
      const there = about.present && about.twin;
      if (there && this.#selected.slot !== about.slot) {
        this.#selected.slot = about.slot;
        map.select({ slot: about.slot });
      }
      map.setGhost(there ? { x: about.twin.x, y: about.twin.y, age_s: about.twin.age_s } : null);
      mapBar.setFollowable(Boolean(there));
      if (there && this.#sought) {
        const { show } = this.#sought;
        this.#sought = null;
        if (show) {
          map.setView({ x: about.actual.x, y: about.actual.y, zoom: Math.max(CLOSE_ZOOM, map.view().zoom) });
          mapBar.follow(true);
        }
      }
      if (!about.present) this.#gone(about);
    }
    inspector.show(key, about, this.#state());
    this.#about = about;
  }

  #about = null;

  #gone(about) {
    if (!this.#sought) return;
    this.#sought = null;
    toast(`There is no vehicle ${about.vehicle} in the city now.`, "error");
  }

  #state() {
    const { steering, learning } = this.#parts;
    return { arm: this.#arm, stage: this.#stage, down: new Set(steering.control?.down ?? []), learning };
  }

  // What people choose

  #choices() {
    const { map, mapBar, inspector, theme, steering, schema, learning, tabs } = this.#parts;
    map.addEventListener("pick", ({ detail }) => {
      if (!detail) this.select(null);
      else this.select(detail.kind === "rsu" ? { rsu: detail.index } : { slot: detail.slot });
    });
    map.addEventListener("view", () => this.#address.remember());
    // Who moves the map while a search waits for its answer has the last word.
    for (const moved of [map, mapBar]) {
      moved.addEventListener("moved", ({ detail }) => {
        if (this.#sought) this.#sought.show = false;
        if (detail?.by === "pan" && mapBar.following) mapBar.follow(false);
      });
    }
    map.addEventListener("error", ({ detail }) => console.error(detail.message));
    mapBar.addEventListener("colour", ({ detail }) => {
      map.setColouring(detail);
      this.#parts.view.colour = detail;
      this.#address.remember();
    });
    mapBar.addEventListener("layers", ({ detail }) => {
      map.setLayers(layersOf(schema, detail));
      this.#parts.view.layers = detail;
      this.#address.remember();
    });
    mapBar.addEventListener("arm", ({ detail }) => this.#chooseArm(detail));
    mapBar.addEventListener("search", ({ detail }) => this.#search(detail));
    inspector.addEventListener("arm", ({ detail }) => this.#chooseArm(detail));
    inspector.addEventListener("close", () => this.select(null));
    inspector.addEventListener("select", ({ detail }) => this.select(detail));
    inspector.addEventListener("rsu", ({ detail }) => steering.wish({ rsu: detail }));
    learning.addEventListener("select", ({ detail }) => this.select(detail));
    tabs.addEventListener("change", ({ detail }) => {
      this.#parts.view.charts = detail;
      this.#address.remember();
    });
    theme.addEventListener("change", ({ detail }) => this.#themed(detail));
    steering.addEventListener("change", () => {
      this.#address.remember();
      if (this.#about?.kind === "rsu" && this.#selected) inspector.show(this.#selected.key, this.#about, this.#state());
    });
  }

  /** {slot}, {vehicle}, {rsu} or null. */
  select(what) {
    const { stream, map, mapBar, inspector } = this.#parts;
    this.#about = null;
    this.#parts.learning.setSelected(what?.rsu ?? null);
    this.#sought = null;
    stream.select(what);
    map.setGhost(null);
    if (!what) {
      this.#selected = null;
      map.select(null);
      mapBar.setFollowable(false);
      inspector.select(null);
    } else if ("rsu" in what) {
      this.#selected = { key: `r:${what.rsu}`, rsu: what.rsu };
      map.select({ rsu: what.rsu });
      mapBar.setFollowable(false);
      inspector.select({ key: this.#selected.key, title: `RSU ${what.rsu}` });
    } else {
      const known = "vehicle" in what;
      this.#selected = { key: known ? `v:${what.vehicle}` : "", vehicle: what.vehicle, pending: !known };
      if ("slot" in what) map.select({ slot: what.slot });
      inspector.select({ key: this.#selected.key || `slot:${what.slot}`, title: known ? `Vehicle ${what.vehicle}` : "Vehicle" });
    }
    this.#address.remember();
  }

  #search(raw) {
    if (!/^[0-9]{1,9}$/.test(raw)) {
      if (raw) toast("A vehicle is found by its number, such as 17.", "error");
      return;
    }
    this.select({ vehicle: Number(raw) });
    this.#sought = { show: true };
    byId("map").focus({ preventScroll: true });
  }

  #chooseArm(name) {
    this.#wantedArm = name;
    this.#setArm(name);
  }

  #setArm(name) {
    if (!name) return;
    this.#arm = name;
    const { stream, mapBar, inspector, learning } = this.#parts;
    stream.setArm(name);
    learning.setArm(name);
    if (this.#stage.length) mapBar.setStage(this.#stage, name);
    this.#legend();
    if (this.#about && this.#selected) inspector.show(this.#selected.key, this.#about, this.#state());
    this.#address.remember();
  }

  #themed(name) {
    this.#parts.map.setTheme(name);
    this.#charts?.setTheme(name);
    this.#showRsus();
    this.#legend();
    this.#parts.inspector.setSeries(this.#series);
    if (this.#about && this.#selected) this.#parts.inspector.show(this.#selected.key, this.#about, this.#state());
    this.#address.remember();
  }

  // The sheet, the legend

  help() {
    this.#shell.help();
  }

  close() {
    const menu = document.querySelector(".layer-menu[open]");
    if (menu) menu.open = false;
    else if (this.#parts.learning.close()) return;
    else if (document.activeElement?.matches("input, select")) document.activeElement.blur();
    else if (this.#selected) this.select(null);
    else if (this.#parts.view.presenter) this.#shell.togglePresenter();
  }

  togglePresenter() {
    this.#shell.togglePresenter();
  }

  #legend() {
    const { schema, theme } = this.#parts;
    showLegend(schema, theme.name, this.#stage, this.#arm, (name) => this.#chooseArm(name));
    say(byId("about-rsu-load"), schema.label(this.#arm));
  }
}

const layersOf = (schema, shown) => Object.fromEntries(schema.layers.map((name) => [name, shown.includes(name)]));

function nameOf(selected) {
  if (selected?.rsu !== undefined) return `r${selected.rsu}`;
  return selected?.vehicle === undefined ? "" : `v${selected.vehicle}`;
}

const PREFERRED = ["af-marl", "tolled"];

/** The arm the map shows without being asked: the paper's scheme, else the strongest simple one. */
const preferred = (drawn) => PREFERRED.find((name) => drawn.includes(name)) ?? drawn[0];
