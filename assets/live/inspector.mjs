// The right column: nothing chosen, a vehicle, or an RSU. Views are built once and then only updated.
import { byId, h, icon, say } from "./dom.mjs";
import { EmptyView } from "./inspect_empty.mjs";
import { RsuView } from "./inspect_rsu.mjs";
import { VehicleView } from "./inspect_vehicle.mjs";

/** Events: `close`; `arm` (scheme name); `rsu` {index, up}; `select` {rsu} or {vehicle}. */
export class Inspector extends EventTarget {
  #context;
  #view = null;
  #key = "";
  #empty;

  constructor(schema, themeOf) {
    super();
    this.#context = { schema, themeOf, emit: (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })) };
    this.#empty = new EmptyView(this.#context);
    byId("inspector-close").addEventListener("click", () => this.#context.emit("close"));
    this.select(null);
  }

  /** What was chosen, before the engine has said anything of it: null, {kind, title}. */
  select(what) {
    const key = what ? what.key : "";
    if (what && key === this.#key) return;
    this.#key = key;
    byId("inspector-close").hidden = !what;
    say(byId("inspector-title"), what ? what.title : "Inspector");
    if (!what) {
      this.#view = this.#empty;
      byId("inspector-body").replaceChildren(this.#empty.element);
      return;
    }
    this.#view = null;
    byId("inspector-body").replaceChildren(
      h("div", { class: "inspector-wait" }, icon("wait"), h("span", { text: "Asking the engine …" })),
    );
  }

  /** What the engine says of the chosen thing. `state`: {arm, down, stage}. */
  show(key, about, state) {
    const kind = about.kind === "rsu" ? RsuView : VehicleView;
    if (!(this.#view instanceof kind) || this.#key !== key) {
      this.#key = key;
      this.#view = new kind(this.#context);
      byId("inspector-body").replaceChildren(this.#view.element);
    }
    say(byId("inspector-title"), about.kind === "rsu" ? `RSU ${about.rsu}` : `Vehicle ${about.vehicle}`);
    byId("inspector-close").hidden = false;
    this.#view.update(about, state);
  }

  /** Figures of the last minute, for the table of the empty state. */
  setSeries(series) {
    this.#empty.update(series);
  }
}
