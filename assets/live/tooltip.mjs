// One tooltip for all elements with `data-tip`: on hover after a moment, on keyboard focus at once.
import { byId } from "./dom.mjs";

const DELAY_MS = 350;
const GAP_PX = 8;

export function attachTooltips() {
  const box = byId("tooltip");
  let timer = 0;
  let shown = null;

  const hide = () => {
    clearTimeout(timer);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    box.hidden = true;
  };
  const show = (element) => {
    if (!element.isConnected || !element.dataset.tip) return;
    hide();
    shown = element;
    box.textContent = element.dataset.tip;
    box.hidden = false;
    element.setAttribute("aria-describedby", "tooltip");
    place(box, element.getBoundingClientRect());
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const element = event.target.closest?.("[data-tip]");
    if (element === shown) return;
    hide();
    if (element) timer = setTimeout(show, DELAY_MS, element);
  });
  document.addEventListener("focusin", (event) => {
    const element = event.target.closest?.("[data-tip]");
    if (element && event.target.matches(":focus-visible")) show(element);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("pointerdown", (event) => {
    const about = event.target.closest?.(".tip-button");
    hide();
    if (about) setTimeout(show, 0, about);
  });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

function place(box, at) {
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(Math.max(GAP_PX, at.left + at.width / 2 - width / 2), innerWidth - width - GAP_PX);
  const below = at.bottom + GAP_PX;
  const top = below + height < innerHeight - GAP_PX ? below : Math.max(GAP_PX, at.top - GAP_PX - height);
  box.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}
