"""Curves as bytes: many runs and metrics in one answer, thinned to what a screen can show.

An answer is a u32 (little-endian), the length of a JSON head that is padded with spaces
so that what follows begins at a multiple of 8; then the doubles of all curves, first all x,
then all y of each, as the head says.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response

from tracker.read.bands import Source, band_of
from tracker.read.drawing import Drawing
from tracker.read.points import Series
from tracker.read.series import stamp_of
from tracker.read.thinning import Window, thin_line
from tracker.storage import records
from tracker.storage.bulk import bulk
from tracker.storage.history import read_rows
from tracker.storage.parts import Which, load_parts
from tracker.values.metrics import MetricRules, metric_from_record
from tracker.web.answers import Query, answer
from tracker.web.shelf import Shelf
from vcs.errors import FormatError, NotFoundError, StoreError, UsageError
from vcs.layout import RunLayout

AXES = ("_step", "_runtime", "_timestamp")
_MOST_CURVES = 2000
# As many runs of a group are drawn as a mean; the page asks for groups in turn, and names the rest.
MOST_MEMBERS = 5000
_MOST_COLUMNS = 4000
_ENDED_BADLY = ("crashed", "failed", "killed", "preempted")


class Wanted(msgspec.Struct):
    """What is asked for.

    Attributes:
        runs: `project/id` of each.
        x: One of AXES, a metric, or `auto`: what `define_metric` says, else the step.
        columns, low, high, log: See `Window`.
        smooth: Weight of the moving average; 0 for none.
        masked: Also the points that were taken back, as curves of their own.
        which: Metrics, or system metrics.
        ranks: Of distributed runs, whose rows; what is not of rank 0 says its `rank`.
    """

    runs: list[str]
    keys: list[str]
    x: str = "auto"
    columns: int = 600
    low: float | None = None
    high: float | None = None
    log: bool = False
    smooth: float = 0.0
    masked: bool = False
    which: Which = "history"
    ranks: tuple[str, ...] = ("0",)


class Group(msgspec.Struct):
    """Runs that are drawn as one curve."""

    name: str
    runs: list[str]


class WantedBands(msgspec.Struct):
    """What is asked for of groups of runs; fields as in Wanted."""

    groups: list[Group]
    keys: list[str]
    x: str = "auto"
    columns: int = 600
    low: float | None = None
    high: float | None = None
    masked: bool = False


@bulk()
def bands(shelf: Shelf, query: Query) -> Response:
    """Return for each group and metric the mean, and the range in which the runs lie."""
    try:
        wanted = msgspec.convert(query.body, WantedBands)
    except msgspec.ValidationError as error:
        raise UsageError(f"groups cannot be asked for like this: {error}") from None
    if sum(len(group.runs) for group in wanted.groups) * len(wanted.keys) > MOST_MEMBERS:
        raise UsageError(f"more than {MOST_MEMBERS} curves at once")
    if not 1 <= wanted.columns <= _MOST_COLUMNS:
        raise UsageError(f"columns are 1 to {_MOST_COLUMNS}")
    heads: list[dict[str, Any]] = []
    bodies: list[array[float]] = []
    for group in wanted.groups:
        for key in wanted.keys:
            found, x = _group_series(shelf, group, key, wanted.x)
            band = band_of(found, wanted.columns, wanted.low, wanted.high)
            if band.xs:
                head = {"run": group.name, "key": key, "x": x, "band": band.runs, "total": band.total}
                heads.append({**head, "at": sum(map(len, bodies)), "points": len(band.xs)})
                bodies += [band.xs, band.means, band.lows, band.highs]
            if wanted.masked:
                for head, *columns in _masked_of_group(shelf, group, key, x, wanted):
                    heads.append({**head, "at": sum(map(len, bodies)), "points": len(columns[0])})
                    bodies += columns
    shelf.trim()
    return _packed({"curves": heads}, bodies)


def _group_series(shelf: Shelf, group: Group, key: str, x: str) -> tuple[list[Source], str]:
    """Return what gives the series of the runs of a group, over the axis that the first of them has."""
    found: list[Source] = []
    axis = None if x == "auto" else x
    for name in group.runs:
        try:
            layout = shelf.layout(name)
            if axis is None:
                rule = rules_of(layout).of(key)
                axis = (rule.step_metric if rule else None) or "_step"
        except (NotFoundError, FormatError, StoreError):
            continue  # deleted just now, or its page says what is damaged
        found.append(partial(_points, shelf, name, key, axis))
    return found, axis or "_step"


def _masked_of_group(
    shelf: Shelf, group: Group, key: str, x: str, wanted: WantedBands
) -> Iterator[tuple[Any, ...]]:
    window = Window(wanted.columns, wanted.low, wanted.high)
    for name in group.runs:
        try:
            yield from _masked(shelf.layout(name), group.name, key, x, window)
        except (NotFoundError, FormatError, StoreError):
            continue  # as in _group_series


def _points(shelf: Shelf, name: str, key: str, x: str) -> Series:
    """Return the points of a run; none if it is damaged."""
    shelf.trim()
    try:
        return shelf.series(name).points(key, x, keep=False)
    except (NotFoundError, FormatError, StoreError):
        return Series()


@bulk()
def series(shelf: Shelf, query: Query) -> Response:
    """Return the curves of some runs and metrics."""
    wanted = _wanted(query)
    heads: list[dict[str, Any]] = []
    bodies: list[array[float]] = []
    for name in wanted.runs:
        try:
            layout = shelf.layout(name)
            found = [
                curve for rank in wanted.ranks for curve in _curves_of(shelf, layout, name, wanted, rank)
            ]
        except (NotFoundError, FormatError, StoreError) as error:
            heads.append({"run": name, "error": error.message})
            continue
        shelf.trim()
        for head, *columns in found:
            head["at"] = sum(map(len, bodies))
            head["points"] = len(columns[0])
            heads.append(head)
            bodies += columns
    return _packed({"curves": heads}, bodies)


def metrics(shelf: Shelf, query: Query) -> Response:
    """Return the metrics that some runs have, by the order of their first appearance."""
    names = query.body.get("runs") or []
    ranks = [str(rank) for rank in query.body.get("ranks") or ["0"]]
    which: Which = "system" if query.body.get("which") == "system" else "history"
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            rules = rules_of(shelf.layout(str(name)))
            of_ranks = (shelf.series(str(name), which, rank).keys() for rank in ranks)
            keys = dict.fromkeys(key for found_keys in of_ranks for key in found_keys)
        except (NotFoundError, FormatError, StoreError):
            continue
        for key in keys:
            rule = rules.of(key)
            about = found.setdefault(key, {"key": key, "runs": 0, "axis": None, "hidden": False})
            about["runs"] += 1
            if rule is not None:
                about["axis"] = about["axis"] or rule.step_metric
                about["hidden"] = about["hidden"] or rule.hidden
    kinds = _kinds(shelf, names, which)
    for key, about in found.items():
        about["kind"] = kinds.get(key, "number")
    return answer({"metrics": list(found.values())})


def rules_of(run: RunLayout) -> MetricRules:
    """Return what `define_metric` said in a run."""
    rules = MetricRules()
    rules.restore(metric_from_record(dict(record)) for record in records.load(run).metrics)
    return rules


def _kinds(shelf: Shelf, names: Iterable[Any], which: Which) -> dict[str, str]:
    """Return what kind of values metrics have that are no numbers, by their last values."""
    if which == "system":
        return {}
    kinds: dict[str, str] = {}
    listing = shelf.listing()
    for name in names:
        project, _, run_id = str(name).partition("/")
        run = listing.runs.get((project, run_id))
        for key, value in (run.summary if run else {}).items():
            if isinstance(value, dict) and "_type" in value:
                kinds[key] = str(value["_type"])
            elif isinstance(value, str | list):
                kinds[key] = "text"
    return kinds


def _wanted(query: Query) -> Wanted:
    try:
        wanted = msgspec.convert(query.body, Wanted)
    except msgspec.ValidationError as error:
        raise UsageError(f"curves cannot be asked for like this: {error}") from None
    if len(wanted.runs) * len(wanted.keys) * len(wanted.ranks) > _MOST_CURVES:
        raise UsageError(f"more than {_MOST_CURVES} curves at once")
    if not 1 <= wanted.columns <= _MOST_COLUMNS or not 0 <= wanted.smooth < 1:
        raise UsageError(f"columns are 1 to {_MOST_COLUMNS}, and smooth is at least 0 and below 1")
    return wanted


def _curves_of(shelf: Shelf, run: RunLayout, name: str, wanted: Wanted, rank: str) -> list[tuple[Any, ...]]:
    rules = rules_of(run)
    source = shelf.series(name, wanted.which, rank)
    bad: dict[int, str] = {
        session.number: session.state
        for session in records.load(run).sessions
        if session.state in _ENDED_BADLY
    }
    found = []
    for key in wanted.keys:
        rule = rules.of(key)
        x = (rule.step_metric if rule else None) or "_step" if wanted.x == "auto" else wanted.x
        window = (wanted.columns, wanted.low, wanted.high, wanted.log, wanted.smooth)
        what = (name, wanted.which, rank, stamp_of(run, wanted.which), key, x, window, tuple(bad.items()))
        curve = shelf.drawn.get(what)
        if curve is None:
            drawing = source.drawn(key, x, _window(wanted))
            if drawing.total:
                smoothed = None
                if wanted.smooth and not drawing.whole:
                    smoothed = source.drawn(key, x, _window(wanted), wanted.smooth)
                curve = _curve(name, key, x, drawing, smoothed, bad)
                if rank != "0":
                    curve[0]["rank"] = rank
                shelf.drawn.put(what, curve)
        if curve is not None:
            found.append(curve)
        if wanted.masked and wanted.which == "history":
            found += _masked(run, name, key, x, _window(wanted), rank)
    return found


def _window(wanted: Wanted) -> Window:
    return Window(wanted.columns, wanted.low, wanted.high, wanted.log)


def _curve(
    name: str, key: str, x: str, drawing: Drawing, smoothed: Drawing | None, bad: dict[int, str]
) -> tuple[Any, ...]:
    head: dict[str, Any] = {
        "run": name,
        "key": key,
        "x": x,
        "total": drawing.total,
        "whole": drawing.whole,
        "exact": drawing.exact,
        "others": drawing.others,
        "bounds": [_finite(drawing.low), _finite(drawing.high)],
        "jumps": not drawing.ordered,
        "starts": [
            {"x": _finite(start), "session": number, "ended": bad.get(number - 1)}
            for start, number in drawing.starts
        ],
    }
    columns = [drawing.xs, drawing.ys]
    if smoothed is not None:
        head["smooth_points"] = len(smoothed.xs)
        columns += [smoothed.xs, smoothed.ys]
    return (head, *columns)


def _masked(
    run: RunLayout, name: str, key: str, x: str, window: Window, rank: str = "0"
) -> list[tuple[Any, ...]]:
    """Return the points that were taken back, a curve for each session that had some."""
    if all(part.surviving.whole for part in load_parts(run, (rank,), damaged=[])):
        return []
    keys = list(dict.fromkeys([key, x]))
    rows = read_rows(run, keys=keys, all_segments=True, ranks=(rank,), damaged=[])
    by_session: dict[int, tuple[array[float], array[float]]] = {}
    for row in rows:
        if row["_masked"] and type(row.get(key)) in (int, float) and type(row.get(x)) in (int, float):
            xs, ys = by_session.setdefault(row["_session"], (array("d"), array("d")))
            xs.append(row[x])
            ys.append(row[key])
    found = []
    for session, (xs, ys) in by_session.items():
        places = thin_line(xs, ys, window)
        head = {"run": name, "key": key, "x": x, "total": len(ys), "masked": session}
        if rank != "0":
            head["rank"] = rank
        found.append((head, array("d", map(xs.__getitem__, places)), array("d", map(ys.__getitem__, places))))
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _packed(head: dict[str, Any], bodies: list[array[float]]) -> Response:
    text = msgspec.json.encode(head)
    text += b" " * (-(4 + len(text)) % 8)
    data = b"".join([struct.pack("<I", len(text)), text, *(body.tobytes() for body in bodies)])
    return Response(data, media_type="application/octet-stream", headers={"cache-control": "no-store"})
