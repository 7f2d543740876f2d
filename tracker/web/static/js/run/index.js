// The parts of the page of a run. A part is a module with `show(host, run, {about, changed})`.

export const TABS = [
  { name: "overview", title: "Overview", load: () => import("./overview.js") },
  { name: "curves", title: "Curves", load: () => import("./curves.js") },
];
