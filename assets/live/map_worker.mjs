// The worker that owns the map's canvases. Harmless when loaded by a page.
import { Renderer } from "./renderer.mjs";

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  const renderer = new Renderer((message) => self.postMessage(message), (w, h) => new OffscreenCanvas(w, h));
  self.onmessage = ({ data }) => renderer.handle(data);
}
