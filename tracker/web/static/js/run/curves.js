// The curves of one run.

import { onLive } from "../live.js";
import { later } from "../dom.js";
import { Panels } from "../parts/panels.js";

export async function show(host, run) {
  const panels = new Panels({ runs: () => [{ ...run, number: 0 }] });
  host.append(panels.element);
  await panels.refreshMetrics();
  const metrics = later(1500, () => panels.refreshMetrics());
  const stop = onLive("grown", (grown) => {
    if (!grown[run.key]?.includes("history")) return;
    panels.stale();
    metrics();
  });
  return () => {
    stop();
    panels.destroy();
  };
}
