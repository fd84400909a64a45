// Keys of the whole page; those of a focused field, list or slider stay its own.
import { byId } from "./dom.mjs";

const PAN_PX = 80;
const SPEED_KEYS = ["1", "2", "3", "4", "5"];

const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], [role=slider], [role=listbox], [aria-haspopup=listbox]");

export function attachKeyboard({ run: runs, mapBar, map, schema, theme, close, presenter, help }) {
  const arrows = { ArrowLeft: [PAN_PX, 0], ArrowRight: [-PAN_PX, 0], ArrowUp: [0, PAN_PX], ArrowDown: [0, -PAN_PX] };
  const keys = {
    ".": () => runs.step(),
    "+": () => mapBar.zoom(true),
    "=": () => mapBar.zoom(true),
    "-": () => mapBar.zoom(false),
    f: () => mapBar.toggleFollow(),
    d: () => theme.toggle(),
    p: presenter,
    "/": () => mapBar.focusSearch(),
    "?": help,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.key === "Escape") return close(event);
    if (typing(event.target)) return undefined;
    const onButton = event.target.closest?.("button, summary, a, [role=switch], input");
    if (event.key === " ") {
      // A button clicked with the mouse keeps the focus, but nobody means it by the space bar.
      if (onButton?.matches(":focus-visible")) return undefined;
      event.preventDefault();
      return runs.toggle();
    }
    if (event.key in arrows) return arrow(event, onButton);
    if (SPEED_KEYS.includes(event.key)) return runs.setSpeed(schema.speeds[SPEED_KEYS.indexOf(event.key)]);
    const run = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!run) return undefined;
    event.preventDefault();
    return run();
  });

  // The map moves while it has the focus; elsewhere the arrow to the right is one step on.
  function arrow(event, onButton) {
    const onMap = byId("map").contains(event.target);
    if (onMap) {
      event.preventDefault();
      map.panBy(...arrows[event.key]);
    } else if (event.key === "ArrowRight" && !onButton?.matches("input")) {
      runs.step();
    }
  }
}
