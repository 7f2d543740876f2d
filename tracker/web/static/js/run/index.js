// The parts of the page of a run. A part is a module with `show(host, run, {about, changed})`; it is offered
// where `has(run)` says that there is something to show.

const HISTOGRAM = (key, kind) => kind === "histogram" && /^(graph_\d+)?(gradients|parameters)\//.test(key);

export const isWatched = HISTOGRAM;

export const TABS = [
  { name: "overview", title: "Overview", load: () => import("./overview.js") },
  { name: "curves", title: "Curves", load: () => import("./curves.js") },
  { name: "media", title: "Media", load: () => import("./media.js"), has: (run) => Object.entries(run.media).some(([key, kind]) => kind !== "graph" && !HISTOGRAM(key, kind)) },
  { name: "watch", title: "Model", load: () => import("./watch.js"), has: (run) => Object.entries(run.media).some(([key, kind]) => kind === "graph" || HISTOGRAM(key, kind)) },
  { name: "system", title: "System", load: () => import("./system.js") },
  { name: "console", title: "Console", load: () => import("./console.js") },
  { name: "files", title: "Files", load: () => import("./files.js") },
  { name: "lineage", title: "Inputs and outputs", load: () => import("./lineage.js") },
];
