// RSUs: a tower in a ring that shows its load, crossed out while it is down; and the city's traffic lights.
import { loadColour } from "./colours.mjs";
import { RADIO_UP, UP } from "./wire.mjs";

const FULL_LOAD_S = 1; // backlog that fills the ring: the longest deadline
const LABELS_FROM = 0.11; // CSS pixels per metre
const SIGN_PX = 11;
const LIGHTS_FROM = 0.6;

export class Towers {
  constructor() {
    this.screen = new Float32Array(0); // x, y in device pixels in turn
    this.load = new Float32Array(0); // what the rings show, eased
  }

  radius(camera) {
    return Math.min(17, Math.max(5.5, 9.5 + 2.2 * Math.log2(camera.scale / 0.16))) * camera.dpr;
  }

  place(rsus, camera, width, height) {
    if (this.screen.length !== 2 * rsus.length) {
      this.screen = new Float32Array(2 * rsus.length);
      this.load = new Float32Array(rsus.length);
    }
    const px = camera.scale * camera.dpr;
    rsus.forEach((rsu, m) => {
      this.screen[2 * m] = width / 2 + (rsu.x - camera.x) * px;
      this.screen[2 * m + 1] = height / 2 - (rsu.y - camera.y) * px;
    });
  }

  /** Ease the rings towards the frame's backlog; true while they still move. */
  ease(frame, share) {
    let moving = false;
    for (let m = 0; m < this.load.length; m += 1) {
      const goal = frame && m < frame.m ? Math.min(1, frame.backlogMs[m] / 1000 / FULL_LOAD_S) : 0;
      const step = goal - this.load[m];
      this.load[m] += Math.abs(step) < 0.003 ? step : step * share;
      moving ||= Math.abs(step) >= 0.003;
    }
    return moving;
  }

  paint(c, frame, camera, theme, themeName, labels) {
    const radius = this.radius(camera);
    for (let m = 0; m < this.load.length; m += 1) {
      const x = this.screen[2 * m];
      const y = this.screen[2 * m + 1];
      if (x < -60 || y < -60 || x > c.canvas.width + 60 || y > c.canvas.height + 60) continue;
      const flags = frame && m < frame.m ? frame.rsuFlags[m] : UP | RADIO_UP;
      this.#tower(c, x, y, radius, m, flags, camera, theme, themeName);
      if (labels && camera.scale >= LABELS_FROM) this.#label(c, x, y + radius, m, flags, frame, camera, theme);
    }
  }

  #tower(c, x, y, radius, m, flags, camera, theme, themeName) {
    const up = (flags & UP) !== 0;
    const line = Math.max(2, radius * 0.22);
    c.lineCap = "butt";
    c.beginPath();
    c.arc(x, y, radius + 1.5 * camera.dpr, 0, 2 * Math.PI);
    c.fillStyle = theme.outline;
    c.fill();
    c.beginPath();
    c.arc(x, y, radius, 0, 2 * Math.PI);
    c.fillStyle = theme.towerBody;
    c.fill();
    c.lineWidth = line;
    c.beginPath();
    c.arc(x, y, radius - line / 2, 0, 2 * Math.PI);
    c.strokeStyle = up ? theme.towerTrack : theme.failed;
    c.stroke();
    if (up && this.load[m] > 0.01) {
      c.beginPath();
      c.arc(x, y, radius - line / 2, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * this.load[m]);
      c.strokeStyle = loadColour(this.load[m], themeName);
      c.stroke();
    }
    this.#sign(c, x, y, radius * 0.46, flags & RADIO_UP, up ? theme.towerSign : theme.failed, radius < SIGN_PX * camera.dpr);
    if (!up) cross(c, x, y, radius * 0.72, Math.max(1.5, radius * 0.17), theme.failed);
  }

  // Mast and, while the radio works, its waves; seen from afar there is no room for the mast.
  #sign(c, x, y, size, radio, colour, far) {
    const head = far ? y : y - size * 0.15;
    const reach = size * (far ? 0.95 : 0.85);
    c.strokeStyle = colour;
    c.fillStyle = colour;
    c.lineWidth = Math.max(1, size * 0.2);
    c.lineCap = "round";
    c.beginPath();
    if (!far) {
      c.moveTo(x - size * 0.45, y + size);
      c.lineTo(x, head);
      c.lineTo(x + size * 0.45, y + size);
    }
    if (radio) {
      for (const side of [0, Math.PI]) {
        c.moveTo(x + reach * Math.cos(side - 0.7), head + reach * Math.sin(side - 0.7));
        c.arc(x, head, reach, side - 0.7, side + 0.7);
      }
    }
    c.stroke();
    c.beginPath();
    c.arc(x, head, size * 0.3, 0, 2 * Math.PI);
    c.fill();
  }

  #label(c, x, y, m, flags, frame, camera, theme) {
    const near = camera.scale > 0.45;
    let text = near ? `RSU ${m}` : `${m}`;
    if (!(flags & UP)) text += near ? " · down" : "";
    else if (near && frame && m < frame.m) text += ` · ${(frame.backlogMs[m] / 1000).toFixed(2)} s · ${frame.requests[m]} tasks`;
    caption(c, text, x, y + 3 * camera.dpr, (near ? 11.5 : 10) * camera.dpr, theme);
  }
}

export function cross(c, x, y, size, width, colour) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.lineCap = "round";
  c.beginPath();
  c.moveTo(x - size, y - size);
  c.lineTo(x + size, y + size);
  c.moveTo(x + size, y - size);
  c.lineTo(x - size, y + size);
  c.stroke();
}

/** Text under a point, readable on any ground. */
export function caption(c, text, x, y, size, theme, colour = theme.text) {
  c.font = `500 ${size}px ${theme.font}`;
  c.textAlign = "center";
  c.textBaseline = "top";
  c.lineJoin = "round";
  c.lineWidth = size * 0.28;
  c.strokeStyle = theme.textHalo;
  c.strokeText(text, x, y);
  c.fillStyle = colour;
  c.fillText(text, x, y);
}

/** Which phase of a fixed-time program is on at `tS`; a positive offset delays it, as in SUMO. */
export function phaseAt(program, tS) {
  const cycle = program.durations.reduce((a, b) => a + b, 0);
  let at = (((tS - program.offset) % cycle) + cycle) % cycle;
  for (let phase = 0; phase < program.durations.length; phase += 1) {
    if (at < program.durations[phase]) return phase;
    at -= program.durations[phase];
  }
  return 0;
}

/** Stop lines in the colour of their light; `tS` is the simulated time shown. */
export function paintSignals(c, city, camera, theme, tS) {
  if (camera.scale < LIGHTS_FROM || !city.signals?.length) return;
  const px = camera.scale * camera.dpr;
  const left = c.canvas.width / 2 - camera.x * px;
  const top = c.canvas.height / 2 + camera.y * px;
  const phases = city.programs.map((program) => program.states[phaseAt(program, tS)]);
  const half = Math.max(1.35 * px, 1.6 * camera.dpr);
  const paths = { off: [], r: [], y: [], G: [] }; // lights of one lane share a place: green shows
  for (const signal of city.signals) {
    const x = left + signal.x * px;
    const y = top - signal.y * px;
    if (x < -20 || y < -20 || x > c.canvas.width + 20 || y > c.canvas.height + 20) continue;
    const state = phases[signal.program]?.[signal.link] ?? "O";
    const colour = "Gg".includes(state) ? "G" : "yuY".includes(state) ? "y" : "rRs".includes(state) ? "r" : "off";
    const sx = -Math.sin(signal.heading) * half;
    const sy = -Math.cos(signal.heading) * half;
    paths[colour].push(x - sx, y - sy, x + sx, y + sy);
  }
  c.lineCap = "butt";
  c.lineWidth = Math.max(1.6 * camera.dpr, 0.6 * px);
  for (const [colour, ends] of Object.entries(paths)) {
    c.strokeStyle = theme.signal[colour];
    c.beginPath();
    for (let i = 0; i < ends.length; i += 4) {
      c.moveTo(ends[i], ends[i + 1]);
      c.lineTo(ends[i + 2], ends[i + 3]);
    }
    c.stroke();
  }
}
