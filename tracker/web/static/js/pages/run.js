// The page of one run.

import { complain, get, runPath } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { onLive, watch } from "../live.js";
import { address, change, here } from "../router.js";
import { stateMark } from "../parts/common.js";
import { TABS } from "../run/index.js";
import { onView } from "../view.js";

export async function show(host, place, { about }) {
  const key = place.path.slice(1).join("/");
  let run = await get(runPath(key));
  let leave = null;
  let tab = TABS.find((each) => each.name === place.query.get("tab")) ?? TABS[0];
  const head = h("div.run-head");
  const tabs = h("div.tabs", { role: "tablist", "aria-label": t("Parts of the run") });
  const body = h("div.run-body", { role: "tabpanel" });
  fill(host, head, tabs, body);
  document.title = `${run.name} · tracker`;

  function drawHead() {
    fill(head,
      h("div.crumbs.small", {}, h("a", { href: address(["runs"], { project: run.project }) }, run.project), " / ", h("code", {}, run.id)),
      h("div.run-title", {}, h("h1", {}, run.name), stateMark(run.state)));
    fill(tabs, TABS.filter((each) => each === tab || (each.has?.(run) ?? true)).map((each) => h("button", { type: "button", role: "tab", "aria-selected": String(each === tab), tabIndex: each === tab ? 0 : -1, onclick: () => open(each) }, t(each.title))));
    // On a phone not all of them have room.
    tabs.querySelector("[aria-selected=true]").scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async function open(next) {
    leave?.();
    // A part of one axis is none of another.
    if (next !== tab) change({ range: null, rangeof: null, path: null });
    tab = next;
    change({ tab: next === TABS[0] ? null : next.name });
    drawHead();
    const inside = h("div.tab-inside", { class: `tab-${next.name}` });
    fill(body, inside);
    const module = await next.load();
    if (tab === next) leave = (await module.show(inside, run, { about, changed: reload })) ?? null;
  }

  async function reload() {
    run = Object.assign(run, await get(runPath(key)));
    drawHead();
  }

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
    open(next).then(() => tabs.querySelector("[aria-selected=true]").focus());
  });
  const named = () => TABS.find((each) => each.name === here().query.get("tab")) ?? TABS[0];
  const stops = [
    // Links within the page of a run name another part of it.
    onView((now, changes) => !Object.keys(changes).length && named() !== tab && open(named()).catch(complain)),
    onLive("runs", () => reload().catch(() => {})),
    onLive("grown", (grown) => grown[key]?.includes("record") && reload().catch(() => {})),
  ];
  watch("run", [key]);
  await open(tab);
  return () => {
    leave?.();
    stops.forEach((stop) => stop());
    watch("run", []);
  };
}
