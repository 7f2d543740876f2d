// From what the server sends to what a chart draws: colours, smoothing, marks, bands of groups.

import { DARK, LIGHT } from "../chart/draw.js";
import { smoothed } from "../chart/scale.js";
import { t } from "../i18n.js";
import { isDark, runStyle } from "../view.js";

export function themeNow() {
  return isDark() ? DARK : LIGHT;
}

export function nameOfAxis(axis) {
  return { auto: t("as defined"), _step: t("step"), _runtime: t("time since start"), _timestamp: t("wall time") }[axis] ?? axis;
}

export function kindOfAxis(axis) {
  return { _runtime: "duration", _timestamp: "time" }[axis] ?? "number";
}

/** Returns what to draw of the curves of one metric, and how many points there are. */
export function buildCurves(found, runs, looks) {
  const known = new Map(runs.map((run) => [run.key, run]));
  const curves = [], marks = [];
  let total = 0, thinned = false, others = 0;
  for (const curve of found) {
    const run = known.get(curve.run);
    if (!run || curve.error) continue;
    const style = { ...runStyle(run), id: curve.run, label: run.name, jumps: curve.jumps };
    // Dashes tell runs of one colour apart; a run alone needs none.
    if (runs.length === 1) style.dash = [];
    if (curve.masked !== undefined) {
      curves.push({ ...style, dash: [2, 2], faint: true, derived: true, x: curve.x, y: curve.y });
      continue;
    }
    if (curve.band) {
      total += curve.total;
      curves.push({ ...style, label: `${run.name} (${curve.runs})`, width: 2, x: curve.x, y: looks.smooth ? smoothed(curve.y, looks.smooth) : curve.y, band: curve.band });
      continue;
    }
    total += curve.total;
    thinned ||= !curve.exact;
    others += curve.others;
    if (runs.length <= 12) for (const start of curve.starts) if (start.x !== null) marks.push({ x: start.x, bad: Boolean(start.ended), color: style.color });
    if (looks.smooth) {
      curves.push({ ...style, faint: true, x: curve.x, y: curve.y });
      const ready = curve.smoothY !== undefined;
      curves.push({ ...style, derived: true, width: 2, x: ready ? curve.smoothX : curve.x, y: ready ? curve.smoothY : smoothed(curve.y, looks.smooth) });
    } else curves.push({ ...style, x: curve.x, y: curve.y });
  }
  return { curves, marks, total, thinned, others };
}
