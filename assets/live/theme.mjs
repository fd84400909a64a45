// Light and dark: the attribute on the root is set before the first paint; this lets people switch.

const KEY = "iov-twin-theme";

export class Theme extends EventTarget {
  /** "light" or "dark", as shown. */
  get name() {
    return document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light";
  }

  /** What was asked for, "" where the system decides. */
  chosen = "";

  constructor(linked) {
    super();
    try {
      this.chosen = linked || localStorage.getItem(KEY) || "";
    } catch {
      this.chosen = linked; // storage is closed to us: the choice lasts for this visit
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
      if (!this.chosen) this.#show(matches ? "dark" : "light");
    });
  }

  toggle() {
    this.chosen = this.name === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, this.chosen);
    } catch {
      // as above
    }
    this.#show(this.chosen);
  }

  #show(name) {
    document.documentElement.dataset.bsTheme = name;
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }
}
