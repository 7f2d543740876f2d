// What a run is: state, time, host, command, commit; its settings and results.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import * as format from "../format.js";
import { command, stateMark } from "../parts/common.js";

export async function show(host, run) {
  host.append(h("div.cards", {}, facts(run), values(t("Settings"), run.config), values(t("Results"), run.summary)));
}

function facts(run) {
  const rows = [
    [t("State"), stateMark(run.state)],
    [t("Created"), `${format.moment(run.created)} (${format.age(run.created)})`],
    [t("Duration"), format.duration(run.duration)],
  ];
  return h("section.card", {}, h("h2", {}, t("Overview")), h("dl.facts", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), run.command ? command(run.command) : null);
}

function values(title, mapping) {
  const rows = Object.entries(mapping);
  return h("section.card", {}, h("h2", {}, title), h("dl.facts", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd.mono", {}, format.value(value))])));
}
