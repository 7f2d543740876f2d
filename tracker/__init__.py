"""Experiment tracking and artifact versioning on plain files and git, without a server.

The surface has the shape of wandb's: `import tracker as wandb` in a script that was
written for it. Importing this module imports nothing else of the package; each name
is loaded when it is first used. `run`, `config` and `summary` are looked up each time,
because they change with every `init`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker._version import __version__

if TYPE_CHECKING:
    from tracker import errors, plot
    from tracker.artifact import Artifact, ArtifactTTL
    from tracker.errors import CommError, Error, UsageError
    from tracker.live.calls import (
        AlertLevel,
        alert,
        define_metric,
        finish_artifact,
        link_artifact,
        link_model,
        load_checkpoint,
        log_artifact,
        log_code,
        log_model,
        mark_preempting,
        restore,
        save,
        save_checkpoint,
        unwatch,
        upsert_artifact,
        use_artifact,
        use_model,
        watch,
    )
    from tracker.live.handle import Run
    from tracker.live.resumable_loader import ResumableLoader
    from tracker.live.session import attach, finish, init, log, login, require, setup, teardown
    from tracker.live.term import termerror, termlog, termwarn
    from tracker.plot import plot_table
    from tracker.read.api import Api
    from tracker.revive.resume import resume
    from tracker.settings import Settings
    from tracker.sweeps.calls import agent, sweep
    from tracker.values.config import Config
    from tracker.values.media import (
        Audio,
        BoundingBoxes2D,
        Classes,
        Graph,
        Histogram,
        Html,
        Image,
        ImageMask,
        JoinedTable,
        Molecule,
        Object3D,
        PartitionedTable,
        Plotly,
        Table,
        Video,
        box3d,
    )
    from tracker.values.random_names import generate_id
    from tracker.values.summary import Summary

    run: Run | None
    config: Config
    summary: Summary

# Name -> module that has it, and its name there if that differs.
_PLACES = {
    "Api": "tracker.read.api",
    "Artifact": "tracker.artifact",
    "ArtifactTTL": "tracker.artifact",
    "Config": "tracker.values.config",
    "CommError": "tracker.errors",
    "Error": "tracker.errors",
    "ResumableLoader": "tracker.live.resumable_loader",
    "Run": "tracker.live.handle",
    "Settings": "tracker.settings",
    "Summary": "tracker.values.summary",
    "UsageError": "tracker.errors",
    "generate_id": "tracker.values.random_names",
    "join": "tracker.live.session:finish",
    "plot_table": "tracker.plot",
    "resume": "tracker.revive.resume",
    "agent": "tracker.sweeps.calls",
    "sweep": "tracker.sweeps.calls",
    **dict.fromkeys(
        ("attach", "finish", "init", "log", "login", "require", "setup", "teardown"), "tracker.live.session"
    ),
    **dict.fromkeys(("termerror", "termlog", "termwarn"), "tracker.live.term"),
    **dict.fromkeys(
        (
            "AlertLevel",
            "alert",
            "define_metric",
            "finish_artifact",
            "link_artifact",
            "link_model",
            "load_checkpoint",
            "log_artifact",
            "log_code",
            "log_model",
            "mark_preempting",
            "restore",
            "save",
            "save_checkpoint",
            "unwatch",
            "upsert_artifact",
            "use_artifact",
            "use_model",
            "watch",
        ),
        "tracker.live.calls",
    ),
    **dict.fromkeys(
        (
            "Audio",
            "BoundingBoxes2D",
            "Classes",
            "Graph",
            "Histogram",
            "Html",
            "Image",
            "ImageMask",
            "JoinedTable",
            "Molecule",
            "Object3D",
            "PartitionedTable",
            "Plotly",
            "Table",
            "Video",
            "box3d",
        ),
        "tracker.values.media",
    ),
}
_MODULES = ("errors", "plot")
_CHANGING = ("config", "run", "summary")

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactTTL",
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "CommError",
    "Config",
    "Error",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "ResumableLoader",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "attach",
    "box3d",
    "config",
    "define_metric",
    "errors",
    "finish",
    "finish_artifact",
    "generate_id",
    "init",
    "join",
    "link_artifact",
    "link_model",
    "load_checkpoint",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "require",
    "restore",
    "resume",
    "run",
    "save",
    "save_checkpoint",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in _CHANGING:
        return _of_current_run(name)
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"tracker.{name}")
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'tracker' has no attribute {name!r}")
    module, _, inner = place.partition(":")
    value = getattr(import_module(module), inner or name)
    if module == "tracker.live.session":
        _connect()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _of_current_run(name: str) -> Any:
    import sys

    # Without that module there cannot be a run, and asking for one stays free.
    session = sys.modules.get("tracker.live.session")
    current = session.current() if session is not None else None
    if name == "run":
        return current
    if current is not None:
        return getattr(current, name)
    from tracker.live.session import NO_CONFIG, NO_SUMMARY

    return NO_CONFIG if name == "config" else NO_SUMMARY


def _connect() -> None:
    """Tell the live side how to open a run for reading, which it cannot know from below."""
    from tracker.live import session

    session.open_run = _open_run


def _open_run(entry: Any) -> Any:
    from tracker.artifacts.home import find_home
    from tracker.read.runs import Run

    return Run(entry, find_home())
