// What a run is: state, time, host, command, commit; how to go on with it; its settings and results.

import { complain, get, runPath } from "../api.js";
import { fill, h, icon, within } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";
import { address } from "../router.js";
import { command, tagList } from "../parts/common.js";
import { diffView } from "../parts/diff.js";
import { change, editInPlace, parseTags } from "../parts/run_actions.js";
import { onLive } from "../live.js";

export async function show(host, run, { about, changed }) {
  const left = h("div.column"), right = h("div.column");
  const results = values(t("Results"), run), settings = values(t("Settings"), run);
  const drawRight = () => (results.draw(run.summary), settings.draw(run.config));
  let known = facts(run, about, changed);
  const drawKnown = () => {
    if (known.querySelector("input, textarea")) return; // somebody writes
    const now = facts(run, about, changed);
    known.replaceWith(now);
    known = now;
  };
  fill(left, ...run.damaged.length ? [warning(run)] : [], known, words(run), again(run), sessions(run), code(run));
  fill(right, results.element, settings.element);
  drawRight();
  host.append(h("div.overview", {}, left, right));
  const draw = within(400, () => changed().then(() => (drawKnown(), drawRight())).catch(() => {}));
  return onLive("grown", (grown) => grown[run.key] && draw());
}

function warning(run) {
  return h("div.problem", {}, h("b", {}, t("Some of what was logged cannot be read; the rest is shown.")), h("pre", {}, run.damaged.join("\n")));
}

function facts(run, about, changed) {
  const session = run.sessions.at(-1) ?? {};
  const rows = [
    [t("Created"), h("span", { title: run.created }, `${format.moment(run.created)} · ${format.age(run.created)}`)],
    [t("Duration"), format.duration(run.duration)],
    [t("Last step"), run.last_step === null ? "–" : run.last_step.toLocaleString()],
    run.state === "running" ? [t("Last sign of life"), format.age(run.heartbeat_at)] : null,
    session.error ? [t("Ended by"), h("span.mono.bad-text", {}, session.error)] : session.signal ? [t("Ended by"), session.signal] : null,
    [t("Host"), [session.host, session.user ? ` · ${session.user}` : ""]],
    [t("Machine"), machine(session)],
    [t("Commit"), commit(session)],
    run.group ? [t("Group"), run.group] : null,
    run.job_type ? [t("Job type"), run.job_type] : null,
    run.forked_from ? [t("Forked from"), h("a", { href: address(["run", run.project, run.forked_from.run]) }, t("{run} after step {step}", run.forked_from))] : null,
    run.reproduces ? [t("Reproduces"), h("a", { href: address(["run", run.project, run.reproduces]) }, run.reproduces)] : null,
    [t("Tags"), editable(run, "tags", about, changed)],
    [t("Notes"), editable(run, "notes", about, changed)],
    [t("Folder"), h("code", {}, run.folder)],
  ];
  return card(t("Overview"), definitions(rows));
}

function definitions(rows) {
  return h("dl.facts", {}, rows.filter((row) => row && row[1] !== "" && row[1] !== null).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function machine(session) {
  const parts = [session.platform, session.cpu?.model ? `${session.cpu.model} × ${session.cpu.count}` : null, ...(session.gpus ?? []).map((gpu) => gpu.name ?? format.value(gpu)), session.python ? `Python ${session.python}` : null];
  return parts.filter(Boolean).join(" · ");
}

function commit(session) {
  if (!session.commit) return session.code_commit ? [h("code", {}, session.code_commit.slice(0, 10)), " ", h("span.faint", {}, t("kept by tracker"))] : t("not recorded");
  const url = commitUrl(session.remote, session.commit);
  const text = h("code", { title: session.commit }, session.commit.slice(0, 10));
  return [url ? h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text) : text, session.branch ? ` ${t("on {branch}", { branch: session.branch })}` : "", session.dirty ? [" ", h("span.tag", {}, t("changed"))] : null];
}

/** The page of a commit on the git server; only of addresses that a browser may open. */
export function commitUrl(remote, commit) {
  if (!remote) return null;
  const ssh = remote.match(/^(?:ssh:\/\/)?(?:[^@/]+@)([^:/]+)(?::\d+)?[:/](.+?)(?:\.git)?\/?$/);
  const web = remote.match(/^https?:\/\/(?:[^@/]*@)?([^/]+)\/(.+?)(?:\.git)?\/?$/);
  const found = ssh ?? web;
  return found ? `https://${found[1]}/${found[2]}/commit/${commit}` : null;
}

function editable(run, field, about, changed) {
  const shown = field === "tags" ? tagList(run.tags) : h("span.notes", {}, run.notes);
  const empty = field === "tags" ? !run.tags.length : !run.notes;
  if (about?.read_only) return empty ? "–" : shown;
  const value = () => (field === "tags" ? run.tags.join(", ") : run.notes);
  const button = h("button.quiet.edit", { type: "button", "aria-label": field === "tags" ? t("Edit tags") : t("Edit notes"), onclick: () =>
    editInPlace(holder, { value: value(), label: t(field), multiline: field === "notes", onDone: (text) => change(run, field, field === "tags" ? parseTags(text) : text, () => fill(holder, editable(run, field, about, changed))) }) },
    empty ? t("add") : t("edit"));
  const holder = h("span.editable", {}, shown, button);
  return holder;
}

function words(run) {
  if (!run.command) return null;
  const session = run.sessions.at(-1);
  return card(t("Command"), command(run.command), session.cwd && session.cwd !== "." ? h("p.note.small", {}, t("in the folder {folder}", { folder: session.cwd })) : null);
}

function again(run) {
  return card(t("Go on, or again"),
    h("p.note.small", {}, t("Goes on with its own code, inputs and checkpoint:")), command(`tracker resume ${run.id}`),
    h("p.note.small", {}, t("Runs it again and says whether it came out the same:")), command(`tracker reproduce ${run.id}`),
    h("p.note.small", {}, t("Says why it differs from another run:")), command(`tracker diff ${run.id} OTHER`));
}

function sessions(run) {
  if (run.sessions.length < 2) return null;
  return card(t("Sessions"), h("table.plain", {}, h("thead", {}, h("tr", {}, [t("No."), t("State"), t("Started"), t("From step"), t("Host")].map((name) => h("th", {}, name)))),
    h("tbody", {}, run.sessions.map((session) => h("tr", {}, h("td", {}, session.number), h("td", {}, t(session.state), session.signal ? ` (${session.signal})` : ""), h("td", { title: session.started }, format.moment(session.started)), h("td", {}, session.from_step), h("td", {}, session.host))))));
}

function code(run) {
  const session = run.sessions.at(-1);
  if (!run.has_code || !session?.dirty || !session.commit) return null;
  const body = h("div", {}, h("p.note", {}, "…"));
  get(`${runPath(run.key)}/code`).then((changes) => fill(body, diffView(changes))).catch((error) => (fill(body), complain(error)));
  return card(t("What was not committed"), body);
}

/** A card of values; `draw(mapping)` shows other ones, and leaves what is searched for as it is. */
function values(title, run) {
  const search = h("input", { type: "search", hidden: true, placeholder: t("Search"), "aria-label": `${t("Search")}: ${title}` });
  const list = h("dl.facts.values"), tally = h("span.count"), nothing = h("p.note", {}, t("Nothing was recorded."));
  // Numbers first, ours (`_step`) and what `watch` adds last; otherwise as they were logged.
  const rank = ([name, value]) => (name.startsWith("_") ? 3 : /^(gradients|parameters)\//.test(name) ? 2 : value?._type ? 1 : 0);
  let rows = [];
  const sift = () => {
    const wanted = search.value.toLowerCase();
    const shown = rows.filter(([name]) => name.toLowerCase().includes(wanted));
    fill(list, shown.slice(0, 500).map(([name, value]) => [h("dt", {}, name), h("dd", { title: typeof value === "number" ? String(value) : null }, shownValue(name, value, run))]));
  };
  const draw = (mapping) => {
    rows = flat(mapping).sort((a, b) => rank(a) - rank(b));
    search.hidden = rows.length <= 12;
    nothing.hidden = rows.length > 0;
    tally.textContent = rows.length || "";
    sift();
  };
  search.addEventListener("input", sift);
  return { element: h("section.card", {}, h("header", {}, h("h2", {}, title), tally, search), list, nothing), draw };
}

function shownValue(name, value, run) {
  if (value?._type === "histogram") return h("span.faint", {}, `‹${t("histogram")}› `, Number.isFinite(value.mean) ? `${format.number(value.mean, 3)} ± ${format.number(value.std, 3)}` : "");
  if (value?._type === "graph") return h("a", { href: address(["run", run.project, run.id], { tab: "watch" }) }, count(value.parameters, "{n} parameter", "{n} parameters"));
  if (value?._type) return h("a", { href: address(["run", run.project, run.id], { tab: "media", key: name }) }, `‹${format.kind(value._type)}›`);
  if (name === "_timestamp" && typeof value === "number") return h("span.mono", {}, format.moment(new Date(value * 1000).toISOString()));
  return h("span.mono", {}, format.value(value));
}

function flat(mapping, prefix = "") {
  return Object.entries(mapping).flatMap(([name, value]) =>
    value && typeof value === "object" && !Array.isArray(value) && !value._type && Object.keys(value).length ? flat(value, `${prefix}${name}.`) : [[prefix + name, value]]);
}

function card(title, ...children) {
  return h("section.card", {}, h("h2", {}, title), children);
}
