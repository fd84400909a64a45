// What is drawn about the selection: ring, trail, the stale twin's belief, range of an RSU.
import { caption } from "./towers.mjs";
import { Vehicles } from "./vehicles.mjs";
import { KIND } from "./wire.mjs";

const TRAIL = 10; // steps, the twin's window
const RING_PX = 9;

export class Marks {
  constructor() {
    this.ghost = null;
    this.trail = [];
    this.trailSlot = -1;
  }

  /** Remember where the selected vehicle was at each step. */
  remember(selection, frame, row, place) {
    const slot = selection?.slot ?? -1;
    if (slot !== this.trailSlot) this.trail = [];
    this.trailSlot = slot;
    if (slot < 0 || row < 0) return;
    this.trail.push(place);
    if (this.trail.length > TRAIL + 1) this.trail.shift();
  }

  paint(c, scene) {
    const { selection, hover, selectedRow, hoverRow, theme, camera, towers, city } = scene;
    if (hover?.kind === "rsu" && selection?.rsu !== hover.index) this.#range(c, scene, hover.index, 0.5);
    if (selection?.rsu !== undefined && city.rsus[selection.rsu]) {
      this.#range(c, scene, selection.rsu, 1);
      const at = [towers.screen[2 * selection.rsu], towers.screen[2 * selection.rsu + 1]];
      ring(c, ...at, towers.radius(camera) + 5 * camera.dpr, 2 * camera.dpr, theme.select, 1);
    }
    if (hoverRow >= 0 && hoverRow !== selectedRow) this.#vehicle(c, scene, hoverRow, 0.55);
    if (selectedRow >= 0) {
      this.#trail(c, scene);
      this.#vehicle(c, scene, selectedRow, 1);
    }
    if (this.ghost) this.#ghost(c, scene);
  }

  #vehicle(c, { frame, camera, theme, screen }, row, alpha) {
    const { length } = Vehicles.size((frame.info[row] & KIND) % 3, camera);
    const radius = Math.max(RING_PX * camera.dpr, 0.5 * length + 5 * camera.dpr);
    ring(c, screen[2 * row], screen[2 * row + 1], radius, 1.8 * camera.dpr, theme.select, alpha);
  }

  #range(c, { city, camera, theme, towers }, index, alpha) {
    const [r, g, b] = theme.coverage;
    const radius = city.range_m * camera.scale * camera.dpr;
    c.beginPath();
    c.arc(towers.screen[2 * index], towers.screen[2 * index + 1], radius, 0, 2 * Math.PI);
    c.fillStyle = `rgba(${r},${g},${b},${0.06 * alpha})`;
    c.fill();
    c.strokeStyle = `rgba(${r},${g},${b},${0.55 * alpha})`;
    c.lineWidth = 1.2 * camera.dpr;
    c.setLineDash([6 * camera.dpr, 5 * camera.dpr]);
    c.stroke();
    c.setLineDash([]);
  }

  #trail(c, { toScreen, theme, camera, screen, selectedRow }) {
    const points = [...this.trail.slice(0, -1).map(({ x, y }) => toScreen(x, y)), [screen[2 * selectedRow], screen[2 * selectedRow + 1]]];
    if (points.length < 2) return;
    c.strokeStyle = theme.select;
    c.lineWidth = 1.6 * camera.dpr;
    c.lineCap = "round";
    for (let i = 1; i < points.length; i += 1) {
      c.globalAlpha = (0.6 * i) / points.length;
      c.beginPath();
      c.moveTo(...points[i - 1]);
      c.lineTo(...points[i]);
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  // Where the twin thinks the vehicle is: hollow, tied to where it is.
  #ghost(c, { toScreen, theme, camera, screen, selectedRow, frame }) {
    const [x, y] = toScreen(this.ghost.x, this.ghost.y);
    const radius = 6.5 * camera.dpr;
    c.strokeStyle = theme.ghost;
    c.lineWidth = 1.6 * camera.dpr;
    if (selectedRow >= 0 && frame) {
      const dx = screen[2 * selectedRow] - x;
      const dy = screen[2 * selectedRow + 1] - y;
      const length = Math.hypot(dx, dy);
      if (length > radius) {
        c.setLineDash([4 * camera.dpr, 3 * camera.dpr]);
        c.beginPath();
        c.moveTo(x + (dx * radius) / length, y + (dy * radius) / length);
        c.lineTo(x + dx, y + dy);
        c.stroke();
        c.setLineDash([]);
      }
    }
    c.beginPath();
    c.moveTo(x, y - radius);
    c.lineTo(x + radius, y);
    c.lineTo(x, y + radius);
    c.lineTo(x - radius, y);
    c.closePath();
    c.stroke();
    const age = Number.isFinite(this.ghost.age_s) ? `twin, ${this.ghost.age_s.toFixed(1)} s old` : "twin";
    caption(c, age, x, y + radius + 4 * camera.dpr, 11 * camera.dpr, theme, theme.ghost);
  }
}

function ring(c, x, y, radius, width, colour, alpha) {
  c.globalAlpha = alpha;
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  c.stroke();
  c.globalAlpha = 1;
}
