// The worker that owns the map's canvas. Harmless when loaded by a page.
import { Renderer } from "./renderer.mjs";

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  let renderer = null;
  self.onmessage = ({ data }) => {
    if (data.type === "start") {
      renderer = new Renderer(data.canvas, (message) => self.postMessage(message), (w, h) => new OffscreenCanvas(w, h));
    } else {
      renderer.handle(data);
    }
  };
}
