// What every page has around it: theme, sharing, help, presenter mode, the way to other pages.
import { byId } from "./dom.mjs";
import { showSwatches } from "./scheme_legend.mjs";
import { toast } from "./toast.mjs";

export class Shell {
  #view;
  #address;

  /** `address` keeps the link to what is seen. */
  constructor({ schema, theme, view }, address) {
    this.#view = view;
    this.#address = address;
    byId("theme-toggle").addEventListener("click", () => theme.toggle());
    byId("presenter-toggle").addEventListener("click", () => this.togglePresenter());
    byId("share").addEventListener("click", () => this.#share());
    byId("help-open").addEventListener("click", () => this.help());
    byId("help-close").addEventListener("click", () => byId("help").close());
    byId("help").addEventListener("click", (event) => event.target === byId("help") && byId("help").close());
    byId("navigation").addEventListener("click", (event) => this.#leaving(event.target.closest("a")));
    theme.addEventListener("change", ({ detail }) => showSwatches(schema, detail));
    showSwatches(schema, theme.name);
    this.#present(view.presenter);
  }

  help() {
    byId("help").showModal();
  }

  togglePresenter() {
    this.#present(!this.#view.presenter);
    this.#address.remember();
  }

  #present(presenter) {
    this.#view.presenter = presenter;
    byId("app").dataset.presenter = presenter ? "on" : "off";
    byId("presenter-toggle").setAttribute("aria-pressed", String(presenter));
  }

  // What both pages show goes along to the other one.
  #leaving(link) {
    if (!link) return;
    this.#address.write();
    link.search = location.search;
  }

  async #share() {
    this.#address.write();
    try {
      await navigator.clipboard.writeText(location.href);
      toast("The link to this view is copied.");
    } catch {
      toast("The browser did not let the page copy: the link is in the address bar.");
    }
  }
}
