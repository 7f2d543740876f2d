"""The table of runs: filtered, ordered, grouped, and only that part of it which is on the screen."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any

from starlette.responses import Response

from tracker.read.fields import FIELDS, MISSING, Field, parse_field, parse_order, sort_by
from tracker.read.filter_text import parse_filter
from tracker.read.filters import compile_filter
from tracker.read.words import WATCHED
from tracker.storage.bulk import bulk
from tracker.web.answers import Query, answer, unchanged
from tracker.web.listing import Listed, Listing
from tracker.web.series_data import MOST_MEMBERS
from tracker.web.shelf import Chosen, Shelf, plain
from vcs.errors import UsageError

# As many rows as a screen of any size shows, and some more.
_MOST_ROWS = 1000
# Values that are offered for a field while a filter is typed.
_SUGGESTED = 30
_LONGEST_CELL = 300


def about(shelf: Shelf, query: Query) -> Response:
    """Say what folder this is, and what there is in it.

    The page waits for this first; that a later version of the list is there, it is told.
    """
    listing = shelf.listing(wait=False)
    counts = Counter(project for project, _ in listing.runs)
    names = sorted({*counts, *(project for project, _ in shelf.repo.collections.names())})
    return answer(
        {
            "root": str(shelf.repo.layout.root),
            "folder": shelf.repo.layout.root.name,
            "projects": [{"name": name, "runs": counts[name]} for name in names],
            "default_project": shelf.api.default_project,
            "read_only": shelf.read_only,
            "damaged": [error.message for error in listing.damaged[:20]],
            "version": listing.version,
            "reading": _reading(listing),
        }
    )


def reading(shelf: Shelf, query: Query) -> Response:
    """Say how far the list of runs is: `reading` is null once it is whole."""
    listing = shelf.listing()
    return answer({"runs": len(listing.runs), "version": listing.version, "reading": _reading(listing)})


def _reading(listing: Listing) -> dict[str, int] | None:
    return None if listing.reading is None else asdict(listing.reading)


@bulk()
def runs(shelf: Shelf, query: Query) -> Response:
    """Return some rows of the table; what is asked is in the body (see `static/js/api.js`).

    With `suggest` the columns are followed by those worth showing, whose names are answered.
    """
    listing = shelf.listing(fresh=bool(query.body.get("fresh")))
    chosen = choose(shelf, listing, query.body)
    named = _texts(query.body, "columns")
    suggested = suggested_columns(_of_project(listing, query.body)) if query.body.get("suggest") else None
    columns = [parse_field(name) for name in (*named, *(suggested or ()))]
    group_by = [parse_field(name) for name in _texts(query.body, "group")]
    offset, limit = _whole(query.body, "offset", 0), min(_whole(query.body, "limit", 100), _MOST_ROWS)
    total_runs = len(chosen)
    if group_by:
        items = _grouped(chosen, group_by, set(_texts(query.body, "expanded")))
    else:
        items = list(zip(chosen, repeat(0)))
    ordinals = listing.ordinals
    rows = [
        _group_row(item, columns) if isinstance(item, _Group) else _row(item, columns, ordinals, depth)
        for item, depth in items[offset : offset + limit]
    ]
    return answer(
        {
            "total": len(items),
            "runs": total_runs,
            "version": listing.version,
            "reading": _reading(listing),
            "suggested": suggested,
            "rows": rows,
        }
    )


def keys(shelf: Shelf, query: Query) -> Response:
    """Return the first runs that pass, with what a legend shows of each; for curves and for selections."""
    listing = shelf.listing()
    chosen = choose(shelf, listing, query.body)
    limit = min(_whole(query.body, "limit", 100), 100_000)
    ordinals = listing.ordinals
    return answer(
        {
            "total": len(chosen),
            "reading": _reading(listing),
            "runs": [_legend(run, ordinals) for run in chosen[:limit]],
        }
    )


def fields(shelf: Shelf, query: Query) -> Response:
    """Return every field of the runs of a project, how many have it, and values to choose from."""
    listing, project = shelf.listing(), query.text("project")
    mark = f'"{shelf.mark}-{listing.version}"'
    if query.headers.get("if-none-match") == mark:
        return unchanged(mark)
    counts: Counter[str] = Counter()
    values: dict[str, Counter[Any]] = {}
    numbers: Counter[str] = Counter()
    listed = _of_project(listing, {"project": project})
    for run in listed:
        for prefix, row in (("config.", run.config), ("summary.", run.summary)):
            for name, value in row.items():
                key = prefix + name
                counts[key] += 1
                if type(value) in (int, float):
                    numbers[key] += 1
                elif prefix == "config." and isinstance(value, str | bool) and len(str(value)) < 80:
                    values.setdefault(key, Counter())[value] += 1
        head = run.head
        for name, value in (("user", head.user), ("group", head.group), ("job_type", head.job_type)):
            values.setdefault(name, Counter())[value] += bool(value)
        values.setdefault("state", Counter())[run.state] += 1
        values.setdefault("tags", Counter()).update(head.tags)
    found = [{"name": name, "kind": kind, "runs": len(listed)} for name, kind in FIELDS.items()]
    found += [
        {"name": name, "kind": "number" if numbers[name] * 2 > count else "any", "runs": count}
        for name, count in counts.items()
    ]
    for field in found:
        common = values.get(str(field["name"]), Counter()).most_common(_SUGGESTED)
        field["values"] = [plain(value) for value, count in common if count]
    return answer({"fields": found, "suggested": suggested_columns(listed)}, mark=mark)


def _of_project(listing: Listing, body: Mapping[str, Any]) -> list[Listed]:
    project = body.get("project")
    return [run for (name, _), run in listing.runs.items() if not project or name == project]


def suggested_columns(listed: Sequence[Listed], results: int = 4, settings: int = 3) -> list[str]:
    """Return the columns worth showing first: numbers that most runs have, and settings that differ."""
    summary: Counter[str] = Counter()
    config: dict[str, set[str]] = {}
    for run in listed[-500:]:
        summary.update(
            name
            for name, value in run.summary.items()
            if type(value) in (int, float) and not name.startswith(("_", *WATCHED))
        )
        for name, value in run.config.items():
            if not name.startswith("_"):
                config.setdefault(name, set()).add(repr(value))
    varied = sorted(config, key=lambda name: len(config[name]) < 2)
    return [f"config.{name}" for name in varied[:settings]] + [
        f"summary.{name}" for name, _ in summary.most_common(results)
    ]


# which, and in what order


def choose(shelf: Shelf, listing: Listing, body: dict[str, Any]) -> list[Listed]:
    """Return the runs that a table shows.

    Raises:
        UsageError: The filter or the order cannot be understood.
    """
    asked = {name: body.get(name) for name in ("project", "filter", "sort", "hidden", "only")}
    question = json.dumps(asked, sort_keys=True)
    kept = shelf.chosen
    if kept is not None and (kept.question, kept.version) == (question, listing.version):
        return kept.runs
    passes = compile_filter(parse_filter(str(asked["filter"] or "")))
    orders = parse_order(str(asked["sort"] or "-created_at"))
    project, hidden, only = asked["project"], set(asked["hidden"] or ()), asked["only"]
    wanted = None if only is None else set(only)
    # By `id()`: a hash of each of ten thousand runs is half of the work.
    found = {
        id(run.view): run
        for (name, run_id), run in listing.runs.items()
        if (not project or name == project)
        and f"{name}/{run_id}" not in hidden
        and (wanted is None or f"{name}/{run_id}" in wanted)
        and passes(run.view)
    }
    chosen = [found[id(view)] for view in sort_by([run.view for run in found.values()], orders)]
    shelf.chosen = Chosen(question, listing.version, chosen)
    return chosen


# rows


def _row(run: Listed, columns: Iterable[Field], ordinals: dict[int, int], depth: int) -> dict[str, Any]:
    row = _legend(run, ordinals)
    row["depth"] = depth
    row["cells"] = [_cell(field, run) for field in columns]
    return row


def _legend(run: Listed, ordinals: dict[int, int]) -> dict[str, Any]:
    head = run.head
    return {
        "key": f"{head.project}/{head.id}",
        "id": head.id,
        "project": head.project,
        "name": head.name or head.id,
        "state": run.state,
        "tags": list(head.tags),
        "notes": head.notes,
        "group": head.group,
        "created": head.created,
        "number": ordinals[id(run)],
    }


def _cell(field: Field, run: Listed) -> Any:
    value = _value(field, run)
    if value is MISSING:
        return None
    if isinstance(value, dict) and "_type" in value:
        return {"media": str(value["_type"])}
    shown = plain(value)
    if isinstance(shown, dict | list):
        shown = json.dumps(shown, ensure_ascii=False)
    return shown[:_LONGEST_CELL] if isinstance(shown, str) else shown


def _value(field: Field, run: Listed) -> Any:
    if field.name == "config" and field.path in run.config:
        return run.config[field.path]
    if field.name == "summary" and field.path in run.summary:
        return run.summary[field.path]
    return field.shown(run.view)


# groups


@dataclass
class _Group:
    """Runs with the same values."""

    key: str
    labels: list[Any]
    runs: list[Listed]
    is_open: bool


def _grouped(
    chosen: list[Listed], by: Sequence[Field], expanded: set[str]
) -> list[tuple[Listed | _Group, int]]:
    """Return groups in the order of their first runs, each followed by its runs if it is open."""
    groups: dict[str, _Group] = {}
    for run in chosen:
        labels = [_cell(field, run) for field in by]
        key = json.dumps(labels, ensure_ascii=False)
        group = groups.setdefault(key, _Group(key, labels, [], key in expanded))
        group.runs.append(run)
    items: list[tuple[Listed | _Group, int]] = []
    for group in groups.values():
        items.append((group, 0))
        if group.is_open:
            items += zip(group.runs, repeat(1), strict=False)
    return items


def _group_row(group: _Group, columns: Iterable[Field]) -> dict[str, Any]:
    return {
        "group_key": group.key,
        "labels": group.labels,
        "count": len(group.runs),
        "open": group.is_open,
        "members": [f"{run.head.project}/{run.head.id}" for run in group.runs[:MOST_MEMBERS]],
        "cells": [_summarised(field, group.runs) for field in columns],
    }


def _summarised(field: Field, listed: Sequence[Listed]) -> Any:
    """Return mean, lowest and highest of numbers, or the value that all have."""
    values = [value for value in (_cell(field, run) for run in listed) if value is not None]
    numbers = [value for value in values if type(value) in (int, float) and math.isfinite(value)]
    if numbers and len(numbers) == len(values):
        return {"mean": math.fsum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers)}
    different = {json.dumps(value, sort_keys=True) for value in values}
    return values[0] if len(different) == 1 else {"different": len(different)} if different else None


def _texts(body: dict[str, Any], name: str) -> list[str]:
    given = body.get(name) or []
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise UsageError(f"{name} is a list of texts")
    return given


def _whole(body: dict[str, Any], name: str, default: int) -> int:
    given = body.get(name, default)
    if not isinstance(given, int) or given < 0:
        raise UsageError(f"{name} is a whole number, not {given!r}")
    return given
