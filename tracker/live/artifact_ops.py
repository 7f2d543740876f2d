"""What a run does with artifacts: log, use, link.

A run is seen through `RunPort`, the few things that artifacts and checkpoints need of
it, so that nothing here imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from vcs.manifest import Origin
from vcs.repo import Repo


class RunPort(Protocol):
    """The part of a run that artifacts and checkpoints need."""

    @property
    def id(self) -> str:
        """The run's id."""

    @property
    def project(self) -> str:
        """Its project."""

    @property
    def entity(self) -> str:
        """Its entity; empty when nobody named one."""

    @property
    def repo(self) -> Repo:
        """The repository that keeps its records."""

    @property
    def step(self) -> int:
        """The step that the next row without a step of its own belongs to."""

    @property
    def forked_from(self) -> str | None:
        """The id of the run that this one was forked from."""

    def origin(self) -> Origin:
        """Where a version that is logged now comes from: run, last logged step, commits."""

    def pending_row(self) -> Mapping[str, Any]:
        """The values of the current step that are not committed yet (`StepRules.pending`)."""

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log a row."""

    def rewind(self, step: int) -> None:
        """Mask the rows with this step or a later one, drop the pending row, go on at `step`."""

    def flush(self) -> None:
        """Return when every committed row is in its file."""

    def record_used(self, *, artifact: str, version: str, digest: str, as_: str, path: str | None) -> None:
        """Write an input into the record of the run.

        `artifact` is `project/name`, `as_` the name that the script asked for, `path` the
        folder that it was downloaded to. An input of the same version and `as_` is
        replaced, and keeps its path if `path` is None.
        """

    def record_logged(
        self, *, artifact: str, version: str, digest: str, aliases: list[str], step: int | None
    ) -> None:
        """Write an output into the record of the run; aliases of the same version are united."""
