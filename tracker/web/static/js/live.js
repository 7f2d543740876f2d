// What changes on disk, told by the server as it happens.

const EVERYTHING = ["history", "system", "console", "record"];
const listeners = { runs: new Set(), grown: new Set(), state: new Set() };
let source = null;
let watched = "";
let caughtUp = new Set();
let version = null;
let retry = 0;
let away = false;

/** Calls `listener` at "runs" (the list changed), "grown" ({run: [what grew]}) or "state" (connected or not). */
export function onLive(kind, listener) {
  listeners[kind].add(listener);
  return () => listeners[kind].delete(listener);
}

const wishes = new Map();

/** Says for whom the files of which runs are looked at; an empty list takes it back. */
export function watch(who, keys) {
  if (keys.length) wishes.set(who, keys);
  else wishes.delete(who);
  const all = [...new Set([...wishes.values()].flat())].sort().join(" ");
  if (source && all === watched) return;
  watched = all;
  if (source) connect();
}

/** Follows what changes; `known` is the version of the list of runs that the page was made from. */
export function connect(known = null) {
  clearTimeout(retry);
  source?.close();
  version = known ?? version;
  const keys = watched.split(" ").filter(Boolean);
  source = new EventSource(`api/events?${new URLSearchParams({ watch: watched, ...(version === null ? {} : { version }) })}`);
  const mine = source;
  source.addEventListener("hello", () => {
    tell("state", true);
    // Between what a page was drawn from and the first look at the files something may have been written.
    const unseen = keys.filter((key) => away || !caughtUp.has(key));
    caughtUp = new Set(keys);
    if (away) tell("runs", {});
    if (unseen.length) tell("grown", Object.fromEntries(unseen.map((key) => [key, EVERYTHING])));
    away = false;
  });
  source.addEventListener("runs", (event) => {
    const news = JSON.parse(event.data);
    version = news.version;
    tell("runs", news);
  });
  source.addEventListener("grown", (event) => tell("grown", JSON.parse(event.data)));
  source.addEventListener("error", () => {
    away = true;
    tell("state", false);
    if (mine.readyState === EventSource.CLOSED) retry = setTimeout(() => connect(), 3000);
  });
}

function tell(kind, data) {
  for (const listener of listeners[kind]) listener(data);
}

addEventListener("pagehide", () => source?.close());

// A browser holds six connections to a server and no more: pages that nobody looks at let go of theirs.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    away = true;
  } else if (source) connect();
});
