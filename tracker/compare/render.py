"""Comparisons as reports: sections of tables, patches and sentences, for a terminal or a page.

A report is plain text in boxes; whoever shows it cuts it to size and escapes it. What is
left out is counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tracker.compare.changes import PathChange, PathChanges, VersionComparison
from tracker.compare.contents import Content, NotCompared, ValueChanges
from tracker.compare.run_changes import InputChange, MetricChange, RunChanges
from tracker.compare.tables import TableChanges
from tracker.compare.tensors import TensorChange, TensorChanges
from tracker.compare.text import TextChanges
from tracker.compare.values import ABSENT, Change
from tracker.read.words import WATCHED, count_text, duration_text, number_text, size_text

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_MOST_VALUE = 120


@dataclass(frozen=True)
class Table:
    """Rows under headings; `right` names the columns that are aligned to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True)
class Patch:
    """Lines of a diff; `rest` says how to see those that are left out."""

    lines: tuple[str, ...]
    left_out: int = 0
    rest: str = ""


@dataclass(frozen=True)
class Sentences:
    """One a line."""

    lines: tuple[str, ...]


Block: TypeAlias = Table | Patch | Sentences


@dataclass(frozen=True)
class Section:
    """One part of a report: what it is about, how it came out in a few words, and the details."""

    title: str
    summary: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole comparison."""

    old: str
    new: str
    same: bool
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Limits:
    """How much of long parts is shown."""

    rows: int = 40
    lines: int = 100


EVERYTHING = Limits(rows=2000, lines=2000)


def report_of_runs(found: RunChanges, limits: Limits = Limits()) -> Report:
    """Lay out what differs between two runs."""
    compared = found.comparison
    makers = (_metrics, _reasons, _code, _config, _inputs, _outputs, _environment, _end)
    sections = [section for make in makers if (section := make(found, limits)) is not None]
    return Report(compared.old.title, compared.new.title, found.same, tuple(sections))


def report_of_versions(found: VersionComparison, limits: Limits = Limits()) -> Report:
    """Lay out what differs between two versions."""
    sections = []
    if found.metadata:
        sections.append(Section("Description", "differs", (_changes(found.metadata, limits),)))
    if found.changes:
        summary = f"{_counted(found.changes)}, {found.unchanged} the same"
        sections.append(Section("Paths", summary, (_paths(found.changes, limits),)))
    opened = [change for change in found.changes if change.content is not None]
    for change in opened[: limits.rows]:
        assert change.content is not None
        summary, blocks = _content(change.content, limits)
        sections.append(Section(change.path, summary, blocks))
    if len(opened) > limits.rows:
        sections.append(Section("Contents", f"of {len(opened) - limits.rows} more files are not shown"))
    return Report(found.old.qualified_name, found.new.qualified_name, found.same, tuple(sections))


# two runs


def _metrics(found: RunChanges, limits: Limits) -> Section:
    if not found.metrics:
        return Section("Metrics", f"the same ({found.metrics_same})" if found.metrics_same else "none")
    first = found.comparison.metrics.first_unequal
    where = f"; the histories part at step {first.step}" if first is not None else ""
    # What `watch` saw comes last: it is a lot, and says less at a glance.
    rows = [_metric_row(change) for change in sorted(found.metrics, key=_is_watched)]
    head = ("metric", "old", "new", "delta", "%", "differs from step")
    table = _table(head, rows, limits, right=head[1:])
    return Section("Metrics", f"{len(rows)} differ, {found.metrics_same} do not{where}", (table,))


def _is_watched(change: MetricChange) -> bool:
    return change.key.startswith(WATCHED)


def _metric_row(change: MetricChange) -> tuple[str, ...]:
    delta, relative = change.delta, change.relative
    return (
        change.key,
        value_text(change.old),
        value_text(change.new),
        "" if delta is None else f"{delta:+.5g}",
        "" if relative is None or not math.isfinite(relative) else _percent(100 * relative),
        "" if change.first_step is None else str(change.first_step),
    )


def _percent(change: float) -> str:
    return f"{change:+.3g}" if abs(change) < 1000 else f"{change:+,.0f}"


def _reasons(found: RunChanges, limits: Limits) -> Section | None:
    if not found.reasons:
        return None
    lines = [reason.text + (f" ({reason.hint})" if reason.hint else "") for reason in found.reasons]
    return Section("Why", "likely, the likeliest first", (Sentences(tuple(lines)),))


def _code(found: RunChanges, limits: Limits) -> Section:
    code, command = found.code, found.comparison.command
    more = (_changes({"command": command}, limits),) if command is not None else ()
    if code is None:
        return Section("Code", "the same" + (", started in another way" if more else ""), more)
    commits = " -> ".join((commit or "unknown")[:10] for commit in (code.old, code.new))
    if code.note:
        return Section("Code", f"{commits}: {code.note}", more)
    summary = f"{commits}: {count_text(len(code.files), 'file')}, +{code.added} -{code.removed} lines"
    rows = [
        (
            f"{file.old_path} => {file.path}" if file.old_path else file.path,
            "binary" if file.added is None else f"+{file.added}",
            "" if file.removed is None else f"-{file.removed}",
        )
        for file in code.files
    ]
    stat = _table(("file", "added", "removed"), rows, limits, right=("added", "removed"))
    left_out = max(0, len(code.patch) - limits.lines) + (code.left_out or 0)
    if code.left_out is None:
        patch: Block = Sentences((f"The patch is too large to be shown: {code.command}",))
    else:
        patch = Patch(code.patch[: limits.lines], left_out, code.command or "")
    return Section("Code", summary, (*more, stat, patch))


def _config(found: RunChanges, limits: Limits) -> Section:
    config = found.comparison.config
    if not config:
        return Section("Config", "the same")
    return Section("Config", count_text(len(config), "value"), (_changes(config, limits),))


def _inputs(found: RunChanges, limits: Limits) -> Section | None:
    if not found.inputs:
        known = found.comparison.old.record.used or found.comparison.new.record.used
        return Section("Inputs", "the same") if known else None
    blocks: list[Block] = []
    for change in found.inputs:
        blocks.append(Sentences((_input_text(change),)))
        if change.paths:
            blocks.append(_paths(change.paths, limits))
    return Section("Inputs", count_text(len(found.inputs), "artifact"), tuple(blocks))


def _input_text(change: InputChange) -> str:
    versions = (
        f"{value_text(change.versions.old) or 'not used'} -> {value_text(change.versions.new) or 'not used'}"
    )
    if change.paths is not None:
        return f"{change.artifact}: {versions} ({_counted(change.paths)})"
    return f"{change.artifact}: {versions}" + (f" ({change.note})" if change.note else "")


def _outputs(found: RunChanges, limits: Limits) -> Section | None:
    outputs = found.comparison.outputs
    if not outputs:
        return None
    differing = [output for output in outputs if not output.same]
    if not differing:
        return Section("Outputs", "the same")
    rows = [
        (
            output.name,
            "" if output.step is None else str(output.step),
            output.old or "none",
            output.new or "none",
            ", ".join(output.paths),
        )
        for output in differing
    ]
    table = _table(("artifact", "step", "old", "new", "paths"), rows, limits, right=("step",))
    return Section("Outputs", f"{len(rows)} of {len(outputs)} differ", (table,))


def _environment(found: RunChanges, limits: Limits) -> Section:
    environment = found.comparison.environment
    changed = {**environment.machine, **found.machine, **environment.variables}
    blocks: list[Block] = [_changes(changed, limits)] if changed else []
    if environment.packages:
        blocks.append(_changes(environment.packages, limits, what="package"))
    parts = [count_text(len(changed), "fact")] if changed else []
    parts += [count_text(len(environment.packages), "package")] if environment.packages else []
    if not environment.packages_known:
        parts.append("the packages of one of the runs are not known")
    return Section("Environment", ", ".join(parts) or "the same", tuple(blocks))


def _end(found: RunChanges, limits: Limits) -> Section:
    compared = found.comparison
    runtime = " -> ".join(duration_text(seconds) for seconds in found.runtime_s)
    if compared.state is None:
        return Section("Runtime", runtime)
    return Section("Runtime", runtime, (_changes({"end": compared.state}, limits),))


# contents


def _content(content: Content, limits: Limits) -> tuple[str, tuple[Block, ...]]:
    match content:
        case NotCompared(reason):
            return reason, ()
        case ValueChanges(values):
            if not values:
                return "the same values, written in another way", ()
            return count_text(len(values), "value"), (_changes(values, limits),)
        case TableChanges():
            return _table_text(content), ()
        case TextChanges(added, removed, patch, left_out):
            more = max(0, len(patch) - limits.lines) + left_out
            return f"+{added} -{removed} lines", (Patch(patch[: limits.lines], more),) if patch else ()
        case TensorChanges():
            return _tensors(content, limits)


def _table_text(table: TableChanges) -> str:
    parts = [f"{table.old_rows} -> {table.new_rows} rows"]
    if table.rows_added is not None:
        parts[0] += f" (+{table.rows_added} -{table.rows_removed})"
    names = [f"+{name}" for name in table.columns_added] + [f"-{name}" for name in table.columns_removed]
    parts.append(count_text(table.columns, "column") + (f" ({' '.join(names[:20])})" if names else ""))
    return ", ".join(parts)


def _tensors(found: TensorChanges, limits: Limits) -> tuple[str, tuple[Block, ...]]:
    head = ("tensor", "type", "shape", "norm of change", "relative", "largest", "elements")
    rows = [_tensor_row(change) for change in found.tensors]
    blocks: list[Block] = [_table(head, rows, limits, right=head[3:])] if rows else []
    if found.values:
        blocks.append(_changes(found.values, limits))
    return f"{count_text(len(rows), 'tensor')}, {found.same} the same", tuple(blocks)


def _tensor_row(change: TensorChange) -> tuple[str, ...]:
    sides = [side for side in (change.old, change.new) if side is not None]
    types = " -> ".join(dict.fromkeys(side[0] for side in sides))
    shapes = " -> ".join(dict.fromkeys("x".join(map(str, side[1])) or "scalar" for side in sides))
    if change.old is None or change.new is None:
        return (change.name, types, shapes, "removed" if change.new is None else "added", "", "", "")
    distance = change.distance
    if distance is None:
        return (change.name, types, shapes, change.note, "", "", "")
    odd = " -> ".join(map(str, distance.not_finite)) if any(distance.not_finite) else ""
    return (
        change.name,
        types,
        shapes,
        f"{distance.norm:.4g}",
        f"{distance.relative:.4g}",
        f"{distance.largest:.4g}",
        f"{distance.elements}" + (f" (not finite: {odd})" if odd else ""),
    )


# parts


def _paths(changes: PathChanges, limits: Limits) -> Table:
    rows = [(_SIGNS[change.kind], change.path, _sizes(change)) for change in changes]
    return _table(("", "path", "size"), rows, limits, right=("size",))


def _sizes(change: PathChange) -> str:
    sizes = " -> ".join(size_text(side.size) for side in (change.old, change.new) if side is not None)
    facts = [f"{name}: {_fact(a)} -> {_fact(b)}" for name, (a, b) in change.facts.items()]
    return ", ".join([sizes, *facts])


def _fact(value: object) -> str:
    return "yes" if value is True else "no" if value is False else str(value) or "none"


def _counted(changes: PathChanges) -> str:
    counts = changes.counts
    return " ".join(f"{_SIGNS[kind]}{count}" for kind, count in counts.items() if count) or "the same"


def _changes(changed: Mapping[str, Change], limits: Limits, *, what: str = "") -> Table:
    rows = [(key, value_text(change.old), value_text(change.new)) for key, change in changed.items()]
    return _table((what, "old", "new"), rows, limits)


def _table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], limits: Limits, *, right: Iterable[str] = ()
) -> Table:
    return Table(head, tuple(rows[: limits.rows]), tuple(right), max(0, len(rows) - limits.rows))


def value_text(value: Any) -> str:
    """Return a recorded value for a cell; empty for what is absent."""
    if value is ABSENT:
        return ""
    if isinstance(value, Mapping) and "_type" in value:
        return f"<{value['_type']}>"
    text = "null" if value is None else number_text(value)
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1]}…"
