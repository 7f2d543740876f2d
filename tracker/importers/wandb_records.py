"""What the records in a `.wandb` file say: run, config, summary, metrics, artifacts, the end.

The numbers are those of wandb's protocol; it adds to them, and never gives one a new meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker.importers.found import FoundArtifact, Notes, artifact_name
from tracker.importers.wandb_log import read_log
from tracker.values.metrics import Metric
from tracker.wire.protobuf import Message
from vcs.secrets import mask_argv, without_credentials

# Fields of Record.
HISTORY, SUMMARY, CONFIG, STATS, ARTIFACT, TENSORBOARD, ALERT = 2, 3, 5, 7, 8, 9, 10
METRIC, OUTPUT, RUN, EXIT, PREEMPTING, USED, ENVIRONMENT = 12, 13, 17, 18, 23, 25, 26
_AGGREGATIONS = {1: "min", 2: "max", 3: "mean", 5: "last", 6: "none", 8: "first"}


@dataclass
class Attempt:
    """One `.wandb` file: what it says but for its rows.

    Attributes:
        exit_code: None if the file has no end: the process was killed, or runs.
    """

    path: Path
    run_id: str = ""
    project: str = ""
    entity: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    sweep: str = ""
    tags: list[str] = field(default_factory=list)
    started_s: float = 0.0
    last_s: float = 0.0
    runtime_s: int = 0
    exit_code: int | None = None
    preempting: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    artifacts: list[FoundArtifact] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    remarks: Notes = field(default_factory=Notes)

    @property
    def files(self) -> Path:
        """The folder of the run's files."""
        return self.path.parent / "files"


def read_attempt(path: Path) -> Attempt | None:
    """Read everything but the rows; None if the file names no run.

    Raises:
        FormatError: It is no `.wandb` file.
    """
    attempt = Attempt(path)
    names: list[str] = []
    for record in read_log(path, attempt.remarks):
        if RUN in record:
            _read_run(attempt, record.message(RUN))
        elif CONFIG in record:
            _apply(attempt.config, record.message(CONFIG))
        elif METRIC in record:
            _read_metric(attempt, record.message(METRIC), names)
        elif ENVIRONMENT in record:
            _read_environment(attempt.facts, record.message(ENVIRONMENT))
        elif ARTIFACT in record:
            _read_artifact(attempt, record.message(ARTIFACT))
        elif USED in record:
            attempt.used.append(record.message(USED).text(3))
        elif EXIT in record:
            attempt.exit_code = record.message(EXIT).number(1)
            attempt.runtime_s = record.message(EXIT).number(2)
        elif STATS in record:
            attempt.last_s = max(attempt.last_s, time_of(record.message(STATS).message(2)))
        elif PREEMPTING in record:
            attempt.preempting = True
        elif ALERT in record:
            attempt.remarks.add("alerts are left out")
        elif TENSORBOARD in record:
            attempt.remarks.add(
                "event files that wandb would sync: take them over with tracker import tensorboard"
            )
    attempt.config.pop("_wandb", None)
    return attempt if attempt.run_id else None


def time_of(timestamp: Message) -> float:
    """Return the seconds that a Timestamp says."""
    return timestamp.number(1) + timestamp.number(2) / 1e9


def items_of(items: Iterator[Message]) -> dict[str, Any]:
    """Return nested values out of items that have a key, or the path of one, and JSON."""
    values: dict[str, Any] = {}
    for item in items:
        path = item.texts(2) or [item.text(1)]
        _put(values, path, json.loads(item.text(16)))
    return values


def apply_summary(summary: dict[str, Any], record: Message) -> None:
    """Bring a summary up to date with a SummaryRecord."""
    _apply(summary, record)


def _apply(values: dict[str, Any], record: Message) -> None:
    for item in record.messages(1):
        _put(values, item.texts(2) or [item.text(1)], json.loads(item.text(16)))
    for item in record.messages(2):
        *folders, name = item.texts(2) or [item.text(1)]
        place: Any = values
        for folder in folders:
            place = place.get(folder, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place.pop(name, None)


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    *folders, name = path
    for folder in folders:
        below = values.get(folder)
        if not isinstance(below, dict):
            below = values[folder] = {}
        values = below
    values[name] = value


def _read_run(attempt: Attempt, run: Message) -> None:
    attempt.run_id = run.text(1)
    attempt.entity, attempt.project = run.text(2), run.text(3)
    attempt.group, attempt.job_type = run.text(6), run.text(7)
    attempt.name, attempt.notes = run.text(8), run.text(9)
    attempt.tags, attempt.sweep = run.texts(10), run.text(12)
    attempt.started_s = attempt.started_s or time_of(run.message(17))
    if run.text(13):
        attempt.facts["host"] = run.text(13)
    _read_git(attempt.facts, run.message(21))
    _apply(attempt.config, run.message(4))


def _read_git(facts: dict[str, Any], git: Message) -> None:
    if git.text(2):
        facts["commit"] = git.text(2)
    if git.text(1):
        facts["remote"] = without_credentials(git.text(1))


def _read_environment(facts: dict[str, Any], environment: Message) -> None:
    for name, number in (("platform", 1), ("user", 13), ("host", 12)):
        if environment.text(number):
            facts[name] = environment.text(number)
    if environment.text(2):
        facts["python"] = environment.text(2).removeprefix("CPython ")
    if environment.text(6):
        facts["argv"] = mask_argv(["python", environment.text(6), *environment.texts(5)])
    if environment.text(18):
        facts["gpus"] = [{"name": environment.text(18)}] * max(1, environment.number(19))
    if environment.number(16):
        facts["cpu"] = {"cores": environment.number(16), "logical": environment.number(17)}
    _read_git(facts, environment.message(9))


def _read_metric(attempt: Attempt, metric: Message, names: list[str]) -> None:
    names.append(metric.text(1) or metric.text(2))
    if metric.number(10):
        return  # It stands for a glob that is there too.
    index = metric.number(5)
    axis = metric.text(4) or (names[index - 1] if 0 < index <= len(names) else "")
    options, summary = metric.message(6), metric.message(7)
    chosen = [name for number, name in _AGGREGATIONS.items() if summary.number(number)]
    if summary.number(4):
        chosen.append("max" if metric.number(8) == 2 else "min")
    made = Metric(
        name=names[-1],
        step_metric=axis or None,
        step_sync=bool(options.number(1)),
        hidden=bool(options.number(2)),
        summary=tuple(dict.fromkeys(chosen)),
    )
    attempt.metrics = [old for old in attempt.metrics if old.name != made.name] + [made]


def _read_artifact(attempt: Attempt, artifact: Message) -> None:
    manifest = artifact.message(12)
    name = artifact.text(5)
    if manifest.text(5):
        attempt.remarks.add(f"artifact {name} is left out: its list of files lies in a file of its own")
        return
    files, references = [], []
    for entry in manifest.messages(4):
        if entry.text(3):
            references.append((entry.text(1), entry.text(3)))
        else:
            files.append((entry.text(1), Path(entry.text(6))))
    metadata = artifact.text(8)
    attempt.artifacts.append(
        FoundArtifact(
            artifact_name(name),
            artifact.text(4),
            files=files,
            references=references,
            aliases=[alias for alias in artifact.texts(11) if alias != "latest"],
            description=artifact.text(7) or None,
            metadata=json.loads(metadata) if metadata else {},
        )
    )
