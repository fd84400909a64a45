// Whoever draws the map: a renderer in a worker where there is OffscreenCanvas, else one on the page's own thread.
import { Renderer } from "./renderer.mjs";

export class Painter {
  #worker = null;
  #renderer = null;

  /** `received(message)` is told its answers, `failed(event)` that the worker cannot be loaded or broke. */
  constructor(inWorker, received, failed) {
    if (inWorker) {
      this.#worker = new Worker(new URL("./map_worker.mjs", import.meta.url), { type: "module", name: "city map" });
      this.#worker.onmessage = ({ data }) => received(data);
      this.#worker.onerror = failed;
    } else {
      const create = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
      this.#renderer = new Renderer(received, create);
    }
  }

  /** Hand over a canvas to draw on. */
  open(key, canvas) {
    if (!this.#worker) return this.#renderer.handle({ type: "pane", key, canvas });
    const surface = canvas.transferControlToOffscreen();
    return this.send({ type: "pane", key, canvas: surface }, [surface]);
  }

  send(message, transfer = []) {
    if (this.#worker) this.#worker.postMessage(message, transfer);
    else this.#renderer.handle(message);
  }

  stop() {
    this.#worker?.terminate();
  }
}

export const canUseWorker = () => typeof HTMLCanvasElement.prototype.transferControlToOffscreen === "function";
