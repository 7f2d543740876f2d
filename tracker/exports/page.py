"""Runs as one HTML file that opens anywhere, offline: curves, config, results, lineage.

The charts are those of `tracker ui`: its chart module is put into the file as it is. A
policy in the file lets no other script run and nothing be loaded, and all that a record
says is data, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from array import array
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from tracker._version import __version__
from tracker.draw.curves import Curve, Panel
from tracker.exports.tables import describe
from tracker.read.lineage import Step, lineage_of
from tracker.read.run_view import RunView
from tracker.read.thinning import Window, thin_line
from tracker.read.words import WATCHED
from tracker.storage.records import LoggedVersion, Used
from tracker.values.json_text import jsonable
from vcs.clock import iso_now
from vcs.errors import Error
from vcs.names import parse_artifact_ref
from vcs.repo import Repo

_HERE = Path(__file__).parent
# In this order each file finds what it uses; see docs/design.md, "The page".
CHART = ("scale.js", "dense.js", "draw.js", "save.js", "picture.js", "chart.js")
_REPORT = ("report_zh.js", "report.js")
_CHART_FOLDER = _HERE.parent / "web" / "static" / "js" / "chart"
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
# So many pixels are more than a screen has; longer curves are thinned, and the page says so.
_COLUMNS = 4000


def render_page(
    repo: Repo,
    runs: Sequence[RunView],
    panels: Sequence[Panel],
    *,
    whole: bool = True,
    language: str | None = None,
) -> str:
    """Return the page; without `whole` only the curves.

    Its language is "en" or "zh", or that of the browser; in the page it can be changed.

    Raises:
        FormatError, StoreError: A record cannot be read.
    """
    data: dict[str, Any] = {
        "made": f"tracker {__version__}, {iso_now()}",
        "panels": [_panel(panel) for panel in panels],
        "runs": [_run(repo, run, whole) for run in runs],
        "whole": whole,
        "language": language,
    }
    title = ", ".join(run.name for run in runs[:4]) + (" …" if len(runs) > 4 else "")
    script = chart_script() + "".join((_HERE / name).read_text(encoding="utf-8") for name in _REPORT)
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{mark}'; style-src 'unsafe-inline'; img-src data: blob:"
    tag = "zh-CN" if language == "zh" else "en"
    return "".join(
        [
            f'<!doctype html>\n<html lang="{tag}"><head><meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(title)}</title>\n",
            f"<style>{(_HERE / 'report.css').read_text(encoding='utf-8')}</style></head>\n",
            '<body><main id="page"><noscript>The curves of this file are drawn by its own script.</noscript>'
            "</main>\n",
            f'<script type="application/json" id="data">{_inert(data)}</script>\n',
            f"<script>{script}</script></body></html>\n",
        ]
    )


def chart_script() -> str:
    """Return the chart module of `tracker ui` as one script."""
    parts = []
    for name in CHART:
        text = (_CHART_FOLDER / name).read_text(encoding="utf-8")
        parts.append(_EXPORT.sub("", _IMPORT.sub("", text)))
    return "\n".join(parts)


def _inert(data: Any) -> str:
    """Return JSON that cannot end the element it stands in, whatever it says."""
    text = json.dumps(jsonable(data), ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "x": panel.x_name,
        "kind": panel.x_kind,
        "logX": panel.log_x,
        "logY": panel.log_y,
        "curves": [_curve(curve, panel) for curve in panel.curves],
    }


def _curve(curve: Curve, panel: Panel) -> dict[str, Any]:
    places = thin_line(curve.xs, curve.ys, Window(_COLUMNS, log=panel.log_x))
    return {
        "label": curve.label,
        "color": curve.color,
        "faint": curve.faint,
        "total": len(curve.xs),
        "points": len(places),
        "x": _packed([curve.xs[place] for place in places]),
        "y": _packed([curve.ys[place] for place in places]),
    }


def _packed(values: Sequence[float]) -> str:
    """Return doubles, little-endian, in base64: exact, and NaN stays NaN."""
    numbers = array("d", values)
    if array("H", [1]).tobytes() == b"\0\1":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def _run(repo: Repo, run: RunView, whole: bool) -> dict[str, Any]:
    about = describe(run)
    about["summary"] = {
        key: value for key, value in about["summary"].items() if not key.startswith(("_", *WATCHED))
    }
    session = run.record.last_session
    if session is not None:
        about |= {
            "command": " ".join(session.argv),
            "branch": session.branch,
            "code_commit": session.code_commit,
            "dirty": session.dirty,
            "host": session.host,
            "python": session.python,
        }
    if not whole:
        return {**about, "config": {}, "summary": {}, "lineage": None}
    record = run.record
    return {
        **about,
        "lineage": {
            "used": [_step(repo, line) for line in _each_once(record.used)],
            "logged": [f"{line.artifact}:{line.version}" for line in _each_once(record.logged)],
        },
    }


def _each_once(lines: Sequence[Used] | Sequence[LoggedVersion]) -> list[Used | LoggedVersion]:
    """Return the lines without those that name a version again."""
    return list({(line.artifact, line.digest): line for line in lines}.values())


def _step(repo: Repo, line: Used | LoggedVersion) -> dict[str, Any]:
    """Return where an input comes from, as far back as records tell."""
    name = f"{line.artifact}:{line.version}"
    try:
        ref = parse_artifact_ref(f"{line.artifact}@{line.digest}")
        made = lineage_of(repo, repo.collections.resolve(ref, project=ref.project or "")).made
    except Error as error:  # deleted, not here, or no name: what the record says is shown anyway
        return {"version": name, "run": None, "note": error.message, "inputs": []}
    return _plain(made)


def _plain(step: Step) -> dict[str, Any]:
    run = step.run
    return {
        "version": step.version,
        "run": None if run is None else f"{run.head.name or run.id} ({run.project}/{run.id})",
        "inputs": [_plain(one) for one in step.inputs],
    }
