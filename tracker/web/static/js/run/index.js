// The parts of the page of a run. A part is a module with `show(host, run, {about, changed, onReload})`; it is offered
// where `has(run)` says that there is something to show.

import { hasModel, mediaKeys } from "./kinds.js";

export const TABS = [
  { name: "overview", title: "Overview", load: () => import("./overview.js") },
  { name: "curves", title: "Curves", load: () => import("./curves.js") },
  { name: "media", title: "Media", load: () => import("./media.js"), has: (run) => mediaKeys(run.media).length > 0 },
  { name: "watch", title: "Model", load: () => import("./watch.js"), has: (run) => hasModel(run.media) },
  { name: "system", title: "System", load: () => import("./system.js") },
  { name: "console", title: "Console", load: () => import("./console.js") },
  { name: "files", title: "Files", load: () => import("./files.js") },
  { name: "lineage", title: "Inputs and outputs", load: () => import("./lineage.js") },
];
