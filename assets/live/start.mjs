// Starts a page; says so in the banner where that fails.
import { byId } from "./dom.mjs";

export function start(boot) {
  boot().catch((error) => {
    console.error(error);
    const box = byId("banner");
    if (!box) return;
    box.hidden = false;
    box.dataset.level = "error";
    box.textContent = `The page could not start: ${error.message}. Reload it; if that does not help, update the browser.`;
  });
}
