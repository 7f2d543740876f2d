// What the machine did while the run ran.

import { within } from "../dom.js";
import { onLive } from "../live.js";
import { here } from "../router.js";
import { Panels } from "../parts/panels.js";
import { onMoved } from "../view.js";

export async function show(host, run) {
  const panels = new Panels({ runs: () => [{ ...run, number: 0 }], which: "system" });
  host.append(panels.element);
  await panels.refreshMetrics();
  const stale = within(300, () => panels.stale());
  const stops = [
    onLive("grown", (grown) => grown[run.key]?.includes("system") && stale()),
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
