"""Processes of one distributed job: rank 0 is the run, the others log to it.

Each rank has a history of its own in the run (`history(ranks="all")` shows them); what
the run is (config, summary, state) is rank 0's alone. Rank 0 says in the mark of its live session
which job it is the run of, and the others look for that mark, so they must see the same
project: one machine, or a file system that the nodes share. No collective is called, so
it does not matter whether the process group exists yet, or who of the ranks logs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tracker.errors import AlreadyExistsError, NotFoundError
from tracker.live import marks
from tracker.live.assemble import join
from tracker.live.branching import Branch
from tracker.live.parts import Parts
from tracker.live.term import say, warn
from tracker.settings import RunSettings, name_of_job, rank_of_process
from tracker.storage import records
from vcs.liveness import is_alive
from vcs.repo import Repo

_POLL_S = 0.05
_SILENCE_S = 3.0
# Sessions that this process logged to already: the next init waits for the next run of rank 0.
_left: set[tuple[str, str, int]] = set()


@dataclass(frozen=True)
class Rank:
    """Which process of which job this is."""

    number: int
    job: str


def rank_here() -> Rank | None:
    """Return the rank of this process, by its launcher's variables or by torch; None outside of a job."""
    given = rank_of_process()
    if given is not None:
        return Rank(*given)
    torch = sys.modules.get("torch.distributed")
    if torch is None or not torch.is_available() or not torch.is_initialized():
        return None
    if torch.get_world_size() < 2:
        return None
    # Without a name the processes have at least the same parent, which started them.
    return Rank(torch.get_rank(), name_of_job() or f"children of {os.getppid()}")


def logs_to_rank_0(settings: RunSettings) -> bool:
    """Whether a rank that is not the first has asked for nothing that makes a run of its own."""
    return (
        settings.distributed
        and settings.mode == "local"
        and settings.reinit != "create_new"
        and settings.group is None
        and settings.resume_from is None
        and settings.fork_from is None
    )


def join_rank_0(settings: RunSettings, rank: Rank, config: Mapping[str, Any]) -> Parts | None:
    """Wait for the run of rank 0 and join it; None, with a warning, if it does not come.

    Raises:
        GitError, FormatError, StoreError: The project cannot be read, or nothing be written.
    """
    repo = Repo.open()
    began, is_said = time.monotonic(), False
    while True:
        for mark in _marks_of(repo, rank.job, settings):
            parts = _join(repo, settings, mark, rank, config)
            if parts is not None:
                parts.on_end.append(partial(_left.add, _place(mark)))
                return parts
        waited = time.monotonic() - began
        if waited >= settings.distributed_wait_s:
            break
        if waited > _SILENCE_S and not is_said:
            is_said = True
            say(f"rank {rank.number} waits for the run of rank 0, up to {settings.distributed_wait_s:g} s")
        time.sleep(_POLL_S)
    waited = settings.distributed_wait_s
    warn(f"rank 0 has no run after {waited:g} s: rank {rank.number} begins one of its own")
    return None


def _place(mark: marks.Mark) -> tuple[str, str, int]:
    return (mark.project, mark.run, mark.session)


def _marks_of(repo: Repo, job: str, settings: RunSettings) -> list[marks.Mark]:
    return [
        mark
        for mark in marks.read_all(repo.layout)
        if mark.job == job
        and _place(mark) not in _left
        and (settings.run_id or mark.run) == mark.run
        and is_alive(mark.process) is not False
    ]


def _join(
    repo: Repo, settings: RunSettings, mark: marks.Mark, rank: Rank, config: Mapping[str, Any]
) -> Parts | None:
    try:
        record = records.load(repo.layout.run(mark.project, mark.run))
    except NotFoundError:
        return None  # the mark comes first
    if record.last_session is None or record.last_session.number != mark.session:
        return None
    wanted = replace(settings, project=mark.project, run_id=mark.run, label=str(rank.number))
    branch = Branch("shared", mark.run, before=record)
    try:
        return join(wanted, repo, branch, config, is_rank=True)
    except AlreadyExistsError:
        # A program that this rank started has its variables, and so its number.
        wanted = replace(wanted, label=f"{rank.number}.{os.getpid()}")
        return join(wanted, repo, branch, config, is_rank=True)
