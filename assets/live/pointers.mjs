// Pointer gestures on the map: drag, wheel, pinch, double click, click and hover, as calls on a handler.

const CLICK_PX = 5;
const LINE_PX = 33; // wheels that count in lines or pages
const PAGE_PX = 400;

/**
 * Calls `handler.pan(dx, dy)`, `zoom(factor, x, y, now)`, `click(x, y)`, `hover(x, y)` and `leave()`, in CSS pixels from
 * the element's corner. Returns a function that detaches.
 */
export function attachPointers(element, handler) {
  const pointers = new Map();
  let moved = 0;
  let box = null;

  const at = (event) => [event.clientX - box.left, event.clientY - box.top];
  const measure = () => {
    box = element.getBoundingClientRect();
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { size: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 };
  };

  const listeners = {
    pointerdown: (event) => {
      if (event.button !== 0) return;
      measure();
      if (!pointers.size) moved = 0;
      pointers.set(event.pointerId, at(event));
      element.setPointerCapture?.(event.pointerId);
    },
    pointermove: (event) => {
      if (!box || !pointers.size) measure();
      const to = at(event);
      const from = pointers.get(event.pointerId);
      if (!from) {
        if (event.pointerType !== "touch") handler.hover(...to);
        return;
      }
      const before = pointers.size === 2 ? spread() : null;
      pointers.set(event.pointerId, to);
      moved += Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (before) {
        const after = spread();
        moved += CLICK_PX;
        handler.pan(after.x - before.x, after.y - before.y);
        handler.zoom(after.size / before.size, after.x, after.y, true);
      } else if (pointers.size === 1 && moved > CLICK_PX) {
        handler.pan(to[0] - from[0], to[1] - from[1]);
        element.style.cursor = "grabbing";
      }
    },
    pointerup: (event) => {
      if (!pointers.delete(event.pointerId)) return;
      element.style.cursor = "";
      if (!pointers.size && moved <= CLICK_PX) handler.click(...at(event));
    },
    pointercancel: (event) => pointers.delete(event.pointerId),
    pointerleave: () => handler.leave(),
    dblclick: (event) => {
      measure();
      handler.zoom(event.shiftKey ? 0.5 : 2, ...at(event), false);
    },
    wheel: (event) => {
      event.preventDefault();
      measure();
      const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? PAGE_PX : 1;
      const delta = Math.max(-300, Math.min(300, event.deltaY * unit));
      handler.zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0018)), ...at(event), false);
    },
  };
  for (const [type, listener] of Object.entries(listeners)) element.addEventListener(type, listener, { passive: false });
  return () => {
    for (const [type, listener] of Object.entries(listeners)) element.removeEventListener(type, listener);
  };
}
