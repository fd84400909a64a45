// What lies over the map: the legend of the colouring, the key to the signs, the scale bar.
import { legend, loadColour, plainVehicle } from "./colours.mjs";
import { THEMES } from "./themes.mjs";

const ROUND_M = [5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const BAR_PX = 110; // the longest scale bar
const SIDE_PX = 235; // room beside the city that holds the legend
const SVG = "http://www.w3.org/2000/svg";

function element(parent, tag, style = {}, text = "") {
  const made = document.createElement(tag);
  Object.assign(made.style, style);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

function sign(parent, ...shapes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 12");
  svg.setAttribute("width", "20");
  svg.setAttribute("height", "12");
  svg.style.flex = "none";
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    svg.append(shape);
  }
  parent.append(svg);
}

const rgba = ([r, g, b], alpha) => `rgba(${r},${g},${b},${alpha})`;

export class Legend {
  #opened = null; // what the user last wanted of the key to the signs

  constructor(container) {
    this.container = container;
    const base = { position: "absolute", pointerEvents: "none", userSelect: "none", fontSize: "11px", lineHeight: "1.35", fontWeight: "500" };
    this.box = element(container, "div", { ...base, left: "12px", bottom: "12px", padding: "9px 11px", borderRadius: "8px", minWidth: "150px", backdropFilter: "none" });
    this.box.className = "iov-map-legend";
    this.scale = element(container, "div", { ...base, right: "14px", bottom: "12px", textAlign: "center" });
    this.scale.className = "iov-map-scale";
    this.scaleText = element(this.scale, "div", { marginBottom: "2px" });
    this.bar = element(this.scale, "div", { height: "5px", borderStyle: "solid", borderWidth: "0 1.5px 1.5px 1.5px", marginLeft: "auto" });
    this.credit = element(this.scale, "div", { marginTop: "3px", opacity: "0.7", fontSize: "10px" });
  }

  show({ legend: visible }) {
    this.box.style.display = visible === false ? "none" : "";
  }

  /** `px`: CSS pixels per metre. */
  setScale(px) {
    const metres = ROUND_M.findLast((m) => m * px <= BAR_PX) ?? ROUND_M[0];
    this.bar.style.width = `${metres * px}px`;
    this.scaleText.textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  }

  setCredit(text) {
    this.credit.textContent = text ?? "";
  }

  draw(mode, themeName) {
    const theme = THEMES[themeName];
    Object.assign(this.box.style, { background: theme.panel, color: theme.panelText, border: `1px solid ${theme.panelEdge}` });
    Object.assign(this.scale.style, { color: theme.text, textShadow: `0 0 3px ${theme.textHalo}` });
    this.bar.style.borderColor = theme.text;
    this.box.replaceChildren();
    const told = legend(mode, themeName);
    const title = element(this.box, "div", { color: theme.panelStrong, fontWeight: "600", marginBottom: "5px" }, told.title);
    element(title, "span", { color: theme.panelText, fontWeight: "400", marginLeft: "6px" }, told.symbol);
    if (told.stops) this.#ramp(told);
    for (const entry of told.classes ?? []) this.#swatch(entry.label, entry.colours ?? [entry.colour]);
    if (told.none) this.#swatch(told.none.label, [told.none.colour]);
    this.#key(theme, themeName);
  }

  #ramp({ stops, ticks }) {
    element(this.box, "div", { height: "8px", borderRadius: "4px", background: `linear-gradient(90deg, ${stops.join(", ")})` });
    const row = element(this.box, "div", { display: "flex", justifyContent: "space-between", fontSize: "10px", margin: "2px 0 4px" });
    for (const tick of ticks) element(row, "span", {}, tick);
  }

  #swatch(label, colours) {
    const row = element(this.box, "div", { display: "flex", alignItems: "center", gap: "3px", marginTop: "1px" });
    for (const colour of colours) element(row, "i", { width: "9px", height: "9px", borderRadius: "2px", background: colour });
    element(row, "span", { marginLeft: "4px" }, label);
  }

  // The key folds away where it would lie over the city; a click brings it back.
  #key(theme, themeName) {
    const { clientWidth, clientHeight } = this.container;
    const key = element(this.box, "details", { marginTop: "6px", paddingTop: "5px", borderTop: `1px solid ${theme.panelEdge}`, pointerEvents: "auto" });
    key.open = this.#opened ?? (clientWidth - clientHeight) / 2 > SIDE_PX;
    const summary = element(key, "summary", { cursor: "pointer", color: theme.panelStrong }, "Signs");
    summary.addEventListener("click", () => {
      this.#opened = !key.open;
    });
    const grid = element(key, "div", { display: "grid", gridTemplateColumns: "auto auto", gap: "2px 12px", marginTop: "5px" });
    const vehicle = plainVehicle(themeName);
    const ring = { fill: "none", "stroke-width": 2 };
    const rows = [
      ["car", ["path", { d: "M16 6 10.5 9 5 8.4 6.4 6 5 3.6 10.5 3Z", fill: vehicle }]],
      ["RSU, load", ["circle", { cx: 10, cy: 6, r: 4.6, ...ring, stroke: theme.towerTrack }], ["path", { d: "M10 1.4A4.6 4.6 0 0 1 14.6 6", ...ring, stroke: loadColour(0.6, themeName) }]],
      ["bus", ["path", { d: "M18 6 15.5 9H2V3H15.5Z", fill: vehicle }]],
      ["offloads to", ["line", { x1: 1, y1: 6, x2: 19, y2: 6, stroke: rgba(theme.link, 0.9), "stroke-width": 1.2 }]],
      ["truck", ["path", { d: "M17 4.6V7.4L13.5 9H4V3H13.5Z", fill: vehicle }]],
      ["via mesh", ["path", { d: "M1 8Q10 3 19 8", fill: "none", stroke: theme.flow, "stroke-width": 1.6 }]],
      ["RSU down", ["path", { d: "M6 2l8 8M14 2l-8 8", stroke: theme.failed, "stroke-width": 2 }]],
      ["to a vehicle", ["line", { x1: 1, y1: 6, x2: 19, y2: 6, stroke: theme.v2v, "stroke-width": 1.6 }]],
    ];
    for (const [label, ...shapes] of rows) {
      const row = element(grid, "div", { display: "flex", alignItems: "center", gap: "6px", whiteSpace: "nowrap" });
      sign(row, ...shapes);
      element(row, "span", {}, label);
    }
  }
}
