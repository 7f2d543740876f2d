"""Runs compared: side by side, in pairs, and what settings have to do with a result."""

from __future__ import annotations

import math
from typing import Any

from starlette.responses import Response

from tracker.compare.influence import influences
from tracker.compare.render import EVERYTHING, Limits, report_of_runs
from tracker.compare.run_changes import diff_runs
from tracker.compare.runs import ComparedRun
from tracker.compare.several import Line, side_by_side
from tracker.compare.values import ABSENT
from tracker.read.words import WATCHED
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from tracker.web.answers import Query, answer
from tracker.web.artifacts import report_plain
from tracker.web.listing import Listed
from tracker.web.runs_table import choose
from tracker.web.shelf import Shelf, plain
from vcs.errors import UsageError

# More columns than anybody can take in.
_MOST_RUNS = 24
_MOST_POINTS = 5000
_PAGE = Limits(rows=200, lines=400)


def compare(shelf: Shelf, query: Query) -> Response:
    """Return config, environment, packages and results of `runs` (`project/id`), a line for each key."""
    names = query.body.get("runs") or []
    if not isinstance(names, list) or not 1 < len(names) <= _MOST_RUNS:
        raise UsageError(f"two to {_MOST_RUNS} runs are compared")
    runs = [ComparedRun(_entry(shelf, str(name))) for name in names]
    found = side_by_side(runs)
    return answer(
        {
            "runs": [
                {
                    "key": f"{run.record.project}/{run.record.id}",
                    "name": run.record.name or run.record.id,
                    "state": run.state,
                    "created": run.record.created,
                }
                for run in runs
            ],
            **{
                part: [_line(line) for line in getattr(found, part)]
                for part in ("config", "environment", "packages", "results")
            },
        }
    )


def diff(shelf: Shelf, query: Query) -> Response:
    """Return why two runs differ: `old` and `new` as `project/id`; with `all=1` nothing long is cut."""
    old, new = (_entry(shelf, query.text(side)) for side in ("old", "new"))
    found = diff_runs(shelf.repo, old, new, query.wanted.check)
    return answer(report_plain(report_of_runs(found, EVERYTHING if query.flag("all") else _PAGE)))


def parameters(shelf: Shelf, query: Query) -> Response:
    """Return settings and results of the runs of a table, and what each setting has to do with `target`.

    The body is a question as for a list of runs, with `target`, a key of the summary.
    """
    listing = shelf.listing()
    chosen = choose(shelf, listing, query.body)
    target = str(query.body.get("target") or "")
    targets = _targets(chosen)
    if target not in targets:
        target = targets[0] if targets else ""
    results = [_number(run.summary.get(target)) for run in chosen]
    ordered = sorted(listing.runs.values(), key=lambda run: (run.head.created, run.head.id))
    numbers = {id(run): number for number, run in enumerate(ordered)}
    found = influences([run.config for run in chosen], results)
    keys = [each.key for each in found]
    return answer(
        {
            "total": len(chosen),
            "target": target,
            "targets": targets,
            "influences": [
                {
                    "key": each.key,
                    "runs": each.runs,
                    "correlation": each.correlation,
                    "explained": each.explained,
                }
                for each in found
            ],
            "rows": [
                {
                    "key": f"{run.head.project}/{run.head.id}",
                    "project": run.head.project,
                    "id": run.head.id,
                    "name": run.head.name or run.head.id,
                    "state": run.state,
                    "number": numbers[id(run)],
                    "result": result if math.isfinite(result) else None,
                    "settings": [plain(run.config.get(key)) for key in keys],
                    "summary": {name: plain(run.summary.get(name)) for name in targets[:20]},
                }
                for run, result in list(zip(chosen, results, strict=True))[:_MOST_POINTS]
            ],
        }
    )


def _targets(chosen: list[Listed]) -> list[str]:
    """Return the numbers that runs end with, those that most have first."""
    counts: dict[str, int] = {}
    for run in chosen:
        for key, value in run.summary.items():
            if type(value) in (int, float) and not key.startswith(("_", *WATCHED)):
                counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: -counts[key])[:200]


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) and abs(value) < 1e300 else math.nan


def _entry(shelf: Shelf, name: str) -> RunEntry:
    layout = shelf.layout(name)
    return RunEntry(layout, records.load(layout))


def _line(line: Line) -> dict[str, Any]:
    return {
        "key": line.key,
        "values": [None if value is ABSENT else plain(value) for value in line.values],
        "absent": [place for place, value in enumerate(line.values) if value is ABSENT],
        "differs": line.differs,
    }
