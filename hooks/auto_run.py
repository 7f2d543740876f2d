"""What auto_log makes of a commit, before anybody knows how a run is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunArtifact:
    """A file or folder to store as a version."""

    path: Path
    name: str
    type: str


@dataclass(frozen=True)
class AutoRun:
    """A run of a commit.

    Attributes:
        project: None: that of the settings.
        commit: The commit, whole.
        title: The first line of its message.
        config: From the files of parameters.
        rows: Metrics with steps, in order: (step, values).
        summary: Metrics without.
    """

    project: str | None
    commit: str
    title: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[tuple[int, Mapping[str, Any]]] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Sequence[RunArtifact] = ()
