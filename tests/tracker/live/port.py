"""A run that is just enough of one for artifacts and checkpoints: real repository, rows in a list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracker.artifact import Artifact
from tracker.live.artifact_ops import log_artifact
from tracker.live.pins import Pins
from tracker.storage.catalog import RunEntry
from tracker.values.steps import StepRules
from vcs.artifacts.manifest import Origin
from vcs.repo import Repo


class PortRun:
    """Implements `RunPort` over the repository at `folder`."""

    def __init__(self, folder: Path, run_id: str = "abcd1234", project: str = "LeNet5") -> None:
        self.repo = Repo.open(folder)
        self.id = run_id
        self.project = project
        self.entity = ""
        self.forked_from: str | None = None
        self.pins = Pins()
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.used: list[dict[str, Any]] = []
        self.logged: list[dict[str, Any]] = []
        self.flushed = 0
        self._rules = StepRules(lambda step, row, _: self.rows.append((step, row)))

    @property
    def step(self) -> int:
        return self._rules.step

    def open_run(self, entry: RunEntry) -> Any:
        return entry

    def origin(self) -> Origin:
        return Origin(run=self.id, step=self.rows[-1][0] if self.rows else None)

    def pending_row(self) -> Mapping[str, Any]:
        return self._rules.pending

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        self._rules.add(dict(data), step, commit)

    def rewind(self, step: int) -> None:
        self._rules.move_to(step)
        self.rows = [row for row in self.rows if row[0] < step]

    def flush(self) -> None:
        self.flushed += 1

    def record_used(self, *, artifact: str, version: str, digest: str, as_: str, path: str | None) -> None:
        for known in self.used:
            if (known["artifact"], known["version"], known["as"]) == (artifact, version, as_):
                known["path"] = path or known["path"]
                return
        self.used.append(
            {"artifact": artifact, "version": version, "digest": digest, "as": as_, "path": path}
        )

    def record_logged(
        self, *, artifact: str, version: str, digest: str, aliases: list[str], step: int | None
    ) -> None:
        self.logged.append({"artifact": artifact, "version": version, "digest": digest, "aliases": aliases})


def log_files(run: PortRun, name: str = "mnist", **files: str) -> Artifact:
    """Log an artifact with these texts as files."""
    artifact = Artifact(name, "dataset")
    for path, text in files.items():
        with artifact.new_file(path, "w") as stream:
            stream.write(text)
    return log_artifact(run, artifact)
