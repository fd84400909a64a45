// Who computes for whom: vehicle to its RSU by radio, RSU to RSU over the mesh, vehicle to vehicle.
import { HAS_TASK, METRES_PER_UNIT, RADIO_UP, TARGET_NONE, TARGET_VEHICLE } from "./wire.mjs";

const TRIP_S = 1.1; // a packet's way from sender to server
const FLOW_TRIP_S = 0.9;

/** Nearest RSU whose radio is up and within range, for every row; -1 outside coverage. */
export function servingOf(frame, rsus, rangeM) {
  const serving = new Int16Array(frame.n).fill(-1);
  for (let row = 0; row < frame.n; row += 1) {
    const x = frame.x[row] * METRES_PER_UNIT;
    const y = frame.y[row] * METRES_PER_UNIT;
    let least = rangeM * rangeM;
    for (let m = 0; m < Math.min(frame.m, rsus.length); m += 1) {
      if (!(frame.rsuFlags[m] & RADIO_UP)) continue;
      const d = (rsus[m].x - x) ** 2 + (rsus[m].y - y) ** 2;
      if (d <= least) [serving[row], least] = [m, d];
    }
  }
  return serving;
}

export class Links {
  constructor() {
    this.byRsu = []; // rows that send to each RSU by radio
    this.flows = []; // {from, to, count} over the mesh
    this.pairs = new Uint16Array(0); // guest row, helper row in turn
  }

  /** Sort a frame's offloading by the radio link it takes. */
  read(frame, serving, rsuCount) {
    this.byRsu = Array.from({ length: rsuCount }, () => []);
    const flows = new Map();
    for (let row = 0; row < frame.n; row += 1) {
      const target = frame.target[row];
      if (!(frame.state[row] & HAS_TASK) || target === TARGET_NONE || target === TARGET_VEHICLE) continue;
      if (target >= rsuCount || frame.rho[row] === 0) continue;
      const via = serving[row] < 0 ? target : serving[row];
      this.byRsu[via].push(row);
      if (via !== target) flows.set(via * 256 + target, (flows.get(via * 256 + target) ?? 0) + 1);
    }
    this.flows = [...flows].map(([key, count]) => ({ from: key >> 8, to: key & 255, count }));
    this.pairs = frame.pairs;
  }

  /** `screen`: vehicles by row, `towers`: RSUs, both x and y in device pixels in turn; `clock`: seconds. */
  paint(c, frame, screen, towers, camera, theme, clock, packets) {
    const { dpr } = camera;
    c.lineCap = "butt";
    c.lineWidth = Math.min(1.6, 0.75 + 0.12 * camera.scale) * dpr;
    const [r, g, b] = theme.link;
    this.byRsu.forEach((rows, m) => {
      if (rows.length) this.#fan(c, rows, screen, towers[2 * m], towers[2 * m + 1], camera, [r, g, b], theme.linkAlpha);
    });
    this.#vehiclePairs(c, screen, camera, theme);
    if (packets) {
      this.#packets(c, frame, screen, towers, camera, theme, clock);
    }
    this.#flows(c, towers, camera, theme, clock);
  }

  // One path an RSU: overlapping lines do not add up, and the light falls off with the distance.
  #fan(c, rows, screen, tx, ty, camera, [r, g, b], alpha) {
    const reach = 800 * camera.scale * camera.dpr;
    const margin = reach + 50;
    if (tx < -margin || ty < -margin || tx > c.canvas.width + margin || ty > c.canvas.height + margin) return;
    const light = c.createRadialGradient(tx, ty, 0, tx, ty, reach);
    light.addColorStop(0, `rgba(${r},${g},${b},${alpha})`);
    light.addColorStop(1, `rgba(${r},${g},${b},${alpha * 0.4})`);
    c.strokeStyle = light;
    c.beginPath();
    for (const row of rows) {
      c.moveTo(screen[2 * row], screen[2 * row + 1]);
      c.lineTo(tx, ty);
    }
    c.stroke();
  }

  #vehiclePairs(c, screen, camera, theme) {
    if (!this.pairs.length) return;
    c.strokeStyle = theme.v2v;
    c.lineWidth = 1.2 * camera.dpr;
    c.beginPath();
    for (let i = 0; i < this.pairs.length; i += 2) {
      c.moveTo(screen[2 * this.pairs[i]], screen[2 * this.pairs[i] + 1]);
      c.lineTo(screen[2 * this.pairs[i + 1]], screen[2 * this.pairs[i + 1] + 1]);
    }
    c.stroke();
  }

  #packets(c, frame, screen, towers, camera, theme, clock) {
    const base = (0.9 + 0.2 * Math.min(3, Math.sqrt(camera.scale))) * camera.dpr;
    const dot = (x0, y0, x1, y1, slot, size) => {
      const phase = (clock / TRIP_S + slot * 0.618034) % 1;
      const x = x0 + (x1 - x0) * phase;
      const y = y0 + (y1 - y0) * phase;
      c.rect(x - size / 2, y - size / 2, size, size);
    };
    c.fillStyle = theme.packet;
    c.beginPath();
    this.byRsu.forEach((rows, m) => {
      for (const row of rows) {
        const size = base * (1 + (1.1 * frame.rho[row]) / 255);
        dot(screen[2 * row], screen[2 * row + 1], towers[2 * m], towers[2 * m + 1], frame.slot[row], size);
      }
    });
    c.fill();
    c.fillStyle = theme.v2vPacket;
    c.beginPath();
    for (let i = 0; i < this.pairs.length; i += 2) {
      const [guest, helper] = [this.pairs[i], this.pairs[i + 1]];
      const at = [screen[2 * guest], screen[2 * guest + 1], screen[2 * helper], screen[2 * helper + 1]];
      dot(...at, frame.slot[guest], 2 * base);
    }
    c.fill();
  }

  // Forwarded work over the mesh: a bowed line, one side a direction, with chevrons that travel.
  #flows(c, towers, camera, theme, clock) {
    c.strokeStyle = theme.flow;
    c.lineCap = "round";
    for (const { from, to, count } of this.flows) {
      const [x0, y0, x1, y1] = [towers[2 * from], towers[2 * from + 1], towers[2 * to], towers[2 * to + 1]];
      const bow = 0.1;
      const mx = (x0 + x1) / 2 - bow * (y1 - y0);
      const my = (y0 + y1) / 2 + bow * (x1 - x0);
      c.lineWidth = Math.min(4, 0.8 + 0.5 * Math.sqrt(count)) * camera.dpr;
      c.globalAlpha = 0.55;
      c.beginPath();
      c.moveTo(x0, y0);
      c.quadraticCurveTo(mx, my, x1, y1);
      c.stroke();
      c.globalAlpha = 1;
      c.beginPath();
      for (let k = 0; k < 3; k += 1) {
        const t = (clock / (3 * FLOW_TRIP_S) + k / 3) % 1;
        const [x, y] = [0, 1].map((i) => bezier(t, i ? y0 : x0, i ? my : mx, i ? y1 : x1));
        const dx = bezierSlope(t, x0, mx, x1);
        const dy = bezierSlope(t, y0, my, y1);
        const size = (4.2 * camera.dpr) / (Math.hypot(dx, dy) || 1);
        c.moveTo(x - size * (dx + dy * 0.8), y - size * (dy - dx * 0.8));
        c.lineTo(x, y);
        c.lineTo(x - size * (dx - dy * 0.8), y - size * (dy + dx * 0.8));
      }
      c.stroke();
    }
  }
}

const bezier = (t, a, b, c) => (1 - t) * (1 - t) * a + 2 * t * (1 - t) * b + t * t * c;
const bezierSlope = (t, a, b, c) => 2 * (1 - t) * (b - a) + 2 * t * (c - b);
