"""`Run`: what `init` returns, with the names that scripts for wandb use."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from tracker.errors import NotFoundError, UsageError
from tracker.live import closing, run_files
from tracker.live.exits import Ending, ending_of_code, ending_of_exception, exit_status
from tracker.live.parts import Parts
from tracker.live.port import OpenRun, Port, TemporaryRepo
from tracker.live.run_artifacts import RunArtifacts
from tracker.live.run_facts import RunFacts
from tracker.live.term import say, warn, warn_once
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from tracker.storage.records import RunRecord
from tracker.values.config import Config
from tracker.values.metrics import Metric, check_metric_name, parse_summary
from tracker.values.summary import Summary
from vcs.clock import iso_time
from vcs.repo import Repo

# wandb's: an alert of one title is given at most once a minute.
_ALERT_WAIT_S = 60.0


class Run(RunFacts, RunArtifacts):
    """A live run. Made by `tracker.init`; safe to use from several threads.

    As a context manager it ends with the block: failed if an exception leaves it.
    """

    def __init__(self, parts: Parts, open_run: OpenRun = lambda entry: entry) -> None:
        """`open_run` makes of a found run what `artifact.logged_by()` gives."""
        self._parts = parts
        self._open_run = open_run
        self._known_port: Port | None = None
        # Shadows the method: one call less for each row.
        self.__dict__["log"] = parts.engine.log

    # logging

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log values as a row of the history.

        Without a step the row is complete, and the next call begins a new one;
        `commit=False` lets the next call add to it. With a step, calls of one step are
        one row, which is complete when a later step comes. An earlier step is dropped
        with a warning and counted. Takes microseconds, waits for no device or disk, and
        raises nothing for trouble with them.

        Raises:
            TypeError: `data` is no dictionary with text keys, or `step` no whole number.
            UsageError: The run has ended.
        """
        self._parts.engine.log(data, step, commit)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say what a metric's axis and summary are; `name` may end in `*`.

        `summary` is a comma list of min, max, mean, last, first and none. Calls for one
        name add up, unless `overwrite` is set.

        Raises:
            UsageError: A name or summary that cannot be.
        """
        check_metric_name(name)
        axis = step_metric.name if isinstance(step_metric, Metric) else step_metric
        if axis is not None and check_metric_name(axis).endswith("*"):
            raise UsageError(f"define_metric: the step metric {axis!r} is one key and cannot end in `*`")
        return self._parts.engine.define_metric(
            name,
            step_metric=axis,
            step_sync=step_sync,
            hidden=hidden,
            summary=parse_summary(summary, goal),
            overwrite=bool(overwrite),
        )

    @property
    def config(self) -> Config:
        """The hyperparameters."""
        return self._parts.config

    @config.setter
    def config(self, values: Any) -> None:
        self._parts.config.update(values)

    @property
    def summary(self) -> Summary:
        """The last (or otherwise chosen) value of each key."""
        return self._parts.summary

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Any = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> Any:
        """Log histograms of gradients and parameters of torch modules; see `tracker.collect.watch`.

        Raises:
            TypeError, ValueError: What is no module, or an unknown `log`.
        """
        self._parts.engine.check_open()
        if self._parts.watcher is None:
            from tracker.collect.watch import Watcher

            engine = self._parts.engine
            self._parts.watcher = Watcher(
                engine.merge_quietly, lambda: engine.step, set_summary=engine.set_summary_quietly, warn=warn
            )
        return self._parts.watcher.watch(models, criterion, log, log_freq, idx, log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Stop watching some models, or all."""
        if self._parts.watcher is not None:
            self._parts.watcher.unwatch(models)

    # looking at it

    def to_pandas(self, keys: Sequence[str] | None = None, *, system: bool = False) -> Any:
        """Return every row so far as a pandas data frame; see `tracker.read.runs.Run.to_pandas`.

        Raises:
            UsageError: pandas is not installed, or the run records nothing.
        """
        return self._recorded("to_pandas").to_pandas(keys, system=system)

    def _repr_html_(self) -> str | None:
        """Show the run in a notebook, with its curves so far."""
        if self._parts.disk is None:
            return None
        found: str = self._recorded("a picture")._repr_html_()
        return found

    def _recorded(self, what: str) -> Any:
        """Return the run as it is on disk, with every row that was logged."""
        disk = self._parts.disk
        if disk is None:
            raise UsageError(f'{what} needs rows on disk, and a run with mode="disabled" has none')
        if not self._parts.ended:
            disk.recorder.flush()
        return self._open_run(RunEntry(disk.run, records.load(disk.run)))

    # files

    @property
    def dir(self) -> str:
        """A folder for files of the run; what is put there is kept with it."""
        import tempfile

        if self._parts.disk is None:
            return tempfile.gettempdir()
        folder = self._parts.disk.run.files
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def save(
        self,
        glob_str: str | os.PathLike[str] | None = None,
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Keep copies of files with the run; see `tracker.live.run_files`. Return where they lie.

        Raises:
            UsageError, StoreError: An unknown policy, a URL, a file that cannot be copied.
        """
        self._parts.engine.check_open()
        if glob_str is not None and not glob:
            import glob as globbing

            glob_str = globbing.escape(os.fspath(glob_str))
        return run_files.save_files(self._parts.disk, glob_str, base_path, policy)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> TextIO:
        """Bring a file of this run, or of `run_path`, to `root` (the current directory) and open it.

        Raises:
            NotFoundError: No such run, or it has no such file.
        """
        repo, run = self._port().repo, None if self._parts.disk is None else self._parts.disk.run
        if run_path is not None or run is None:
            from tracker.storage.catalog import Catalog

            entry = Catalog(repo.layout).find((run_path or self.id).rpartition("/")[2])
            run = repo.layout.run(entry.project, entry.id)
        return run_files.restore_file(run, name, Path(root or Path.cwd()), replace=replace)

    # messages

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        """Print a message, and keep it in the run's record.

        `level` is INFO, WARN or ERROR; `wait_duration`, in seconds or as a timedelta, is
        how long another alert of that title is held back (a minute).
        """
        disk = self._parts.disk
        wait_s = _ALERT_WAIT_S if wait_duration is None else wait_duration
        wait_s = wait_s.total_seconds() if hasattr(wait_s, "total_seconds") else float(wait_s)
        now = time.time()
        title, text = str(title), str(text)
        if disk is None or now - disk.alerts.get(title, float("-inf")) < wait_s:
            return
        disk.alerts[title] = now
        name = str(getattr(level, "value", level) or "INFO").upper()
        (say if name == "INFO" else warn)(f"alert: {title}" + (f": {text}" if text else ""))
        entry: dict[str, Any] = {"time": iso_time(now), "level": name, "title": title, "text": text}
        entry["session"] = self._parts.facts.session

        def change(record: RunRecord) -> None:
            record.extra.setdefault("alerts", []).append(entry)

        disk.recorder.change_soon(change, doing="record an alert")

    def write_logs(self, text: str) -> None:
        """Print a text, which so becomes part of the recorded output."""
        say(text.removesuffix("\n"))

    def pin_config_keys(self, keys: Any = ()) -> None:
        """Do nothing, and say so once: wandb's web page shows these keys above the others."""
        warn_once("pin_config_keys has no effect here: `tracker show` shows all of the config")

    def mark_preempting(self) -> None:
        """Say that the machine will be taken away: an end that is no success is then `preempted`."""
        self._parts.preempting = True

    # the end

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run; finished with exit code 0 or None, else failed. A second call does nothing.

        What is no number counts as 1, as it does for `sys.exit`.
        """
        self._end(ending_of_code(exit_status(exit_code)), quiet=bool(quiet))

    def join(self, exit_code: int | None = None) -> None:
        """End the run, under the name that wandb once had for it."""
        self.finish(exit_code)

    def _end(self, ending: Ending, *, quiet: bool = False) -> None:
        closing.end_run(self._parts, ending, quiet=quiet)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(ending_of_code(0) if error is None else ending_of_exception(error))

    # what artifacts need

    def _port(self) -> Port:
        if self._known_port is None:
            disk = self._parts.disk
            if disk is None:
                repo = TemporaryRepo()
                self._parts.on_end.append(repo.remove)
                self._known_port = Port(self._parts, repo, self._open_run)
            else:
                self._known_port = Port(self._parts, disk.repo, self._open_run)
        return self._known_port

    def _port_that_has(self, artifact: Any) -> Port:
        own = self._port()
        if self._parts.disk is not None or not isinstance(artifact, str):
            return own
        # A run that records nothing still finds what it logged itself, and what is really there.
        with suppress(NotFoundError):
            own.repo.resolve(artifact, project=self.project)
            return own
        return Port(self._parts, Repo.open(create=False), self._open_run)

    # copies are the run itself: scripts put it into objects that are copied

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Run:
        return self

    def __repr__(self) -> str:
        return f"<tracker run {self.name} ({self.id}), {self.state}>"

    def _label(self, *_: Any, **__: Any) -> None:
        """Do nothing: libraries tell wandb here who they are."""
