// The curves of one run.

import { rankKey } from "../api.js";
import { h, within } from "../dom.js";
import { t } from "../i18n.js";
import { onLive } from "../live.js";
import { change, here } from "../router.js";
import { Panels } from "../parts/panels.js";
import { onMoved } from "../view.js";

export async function show(host, run) {
  const panels = new Panels({ runs: () => drawn(run) });
  const ranks = run.ranks?.length > 1 ? ranksButton(run, panels) : null;
  if (ranks) host.append(h("div.bar", {}, ranks.element));
  host.append(panels.element);
  await panels.refreshMetrics();
  const metrics = within(1500, () => panels.refreshMetrics());
  const stops = [
    onLive("grown", (grown) => {
      if (!grown[run.key]?.includes("history")) return;
      panels.stale();
      metrics();
    }),
    onMoved(() => {
      if (here().query.get("tab") !== "curves") return;
      ranks?.draw();
      panels.follow();
      panels.refreshMetrics().then(() => panels.stale());
    }),
  ];
  return () => {
    stops.forEach((stop) => stop());
    panels.destroy();
  };
}

/** A run, or each of its ranks as a line of its own. */
function drawn(run) {
  if (!here().query.has("ranks")) return [{ ...run, number: 0 }];
  return run.ranks.map((rank, number) => ({ ...run, key: rank === "0" ? run.key : rankKey(run.key, rank), of: run.key, rank, number, name: t("rank {n}", { n: rank }) }));
}

function ranksButton(run, panels) {
  const element = h("button", { type: "button", title: t("Each process of a distributed run has rows of its own"), onclick: () => {
    change({ ranks: here().query.has("ranks") ? null : "1" });
    draw();
    panels.refreshMetrics().then(() => panels.stale());
  } });
  const draw = () => {
    element.textContent = t("All {n} ranks", { n: run.ranks.length });
    element.setAttribute("aria-pressed", String(here().query.has("ranks")));
  };
  draw();
  return { element, draw };
}
