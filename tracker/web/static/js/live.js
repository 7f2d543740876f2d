// What changes on disk, told by the server as it happens.

const listeners = { runs: new Set(), grown: new Set(), state: new Set() };
let source = null;
let watched = "";
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

/** `known` is the version of the list that is shown already. */
export function connect(known) {
  clearTimeout(retry);
  source?.close();
  source = new EventSource(`api/events?${new URLSearchParams({ watch: watched })}`);
  const mine = source;
  source.addEventListener("hello", (event) => {
    tell("state", true);
    if (away || (known !== undefined && JSON.parse(event.data).version !== known)) catchUp();
    known = undefined;
    away = false;
  });
  source.addEventListener("runs", (event) => tell("runs", JSON.parse(event.data)));
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

/** After a time without news anything may have changed. */
function catchUp() {
  tell("runs", {});
  tell("grown", Object.fromEntries([...wishes.values()].flat().map((key) => [key, ["history", "system", "console", "record"]])));
}

addEventListener("pagehide", () => source?.close());

// A browser holds six connections to a server and no more: pages that nobody looks at let go of theirs.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    away = true;
  } else if (source) connect();
});
