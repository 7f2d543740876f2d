"""A run that was recorded, as scripts and the command line read it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tracker.artifact import Artifact, logged_artifact
from tracker.artifacts.home import Home
from tracker.live.term import warn
from tracker.read import editing
from tracker.read.files import File, FilePlace, Files, find_file, list_files
from tracker.read.frames import Row, columns_of, has_pandas, thin, to_pandas
from tracker.read.metadata import metadata_of
from tracker.read.rows import select_rows
from tracker.read.run_view import RunView
from tracker.read.summary import RunSummary
from tracker.read.sweeps import Sweep
from tracker.storage import records, sweep_record
from tracker.storage.history import keys_of, last_step, read_rows
from tracker.storage.parts import OWN
from tracker.storage.records import LoggedVersion, Session, Used
from vcs.errors import FormatError, NotFoundError

Stream = Literal["default", "events", "system"]

# Fields of run.yaml that may be changed; tags, a list, are compared apart.
_EDITABLE = ("name", "notes", "group", "job_type")


class Run(RunView):
    """A run, read from its files. What is read is kept until `load(force=True)`.

    `name`, `tags`, `notes`, `group`, `job_type` and values of `config` and `summary` can
    be changed; `update()` writes them.
    """

    def load(self, force: bool = False) -> Run:
        """Read the run anew; changes that were not written by `update` are lost."""
        for kept in ("config", "summary", *_EDITABLE, "tags"):
            self.__dict__.pop(kept, None)
        self.record = records.load(self.layout)
        return self

    @cached_property
    def _home(self) -> Home:
        return self._around.in_project(self.project)

    # what it is

    @property
    def storage_id(self) -> str:
        return self.id

    @property
    def url(self) -> str | None:
        """None: there is no server."""
        return None

    @property
    def dir(self) -> str:
        """The folder of the run's records."""
        return str(self.layout.folder)

    @property
    def sessions(self) -> list[Session]:
        """Each attempt: its commit, command, host, environment and end."""
        return self.record.sessions

    @property
    def metadata(self) -> dict[str, Any]:
        """How the newest session was started, and on what; with wandb's keys."""
        return metadata_of(self.record)

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that chose the parameters; None outside of one, or if it is not here."""
        sweep_id = self.record.sweep
        if sweep_id is None:
            return None
        try:
            return Sweep(self._home, sweep_record.load(self._home.repo.layout, self.project, sweep_id))
        except NotFoundError:
            return None

    # what it holds

    @property
    def rawconfig(self) -> dict[str, Any]:
        return self.config

    @cached_property
    def summary(self) -> RunSummary:
        """The last value of each metric, and what was set by hand."""
        return RunSummary(self.summary_values(), self._save_summary)

    @property
    def summary_metrics(self) -> dict[str, Any]:
        return dict(self.summary)

    @property
    def lastHistoryStep(self) -> int:
        """The highest step of a row; -1 without rows."""
        step = last_step(self.layout)
        return -1 if step is None else step

    @property
    def history_keys(self) -> dict[str, Any]:
        """The metrics of the run, in the form in which wandb lists them."""
        return {"keys": {key: {} for key in keys_of(self.layout)}, "lastStep": self.lastHistoryStep}

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last value of each system metric."""
        found: dict[str, Any] = {}
        for row in read_rows(self.layout, which="system"):
            found |= {key: value for key, value in row.items() if not key.startswith("_")}
        return found

    systemMetrics = system_metrics

    def history(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Stream = "default",
        *,
        all_segments: bool = False,
        ranks: Sequence[str | int] | Literal["all"] = OWN,
    ) -> Any:
        """Return the rows, all of them unless `samples` says how many.

        Args:
            samples: So many rows, evenly spaced, the first and the last among them.
            keys: Only rows that have all of these, and only these values.
            x_axis: With `keys`, also this one.
            pandas: A data frame, if pandas is installed; else a list of dictionaries.
            stream: "default" for metrics, "system" (or wandb's "events") for system metrics.
            all_segments: Also rows that were taken back; each then says `_masked`.
            ranks: Of a distributed run, whose rows: those of rank 0, of others, or "all";
                with several, each row says `_rank`.

        Raises:
            FormatError: The history is damaged; file and line are named.
        """
        wanted = None if keys is None else list(dict.fromkeys([x_axis, *keys]))
        rows = select_rows(
            self.layout,
            wanted,
            system=stream != "default",
            all_segments=all_segments,
            ranks=None if ranks == "all" else tuple(map(str, ranks)),
        )
        if samples is not None:
            rows = thin(rows, samples)
        if not pandas or not has_pandas():
            return rows
        return to_pandas(rows, columns_of(rows) if wanted is None else wanted)

    def to_pandas(self, keys: Sequence[str] | None = None, *, system: bool = False) -> Any:
        """Return every row as a pandas data frame; with `keys` those that have all of them.

        Raises:
            UsageError: pandas is not installed.
            FormatError: The history is damaged; file and line are named.
        """
        wanted = None if keys is None else list(dict.fromkeys(["_step", *keys]))
        rows = select_rows(self.layout, wanted, system=system)
        return to_pandas(rows, columns_of(rows) if wanted is None else wanted)

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> Iterator[Row]:
        """Yield the rows from `min_step` on and before `max_step`; with `keys` those that have all of them.

        Raises:
            FormatError: The history is damaged; file and line are named.
        """
        last = None if max_step is None else max_step - 1
        wanted = None if keys is None else list(keys)
        yield from select_rows(self.layout, wanted, min_step=min_step, max_step=last)

    def _repr_html_(self) -> str:
        """Show the run in a notebook."""
        from tracker.draw.card import run_card

        return run_card(self)

    # files and artifacts

    @property
    def _files(self) -> FilePlace:
        repo, layout = self._home.repo, self.layout
        return FilePlace(layout, repo.store, lambda path: editing.forget_file(repo, layout, path))

    def files(
        self, names: Sequence[str] | None = None, pattern: str | None = None, per_page: int = 50
    ) -> Files:
        """Return the files of the run: all, or those of these names, or of a pattern."""
        return list_files(self._files, self.record, names, pattern)

    def file(self, name: str) -> File:
        """Return one file.

        Raises:
            NotFoundError: There is none of this name.
        """
        return find_file(self._files, self.record, name)

    def upload_file(self, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> File:
        """Keep a copy of a file with the run, under its path relative to `root`.

        Raises:
            NotFoundError, UsageError: No such file, or not below `root`.
        """
        name = editing.keep_file(self._home.repo, self.layout, Path(path), Path(root))
        self.record = records.load(self.layout)
        return self.file(name)

    def used_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """Return the versions that the run used, by digest; deleted ones are left out with a warning."""
        return self._artifacts(self.record.used)

    def logged_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """Return the versions that the run logged; deleted ones are left out with a warning."""
        return self._artifacts(self.record.logged)

    def _artifacts(self, lines: Sequence[Used | LoggedVersion]) -> list[Artifact]:
        found = []
        for artifact, digest, version in dict.fromkeys((ln.artifact, ln.digest, ln.version) for ln in lines):
            try:
                manifest = editing.find_version(self._home.repo, artifact, version, digest)
            except (NotFoundError, FormatError) as error:
                warn(f"run {self.id}: {artifact}:{version} is left out: {error.message}")
                continue
            found.append(logged_artifact(manifest, self._home))
        return found

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Record afterwards that the run used a version."""
        self.record = editing.record_use(self._home.repo, self.layout, self.record, artifact)
        return artifact

    def log_artifact(
        self, artifact: Artifact, aliases: Sequence[str] | None = None, tags: Sequence[str] | None = None
    ) -> Artifact:
        """Record afterwards that the run made a version; a draft becomes one."""
        self.record = editing.record_log(
            self._home.repo,
            self.layout,
            self.record,
            artifact,
            self._home,
            aliases=list(aliases or ()),
            tags=list(tags or ()),
        )
        return artifact

    # changing it

    def update(self) -> None:
        """Write what was changed of name, tags, notes, group, job type, config and summary.

        Raises:
            UsageError: The run is running, and config or summary were changed: its
                process would overwrite them.
            LockedError, StoreError: Nothing was written of run.yaml.
        """
        summary = self.__dict__.get("summary")
        changed_summary = summary if summary is not None and (summary.changed or summary.removed) else None
        config = self.__dict__.get("config")
        recorded = self._entry.mapping("config") or {}
        changed_config = config if config is not None and config != recorded else None
        fields = {
            name: getattr(self, name)
            for name in _EDITABLE
            if getattr(self, name) != (getattr(self.record, name) or (self.id if name == "name" else ""))
        }
        if list(self.tags) != self.record.tags:
            fields["tags"] = list(dict.fromkeys(map(str, self.tags)))
        if fields or changed_config is not None or changed_summary is not None:
            self.record = editing.save(
                self._home.repo,
                self.layout,
                self.record,
                fields,
                config=changed_config,
                summary=changed_summary,
            )

    save = update

    def _save_summary(self, summary: RunSummary) -> None:
        if summary.changed or summary.removed:
            self.record = editing.save(self._home.repo, self.layout, self.record, {}, summary=summary)

    def delete(self, delete_artifacts: bool = False) -> None:
        """Delete the records of the run; with `delete_artifacts` also the versions that it logged.

        What the ledger has of it stays in the ledger's history.

        Raises:
            UsageError: It is running.
            StoreError: The disk refused.
        """
        editing.delete(self._home.repo, self.layout, self.record, delete_artifacts=delete_artifacts)

    def wait_until_finished(self, poll_s: float = 1.0) -> None:
        """Return when the run does not run any more."""
        while self.state == "running":
            time.sleep(poll_s)
            self.load(force=True)
