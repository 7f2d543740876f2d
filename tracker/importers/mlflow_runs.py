"""What MLflow's two stores have in common: a run with metrics, parameters, tags and artifacts.

Parameters are text in MLflow; what is spelled as Python spells a number or a truth value
becomes that. Values of neighbouring metrics with one step become one row.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tracker.importers.found import (
    FoundArtifact,
    FoundItem,
    FoundRow,
    FoundRun,
    FoundSession,
    Notes,
    artifact_name,
    safe_name,
)
from tracker.storage.records import State
from tracker.values.sink import MediaSink
from vcs.secrets import without_credentials

SOURCE = "mlflow"
STATES: dict[str, State] = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
    "RUNNING": "crashed",
    "SCHEDULED": "crashed",
}
# Of the numbers that meta.yaml has.
STATUS_NAMES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
# How MLflow's databases spell an infinity.
_LARGEST = 1.7976931348623157e308
_SYSTEM = "system/"


@dataclass(frozen=True, order=True)
class Point:
    """One value of one metric."""

    time_ms: int
    step: int
    key: str
    value: float = field(compare=False)


@dataclass
class MlflowModel:
    """A model that a run logged (MLflow 3), or a version in the registry."""

    name: str
    folder: Path | None
    aliases: list[str] = field(default_factory=list)
    description: str | None = None


@dataclass
class MlflowRun:
    """A run as either store has it; times in milliseconds."""

    id: str
    experiment: str
    place: str
    stamp: str
    name: str
    user: str
    status: str
    start_ms: int
    end_ms: int | None
    params: dict[str, str]
    tags: dict[str, str]
    points: Callable[[], Iterable[Point]]
    artifacts: Path | None
    artifact_uri: str
    models: list[MlflowModel] = field(default_factory=list)
    datasets: list[dict[str, Any]] = field(default_factory=list)


def to_found(run: MlflowRun, project: str | None) -> FoundRun:
    """Return the run as `carry` takes it."""
    tags = run.tags
    session = FoundSession(
        started_s=run.start_ms / 1000,
        ended_s=None if run.end_ms is None else run.end_ms / 1000,
        state=STATES.get(run.status, "crashed"),
        exit_code={"FINISHED": 0, "FAILED": 1}.get(run.status),
        facts=_facts(run),
        rows=partial(_rows, run.points, system=False),
        system=partial(_rows, run.points, system=True),
    )
    found = FoundRun(
        id=safe_name(run.id),
        project=project or safe_name(run.experiment),
        place=run.place,
        stamp=run.stamp,
        sessions=[session],
        name=tags.get("mlflow.runName") or run.name,
        group=tags.get("mlflow.parentRunId", ""),
        notes=tags.get("mlflow.note.content", ""),
        tags=[f"{k}={v}" if v else k for k, v in sorted(tags.items()) if not k.startswith("mlflow.")],
        config={key: value_of(text) for key, text in run.params.items()},
    )
    if run.datasets:
        found.fields["datasets"] = run.datasets
    if run.status in ("RUNNING", "SCHEDULED"):
        found.remarks.add(f"the source says {run.status}: recorded as crashed until it says otherwise")
    _add_artifacts(found, run)
    return found


def value_of(text: str) -> Any:
    """Return the number, truth value or None that Python would write as `text`; else the text."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if repr(value) == text:
            return value
    return text


def restored(value: float, *, is_nan: bool = False) -> float:
    """Return the number that MLflow's database stands for."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) == _LARGEST else value


def local_folder(uri: str, base: Path) -> Path | None:
    """Return the folder that an artifact address means on this machine; None if it is elsewhere."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if not parts.scheme:
        return Path(uri) if os.path.isabs(uri) else base / uri
    return None


def _facts(run: MlflowRun) -> dict[str, Any]:
    tags = run.tags
    facts: dict[str, Any] = {"user": tags.get("mlflow.user") or run.user or ""}
    if tags.get("mlflow.source.name"):
        facts["argv"] = [tags["mlflow.source.name"]]
    for field_name, tag in (("commit", "commit"), ("branch", "branch"), ("remote", "repoURL")):
        if tags.get(f"mlflow.source.git.{tag}"):
            facts[field_name] = without_credentials(tags[f"mlflow.source.git.{tag}"])
    return facts


def _rows(
    points: Callable[[], Iterable[Point]], sink: MediaSink, notes: Notes, *, system: bool
) -> Iterator[FoundItem]:
    row: FoundRow | None = None
    for point in points():
        if point.key.startswith(_SYSTEM) != system:
            continue
        key = point.key.removeprefix(_SYSTEM) if system else point.key
        if row is not None and (row.step != point.step or key in row.values):
            yield row
            row = None
        if row is None:
            row = FoundRow(point.step, point.time_ms / 1000, {})
        assert isinstance(row.values, dict)
        row.values[key] = point.value
    if row is not None:
        yield row


def _add_artifacts(found: FoundRun, run: MlflowRun) -> None:
    """Make versions of what the run logged: each model one, and all other files one."""
    others: list[tuple[str, Path]] = []
    if run.artifacts is not None and run.artifacts.is_dir():
        for name, folder in _models_in(run.artifacts):
            found.logged.append(FoundArtifact(artifact_name(name), "model", folder=folder))
        others = list(_other_files(run.artifacts))
    elif run.artifact_uri and run.artifacts is None:
        found.remarks.add(
            f"artifacts lie elsewhere and are left out: {without_credentials(run.artifact_uri)}"
        )
    if others:
        found.logged.append(FoundArtifact(artifact_name(f"run-{run.id}-files"), "files", files=others))
    for model in run.models:
        if model.folder is None or not model.folder.is_dir():
            found.remarks.add(f"model {model.name} is left out: its files are not on this machine")
            continue
        found.logged.append(
            FoundArtifact(
                artifact_name(model.name),
                "model",
                folder=model.folder,
                aliases=model.aliases,
                description=model.description,
            )
        )


def _models_in(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, below, names in os.walk(folder):
        below.sort()
        if "MLmodel" in names and Path(place) != folder:
            below.clear()
            yield Path(place).name, Path(place)


def _other_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, below, names in os.walk(folder):
        below.sort()
        if "MLmodel" in names and Path(place) != folder:
            below.clear()
            continue
        for name in sorted(names):
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path
