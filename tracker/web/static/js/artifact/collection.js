// A collection: its versions, the aliases that name them, and the version that is looked at.

import { complain, edit, get } from "../api.js";
import { fill, h, iconButton, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { onLive } from "../live.js";
import { menu } from "../menu.js";
import { address, change, go, here } from "../router.js";
import { toast } from "../toast.js";
import * as format from "../format.js";
import { showDifference } from "./difference.js";
import { showVersion } from "./version.js";

/** The address of the server's answers about a collection. */
export function collectionPath(project, name) {
  return `artifact/${encodeURIComponent(project)}/${encodeURIComponent(name)}`;
}

export async function showCollection(host, place, about) {
  const [, project, name, version] = place.path;
  const path = collectionPath(project, name);
  let found = await get(path);
  const head = h("div.artifact-head");
  const list = h("section.card.versions");
  const body = h("div");
  fill(host, head, list, body);

  function draw() {
    fill(head,
      h("div.crumbs.small", {}, h("a", { href: address(["artifacts"]) }, t("Artifacts")), ` / ${found.project} / ${found.type}`),
      h("h1", {}, found.name),
      found.description ? h("p.note", {}, found.description) : null,
      found.damaged.map((reason) => h("div.problem", {}, reason)));
    const { query } = here();
    const against = query.get("against");
    fill(list, h("h2", {}, count(found.versions.length, "{n} version", "{n} versions")),
      h("div.scroll", {}, h("table.plain", {},
        h("thead", {}, h("tr", {}, [t("Version"), t("Aliases"), t("Size"), t("Shared"), t("Files"), t("Made"), t("By run"), t("Metadata"), ""].map((text, at) => h("th", { scope: "col", class: at >= 2 && at <= 4 ? "number" : "" }, text)))),
        h("tbody", {}, found.versions.map((each) => row(each, against))))));
  }

  function row(each, against) {
    return h("tr", { "aria-current": each.version === version ? "true" : null },
      h("th", { scope: "row" }, h("a", { href: address(["artifacts", project, name, each.version]) }, each.version)),
      h("td.aliases", {}, each.aliases.map((alias) => aliasTag(alias, each)), about?.read_only ? null :
        iconButton("pin", t("Give {version} an alias", { version: each.version }), (event) => askAlias(event.currentTarget, each))),
      h("td.number", {}, format.size(each.size_bytes)),
      h("td.number", { title: t("Bytes of files that another version has, too; they are stored once.") }, share(each)),
      h("td.number", {}, each.files),
      h("td", { title: format.moment(each.created) }, format.age(each.created)),
      h("td", {}, each.run ? h("a", { href: address(["run", project, each.run]), title: each.run }, each.run_name ?? each.run) : null, each.step === null ? null : h("span.faint", {}, ` ${t("step {n}", { n: each.step })}`)),
      h("td.metadata", { title: format.value(each.metadata) }, Object.entries(each.metadata).map(([key, value]) => [h("span.faint", {}, `${key} `), format.value(value), " "])),
      h("td", {}, each.version === version || !version ? null : h("button.quiet.small", { type: "button", "aria-pressed": String(each.version === against), onclick: () => compare(each.version === against ? null : each.version) }, t("Compare"))));
  }

  function share(each) {
    if (each.shared_bytes === null || each.shared_bytes === undefined || !each.size_bytes) return "";
    // Only what is shared to the last byte is 100 %.
    return `${Math.floor((100 * each.shared_bytes) / each.size_bytes)} %`;
  }

  function aliasTag(alias, each) {
    if (about?.read_only) return [h("span.tag", {}, alias), " "];
    return [h("button.tag", { type: "button", title: t("Move or remove {alias}", { alias }), "aria-label": t("Move or remove {alias}", { alias }), onclick: (event) => aliasMenu(event.currentTarget, alias, each) }, alias), " "];
  }

  function aliasMenu(anchor, alias, from) {
    menu(anchor, [
      h("h3", {}, t("Move {alias} to", { alias })),
      ...found.versions.filter((each) => each !== from).slice(0, 30).map((each) => [`${each.version}  ${format.age(each.created)}`, () => moveAlias(alias, each.version, from.version)]),
      h("hr"),
      [t("Remove {alias}", { alias }), () => moveAlias(alias, null, from.version), { danger: true }],
    ], { label: t("Move or remove {alias}", { alias }) });
  }

  function askAlias(anchor, each) {
    const input = h("input", { type: "text", placeholder: t("New alias, or one to move here"), "aria-label": t("Alias") });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !input.value.trim()) return;
      const alias = input.value.trim();
      const before = found.versions.find((other) => other.aliases.includes(alias))?.version ?? null;
      document.activeElement.blur();
      element.remove();
      moveAlias(alias, each.version, before);
    });
    const element = menu(anchor, [input], { label: t("Alias") });
  }

  async function moveAlias(alias, target, before) {
    try {
      const { warnings } = await edit(path, { alias, version: target });
      warnings.forEach((warning) => toast(warning, { bad: true }));
      found = await get(path);
      draw();
      toast(target ? t("{alias} names {version} now.", { alias, version: target }) : t("{alias} names nothing now.", { alias }),
        { action: [t("Undo"), () => moveAlias(alias, before, target)] });
    } catch (error) {
      complain(error);
    }
  }

  async function compare(against) {
    change({ against });
    draw();
    await drawBody();
  }

  async function drawBody() {
    const against = here().query.get("against");
    if (!version) {
      go(["artifacts", project, name, found.versions[0].version], {}, { replace: true });
      return;
    }
    if (against && found.versions.some((each) => each.version === against)) {
      await showDifference(body, `${project}/${name}:${against}`, `${project}/${name}:${version}`, () => compare(null));
    } else await showVersion(body, `${path}/${encodeURIComponent(version)}`, { project, name, version });
  }

  draw();
  await drawBody();
  // A run that logs a version changes its record.
  return onLive("runs", later(500, async () => {
    found = await get(path).catch(() => found);
    draw();
  }));
}

