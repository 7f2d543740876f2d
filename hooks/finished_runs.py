"""The runs that finished since a moment, read from their plain files.

Only runs whose folder changed since then are opened (run.yaml is replaced, never
rewritten, so its folder's time says so): thousands of older ones cost a stat each.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vcs.clock import parse_time
from vcs.errors import Error, FormatError
from vcs.layout import Layout, RunLayout
from vcs.yaml_io import load_yaml

_NUMBER = int | float
_GOOD = re.compile(r"acc|f1|auc|map|bleu|rouge|iou|dice|score|reward|precision|recall|r2|psnr|ssim", re.I)
_BAD = re.compile(r"loss|err|mse|mae|rmse|nll|ppl|perplexity|wer|cer|fid", re.I)
_SPLITS = (re.compile(r"test", re.I), re.compile(r"val|eval|dev", re.I))
_DEEPEST = 8


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended well.

    Attributes:
        ended_s: Seconds since the epoch.
        commit, branch: HEAD at its last start.
        user: Who ran it.
        defined: The metrics that the script defined with an aggregation.
    """

    project: str
    id: str
    name: str
    ended_s: float
    commit: str | None
    branch: str | None
    user: str
    defined: tuple[str, ...]
    layout: RunLayout


def finished_since(layout: Layout, since_s: float) -> list[FinishedRun]:
    """Return the runs that finished at that moment or later, oldest first.

    Runs that cannot be read are left out: listing them is `tracker runs`'s business.
    """
    found = [run for files in _changed_since(layout.runs, since_s) if (run := _read(files)) is not None]
    return sorted((run for run in found if run.ended_s >= since_s), key=lambda run: (run.ended_s, run.id))


def metrics_of(run: FinishedRun, wanted: Sequence[str]) -> list[tuple[str, float]]:
    """Return the numbers of a run's summary to name; `wanted`, else the one that looks most telling."""
    try:
        summary = load_yaml(run.layout.summary, "summary")
    except Error:
        return []
    numbers = dict(_numbers(summary)) if isinstance(summary, Mapping) else {}
    if wanted:
        return [(name, numbers[name]) for name in wanted if name in numbers]
    if not numbers:
        return []
    best = min(numbers, key=lambda name: _rank(name, run.defined))
    return [(best, numbers[best])]


def _changed_since(runs: Path, since_s: float) -> Iterator[RunLayout]:
    for project in _folders(runs):
        for entry in _folders(project.path):
            try:
                if entry.stat().st_mtime >= since_s:
                    yield RunLayout(Path(entry.path))
            except OSError:
                continue  # removed meanwhile


def _folders(path: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.name[0] != "." and entry.is_dir()]
    except OSError:
        return []


def _read(files: RunLayout) -> FinishedRun | None:
    try:
        record = load_yaml(files.record, "run")
        sessions = record["sessions"]
        last = max(sessions, key=lambda session: session["number"])
        if record["state"] != "finished":
            return None
        ended_s = parse_time(last["ended"]).timestamp()
        return FinishedRun(
            project=files.folder.parent.name,
            id=files.folder.name,
            name=_one_line(str(record.get("name") or "")) or files.folder.name,
            ended_s=ended_s,
            commit=_text(last.get("commit")),
            branch=_text(last.get("branch")),
            user=_text(last.get("user")) or "",
            defined=tuple(_defined(record.get("metrics"))),
            layout=files,
        )
    except (Error, FormatError, KeyError, TypeError, ValueError, AttributeError):
        return None  # cut, foreign, or of a release to come: not ours to judge here


def _defined(metrics: Any) -> Iterator[str]:
    for metric in metrics if isinstance(metrics, list) else []:
        if isinstance(metric, Mapping) and metric.get("summary") and isinstance(metric.get("name"), str):
            yield metric["name"].removesuffix("*")


def _numbers(values: Mapping[Any, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        name = f"{above}{key}"
        if name.startswith("_") or depth > _DEEPEST:
            continue
        if isinstance(value, Mapping):
            if "_type" not in value:
                yield from _numbers(value, f"{name}.", depth + 1)
        elif isinstance(value, _NUMBER) and not isinstance(value, bool) and math.isfinite(value):
            yield _one_line(name), float(value) if isinstance(value, float) else value


def _rank(name: str, defined: Sequence[str]) -> tuple[int, int, int, str]:
    """Smaller is more telling: what the script defined, then accuracies, then losses; test before val."""
    chosen = next((number for number, prefix in enumerate(defined) if name.startswith(prefix)), len(defined))
    kind = 0 if _GOOD.search(name) else 1 if _BAD.search(name) else 2
    split = next((number for number, one in enumerate(_SPLITS) if one.search(name)), len(_SPLITS))
    return chosen, kind, split, name


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _one_line(text: str) -> str:
    """A record's text on one line of a message, without what could drive a terminal."""
    return "".join(ch if ch.isprintable() else " " for ch in text).strip()
