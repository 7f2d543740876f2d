// The address: which page, and everything that the page shows. It can be kept and sent.
//
// All of it stands behind the #, so no server and no proxy in front of it needs to know of pages.

const listeners = new Set();

/** Returns the page and its parameters: #/run/LeNet5/abc?tab=files is {path: ["run", …], query}. */
export function here() {
  const text = location.hash.replace(/^#\/?/, "");
  const cut = text.indexOf("?");
  const path = (cut < 0 ? text : text.slice(0, cut)).split("/").filter(Boolean).map(decode);
  return { path, query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns the address of a page; parameters that are empty are left out. */
export function address(path, parameters = {}) {
  const query = parameters instanceof URLSearchParams ? parameters : new URLSearchParams();
  if (!(parameters instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== null && value !== undefined && value !== "" && value !== false) query.set(name, value === true ? "1" : value);
    }
  }
  // A slash in an address is as good as %2F, and can be read.
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Goes to a page; with `replace` the way back does not lead through where one was. */
export function go(path, parameters = {}, { replace = false } = {}) {
  const wanted = address(path, parameters);
  if (wanted === location.hash) return;
  if (replace) history.replaceState(null, "", wanted);
  else history.pushState(null, "", wanted);
  for (const listener of listeners) listener(here());
}

/** Changes parameters of the page that is shown, without a step for the way back. */
export function change(parameters) {
  const { path, query } = here();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === "" || value === false) query.delete(name);
    else query.set(name, value === true ? "1" : String(value));
  }
  history.replaceState(null, "", address(path, query));
}

/** Calls `listener` with every page that is gone to. */
export function onMove(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// A step back or forward is one, too, as all that differs stands behind the #; popstate would come beside it.
addEventListener("hashchange", () => listeners.forEach((listener) => listener(here())));
