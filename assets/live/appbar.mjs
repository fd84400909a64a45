// The app bar: is it alive, how fast, what time is it, how many vehicles, how loaded; and the banner.
import { byId, say } from "./dom.mjs";
import { clock, figures, fixed } from "./format.mjs";
import { banner } from "./toast.mjs";

const STALE_S = 6;
const WORDS = {
  running: "Running",
  paused: "Paused",
  starting: "Starting",
  failed: "Failed",
  stopped: "Stopped",
  offline: "Offline",
};

export class AppBar {
  #connected = false;
  #status = null;
  #lostTimer = 0;

  connection({ state }) {
    this.#connected = state === "connected";
    clearTimeout(this.#lostTimer);
    // A connection that is back within a moment is not worth a word.
    if (this.#connected || state === "hidden") this.#show();
    else this.#lostTimer = setTimeout(() => this.#show(), 1500);
  }

  status(status) {
    this.#status = status;
    this.#show();
  }

  /** From frames, which come more often than status. */
  frame({ tS, n }) {
    say(byId("clock"), clock(tS));
    say(byId("vehicles-now"), String(n));
  }

  #show() {
    const status = this.#status;
    const state = this.#connected ? (status?.state ?? "starting") : "offline";
    byId("pill").dataset.state = state;
    say(byId("pill-text"), WORDS[state] ?? state);
    const pace = state === "running" && Number.isFinite(status.pace) ? `${figures(status.pace)} steps/s` : "";
    say(byId("pill-pace"), pace);
    if (status && Number.isFinite(status.load_index)) say(byId("load-index"), fixed(status.load_index, 2));
    byId("figure-load-index").dataset.level = level(status?.load_index);
    banner(this.#trouble(state, status));
  }

  #trouble(state, status) {
    if (state === "offline") {
      return {
        level: "warning",
        title: "No connection to the server.",
        text: "Trying again by itself. If it lasts, see whether iov-twin still runs in its terminal.",
      };
    }
    if (state === "failed") {
      return { level: "error", title: "The simulation stopped.", text: status.message || "See the terminal for the reason." };
    }
    if (state === "stopped") {
      return { level: "warning", title: "The engine is not running.", text: status.message || "Start iov-twin again in its terminal." };
    }
    if (state === "starting" && status?.message) {
      return { level: "info", title: "Starting.", text: status.message };
    }
    const silent = status?.heartbeat ? Date.now() / 1000 - status.heartbeat : 0;
    if (state === "running" && silent > STALE_S && silent < 3600) {
      return { level: "warning", title: "The engine is silent.", text: `Nothing for ${Math.round(silent)} s; it is restarted by itself if it has died.` };
    }
    return null;
  }
}

function level(u) {
  if (!Number.isFinite(u)) return "";
  return u < 0.6 ? "easy" : u <= 4 ? "interesting" : "overload";
}
