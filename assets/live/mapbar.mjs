// What lies over the map: what colours say, whose decisions are shown, layers, search, zoom.
import { MODES } from "./colours.mjs";
import { byId, h, icon } from "./dom.mjs";

const ZOOM_STEP = 1.5;
const LAYER_NAMES = {
  links: "Links to servers",
  coverage: "Coverage",
  signals: "Traffic lights",
  mesh: "Mesh between RSUs",
  labels: "Labels",
  legend: "Legend",
};

/** Events: `colour`, `arm`, `layers`, `search` with the new value in `detail`; `moved` when somebody began or ended following. */
export class MapBar extends EventTarget {
  #schema;
  #map;
  #colour;
  #arm = null;
  #layers = new Map();
  #follow;

  /** `single`: the map shows one scheme, which can be chosen, and has room for a search. */
  constructor(schema, map, view, { single = true } = {}) {
    super();
    this.#schema = schema;
    this.#map = map;
    this.#colour = h("select", { id: "colour-by", onchange: () => this.#emit("colour", this.#colour.value) });
    for (const name of schema.colourings) this.#colour.append(h("option", { value: name, text: MODES[name]?.label ?? name }));
    this.#colour.value = view.colour;
    byId("map-bar").append(field("Colour", this.#colour, "What the colour of a vehicle says"));
    if (single) {
      this.#arm = h("select", { id: "map-arm", onchange: () => this.#emit("arm", this.#arm.value) });
      byId("map-bar").append(field("Scheme", this.#arm, "Whose decisions, queues and links the map shows"), this.#search());
    }
    byId("map-tools").append(
      this.#tool("plus", "Zoom in (+)", () => map.zoomBy(ZOOM_STEP)),
      this.#tool("minus", "Zoom out (−)", () => map.zoomBy(1 / ZOOM_STEP)),
      this.#tool("fit", "Show the whole city (F)", () => this.fit()),
      (this.#follow = this.#tool("follow", "Follow the selected vehicle (F)", () => this.#chosen(!this.following))),
      this.#layerMenu(view.layers ?? schema.layers),
    );
    this.follow(false);
    this.setFollowable(false);
  }

  get layers() {
    return this.#schema.layers.filter((name) => this.#layers.get(name).checked);
  }

  zoom(inwards) {
    this.#map.zoomBy(inwards ? ZOOM_STEP : 1 / ZOOM_STEP);
  }

  fit() {
    this.follow(false);
    this.#map.fit();
  }

  follow(following) {
    this.following = following;
    this.#follow.setAttribute("aria-pressed", String(following));
    this.#map.follow(following);
  }

  /** Follow the selected vehicle, or show the whole city where there is none. */
  toggleFollow() {
    if (this.#follow.disabled || this.following) this.fit();
    else this.#chosen(true);
  }

  setFollowable(yes) {
    this.#follow.disabled = !yes;
    if (!yes && this.following) this.follow(false);
  }

  setStage(names, arm) {
    const drawn = names.filter((name) => name !== "bound");
    this.#arm.replaceChildren(...drawn.map((name) => h("option", { value: name, text: this.#schema.label(name) })));
    this.#arm.value = arm;
  }

  focusSearch() {
    byId("find")?.focus();
    byId("find")?.select();
  }

  #chosen(following) {
    this.follow(following);
    this.#emit("moved");
  }

  #search() {
    const input = h("input", { id: "find", type: "search", inputmode: "numeric", placeholder: "Vehicle no.", autocomplete: "off", "aria-label": "Find a vehicle by its number" });
    const form = h("form", { class: "map-search", role: "search", "data-tip": "Find a vehicle by its number ( / )" }, icon("search"), input);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#emit("search", input.value.trim());
    });
    return form;
  }

  #tool(picture, about, run) {
    return h("button", { type: "button", class: "tool", "aria-label": about, "data-tip": about, onclick: run }, icon(picture));
  }

  #layerMenu(shown) {
    const list = h("div", { class: "layer-list", role: "group", "aria-label": "Layers" });
    for (const name of this.#schema.layers) {
      const box = h("input", { type: "checkbox", onchange: () => this.#emit("layers", this.layers) });
      box.checked = shown.includes(name);
      this.#layers.set(name, box);
      list.append(h("label", {}, box, LAYER_NAMES[name] ?? name));
    }
    const menu = h("details", { class: "layer-menu" }, h("summary", { class: "tool", "aria-label": "Layers", "data-tip": "Layers" }, icon("layers")), list);
    document.addEventListener("pointerdown", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    return menu;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function field(name, control, about) {
  return h("label", { class: "map-field", "data-tip": about }, h("span", { text: name }), control);
}
