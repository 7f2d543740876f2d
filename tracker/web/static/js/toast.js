// A sentence at the bottom of the page that goes away, maybe with something to do about it.

import { h } from "./dom.js";

/** Shows a text; `action` is [label, what to do]. Returns what takes it away. */
export function toast(text, { bad = false, action = null, seconds = bad ? 8 : 5 } = {}) {
  const element = h("div.toast", { class: bad ? "bad" : "" }, h("span", {}, text));
  const close = () => {
    clearTimeout(timer);
    element.remove();
  };
  if (action) {
    element.append(h("button", { type: "button", onclick: () => (close(), action[1]()) }, action[0]));
  }
  const timer = setTimeout(close, seconds * 1000);
  document.getElementById("toasts").append(element);
  return close;
}
