// What the machine did while the run ran.

import { later } from "../dom.js";
import { onLive } from "../live.js";
import { Panels } from "../parts/panels.js";

export async function show(host, run) {
  const panels = new Panels({ runs: () => [{ ...run, number: 0 }], which: "system" });
  host.append(panels.element);
  await panels.refreshMetrics();
  const stop = onLive("grown", later(300, (grown) => grown[run.key]?.includes("system") && panels.stale()));
  return () => {
    stop();
    panels.destroy();
  };
}
