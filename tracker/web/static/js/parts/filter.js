// The line in which filters are typed: completes fields, operators and values; the server understands it.

import { get } from "../api.js";
import { fill, h, icon, later } from "../dom.js";
import { t } from "../i18n.js";

const TOKEN = /\s*("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|==|!=|<=|>=|!~|=|<|>|~|[(),]|[^\s()<>=!~,"']+)/y;
const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "~", "!~", "in"];
const JOINS = ["and", "or"];
const MOST = 12;

let known = { project: null, fields: [] };

/** The fields that runs of a project have; asked for again when the list of runs has changed. */
export async function fieldsOf(project, { fresh = false } = {}) {
  if (fresh || known.project !== project) known = { project, ...(await get("fields", { project: project || null })) };
  return known;
}

/** Returns what may stand at the end of a text: {from, words}, where `from` is the place that a word replaces. */
export function completions(text, fields) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  let match;
  while (TOKEN.lastIndex < text.length && (match = TOKEN.exec(text))) tokens.push({ text: match[1], start: match.index + match[0].length - match[1].length });
  const open = tokens.length && !/\s$/.test(text) ? tokens.pop() : null;
  const from = open ? open.start : text.length;
  const begun = open ? open.text : "";
  const words = candidates(tokens, fields);
  const bare = begun.replace(/^["']/, "").toLowerCase();
  const fitting = words.filter((word) => word.text.toLowerCase().includes(bare) && word.text !== begun);
  fitting.sort((a, b) => rank(a, bare) - rank(b, bare));
  return { from, words: fitting.slice(0, MOST) };
}

function rank(word, begun) {
  const at = word.text.toLowerCase().indexOf(begun);
  const leaf = word.text.toLowerCase().lastIndexOf(".") + 1;
  return at === 0 || at === leaf ? 0 : 1;
}

function candidates(tokens, fields) {
  const last = tokens.at(-1)?.text;
  const before = tokens.at(-2)?.text;
  const startsField = !last || JOINS.includes(last) || last === "not" || (last === "(" && before !== "in");
  if (startsField) return [...fields.map((field) => ({ text: quoted(field.name), note: field.runs ? String(field.runs) : "" })), { text: "not", note: "" }];
  if (OPERATORS.includes(last) || last === "==" || last === "," || (last === "(" && before === "in")) {
    if (last === "in") return [{ text: "(", note: "" }];
    const at = tokens.findLastIndex((token) => OPERATORS.includes(token.text)) - 1;
    const name = tokens[at]?.text.replace(/^["']|["']$/g, "");
    const field = fields.find((each) => each.name === name || (name === "tag" && each.name === "tags"));
    return (field?.values ?? []).map((value) => ({ text: quoted(String(value)), note: "" }));
  }
  const inField = tokens.length === 1 || JOINS.includes(before) || before === "not" || before === "(";
  if (inField && last !== ")") return OPERATORS.map((text) => ({ text, note: t(`filter ${text}`).replace(/^filter .*/, "") }));
  return JOINS.map((text) => ({ text, note: "" }));
}

function quoted(text) {
  return /^[^\s()<>=!~,"']+$/.test(text) && !/^(and|or|not|in)$/i.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The input; `onChange(text)` is called when something was typed and the typist pauses. */
export function filterInput({ value, project, onChange }) {
  const input = h("input", {
    type: "search", value, spellcheck: false, autocomplete: "off", placeholder: "config.lr > 0.01 and state = finished and tag = baseline",
    "aria-label": t("Filter the runs"), role: "combobox", "aria-expanded": "false", "aria-controls": "filter-words", "aria-autocomplete": "list", dataset: { filter: "" },
  });
  const list = h("div.menu.words", { id: "filter-words", role: "listbox", hidden: true });
  const problem = h("div.filter-problem", { role: "alert", hidden: true });
  const element = h("div.filter", {}, icon("search"), input, list, problem);
  let words = [], from = 0, chosen = -1;
  const changed = later(250, () => onChange(input.value.trim()));

  let asked = 0;
  async function suggest() {
    const mine = ++asked;
    const { fields } = await fieldsOf(project()).catch(() => ({ fields: [] }));
    // What was closed since does not open again.
    if (mine !== asked || document.activeElement !== input) return;
    ({ from, words } = completions(input.value.slice(0, input.selectionStart), fields));
    chosen = -1;
    draw();
  }

  function draw() {
    list.hidden = !words.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    fill(list, words.map((word, place) =>
      h("button", { type: "button", role: "option", id: `word-${place}`, tabIndex: -1, "aria-selected": place === chosen ? "true" : "false", onpointerdown: (event) => (event.preventDefault(), take(place)) },
        h("span.mono", {}, word.text), h("small.faint", {}, word.note)),
    ));
    if (chosen >= 0) input.setAttribute("aria-activedescendant", `word-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function take(place) {
    const rest = input.value.slice(input.selectionStart);
    input.value = `${input.value.slice(0, from)}${words[place].text} ${rest.trimStart()}`;
    const caret = from + words[place].text.length + 1;
    input.setSelectionRange(caret, caret);
    changed();
    suggest();
  }

  function close() {
    asked++;
    words = [];
    draw();
  }

  input.addEventListener("input", () => (changed(), suggest()));
  input.addEventListener("focus", suggest);
  input.addEventListener("click", suggest);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && words.length) {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + words.length) % words.length;
      draw();
      event.preventDefault();
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
      take(chosen);
      event.preventDefault();
    } else if (event.key === "Enter") {
      close();
      onChange(input.value.trim());
    } else if (event.key === "Escape") {
      if (words.length) close();
      else input.blur();
      event.stopPropagation();
    }
  });
  element.complain = (error) => {
    problem.hidden = !error;
    input.setAttribute("aria-invalid", String(Boolean(error)));
    fill(problem, error ? [h("span", {}, error.message.split("\n")[0]), error.hint ? h("small", {}, error.hint) : null] : null);
  };
  element.set = (text) => {
    if (document.activeElement !== input) input.value = text;
  };
  return element;
}
