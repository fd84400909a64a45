// The tab's one connection to the server: frames and metrics come in, acknowledgements and selections go out.
import { decodeMetrics, isFrame, isMetrics } from "./wire.mjs";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8000;
const SILENCE_MS = 20000; // the server sends status at least every few seconds while it lives

/** ws(s) address of the stream on the page's own host. */
export function streamUrl(path = "/live/ws", base = globalThis.location?.href) {
  const url = new URL(path, base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Events (CustomEvent, payload in `detail`): `hello`, `status`, `inspect`, `control`, `error` (the server's JSON),
 * `frame` {buffer, seq, receivedAt, ack}, `metrics` (decodeMetrics), `state` {state: "connecting" | "connected" | "lost" |
 * "hidden" | "closed", retryMs}.
 *
 * The server sends a frame only after the last one was acknowledged: call `detail.ack()` once it is drawn. A hidden
 * tab gives up its connection and takes it up again, with the newest frame, when it is seen again.
 */
export class Stream extends EventTarget {
  #url;
  #socket = null;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer = 0;
  #silenceTimer = 0;
  #arm = null;
  #arms = null;
  #selection = undefined;
  #closed = false;
  #onVisibility = () => this.#visibilityChanged();

  constructor(url = streamUrl()) {
    super();
    this.#url = url;
    this.state = "connecting";
    globalThis.document?.addEventListener("visibilitychange", this.#onVisibility);
    if (!globalThis.document?.hidden) this.#connect();
    else this.#setState("hidden");
  }

  /** Which scheme's decisions the frames carry; kept over reconnects. */
  setArm(name) {
    this.#arm = name;
    this.#send({ arm: name });
  }

  /** Frames carry the decisions of all these schemes, as far as they are on stage; kept over reconnects. */
  setArms(names) {
    this.#arms = names;
    this.#send({ arms: names });
  }

  /** What the inspector shows: {slot}, {vehicle}, {rsu} or null; kept over reconnects. */
  select(what) {
    this.#selection = what;
    this.#send({ select: what });
  }

  ack(seq) {
    this.#send({ ack: seq });
  }

  close() {
    this.#closed = true;
    globalThis.document?.removeEventListener("visibilitychange", this.#onVisibility);
    this.#drop();
    this.#setState("closed");
  }

  #connect() {
    this.#drop();
    this.#setState("connecting");
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.#arm !== null) this.#send({ arm: this.#arm });
      if (this.#arms !== null) this.#send({ arms: this.#arms });
      if (this.#selection !== undefined) this.#send({ select: this.#selection });
      this.#setState("connected");
      this.#listen();
    };
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = () => this.#lost(socket);
    this.#socket = socket;
  }

  #received(data) {
    this.#retryMs = FIRST_RETRY_MS;
    this.#listen();
    if (typeof data === "string") this.#text(data);
    else if (isFrame(data)) this.#frame(data);
    else if (isMetrics(data)) this.#emit("metrics", decodeMetrics(data));
  }

  #text(data) {
    const { type, ...content } = JSON.parse(data);
    this.#emit(type, content);
  }

  #frame(buffer) {
    const socket = this.#socket;
    const seq = new DataView(buffer).getUint32(8, true);
    // An acknowledgement belongs to the connection its frame came by: a later one has a credit of its own.
    const ack = () => {
      if (socket === this.#socket) this.ack(seq);
    };
    this.#emit("frame", { buffer, seq, receivedAt: Date.now(), ack });
  }

  #lost(socket) {
    if (socket !== this.#socket || this.#closed) return;
    this.#drop();
    const wait = this.#retryMs * (0.75 + 0.5 * Math.random());
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
    this.#setState("lost", wait);
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
  }

  // A connection can die without a close (sleep, a cut cable): long silence counts as one.
  #listen() {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#silenceTimer = setTimeout(() => this.#lost(socket), SILENCE_MS);
  }

  #visibilityChanged() {
    if (this.#closed) return;
    if (document.hidden) {
      this.#drop();
      this.#setState("hidden");
    } else if (this.#socket === null) {
      this.#retryMs = FIRST_RETRY_MS;
      this.#connect();
    }
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #setState(state, retryMs = null) {
    this.state = state;
    this.#emit("state", { state, retryMs });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
