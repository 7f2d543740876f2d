// A menu beside a button: closed by Escape, by a click elsewhere, walked through by arrow keys.

import { h } from "./dom.js";

let open = null;

/** Opens a menu below an element; `items` are elements, or [label, action, {danger}] for buttons. */
export function menu(anchor, items, { label = "" } = {}) {
  closeMenu();
  const element = h("div.menu", { role: "menu", "aria-label": label });
  for (const item of items) {
    if (!item) continue;
    if (item instanceof Node) element.append(item);
    else {
      const [text, action, { danger = false, checked = null } = {}] = item;
      element.append(
        h("button", { type: "button", role: "menuitem", class: danger ? "danger" : "", onclick: () => (closeMenu(), action()) },
          checked === null ? null : h("span", {}, checked ? "✓" : "\u2003"), text),
      );
    }
  }
  document.body.append(element);
  place(element, anchor);
  open = { element, anchor };
  (element.querySelector("input, button") ?? element).focus();
  return element;
}

export function closeMenu() {
  if (!open) return;
  const { element, anchor } = open;
  open = null;
  const inside = element.contains(document.activeElement);
  element.remove();
  if (inside) anchor.focus?.();
}

function place(element, anchor) {
  const around = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const below = innerHeight - around.bottom > height + 8 || around.top < height;
  element.style.left = `${Math.max(8, Math.min(around.left, innerWidth - width - 8))}px`;
  element.style.top = `${Math.max(8, below ? Math.min(around.bottom + 4, innerHeight - height - 8) : around.top - height - 4)}px`;
}

addEventListener("pointerdown", (event) => {
  if (open && !open.element.contains(event.target) && !open.anchor.contains(event.target)) closeMenu();
}, true);
// The way back leads away from what the menu is about.
addEventListener("hashchange", closeMenu);
addEventListener("keydown", (event) => {
  if (!open) return;
  if (event.key === "Escape") {
    event.stopPropagation();
    closeMenu();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const stops = [...open.element.querySelectorAll("button, input")];
    const now = stops.indexOf(document.activeElement);
    const next = stops[(now + (event.key === "ArrowDown" ? 1 : -1) + stops.length) % stops.length];
    next?.focus();
    event.preventDefault();
  }
}, true);
