"""A live run as artifacts and checkpoints see it: `artifact_ops.RunPort`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from tracker.live.engine import Engine
from tracker.live.parts import Parts
from tracker.storage.catalog import RunEntry
from tracker.storage.records import LoggedVersion, RunRecord, Used
from vcs.artifacts.manifest import Origin
from vcs.layout import RECORDS_DIR, Layout
from vcs.repo import Repo
from vcs.settings import VcsSettings

OpenRun = Callable[[RunEntry], Any]


class Port:
    """The few things that artifacts need of a run."""

    def __init__(self, parts: Parts, repo: Repo, open_run: OpenRun) -> None:
        self._parts = parts
        self._engine: Engine = parts.engine
        self.repo = repo
        self.open_run = open_run
        self.log = parts.engine.log
        self.rewind = parts.engine.rewind
        self.pending_row = parts.engine.pending_row
        self.pins = parts.pins

    @property
    def id(self) -> str:
        return self._parts.facts.id

    @property
    def project(self) -> str:
        return self._parts.facts.project

    @property
    def entity(self) -> str:
        return self._parts.facts.entity

    @property
    def step(self) -> int:
        return self._engine.step

    @property
    def forked_from(self) -> str | None:
        return self._parts.facts.forked_from

    def origin(self) -> Origin:
        """Where a version that is logged now comes from."""
        code = self._parts.facts.code
        return Origin(run=self.id, step=self._engine.logged_step, **code)

    def flush(self) -> None:
        self._engine.recorder.flush()

    def record_used(self, *, artifact: str, version: str, digest: str, as_: str, path: str | None) -> None:
        session = self._parts.facts.session

        def change(record: RunRecord) -> None:
            for used in record.used:
                if (used.artifact, used.version, used.as_) == (artifact, version, as_):
                    used.path = path or used.path
                    return
            record.used.append(
                Used(artifact=artifact, version=version, digest=digest, as_=as_, session=session, path=path)
            )

        self._engine.recorder.change(change, doing="record that the run used an artifact")

    def record_logged(
        self, *, artifact: str, version: str, digest: str, aliases: list[str], step: int | None
    ) -> None:
        session = self._parts.facts.session
        if self._parts.disk is not None:
            name = f"{artifact.rpartition('/')[2]}:{version}"
            if name not in self._parts.disk.logged:
                self._parts.disk.logged.append(name)

        def change(record: RunRecord) -> None:
            for logged in record.logged:
                if (logged.artifact, logged.version) == (artifact, version):
                    logged.aliases = list(dict.fromkeys([*logged.aliases, *aliases]))
                    return
            record.logged.append(
                LoggedVersion(
                    artifact=artifact,
                    version=version,
                    digest=digest,
                    aliases=aliases,
                    session=session,
                    step=step,
                )
            )

        self._engine.recorder.change(change, doing="record that the run logged an artifact")


class TemporaryRepo(Repo):
    """A project that lies in a temporary folder, made when it is first needed.

    Artifacts of a run with mode="disabled" live here, so that the script's calls work;
    nothing of them is left at the end.
    """

    def __init__(self) -> None:
        self.settings = VcsSettings()
        self.warnings = ()

    @cached_property
    def layout(self) -> Layout:  # type: ignore[override]
        folder = Path(tempfile.mkdtemp(prefix="tracker-disabled-"))
        machinery = folder / RECORDS_DIR / "store"
        return Layout(folder, folder, folder / RECORDS_DIR, machinery, None, machinery)

    def remove(self) -> None:
        """Remove the folder, if it was made."""
        layout = self.__dict__.pop("layout", None)
        if layout is not None:
            shutil.rmtree(layout.root, ignore_errors=True)
