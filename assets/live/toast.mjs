// Sentences that appear for a while, and the banner for what lasts.
import { byId, h, icon } from "./dom.mjs";

const LASTS_MS = 9000;
const MOST = 4;

/** Show one sentence; the same sentence twice is shown once. `level`: info or error. */
export function toast(sentence, level = "info") {
  const box = byId("toasts");
  for (const old of box.children) if (old.dataset.text === sentence) old.remove();
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => made.remove() }, icon("close"));
  const made = h("div", { class: "toast-line", "data-level": level, "data-text": sentence }, h("span", { text: sentence }), close);
  box.append(made);
  while (box.children.length > MOST) box.firstElementChild.remove();
  setTimeout(() => made.remove(), LASTS_MS);
}

/** The banner says what is wrong and what to do; null takes it away. */
export function banner(content) {
  const box = byId("banner");
  const key = content ? `${content.level}|${content.title}|${content.text}` : "";
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = !content;
  box.dataset.level = content?.level ?? "";
  box.replaceChildren();
  if (!content) return;
  box.append(h("strong", { text: content.title }), h("span", { text: content.text }));
  if (content.action) box.append(h("button", { type: "button", class: "button", text: content.action.text, onclick: content.action.run }));
}
