// Elements made from values. Text is always text: nothing here, and nothing in any page, parses markup.

/** Makes an element: h("a.big", {href: "#/"}, "text", child, [more]). Properties that begin with `on` listen. */
export function h(what, properties = {}, ...children) {
  const [name, ...classes] = what.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) setProperty(element, key, value);
  append(element, children);
  return element;
}

function setProperty(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.classList.add(...String(value).split(" ").filter(Boolean));
  else if (key === "style") Object.assign(element.style, value);
  else if (key === "vars") for (const [name, each] of Object.entries(value)) element.style.setProperty(name, each);
  else if (key === "dataset") Object.assign(element.dataset, value);
  else if (key in element && !key.startsWith("aria") && key !== "list" && key !== "role") element[key] = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

function append(element, children) {
  for (const child of children.flat(4)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Puts other children in the place of those that an element has. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, properties = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, String(value));
  }
  append(element, children);
  return element;
}

const ICONS = {
  eye: "M1 8s2.6-5 7-5 7 5 7 5-2.6 5-7 5-7-5-7-5z M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  eyeOff: "M2 2l12 12 M6.2 3.2A7 7 0 0 1 8 3c4.400 0 7 5 7 5a12 12 0 0 1-2 2.600 M4 4.700C2 6 1 8 1 8s2.600 5 7 5a7 7 0 0 0 2.800-.6",
  columns: "M2 3h12v10H2z M6 3v10 M10 3v10",
  group: "M2 3h7 M5 8h7 M5 13h7 M2 3v10",
  more: "M3.500 8h.01 M8 8h.01 M12.500 8h.01",
  close: "M4 4l8 8 M12 4l-8 8",
  expand: "M9.500 2H14v4.500 M14 2L9 7 M6.500 14H2V9.500 M2 14l5-5",
  reset: "M3 8a5 5 0 1 0 1.500-3.600 M2.500 2v3h3",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  moon: "M13 9.500A5.500 5.500 0 1 1 6.500 3a4.500 4.500 0 0 0 6.500 6.500z",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6z M8 1v1.500 M8 13.500V15 M1 8h1.500 M13.500 8H15 M3 3l1 1 M12 12l1 1 M13 3l-1 1 M4 12l-1 1",
  save: "M8 2v8 M4.500 7L8 10.500 11.500 7 M2.500 13.500h11",
  pin: "M10 2l4 4-3 1-2.500 2.500L8 13 3 8l3.500-.5L9 5z M5.500 10.500L2 14",
  copy: "M5 5h8v9H5z M3 11V2h8",
  check: "M3 8.500l3.200 3L13 4.500",
  help: "M6 6a2 2 0 1 1 2.700 1.900c-.5.2-.7.600-.7 1.100v.5 M8 12h.01",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10z M10.700 10.700L14 14",
};

/** A small drawing; says nothing to screen readers, the button around it does. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": "1.5", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}

/** A button with an icon and a name that is read out and shown when the pointer rests. */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button.icon.quiet", { type: "button", title: label, "aria-label": label, onclick, ...properties }, icon(name));
}

/** Calls once for many calls, so long after the first of them: what never pauses is followed too. */
export function within(milliseconds, action) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      action();
    }, milliseconds);
  };
}

/** Calls the last of many calls only, after a pause. */
export function later(milliseconds, action) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}
