// What can be done with runs: rename, tag, note, hide, delete. Everything can be taken back.

import { complain, edit, remove, runPath } from "../api.js";
import { h } from "../dom.js";
import { count, t } from "../i18n.js";
import { toast } from "../toast.js";
import { changeView, view } from "../view.js";

const UNDO_S = 8;

/** Changes a field of a run; the old value comes back with the toast's button. */
export async function change(run, field, value, done) {
  const before = run[field];
  if (JSON.stringify(before) === JSON.stringify(value)) return;
  try {
    Object.assign(run, await edit(runPath(run.key), { [field]: value }));
    done();
    toast(t("Saved."), { action: [t("Undo"), () => change(run, field, before, done)] });
  } catch (error) {
    complain(error);
  }
}

/** Puts an input in the place of an element until Enter, Escape or a click elsewhere. */
export function editInPlace(element, { value, label, multiline = false, onDone }) {
  const input = h(multiline ? "textarea" : "input", { value, "aria-label": label, rows: multiline ? 3 : null, type: multiline ? null : "text", class: "in-place" });
  let finished = false;
  const finish = (keep) => {
    if (finished) return;
    finished = true;
    input.replaceWith(element);
    element.focus?.();
    if (keep) onDone(input.value);
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !(multiline && event.shiftKey)) (event.preventDefault(), finish(true));
    if (event.key === "Escape") finish(false);
  });
  input.addEventListener("blur", () => finish(true));
  input.addEventListener("click", (event) => event.stopPropagation());
  element.replaceWith(input);
  input.focus();
  input.select();
}

export function parseTags(text) {
  return [...new Set(text.split(/[,，]/).map((tag) => tag.trim()).filter(Boolean))];
}

/** Leaves runs out of the list and the curves; they stay on disk. */
export function hide(keys) {
  const before = view().hidden;
  changeView({ hidden: [...new Set([...before, ...keys])], selected: view().selected.filter((key) => !keys.includes(key)) });
  toast(count(keys.length, "{n} run is hidden.", "{n} runs are hidden."), { action: [t("Undo"), () => changeView({ hidden: before })], seconds: UNDO_S });
}

const doomed = new Map();

/** Takes runs out of sight, and deletes their records when the time to undo has passed. */
export function deleteRuns(keys) {
  const before = view();
  changeView({ hidden: [...new Set([...before.hidden, ...keys])], selected: before.selected.filter((key) => !keys.includes(key)) });
  const shownAgain = () => changeView({ hidden: view().hidden.filter((key) => !keys.includes(key) || before.hidden.includes(key)) });
  const timer = setTimeout(() => carryOut(keys, shownAgain), UNDO_S * 1000);
  const close = toast(count(keys.length, "{n} run will be deleted.", "{n} runs will be deleted."), {
    seconds: UNDO_S,
    action: [t("Undo"), () => {
      clearTimeout(timer);
      doomed.delete(timer);
      shownAgain();
    }],
  });
  doomed.set(timer, { keys, close });
  return timer;
}

async function carryOut(keys, shownAgain) {
  for (const [timer, one] of doomed) if (one.keys === keys) doomed.delete(timer);
  for (const key of keys) {
    try {
      await remove(runPath(key));
    } catch (error) {
      complain(error);
      shownAgain();
      return;
    }
  }
  shownAgain();
}

// Who leaves the page before the time to undo has passed has not asked for it back, but might: the runs stay.
addEventListener("pagehide", () => {
  for (const timer of doomed.keys()) clearTimeout(timer);
});
