// The table of runs: only the rows on the screen are in the page, and only they are asked for.

import { ask, complain } from "../api.js";
import { fill, h, icon, iconButton, later } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";
import { menu } from "../menu.js";
import { address, go } from "../router.js";
import { assignStyles, chooseColor, question, runStyle, view, changeView } from "../view.js";
import { patchOf } from "../chart/draw.js";
import { stateMark, tagList } from "./common.js";
import { change, deleteRuns, editInPlace, hide, parseTags } from "./run_actions.js";

const ROW = 34;
const PIECE = 100;
const LEAD = 260;
const WIDTHS = { state: 104, created_at: 118, duration: 98, tags: 136, notes: 200, name: 180 };

export class RunsTable {
  /** `options`: columns(), suggest() whether the server adds some, readOnly, onTotal(answer), isDrawn(run, place, view), onProblem(error). */
  constructor(options) {
    this.options = options;
    this.pieces = new Map();
    this.asked = new Set();
    this.total = 0;
    this.cursor = -1;
    this.version = 0;
    this.head = h("div.t-head", { role: "row" });
    this.body = h("div.t-body", { role: "rowgroup" });
    this.element = h("div.t-scroll", { role: "grid", tabIndex: 0, "aria-label": t("Runs"), "aria-rowcount": 0 }, this.head, this.body);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  destroy() {
    this.observer.disconnect();
  }

  /** Takes the keyboard, and shows it with the first key only: nobody has asked for a ring yet. */
  takeKeys() {
    this.element.classList.add("unasked");
    this.element.focus({ preventScroll: true });
    const shown = () => this.element.classList.remove("unasked");
    this.element.addEventListener("keydown", shown, { once: true });
    this.element.addEventListener("blur", shown, { once: true });
  }

  /** Asks for everything anew; what is shown stays until the answer is there. */
  async reload({ fresh = false } = {}) {
    const version = ++this.version;
    this.fresh = fresh;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW / PIECE));
    try {
      const answers = await Promise.all([first, first + 1].map((piece) => this.fetchPiece(piece)));
      if (version !== this.version) return;
      this.pieces = new Map(answers.map((answer, i) => [first + i, answer.rows]));
      this.asked = new Set(this.pieces.keys());
      this.total = answers[0].total;
      this.options.onTotal?.(answers[0]);
      this.columns = this.options.columns();
      this.options.onProblem?.(null);
      this.drawHead();
      this.draw();
    } catch (error) {
      if (this.options.onProblem) this.options.onProblem(error);
      else complain(error);
    }
  }

  fetchPiece(piece) {
    const now = view();
    return ask("runs", { ...question(now), columns: this.options.columns(), suggest: this.options.suggest?.() ?? false, group: now.group, expanded: now.expanded, offset: piece * PIECE, limit: PIECE, fresh: this.fresh });
  }

  async need(piece) {
    if (this.asked.has(piece)) return;
    this.asked.add(piece);
    const version = this.version;
    try {
      const answer = await this.fetchPiece(piece);
      if (version !== this.version) return;
      this.pieces.set(piece, answer.rows);
      this.draw();
    } catch (error) {
      complain(error);
    }
  }

  row(place) {
    return this.pieces.get(Math.floor(place / PIECE))?.[place % PIECE];
  }

  // drawing

  widthOf(column) {
    return (this.dragged?.column === column ? this.dragged.width : Number(view().widths[column])) || WIDTHS[column] || wideEnough(title(column));
  }

  template() {
    return `${LEAD}px ${this.columns.map((column) => `${this.widthOf(column)}px`).join(" ")}`;
  }

  drawHead() {
    const now = view();
    const total = LEAD + this.columns.reduce((sum, column) => sum + this.widthOf(column), 0);
    this.element.style.setProperty("--columns", this.template());
    this.element.style.setProperty("--width", `${total}px`);
    this.element.setAttribute("aria-rowcount", String(this.total));
    const [sorted] = now.sort.split(",");
    const all = h("input", { type: "checkbox", "aria-label": t("Select all that are shown"), checked: now.selected.length > 0, onchange: () => this.selectAll(all.checked) });
    fill(this.head, h("div.t-cell.lead", { role: "columnheader" }, all, this.headButton("name", sorted)),
      this.columns.map((column, place) => this.headCell(column, place, sorted, now)));
    this.body.style.height = `${this.total * ROW}px`;
  }

  headButton(column, sorted) {
    const direction = sorted.replace(/^[-+]/, "") === column ? (sorted.startsWith("-") ? "descending" : "ascending") : null;
    // What config and summary both have is told apart by its whole name.
    const short = title(column);
    const shown = this.columns.some((other) => other !== column && title(other) === short) ? column : short;
    return h("button.quiet.sort", { type: "button", title: column, "aria-label": t("Order by {name}", { name: column }), onclick: () => this.sort(column, direction) },
      h("span", {}, shown), direction ? (direction === "ascending" ? " ↑" : " ↓") : null);
  }

  headCell(column, place, sorted, now) {
    const numeric = column === "duration" || [...this.pieces.values()].flat().slice(0, 50).some((row) => isNumeric(row.cells?.[place]));
    const cell = h("div.t-cell", { role: "columnheader", class: `${place < now.pinned ? "pinned" : ""} ${numeric ? "number" : ""}`, draggable: true, vars: { "--left": `${this.leftOf(place)}px` } },
      this.headButton(column, sorted),
      h("button.icon.quiet.more", { type: "button", "aria-label": t("Column {name}", { name: column }), onclick: (event) => this.columnMenu(event.currentTarget, column, place) }, icon("down")),
      h("i.grip", { "aria-hidden": "true", onpointerdown: (event) => this.resize(event, column) }));
    cell.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-column", column));
    cell.addEventListener("dragover", (event) => event.dataTransfer.types.includes("text/x-column") && event.preventDefault());
    cell.addEventListener("drop", (event) => {
      event.preventDefault();
      this.moveColumn(event.dataTransfer.getData("text/x-column"), place);
    });
    return cell;
  }

  leftOf(place) {
    return LEAD + this.columns.slice(0, place).reduce((sum, column) => sum + this.widthOf(column), 0);
  }

  draw() {
    if (!this.columns) return;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - 6);
    const last = Math.min(this.total, Math.ceil((scrollTop + clientHeight) / ROW) + 6);
    for (let piece = Math.floor(first / PIECE); piece <= Math.floor(Math.max(first, last - 1) / PIECE) && this.total; piece++) this.need(piece);
    const now = view();
    const selected = new Set(now.selected);
    this.assignColors(now);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.drawRow(place, now, selected));
    const focused = this.body.contains(document.activeElement) && document.activeElement.matches("input.in-place, textarea.in-place");
    if (focused) return;
    this.body.replaceChildren(...rows);
  }

  /** The runs that are drawn look as they do among the curves. */
  assignColors(now) {
    const drawn = [];
    for (const [piece, rows] of this.pieces) rows.forEach((row, at) => row.key && this.options.isDrawn(row, piece * PIECE + at, now) && drawn.push([piece * PIECE + at, row]));
    assignStyles(drawn.sort(([a], [b]) => a - b).map(([, row]) => row));
  }

  drawRow(place, now, selected) {
    const row = this.row(place);
    const properties = { role: "row", "aria-rowindex": place + 1, style: { transform: `translateY(${place * ROW}px)` }, class: place === this.cursor ? "at" : "" };
    if (!row) return h("div.t-row.waiting", properties, h("div.t-cell.lead", {}, "…"));
    if (row.group_key !== undefined) return this.groupRow(row, properties, now);
    const isSelected = selected.has(row.key);
    const element = h("div.t-row", { ...properties, dataset: { key: row.key }, "aria-selected": String(isSelected), onclick: () => this.moveTo(place) },
      this.leadCell(row, place, isSelected),
      this.columns.map((column, at) => this.cell(row, column, row.cells[at], at, now)));
    if (isSelected) element.classList.add("selected");
    return element;
  }

  leadCell(row, place, isSelected) {
    const style = runStyle(row);
    const drawn = this.options.isDrawn(row, place);
    const name = h("a.run-name", { href: address(["run", row.project, row.id]), title: `${row.name}\n${row.key}` }, row.name);
    return h("div.t-cell.lead", { role: "gridcell", vars: { "--depth": row.depth } },
      h("input", { type: "checkbox", checked: isSelected, "aria-label": t("Select {name}", { name: row.name }), onclick: (event) => this.select(row, place, event) }),
      iconButton(drawn ? "eye" : "eyeOff", drawn ? t("Do not draw {name}", { name: row.name }) : t("Draw {name}", { name: row.name }), (event) => (event.stopPropagation(), this.toggle(row, place)), { class: drawn ? "drawn" : "undrawn" }),
      h("button.swatch", { type: "button", style: { background: patchOf(style) }, title: t("Colour"), "aria-label": t("Colour of {name}", { name: row.name }), onclick: (event) => this.pickColor(event.currentTarget, row) }),
      name,
      iconButton("more", t("More for {name}", { name: row.name }), (event) => (event.stopPropagation(), this.rowMenu(event.currentTarget, row))));
  }

  cell(row, column, value, place, now) {
    const pinned = place < now.pinned;
    const properties = { role: "gridcell", class: pinned ? "pinned" : "", vars: pinned ? { "--left": `${this.leftOf(place)}px` } : {} };
    if (column === "state") return h("div.t-cell", properties, stateMark(row.state));
    if (column === "created_at") return h("div.t-cell", { ...properties, title: format.moment(row.created) }, h("span", {}, format.age(row.created)));
    if (column === "duration") return h("div.t-cell.number", properties, format.duration(value));
    if (column === "tags") return this.editable(h("div.t-cell", { ...properties, title: row.tags.join(", ") }, h("span", {}, tagList(row.tags))), row, "tags");
    if (column === "notes") return this.editable(h("div.t-cell", { ...properties, title: row.notes }, h("span", {}, row.notes)), row, "notes");
    const text = value?.media ? `‹${format.kind(value.media)}›` : format.value(value);
    return h("div.t-cell", { ...properties, class: `${properties.class} ${typeof value === "number" ? "number" : ""}`, title: typeof value === "number" ? String(value) : text }, h("span", {}, text));
  }

  editable(cell, row, field) {
    if (this.options.readOnly) return cell;
    cell.addEventListener("dblclick", () => this.editField(row, field, cell.firstElementChild));
    return cell;
  }

  groupRow(row, properties, now) {
    const labels = now.group.map((name, i) => `${title(name)} = ${format.value(row.labels[i]) || "–"}`).join(", ");
    const others = now.expanded.filter((key) => key !== row.group_key);
    const toggle = () => changeView({ expanded: row.open ? others : [...others, row.group_key] });
    return h("div.t-row.group", properties,
      h("div.t-cell.lead", { role: "gridcell" },
        h("button.quiet.group-name", { type: "button", "aria-expanded": String(row.open), onclick: toggle, title: labels }, icon(row.open ? "down" : "right"), h("span", {}, labels), h("small.faint", {}, row.count))),
      this.columns.map((column, at) => h("div.t-cell", { role: "gridcell", class: `${at < now.pinned ? "pinned" : ""} ${isNumeric(row.cells[at]) ? "number" : ""}`, vars: { "--left": `${this.leftOf(at)}px` } }, summarised(row.cells[at], column))));
  }

  // what a user does

  sort(column, direction) {
    const next = direction === null ? `-${column}` : direction === "descending" ? `+${column}` : "-created_at";
    changeView({ sort: next });
  }

  columnMenu(anchor, column, place) {
    const now = view();
    const columns = this.options.columns();
    menu(anchor, [
      [t("Order upwards"), () => changeView({ sort: `+${column}` })],
      [t("Order downwards"), () => changeView({ sort: `-${column}` })],
      h("hr"),
      [place < now.pinned ? t("Do not pin") : t("Pin up to here"), () => changeView({ pinned: place < now.pinned ? place : place + 1 })],
      place > 0 ? [t("Move left"), () => this.moveColumn(column, place - 1)] : null,
      place < columns.length - 1 ? [t("Move right"), () => this.moveColumn(column, place + 1)] : null,
      [t("Group by this"), () => changeView({ group: [...new Set([...now.group, column])] })],
      h("hr"),
      [t("Take out of the table"), () => changeView({ columns: columns.filter((each) => each !== column) })],
    ], { label: column });
  }

  moveColumn(column, place) {
    const columns = this.options.columns().filter((each) => each !== column);
    columns.splice(place, 0, column);
    changeView({ columns });
  }

  resize(event, column) {
    event.preventDefault();
    const start = event.clientX, width = this.widthOf(column);
    const move = (moved) => {
      this.dragged = { column, width: Math.max(56, Math.round(width + moved.clientX - start)) };
      this.drawHead();
      this.draw();
    };
    const stop = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
      if (!this.dragged) return;
      const widths = { ...view().widths, [column]: this.dragged.width };
      this.dragged = null;
      changeView({ widths });
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
  }

  select(row, place, event) {
    event.stopPropagation();
    const selected = new Set(view().selected);
    const on = event.target.checked;
    const [from, to] = event.shiftKey && this.lastSelected !== undefined ? [Math.min(place, this.lastSelected), Math.max(place, this.lastSelected)] : [place, place];
    for (let at = from; at <= to; at++) {
      const key = this.row(at)?.key;
      if (key) on ? selected.add(key) : selected.delete(key);
    }
    this.lastSelected = place;
    changeView({ selected: [...selected] });
  }

  async selectAll(on) {
    if (!on) return changeView({ selected: [] });
    try {
      const { runs } = await ask("keys", { ...question(), limit: 500 });
      changeView({ selected: runs.map((run) => run.key) });
    } catch (error) {
      complain(error);
    }
  }

  toggle(row, place) {
    const now = view();
    const drawn = this.options.isDrawn(row, place);
    const on = now.on.filter((key) => key !== row.key), off = now.off.filter((key) => key !== row.key);
    changeView(drawn ? { on, off: [...off, row.key] } : { off, on: [...on, row.key] });
  }

  pickColor(anchor, row) {
    const input = h("input", { type: "color", value: runStyle(row).color, "aria-label": t("Colour"), oninput: later(80, () => (chooseColor(row.key, input.value), this.draw())) });
    menu(anchor, [h("label", {}, input, t("Colour of {name}", { name: row.name })), [t("As at first"), () => (chooseColor(row.key, null), this.draw())]]);
  }

  rowMenu(anchor, row) {
    const keys = view().selected.includes(row.key) ? view().selected : [row.key];
    const many = keys.length > 1;
    menu(anchor, [
      [t("Open"), () => go(["run", row.project, row.id])],
      this.options.readOnly || many ? null : [t("Rename"), () => this.rename(row)],
      this.options.readOnly || many ? null : [t("Edit tags"), () => this.editField(row, "tags")],
      this.options.readOnly || many ? null : [t("Edit notes"), () => this.editField(row, "notes")],
      h("hr"),
      [many ? count(keys.length, "Hide {n} run", "Hide {n} runs") : t("Hide"), () => hide(keys)],
      this.options.readOnly ? null : [many ? count(keys.length, "Delete {n} run", "Delete {n} runs") : t("Delete"), () => deleteRuns(keys), { danger: true }],
    ], { label: row.name });
  }

  /** The name of a run on the screen; rows are made anew whenever the table is drawn. */
  nameOf(row) {
    return [...this.body.querySelectorAll(".t-row")].find((each) => each.dataset.key === row.key)?.querySelector(".run-name");
  }

  rename(row) {
    if (this.options.readOnly) return;
    editInPlace(this.nameOf(row), { value: row.name, label: t("Name"), onDone: (text) => change(row, "name", text.trim() || row.id, () => this.draw()) });
  }

  editField(row, field, element = this.nameOf(row)) {
    const value = field === "tags" ? row.tags.join(", ") : row[field];
    editInPlace(element, { value, label: t(field), onDone: (text) => change(row, field, field === "tags" ? parseTags(text) : text, () => this.draw()) });
  }

  moveTo(place) {
    this.cursor = Math.min(Math.max(place, 0), this.total - 1);
    const top = this.cursor * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW > scrollTop + clientHeight) this.element.scrollTop = top + 2 * ROW - clientHeight;
    // Rows stay the elements that they are: the second click of two must find what the first one did.
    if (this.element.scrollTop !== scrollTop) this.draw();
    else for (const row of this.body.children) row.classList.toggle("at", row.getAttribute("aria-rowindex") === String(this.cursor + 1));
  }

  key(event) {
    if (event.target.closest("input:not([type=checkbox]), textarea") || event.ctrlKey || event.metaKey) return;
    const row = this.row(this.cursor);
    const actions = {
      ArrowDown: () => this.moveTo(this.cursor + 1),
      ArrowUp: () => this.moveTo(this.cursor - 1),
      PageDown: () => this.moveTo(this.cursor + 15),
      PageUp: () => this.moveTo(this.cursor - 15),
      Home: () => this.moveTo(0),
      End: () => this.moveTo(this.total - 1),
    };
    if (row?.key) {
      if (event.target === this.element) actions.Enter = () => go(["run", row.project, row.id]);
      actions[" "] = () => this.select(row, this.cursor, { stopPropagation() {}, target: { checked: !view().selected.includes(row.key) }, shiftKey: event.shiftKey });
      actions.v = () => this.toggle(row, this.cursor);
      actions.e = () => this.rename(row);
    }
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}

/** What stands above a column. */
export function title(column) {
  const names = { state: t("State"), created_at: t("Created"), duration: t("Duration"), tags: t("Tags"), notes: t("Notes"), name: t("Name"), user: t("User"), group: t("Group"), job_type: t("Job type") };
  return names[column] ?? column.replace(/^(config|summary)\./, "");
}

/** The width of a column whose name can be read, if it is no longer than most. */
function wideEnough(name) {
  return Math.round(Math.min(200, Math.max(104, 50 + 7.6 * name.length)));
}

function isNumeric(cell) {
  return typeof cell === "number" || cell?.mean !== undefined;
}

function summarised(cell, column) {
  if (cell === null || cell === undefined || column === "tags" || column === "notes") return "";
  if (column === "state" && typeof cell === "string") return stateMark(cell);
  if (column === "created_at" && typeof cell === "string") return format.age(cell);
  if (cell.mean !== undefined) {
    const shown = column === "duration" ? format.duration : (value) => format.number(value, 4);
    const short = column === "duration" ? format.duration : (value) => format.number(value, 3);
    return cell.min === cell.max ? shown(cell.mean) : h("span.spread", { title: `${shown(cell.mean)} (${shown(cell.min)} … ${shown(cell.max)})` }, shown(cell.mean), h("small", {}, `${short(cell.min)} … ${short(cell.max)}`));
  }
  if (cell.different) return h("small.faint", {}, t("{n} values", { n: cell.different }));
  return format.value(cell);
}
