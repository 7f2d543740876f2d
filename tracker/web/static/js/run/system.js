// What the machine did while the run ran.

import { later } from "../dom.js";
import { onLive } from "../live.js";
import { here } from "../router.js";
import { Panels } from "../parts/panels.js";
import { onMoved } from "../view.js";

export async function show(host, run) {
  const panels = new Panels({ runs: () => [{ ...run, number: 0 }], which: "system" });
  host.append(panels.element);
  await panels.refreshMetrics();
  const stops = [
    onLive("grown", later(300, (grown) => grown[run.key]?.includes("system") && panels.stale())),
    onMoved(() => {
      if (here().query.get("tab") !== "system") return;
      panels.follow();
      panels.stale();
    }),
  ];
  return () => {
    stops.forEach((stop) => stop());
    panels.destroy();
  };
}
