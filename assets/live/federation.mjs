// The federation's panel: rounds over time, a card of the round pointed at, traces of what adapts.
import { byId, h, s, say } from "./dom.mjs";
import { FedCanvas } from "./fed_canvas.mjs";
import { FedTraces } from "./fed_traces.mjs";
import { RoundCard } from "./round_card.mjs";
import { refused, sentence, sign, TRIGGERS } from "./rounds.mjs";

const DRAW_MS = 950;
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 30));

/** Events: `select` ({rsu} or {vehicle}). */
export class Federation extends EventTarget {
  #room = byId("fed-time");
  #canvas;
  #traces;
  #card;
  #rows;
  #schema;
  #learning = null; // of the scheme that is shown
  #scheme = "";
  #now = 0;
  #look = null;
  #rsu = null;
  #walked = null; // row that the keyboard walks along, null for all
  #isVisible = false;
  #isStale = true;
  #due = false;
  #timer = 0;
  #at = 0;

  constructor(schema) {
    super();
    this.#schema = schema;
    const rows = [...document.querySelectorAll("#federation .fed-row[data-rsu]")];
    this.#rows = rows;
    this.#canvas = new FedCanvas(this.#room, byId("fed-canvas"), rows.length);
    this.#traces = new FedTraces(document.querySelectorAll("#federation .fed-trace"));
    this.#card = new RoundCard((type, detail) => (type === "close" ? this.#close() : this.#emit(detail)));
    for (const row of rows) row.addEventListener("click", () => this.#emit({ rsu: Number(row.dataset.rsu) }));
    this.#room.addEventListener("pointermove", (event) => this.#pointed(event));
    this.#room.addEventListener("pointerleave", () => !this.#card.isPinned && this.#close());
    this.#room.addEventListener("click", (event) => this.#clicked(event));
    this.#room.addEventListener("keydown", (event) => this.#pressed(event));
    this.#room.addEventListener("blur", () => !this.#card.isPinned && this.#close());
    new ResizeObserver(() => this.#soon(true)).observe(this.#room);
    new IntersectionObserver((entries) => {
      this.#isVisible = entries.at(-1).isIntersecting;
      this.#soon(true);
    }).observe(this.#room);
  }

  /** What a scheme has told of its federation, null where there is none. */
  setLearning(scheme, learning) {
    if (learning !== this.#learning) this.#close();
    this.#scheme = scheme;
    this.#learning = learning;
    this.#isStale = true;
    this.#soon();
  }

  /** Simulated time in seconds. */
  setNow(tS) {
    if (tS === this.#now) return;
    this.#now = tS;
    this.#isStale = true;
    this.#soon();
  }

  /** The RSU the inspector shows, or null. */
  setSelected(rsu) {
    if (rsu === this.#rsu) return;
    this.#rsu = rsu;
    this.#walked = rsu;
    for (const row of this.#rows) row.setAttribute("aria-pressed", String(Number(row.dataset.rsu) === rsu));
    this.#soon(true);
  }

  setTheme(name) {
    const style = getComputedStyle(document.documentElement);
    const of = (variable) => style.getPropertyValue(variable).trim();
    this.#look = {
      name,
      stripe: of("--stripe"),
      mark: of("--accent-soft"),
      line: of("--line-strong"),
      grid: of("--line"),
      text: of("--ink-3"),
      ink: of("--ink"),
      ground: of("--surface"),
      lost: of("--bad"),
      font: `9.5px ${of("--font")}`,
    };
    this.#soon(true);
  }

  /** Close the card, if one is open; whether there was one. */
  close() {
    const wasOpen = this.#card.round !== null;
    this.#close();
    return wasOpen;
  }

  #emit(what) {
    this.dispatchEvent(new CustomEvent("select", { detail: what }));
  }

  // Drawing

  #soon(atOnce = false) {
    if (atOnce) this.#isStale = true;
    if (this.#due || !this.#isVisible || !this.#isStale || !this.#look) return;
    clearTimeout(this.#timer);
    const wait = atOnce ? 0 : DRAW_MS - (performance.now() - this.#at);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#soon(), wait + 1);
      return;
    }
    this.#due = true;
    idle(() => {
      this.#due = false;
      this.#draw();
    }, { timeout: 300 });
  }

  #draw() {
    this.#at = performance.now();
    this.#isStale = false;
    const rounds = this.#learning?.rounds ?? [];
    this.#canvas.draw(rounds, this.#now, this.#look, { marked: this.#rsu, chosen: this.#card.round });
    this.#traces.draw(this.#learning, this.#now, this.#canvas.seconds, this.#rsu);
    this.#room.dataset.now = this.#now;
    this.#say(rounds);
    if (this.#card.isPinned) {
      const at = this.#canvas.place(this.#card.round);
      if (!at) this.#close();
    }
  }

  #say(rounds) {
    const from = this.#now - this.#canvas.seconds;
    const told = { rounds: 0, updates: 0, refused: 0, lost: 0 };
    const fired = new Set();
    for (let i = rounds.length - 1; i >= 0 && rounds[i].t_s > from; i -= 1) {
      told.rounds += 1;
      told.updates += rounds[i].vehicle.length;
      told.refused += refused(rounds[i]);
      told.lost += rounds[i].lost;
      fired.add(rounds[i].fired);
    }
    const words = `${this.#canvas.seconds} s: ${told.rounds} rounds, ${told.updates} updates, ${told.refused} refused, ${told.lost} lost`;
    say(byId("fed-summary"), rounds.length ? `${this.#schema.label(this.#scheme)}, last ${words}.` : "");
    this.#key([...Object.keys(TRIGGERS)].filter((name) => fired.has(name)), told);
  }

  #key(fired, { refused: refusals, lost }) {
    const box = byId("about-federation");
    const key = `${fired.join()}|${refusals > 0}|${lost > 0}`;
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    const signs = fired.map((name) => h("span", { class: "key" }, sign(name), TRIGGERS[name].words));
    const small = (shape) => s("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" }, shape);
    if (refusals > 0) signs.push(h("span", { class: "key" }, small(s("circle", { cx: 5, cy: 5, r: 3.2, class: "fed-refused" })), "some refused"));
    if (lost > 0) signs.push(h("span", { class: "key" }, small(s("path", { d: "M2 2l6 6M8 2l-6 6", class: "fed-lost" })), "some lost"));
    box.replaceChildren(...signs);
  }

  // Pointing and walking

  #show(round, at, pinned) {
    this.#card.show(round, at, { pinned, now: this.#now });
    this.#soon(true);
  }

  #close() {
    if (!this.#card.round) return;
    this.#card.hide();
    this.#soon(true);
  }

  #pointed({ clientX, clientY }) {
    if (this.#card.isPinned) return;
    const round = this.#canvas.hit(clientX, clientY);
    this.#room.style.cursor = "pointer";
    if (!round) this.#close();
    else if (round !== this.#card.round) this.#show(round, this.#canvas.place(round), false);
  }

  #clicked({ clientX, clientY }) {
    const round = this.#canvas.hit(clientX, clientY);
    if (round) return this.#show(round, this.#canvas.place(round), true);
    this.#close();
    const row = this.#canvas.rowAt(clientY);
    if (row !== null && row < this.#rows.length) this.#emit({ rsu: row });
    return undefined;
  }

  #pressed(event) {
    const run = {
      ArrowLeft: () => this.#walk(-1),
      ArrowRight: () => this.#walk(1),
      ArrowUp: () => this.#turn(-1),
      ArrowDown: () => this.#turn(1),
      Enter: () => this.#walked !== null && this.#emit({ rsu: this.#walked }),
    }[event.key];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  /** To the round before or after the one shown, along the row or among all. */
  #walk(by) {
    const rounds = (this.#learning?.rounds ?? []).filter((round) => this.#walked === null || (round.tier === "forecast" && round.rsu === this.#walked));
    const at = rounds.indexOf(this.#card.round);
    const round = rounds[at < 0 ? rounds.length - 1 : Math.min(rounds.length - 1, Math.max(0, at + by))];
    const place = round && this.#canvas.place(round);
    if (!place) return;
    this.#show(round, place, true);
    say(byId("fed-said"), sentence(round));
  }

  #turn(by) {
    const last = this.#rows.length - 1;
    this.#walked = this.#walked === null ? (by > 0 ? 0 : last) : Math.min(last, Math.max(0, this.#walked + by));
    say(byId("fed-said"), `RSU ${this.#walked}. Enter shows it.`);
    this.#close();
    this.#walk(0);
  }
}
