"""What a live run consists of; put together by `start`, used by `Run`, ended by `closing`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker.live.engine import Engine, Facts
from tracker.live.marks import Mark
from tracker.live.pins import Pins
from tracker.live.recorder import DiskRecorder
from tracker.settings import RunSettings
from tracker.storage.writer import SegmentWriter
from tracker.values.config import Config
from tracker.values.summary import Summary
from vcs.layout import RunLayout
from vcs.repo import Repo


@dataclass
class OnDisk:
    """The parts that only a run that records has.

    Attributes:
        console, sampler: Capture of output and of system metrics; None when switched off.
        mark: Says that this session is live; None in a process that only joined the run.
        resume_key: The place for which `resume="auto"` remembers this run.
        kept: Files that `save` keeps up to date: source, target and policy.
        logged: Names of the artifact versions that this session logged.
        alerts: When an alert of each title was last given.
    """

    repo: Repo
    run: RunLayout
    recorder: DiskRecorder
    system: SegmentWriter | None = None
    console: Any = None
    sampler: Any = None
    home: Any = None
    mark: Mark | None = None
    resume_key: str | None = None
    kept: list[tuple[Path, Path, str]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    alerts: dict[str, float] = field(default_factory=dict)


@dataclass
class Parts:
    """A live run.

    Attributes:
        disk: None for a run that records nothing.
        on_end: Called once, when the run has ended.
        ended: Set by the first who ends the run.
        pins: What names of artifacts mean in a run that is resumed or reproduced.
        feeders: What logs to the run by itself; told to `stop()` before its last row is written.
    """

    facts: Facts
    settings: RunSettings
    engine: Engine
    config: Config
    summary: Summary
    disk: OnDisk | None = None
    watcher: Any = None
    feeders: list[Any] = field(default_factory=list)
    preempting: bool = False
    pins: Pins = field(default_factory=Pins)
    state: str = "running"
    ended: bool = False
    ending_lock: threading.RLock = field(default_factory=threading.RLock)
    on_end: list[Callable[[], None]] = field(default_factory=list)
