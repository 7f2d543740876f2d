"""`init`, `finish` and the run that is current in this process."""

from __future__ import annotations

import copyreg
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tracker.artifacts.home import Home, enter_home, leave_home
from tracker.collect.cells import shell
from tracker.errors import UsageError
from tracker.live.feeders import start_feeders
from tracker.live.handle import Run
from tracker.live.lifecycle import Guarded, Lifecycle
from tracker.live.parts import Parts
from tracker.live.port import OpenRun
from tracker.live.ranks import join_rank_0, logs_to_rank_0, rank_here
from tracker.live.revival import Revival, take_revival
from tracker.live.start import join_run, start_disabled, start_on_disk
from tracker.live.sweep_values import held_by_sweep
from tracker.live.term import say, set_loudness
from tracker.settings import RunSettings, Settings, load_settings, options_of
from tracker.values.config import clean_key
from tracker.values.config_input import as_mapping, plain_value, read_defaults, select
from tracker.values.random_names import generate_id
from vcs.discover import current_folder

# Makes of a found run what `artifact.logged_by()` gives; the package sets it.
open_run: OpenRun = lambda entry: entry  # noqa: E731 - a default to be replaced, not a function to call by name

_lock = threading.RLock()
_lifecycle = Lifecycle()
_current: Run | None = None
_current_pid = 0
_process_settings = Settings()
# Runs of other processes to which this one logs, by id.
_joined: dict[str, Run] = {}


def _after_fork() -> None:
    """In a forked child: the lock may be held by a thread that is not there."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def current() -> Run | None:
    """Return the run that module-level calls go to; None without one."""
    return _current


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: str | None = None,
) -> Run:
    """Begin a run, or go on with one, and make it the current run of the process.

    While a run is live, another call returns it (in a notebook: ends it first), unless
    `reinit` says otherwise: return_previous, finish_previous, create_new.

    Args:
        entity: Kept as text; there are no accounts.
        project: Else TRACKER_PROJECT, `project:` of tracker.yaml, `uncategorized`.
        dir: Accepted for wandb; records lie in `.tracker` of the project.
        id: Of the run; eight random letters and digits if not given.
        name: For people; two words and a number if not given.
        notes, tags, group, job_type: Kept; a resumed run keeps its own unless given.
        config: Hyperparameters: a dictionary, Namespace, dataclass or YAML file.
        config_exclude_keys, config_include_keys: Which keys of it to take.
        allow_val_change: Whether `config.key = value` may change a value.
        mode: "disabled" records nothing; "online" and "offline" are the same here;
            "shared" lets several processes log to one run.
        resume: Whether to go on with the run of that id: "must", "allow" it, "never".
            "auto" (True) goes on with the run that last began in this folder with
            "auto" and did not end well. Unset, an id that exists is an error.
        resume_from: "<run id>?_step=<n>" takes a run back to step n and goes on.
        fork_from: The same, as a new run that shares the history up to n.
        save_code: Always so: the code of each session is a commit.
        settings: Further options; see `tracker.Settings`.
        sync_tensorboard: Log what is written for TensorBoard, too; `tensorboard` is its
            old name. See `tracker.live.feeders`.
        monitor_gym: Log the videos that gymnasium records.
        force, anonymous: Without meaning here.

    Raises:
        UsageError: Options that contradict each other or what exists.
        LockedError: The run that is to go on is live in another process.
        GitError, FormatError, StoreError: The project cannot be read or written.
    """
    ignored = {"dir": dir, "force": force, "anonymous": anonymous}
    arguments = {
        "entity": entity,
        "project": project,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "allow_val_change": allow_val_change,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
        "sync_tensorboard": sync_tensorboard if tensorboard is None else tensorboard,
        "monitor_gym": monitor_gym,
    }
    chosen = load_settings({**options_of(_process_settings), **options_of(settings), **options_of(arguments)})
    set_loudness("silent" if chosen.silent else "quiet" if chosen.quiet else "normal")
    _name_ignored(ignored)
    given = select(as_mapping(config), include=config_include_keys, exclude=config_exclude_keys)
    with _lock:
        previous = _previous_run(chosen)
        if previous is not None:
            previous.config.update(given)
            return previous
        run = _begin(chosen, given)
        if chosen.reinit != "create_new" or _current is None:
            _make_current(run)
        return run


def _name_ignored(arguments: Mapping[str, Any]) -> None:
    names = [name for name, value in arguments.items() if value]
    if names:
        _say_once(f"accepted for wandb, without effect here: {', '.join(names)}")


def _say_once(text: str, said: set[str] = set()) -> None:  # noqa: B006 - remembers, on purpose
    if text not in said:
        said.add(text)
        say(text)


def _previous_run(settings: RunSettings) -> Run | None:
    """Return the live run if `init` shall return it; end it if it shall be ended."""
    # A forked child inherits the parent's run for logging; a run of its own is a new one.
    if _current is None or _current_pid != os.getpid():
        return None
    wanted = settings.reinit
    if wanted == "default":
        wanted = "finish_previous" if in_notebook() else "return_previous"
    if wanted == "create_new":
        return None
    if wanted == "finish_previous":
        _current.finish()
        return None
    if settings.resume == "must" and settings.run_id != _current.id:
        raise UsageError(
            f'resume="must" while run {_current.id} is live', hint='finish() it first, or reinit="create_new"'
        )
    say(f"run {_current.name} is live and is returned; reinit='finish_previous' begins another")
    return _current


def _begin(settings: RunSettings, given: Mapping[str, Any]) -> Run:
    if settings.allow_val_change is None and in_notebook():
        settings = replace(settings, allow_val_change=True)
    # Artifacts in the config count as used, which needs the run.
    later = {key: value for key, value in given.items() if _is_artifact(value)}
    plain = {
        clean_key(key): plain_value(value, name=str(key)) for key, value in given.items() if key not in later
    }
    held = held_by_sweep(settings)
    plain |= held
    if settings.mode == "disabled":
        parts = start_disabled(settings, plain, settings.run_id or generate_id())
    else:
        parts = _start(settings, plain)
    run = Run(parts, open_run)
    parts.config.__dict__["_on_object"] = _use_artifacts(run)
    _guard(run, parts)
    run.config.update(later)
    start_feeders(parts)
    if held:
        run.config.update_locked(held)
    if not run.disabled:
        say(_greeting(run))
    return run


def _start(settings: RunSettings, given: Mapping[str, Any]) -> Parts:
    defaults = {clean_key(key): value for key, value in read_defaults(current_folder()).items()}
    rank = rank_here()
    if rank is not None and rank.number == 0:
        settings = replace(settings, job=rank.job)
    elif rank is not None and logs_to_rank_0(settings):
        joined = join_rank_0(settings, rank, {**defaults, **given})
        if joined is not None:
            return joined
    revival = take_revival(settings)
    if revival is not None:
        settings = revival.applied(settings)
    return start_on_disk(settings, given, defaults=defaults, revival=revival or Revival())


def _greeting(run: Run) -> str:
    where = f"run {run.name} ({run.id}) in project {run.project}"
    if run.resumed:
        return f"{where} goes on at step {run.starting_step}"
    return f"{where}, forked from {run.forked_from}" if run.forked_from else where


def _is_artifact(value: Any) -> bool:
    # The module is imported by whoever made the artifact.
    module = sys.modules.get("tracker.artifact")
    return module is not None and isinstance(value, module.Artifact)


def _use_artifacts(run: Run) -> Callable[[str, Any], Any]:
    """Return what makes of an artifact in the config its name, and of the run a user of it."""

    def on_object(key: str, value: Any) -> Any:
        if not _is_artifact(value):
            return NotImplemented
        artifact = run.use_artifact(value)
        return f"{artifact.project}/{artifact.name}"

    return on_object


def _guard(run: Run, parts: Parts) -> None:
    def after_fork() -> None:
        parts.ending_lock = threading.RLock()
        parts.engine.after_fork()

    guarded = Guarded(
        run._end,
        after_fork=after_fork,
        is_ending=lambda: parts.ended,
        leave_locks=parts.engine.leave_locks,
    )
    if parts.disk is not None:
        _lifecycle.add(guarded)
    # From here on, drafts that the script makes live in the run's project.
    home = Home(run._port().repo, run.project, run.entity, open_run=open_run, log_draft=run.log_artifact)
    enter_home(home)

    def end() -> None:
        global _current
        leave_home(home)
        _lifecycle.remove(guarded)
        if _current is run:
            _current = None

    parts.on_end.append(end)


def join(folder: str, project: str | None, run_id: str) -> Run:
    """Return a handle to a run that another process began, for its rows only; as pickle makes it.

    In the process of the run itself that is the run. Elsewhere the handle becomes the
    current run, if there is none.

    Raises:
        UsageError: There is no such run.
    """
    with _lock:
        for run in (_current, *_joined.values()):
            if run is not None and (run.project, run.id) == (project, run_id):
                return run
        settings = load_settings({"project": project, "run_id": run_id, "mode": "shared"})
        run = Run(join_run(replace(settings, label=f"0.{os.getpid()}"), Path(folder)), open_run)
        _guard(run, run._parts)
        _joined[run_id] = run
        run._parts.on_end.append(partial(_forget, run_id))
        if _current is None:
            _make_current(run)
        return run


def _joining(run: Run) -> tuple[Any, ...]:
    """Pickle a run's place: another process gets a handle that logs to a rank of its own.

    Raises:
        TypeError: The run records nothing, so another process has nothing to join.
    """
    disk = run._parts.disk
    if disk is None:
        raise TypeError('a run with mode="disabled" cannot be pickled')
    return (join, (str(disk.repo.layout.worktree), run.project, run.id))


# Here and not in the handle, which knows of no other run.
copyreg.pickle(Run, _joining)


def attach(attach_id: str | None = None, run_id: str | None = None, *, run: Run | None = None) -> Run:
    """Return a handle to a run that lives in another process; see `join`.

    Args:
        attach_id: What `run._attach_id` is there, or the id of a run.
        run_id: The id of a run of the current project.
        run: A run, to name it by itself.

    Raises:
        UsageError: There is no such run.
    """
    name = attach_id or run_id or (run._attach_id if run is not None else None)
    if not name:
        raise UsageError("attach needs the id of a run", hint="tracker.attach(run._attach_id)")
    folder, _, place = name.rpartition("//")
    project, _, known = place.rpartition("/")
    if _current is not None and not project:
        project = _current.project
    return join(folder or str(current_folder()), project or _project_of_settings(), known)


def _project_of_settings() -> str | None:
    return load_settings(options_of(_process_settings)).project


def _forget(run_id: str) -> None:
    _joined.pop(run_id, None)


def _make_current(run: Run) -> None:
    global _current, _current_pid
    _current = run
    _current_pid = os.getpid()


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run; does nothing without one."""
    if _current is not None:
        _current.finish(exit_code, quiet)


def require_run(what: str) -> Run:
    """Return the current run.

    Raises:
        UsageError: There is none.
    """
    if _current is None:
        raise no_run(what)
    return _current


def no_run(what: str) -> UsageError:
    """Return the error for a call that needs a run."""
    return UsageError(f"call tracker.init() before tracker.{what}", hint="run = tracker.init(project=…)")


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Log values to the current run; see `Run.log`."""
    if _current is None:
        raise no_run("log")
    _current.log(data, step, commit)


def setup(settings: Settings | Mapping[str, Any] | None = None) -> Settings:
    """Set options for all runs of this process that begin later; return them."""
    _process_settings.update(settings)
    return _process_settings


def teardown(exit_code: int | None = None) -> None:
    """End the current run, if there is one."""
    finish(exit_code)


def login(*_: Any, **__: Any) -> bool:
    """Return True, and say that no account is needed. Accepts what wandb.login accepts."""
    _say_once("no account and no login are needed: everything is recorded on this machine")
    return True


def require(requirement: Any = None, experiment: Any = None) -> None:
    """Do nothing: wandb has optional features that are asked for by name."""


def in_notebook() -> bool:
    """Whether the code runs in the cells of a notebook."""
    found = shell()
    return found is not None and "ZMQ" in type(found).__name__


class NoRun:
    """Stands for `tracker.config` and `tracker.summary` while there is no run."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, key: str) -> NoReturn:
        if key.startswith("_"):
            raise AttributeError(key)
        raise no_run(f"{self.__dict__['_name']}.{key}")

    def __setattr__(self, key: str, value: Any) -> NoReturn:
        raise no_run(f"{self.__dict__['_name']}.{key}")

    def __getitem__(self, key: str) -> NoReturn:
        raise no_run(f"{self.__dict__['_name']}[{key!r}]")

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise no_run(f"{self.__dict__['_name']}[{key!r}]")

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<tracker.{self.__dict__['_name']} before tracker.init()>"


NO_CONFIG = NoRun("config")
NO_SUMMARY = NoRun("summary")
