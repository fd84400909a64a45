// The rounds over time: a row per RSU and one for the agents, drawn about once a second and slid in between.
import { clock } from "./format.mjs";
import { hole, radius, TRIGGERS } from "./rounds.mjs";

const AXIS_PX = 15;
const GAP_PX = 4; // above the agents' row
const AHEAD_PX = 7; // between now and the right edge
const PAD_PX = 120; // drawn beyond the left edge, so that sliding uncovers nothing
const NEAR_PX = 9;
const PX_PER_S = 4;
const RULE_PX = 70; // between labels of time, at least

export class FedCanvas {
  #canvas;
  #room;
  #rsus;
  #hits = []; // {x, y, r, round} in CSS pixels of the canvas
  #shown = -Infinity; // now, as drawn last
  #at = 0;
  #sliding = null;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(room, canvas, rsus) {
    this.#room = room;
    this.#canvas = canvas;
    this.#rsus = rsus;
  }

  /** Seconds that the room shows. */
  get seconds() {
    return Math.min(240, Math.max(60, 30 * Math.round(this.#room.clientWidth / PX_PER_S / 30)));
  }

  get #rowHeight() {
    return (this.#room.clientHeight - AXIS_PX - GAP_PX) / (this.#rsus + 1);
  }

  /** Middle of a row; the agents' is the last. */
  #y(row) {
    return (row + 0.5) * this.#rowHeight + (row === this.#rsus ? GAP_PX : 0);
  }

  #row({ tier, rsu }) {
    return tier === "agents" || rsu < 0 ? this.#rsus : rsu;
  }

  /** Draw; `look`: colours of the theme and its name, `marked`: row to stress, `chosen`: round. */
  draw(rounds, now, look, { marked, chosen }) {
    const { clientWidth: width, clientHeight: height } = this.#room;
    if (!width || !height) return;
    const dpr = Math.min(2, devicePixelRatio || 1);
    const canvas = this.#canvas;
    const wide = width + PAD_PX;
    if (canvas.width !== Math.round(wide * dpr) || canvas.height !== Math.round(height * dpr)) {
      [canvas.width, canvas.height] = [Math.round(wide * dpr), Math.round(height * dpr)];
      canvas.style.cssText = `width: ${wide}px; height: ${height}px; left: ${-PAD_PX}px`;
    }
    const scale = (width - AHEAD_PX) / this.seconds;
    const x = (time) => wide - AHEAD_PX - (now - time) * scale;
    const c = canvas.getContext("2d");
    c.setTransform(dpr, 0, 0, dpr, 0, 0);
    c.clearRect(0, 0, wide, height);
    this.#rows(c, wide, look, marked);
    this.#times(c, x, now, wide, height, look);
    this.#rounds(c, rounds, x, look, chosen);
    this.#slide((now - this.#shown) * scale);
    this.#shown = now;
  }

  #rows(c, wide, { stripe, mark, line }, marked) {
    const height = this.#rowHeight;
    c.fillStyle = stripe;
    for (let row = 0; row <= this.#rsus; row += 2) c.fillRect(0, this.#y(row) - height / 2, wide, height);
    if (marked !== null) {
      c.fillStyle = mark;
      c.fillRect(0, this.#y(marked) - height / 2, wide, height);
    }
    c.fillStyle = line;
    c.fillRect(0, Math.round(this.#y(this.#rsus) - height / 2 - GAP_PX / 2), wide, 1);
  }

  #times(c, x, now, wide, height, { grid, text, font }) {
    const perSecond = x(1) - x(0);
    const step = [10, 15, 20, 30, 60, 120].find((seconds) => seconds * perSecond >= RULE_PX) ?? 300;
    const rows = height - AXIS_PX;
    c.font = font;
    c.textBaseline = "bottom";
    c.textAlign = "center";
    for (let time = step * Math.floor(now / step); x(time) > 0 && time >= 0; time -= step) {
      const at = Math.round(x(time));
      c.fillStyle = grid;
      c.fillRect(at, 0, 1, rows);
      c.fillStyle = text;
      if (wide - at > 22) c.fillText(clock(time), at, height);
    }
  }

  #rounds(c, rounds, x, look, chosen) {
    const height = this.#rowHeight;
    const paths = Object.fromEntries(Object.keys(TRIGGERS).map((fired) => [fired, new Path2D()]));
    const holes = new Path2D();
    const crosses = new Path2D();
    this.#hits = [];
    for (let i = rounds.length - 1; i >= 0; i -= 1) {
      const round = rounds[i];
      const at = x(round.t_s);
      if (at < -30) break; // they come nearly in order
      const y = this.#y(this.#row(round));
      const r = radius(round.vehicle.length, height);
      TRIGGERS[round.fired]?.shape(paths[round.fired], at, y, r);
      const inner = hole(round, r);
      if (inner) {
        holes.moveTo(at + inner, y);
        holes.arc(at, y, inner, 0, 2 * Math.PI);
      }
      if (round.lost) cross(crosses, at + r + 3, y - 0.18 * height, Math.min(2.2, 0.3 * height));
      this.#hits.push({ x: at, y, r, round });
    }
    for (const [fired, path] of Object.entries(paths)) {
      c.fillStyle = TRIGGERS[fired][look.name];
      c.fill(path);
    }
    c.fillStyle = look.ground;
    c.fill(holes);
    c.strokeStyle = look.lost;
    c.lineWidth = 1.3;
    c.stroke(crosses);
    const found = chosen && this.#hits.find(({ round }) => round === chosen);
    if (!found) return;
    c.strokeStyle = look.ink;
    c.lineWidth = 1.6;
    c.beginPath();
    c.arc(found.x, found.y, found.r + 2.6, 0, 2 * Math.PI);
    c.stroke();
  }

  // The compositor moves what is drawn: steps of a second look like flow and cost the page nothing.
  #slide(px) {
    const now = performance.now();
    const took = now - this.#at;
    this.#at = now;
    if (px <= 0) return; // an animation under way goes on
    this.#sliding?.cancel();
    if (px > PAD_PX || took > 3000 || this.#still.matches) return;
    const from = { transform: `translateX(${px}px)` };
    this.#sliding = this.#canvas.animate([from, { transform: "none" }], { duration: took, easing: "linear" });
  }

  /** The round whose sign is nearest to a point of the window, null where none is near. */
  hit(clientX, clientY) {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    let best = null;
    let least = NEAR_PX;
    for (const one of this.#hits) {
      const far = Math.hypot(one.x - x, one.y - y) - 0.5 * one.r;
      if (far < least) [best, least] = [one.round, far];
    }
    return best;
  }

  /** Row at a height of the window. */
  rowAt(clientY) {
    const y = clientY - this.#room.getBoundingClientRect().top;
    const row = Math.floor(y / this.#rowHeight);
    return row < this.#rsus ? Math.max(0, row) : y < this.#room.clientHeight - AXIS_PX ? this.#rsus : null;
  }

  /** Where in the window a round is drawn, null where it is not. */
  place(round) {
    const found = this.#hits.find((one) => one.round === round);
    if (!found) return null;
    const box = this.#canvas.getBoundingClientRect();
    return { x: box.left + found.x, y: box.top + found.y };
  }
}

function cross(path, x, y, size) {
  path.moveTo(x - size, y - size);
  path.lineTo(x + size, y + size);
  path.moveTo(x + size, y - size);
  path.lineTo(x - size, y + size);
}
