// The pages. A page is a module with `show(host, place)`: it fills `host`, may return what to do when it
// is left, and reads the rest of the address from `place.path` and `place.query`.
//
// With `follows` it listens to changes of the rest; else it is shown anew with them.
//
// A new page is a line here and a module beside this one; its Chinese texts go in with addTexts.

export const PAGES = [
  { name: "runs", title: "Runs", load: () => import("./runs.js"), keepsView: true, follows: true },
  { name: "curves", title: "Curves", load: () => import("./curves.js"), keepsView: true, follows: true },
  { name: "compare", title: "Compare", load: () => import("./compare.js"), keepsView: true, follows: true },
  { name: "artifacts", title: "Artifacts", load: () => import("./artifacts.js") },
  { name: "run", title: null, load: () => import("./run.js"), follows: true },
];
