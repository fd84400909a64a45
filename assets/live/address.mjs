// Keeps the address equal to what is on screen, and makes the engine do what a link says.
import { sameValue } from "./schema.mjs";
import { encode, shortest } from "./url.mjs";

const WRITE_MS = 500; // browsers forbid more than a few changes of the address a second

export class Address {
  #parts;
  #seen;
  #link; // what the address said at first, until the engine has told what it does
  #timer = 0;

  /** `seen()` tells what of a view only the page knows, in the words of url.mjs. */
  constructor(parts, seen) {
    this.#parts = parts;
    this.#seen = seen;
    this.#link = parts.view;
  }

  /** Make the engine do what the link said; once, and only what differs. */
  async follow() {
    const link = this.#link;
    const { steering, schema } = this.#parts;
    if (!link || !steering.control) return;
    this.#link = null;
    const patch = link.preset && !link.looking ? wished(link, steering.control, schema) : {};
    if (Object.keys(patch).length) await steering.wish(patch);
    this.remember();
  }

  /** Something on screen has changed. */
  remember() {
    if (this.#link || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.write();
    }, WRITE_MS);
  }

  write() {
    const { schema, steering, map, theme, view } = this.#parts;
    const { control } = steering;
    if (!control) return;
    const camera = map.view();
    const query = encode(
      {
        ...view,
        ...shortest(control.params, schema),
        stage: control.stage.join() === schema.stage.join() ? null : control.stage,
        speed: control.speed,
        camera: camera.fitted ? null : [camera.x, camera.y, camera.zoom],
        theme: theme.chosen,
        ...this.#seen(),
      },
      schema,
    );
    const address = `${location.pathname}${query ? `?${query}` : ""}`;
    if (address !== location.pathname + location.search) history.replaceState(null, "", address);
  }
}

/** The patch that turns `control` into what the link describes; a reset where one is needed. */
function wished(link, control, schema) {
  const params = { ...schema.preset.get(link.preset).params, ...link.params };
  const changed = Object.fromEntries(Object.entries(params).filter(([name, value]) => !sameValue(value, control.params[name])));
  const stage = link.stage ?? schema.stage;
  const patch = {};
  if (Object.keys(changed).length) patch.params = changed;
  if (stage.join() !== control.stage.join()) patch.stage = stage;
  if (link.speed !== control.speed) patch.speed = link.speed;
  if (Object.keys(changed).some((name) => !schema.param.get(name).live)) patch.reset = true;
  return patch;
}
