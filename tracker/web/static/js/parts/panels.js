// The charts of some runs: one for each metric, in sections by prefix, all with one pointer and one axis.

import { ask, bands, complain, series } from "../api.js";
import { fill, h, icon, iconButton, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { menu } from "../menu.js";
import { change, here } from "../router.js";
import { list } from "../view.js";
import { LineChart } from "../chart/chart.js";
import { saveFile, toCsv, toPng, toSvg } from "../chart/save.js";
import { buildCurves, kindOfAxis, nameOfAxis, themeNow } from "./curve_model.js";

const FIRST_SECTIONS_OPEN = 4;
const WATCHED = /^(gradients|parameters)\//;

/** How all charts are drawn, kept in the address. */
export function looks(otherwise = "auto") {
  const { query } = here();
  return {
    x: query.get("x") ?? otherwise,
    smooth: Math.min(0.999, Math.max(0, Number(query.get("smooth") ?? 0) || 0)),
    xLog: query.has("xlog"),
    yLog: query.has("ylog"),
    clip: query.has("clip"),
    masked: query.has("masked"),
    search: query.get("metric") ?? "",
  };
}

/** The part of a horizontal axis that the address names, as {axis, ends: [from, to]}; null for the whole. */
function rangeSaid(x) {
  const { query } = here();
  const ends = (query.get("range") ?? "").split("..").map(Number);
  const axis = query.get("rangeof") ?? (x === "auto" ? "_step" : x);
  return ends.length === 2 && ends.every(Number.isFinite) && ends[1] > ends[0] ? { axis, ends } : null;
}

export class Panels {
  /** `which` is "history" or "system"; `runs()` are the runs to draw: {key, name, number, …}. */
  constructor({ runs, which = "history" }) {
    this.runs = runs;
    this.which = which;
    this.panels = new Map();
    this.range = rangeSaid(this.looks().x);
    this.bar = h("div.bar.panels-bar");
    this.list = h("div.sections");
    this.element = h("div.panels", {}, this.bar, this.list);
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const panel = [...this.panels.values()].find((each) => each.element === entry.target);
        if (!panel) continue;
        panel.visible = entry.isIntersecting;
        if (panel.visible) this.wanted();
      }
    }, { rootMargin: "200px" });
    this.wanted = later(16, () => this.load());
    this.reload = later(60, () => this.refreshMetrics());
  }

  destroy() {
    this.observer.disconnect();
    for (const panel of this.panels.values()) panel.chart.destroy();
    this.panels.clear();
  }

  /** Shows what the address says now, after somebody went to another one. */
  follow() {
    this.range = rangeSaid(this.looks().x);
    if (this.metrics) this.draw();
  }

  /** System metrics are about time, not steps. */
  looks() {
    return looks(this.which === "system" ? "_runtime" : "auto");
  }

  /** Asks which metrics the runs have, and draws them. */
  async refreshMetrics() {
    const keys = this.runs().flatMap((run) => run.members?.slice(0, 20) ?? [run.of ?? run.key]);
    if (!this.metrics) fill(this.list, h("div.empty", {}, h("p", {}, t("Reading …"))));
    try {
      const { metrics } = await ask("metrics", { runs: [...new Set(keys)], which: this.which, ranks: ranksOf(this.runs()) });
      this.metrics = metrics.filter((metric) => metric.kind === "number" && !metric.key.startsWith("_") && !metric.hidden && !WATCHED.test(metric.key));
    } catch (error) {
      complain(error);
      return;
    }
    this.draw();
  }

  /** New points: what is on the screen is read again. */
  stale() {
    for (const panel of this.panels.values()) panel.fresh = false;
    this.wanted();
  }

  // toolbar

  drawBar() {
    const now = this.looks();
    const axes = ["auto", "_step", "_runtime", "_timestamp", ...new Set((this.metrics ?? []).map((metric) => metric.axis).filter(Boolean))];
    if (!axes.includes(now.x)) axes.push(now.x);
    const x = h("select", { "aria-label": t("Horizontal axis"), onchange: () => (this.range = null, this.look({ x: x.value, range: null, rangeof: null })) },
      axes.map((axis) => h("option", { value: axis, selected: axis === now.x }, nameOfAxis(axis))),
      (this.metrics ?? []).length ? h("option", { value: "?" }, t("another metric …")) : null);
    x.addEventListener("change", (event) => {
      if (x.value === "?") this.pickAxis(event);
    }, true);
    const shown = h("output", {}, now.smooth ? now.smooth.toFixed(2) : "0");
    const slider = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: now.smooth, "aria-label": t("Smoothing"), oninput: () => {
      shown.textContent = slider.value;
      this.look({ smooth: Number(slider.value) || null }, { quick: true });
    } });
    const search = h("input", { type: "search", value: now.search, placeholder: t("Find a metric"), "aria-label": t("Find a metric"), oninput: later(120, () => {
      change({ metric: search.value });
      this.drawSections();
    }) });
    const toggle = (name, label, hint, on) => h("button", { type: "button", "aria-pressed": String(on), title: hint, onclick: () => this.look({ [name]: !on }) }, label);
    fill(this.bar,
      search,
      h("label", {}, "x", x),
      h("label", { title: t("Exponential moving average; the raw line stays, pale") }, t("Smooth"), slider, shown),
      toggle("xlog", t("log x"), t("Logarithmic horizontal axis"), now.xLog),
      toggle("ylog", t("log y"), t("Logarithmic vertical axis"), now.yLog),
      toggle("clip", t("No outliers"), t("The vertical axis leaves out the outermost 2 % on either side"), now.clip),
      this.which === "history" ? toggle("masked", t("Taken back"), t("Also draws rows that a rewind or a resume took back"), now.masked) : null,
      this.range ? h("button", { type: "button", onclick: () => this.setRange(null) }, icon("reset"), t("Whole")) : null,
    );
  }

  pickAxis(event) {
    event.stopImmediatePropagation();
    menu(event.target, this.metrics.slice(0, 100).map((metric) => [metric.key, () => (this.range = null, this.look({ x: metric.key, range: null, rangeof: null }))]), { label: t("Horizontal axis") });
  }

  look(changes, { quick = false } = {}) {
    change(changes);
    if (!quick) this.drawBar();
    const needsServer = Object.keys(changes).some((name) => ["x", "xlog", "masked", "smooth"].includes(name));
    for (const panel of this.panels.values()) {
      if (panel.visible && panel.curves) this.paint(panel);
      if (needsServer) panel.fresh = false;
    }
    if (needsServer) this.wanted();
  }

  // sections

  draw() {
    this.drawBar();
    this.drawSections();
  }

  drawSections() {
    const wanted = this.looks().search.toLowerCase();
    const sections = new Map();
    for (const metric of this.metrics ?? []) {
      if (wanted && !metric.key.toLowerCase().includes(wanted)) continue;
      const cut = metric.key.lastIndexOf("/");
      const name = cut > 0 ? metric.key.slice(0, cut) : "";
      if (!sections.has(name)) sections.set(name, []);
      sections.get(name).push(metric);
    }
    const shown = new Set();
    const elements = [...sections].sort(bySize).map(([name, metrics], place) => this.drawSection(name, metrics, place, shown));
    for (const [key, panel] of this.panels) {
      if (shown.has(key)) continue;
      this.observer.unobserve(panel.element);
      panel.visible = false;
    }
    if (!elements.length) elements.push(h("div.empty", {}, h("p", {}, wanted ? t("No metric has this in its name.") : this.runs().length ? t("Nothing logged yet. Curves appear with the first run.log().") : t("No run is drawn. Switch some on with the eye in the list."))));
    fill(this.list, elements);
  }

  drawSection(name, metrics, place, shown) {
    const said = { closed: list("closed"), opened: list("opened") };
    const open = !said.closed.includes(name || "/") && (place < FIRST_SECTIONS_OPEN || said.opened.includes(name || "/") || this.looks().search !== "");
    const toggle = () => {
      const without = (names) => names.filter((each) => each !== (name || "/"));
      const words = (names) => names.map(encodeURIComponent).join(",");
      change({ closed: words([...without(said.closed), ...(open ? [name || "/"] : [])]), opened: words([...without(said.opened), ...(open ? [] : [name || "/"])]) });
      this.drawSections();
    };
    const panels = open ? metrics.map((metric) => {
      shown.add(metric.key);
      const panel = this.panelOf(metric);
      return panel.element;
    }) : [];
    return h("section.section", {},
      h("header", {}, h("button", { type: "button", "aria-expanded": String(open), onclick: toggle }, icon("down"), name || t("Metrics")), h("span.count", {}, count(metrics.length, "{n} chart", "{n} charts"))),
      open ? h("div.grid", {}, panels) : null);
  }

  panelOf(metric) {
    let panel = this.panels.get(metric.key);
    if (!panel) {
      const host = h("div");
      const footer = h("footer");
      const element = h("article.panel", { "aria-label": metric.key, dataset: { metric: metric.key } },
        h("header", {}, h("h3", { title: metric.key }, leafOf(metric.key)),
          iconButton("expand", t("Large"), () => this.enlarge(panel)),
          iconButton("save", t("Save"), (event) => this.saveMenu(event.currentTarget, panel))),
        host, footer);
      panel = { metric, element, footer, visible: false, fresh: false, curves: null };
      panel.chart = new LineChart(host, {
        onHover: (x) => this.hover(panel, x),
        onView: (ends) => this.setRange(ends, this.axisOf(panel)),
        describe: (text) => t("Chart of {text}", { text }),
        whole: t("Reset the zoom"),
      });
      panel.chart.set({ title: metric.key });
      this.panels.set(metric.key, panel);
    }
    this.observer.observe(panel.element);
    return panel;
  }

  // points

  async load() {
    const panels = [...this.panels.values()].filter((panel) => panel.visible && !panel.fresh && !panel.loading);
    const runs = this.runs();
    if (!panels.length || this.loading) {
      this.again = Boolean(panels.length);
      return;
    }
    this.loading = true;
    const now = this.looks();
    for (const panel of panels) panel.fresh = true;
    try {
      const columns = Math.max(200, Math.min(1600, Math.round(Math.max(...panels.map((panel) => panel.chart.host.clientWidth)))));
      const parts = new Map();
      for (const panel of panels) parts.set(this.endsOf(panel), [...parts.get(this.endsOf(panel)) ?? [], panel.metric.key]);
      const found = [];
      for (const [ends, keys] of parts) found.push(...await this.fetchCurves(runs, { keys, x: now.x, columns, low: ends?.[0] ?? null, high: ends?.[1] ?? null }, now));
      const byKey = Map.groupBy ? Map.groupBy(found, (curve) => curve.key) : grouped(found);
      for (const panel of panels) {
        panel.curves = byKey.get(panel.metric.key) ?? [];
        this.paint(panel);
      }
    } catch (error) {
      for (const panel of panels) panel.fresh = false;
      complain(error);
    } finally {
      this.loading = false;
      if (this.again) {
        this.again = false;
        this.wanted();
      }
    }
  }

  /** The curves of runs, or, where they are groups, means and ranges. */
  async fetchCurves(runs, about, now) {
    if (!runs.length) return [];
    if (runs[0].members) return bands({ ...about, masked: now.masked, groups: runs.map((group) => ({ name: group.key, runs: group.members })) });
    return series({ ...about, runs: [...new Set(runs.map((run) => run.of ?? run.key))], ranks: ranksOf(runs), which: this.which, log: now.xLog, smooth: now.smooth, masked: now.masked });
  }

  paint(panel) {
    const now = this.looks();
    const { curves, marks, total, thinned, others } = buildCurves(panel.curves, this.runs(), now);
    // What runs define is not the same in each of them.
    const axes = [...new Set(panel.curves.map((curve) => curve.x_name ?? "_step"))];
    const axis = axes.length === 1 ? axes[0] : "_step";
    panel.chart.set({
      curves, marks, xLog: now.xLog, yLog: now.yLog, clip: now.clip, xKind: kindOfAxis(axis), xLabel: axes.map(nameOfAxis).join(", "),
      theme: themeNow(), view: viewOf(this.endsOf(panel)),
    });
    fill(panel.footer,
      h("span", {}, axes.map(nameOfAxis).join(", ")),
      thinned ? h("span", { title: t("A line through these points covers the same pixels as one through all; no extreme is left out.") }, t("{n} points, thinned to pixels", { n: total.toLocaleString() })) : h("span", {}, count(total, "{n} point", "{n} points")),
      others ? h("span", {}, t("{n} values are no numbers", { n: others })) : null);
    panel.element.dataset.points = String(total);
  }

  // all charts together

  /** What stands along the chart of a panel. */
  axisOf(panel) {
    const { x } = this.looks();
    return x === "auto" ? panel.metric.axis ?? "_step" : x;
  }

  /** The part of its axis that a panel shows: steps are no epochs. */
  endsOf(panel) {
    return this.range && this.range.axis === this.axisOf(panel) ? this.range.ends : null;
  }

  hover(from, x) {
    const axis = this.axisOf(from);
    for (const panel of this.panels.values()) if (panel !== from && panel.visible) panel.chart.setHover(this.axisOf(panel) === axis ? x : null);
  }

  setRange(ends, axis) {
    const before = this.range;
    this.range = ends && ends[1] > ends[0] ? { axis, ends } : null;
    // Browsers do not let the address change a hundred times while somebody drags.
    (this.sayRange ??= later(200, () => this.writeRange()))();
    for (const panel of this.panels.values()) {
      if (![before?.axis, this.range?.axis].includes(this.axisOf(panel))) continue;
      panel.fresh = false;
      if (panel.visible) panel.chart.set({ view: viewOf(this.endsOf(panel)) });
    }
    if (Boolean(before) !== Boolean(this.range)) this.drawBar();
    (this.detail ??= later(120, () => this.load()))();
  }

  writeRange() {
    const { axis, ends } = this.range ?? {};
    const usual = this.looks().x === "auto" ? "_step" : this.looks().x;
    change({ range: ends && ends.map((end) => String(Number(end.toPrecision(12)))).join(".."), rangeof: ends && axis !== usual ? axis : null });
  }

  enlarge(panel) {
    const on = panel.element.classList.toggle("full");
    if (!on) return;
    const close = (event) => {
      if (event.type === "keydown" ? event.key !== "Escape" : panel.element.contains(event.target)) return;
      panel.element.classList.remove("full");
      removeEventListener("keydown", close, true);
      removeEventListener("pointerdown", close, true);
    };
    addEventListener("keydown", close, true);
    addEventListener("pointerdown", close, true);
    panel.fresh = false;
    this.wanted();
  }

  saveMenu(anchor, panel) {
    const { model } = panel.chart;
    const name = panel.metric.key.replaceAll("/", "-");
    const thinned = panel.curves?.some((curve) => curve.exact === false);
    menu(anchor, [
      ["PNG", async () => saveFile(`${name}.png`, await toPng(model), "image/png")],
      ["SVG", () => saveFile(`${name}.svg`, toSvg(model), "image/svg+xml")],
      [thinned ? t("CSV of the points drawn") : "CSV", () => saveFile(`${name}.csv`, toCsv(model), "text/csv")],
    ], { label: t("Save") });
  }
}

function viewOf(ends) {
  return ends ? { x: ends } : null;
}

/** The ranks of distributed runs that are drawn: such a run says `of`, its run, and `rank`. */
function ranksOf(runs) {
  return [...new Set(runs.map((run) => run.rank ?? "0"))];
}

function leafOf(key) {
  return key.slice(key.lastIndexOf("/") + 1) || key;
}

function bySize([a], [b]) {
  const rank = (name) => (/^(train|val|valid|validation|test|eval)\b/.test(name) ? 0 : name === "" ? 1 : 2);
  return rank(a) - rank(b) || a.localeCompare(b);
}

function grouped(curves) {
  const found = new Map();
  for (const curve of curves) {
    if (!found.has(curve.key)) found.set(curve.key, []);
    found.get(curve.key).push(curve);
  }
  return found;
}
