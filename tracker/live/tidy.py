"""When the history of a run is compacted, and what record and ledger say of it then.

At the end of a session, as long as that takes no noticeable time; else by whoever tidies
up later (`compact_run`). Nothing depends on it: readers read both forms.
"""

from __future__ import annotations

import time

from tracker.live.exits import Ending
from tracker.live.filing import list_files
from tracker.live.parts import OnDisk, Parts
from tracker.live.term import warn
from tracker.storage import records
from tracker.storage.catalog import state_of
from tracker.storage.compaction import Compacted, compact, is_worth_it, remove_lines
from tracker.storage.records import RunRecord
from vcs.layout import RunLayout
from vcs.repo import Repo

# What the end of a session may take for it: so much, or a part of the time that the session took.
QUICK_S = 0.3
SHARE = 0.01
LONGEST_S = 20.0


def is_due(disk: OnDisk) -> bool:
    """Whether a run that ends has files that are worth compacting."""
    return is_worth_it(disk.run)


def compact_ended(parts: Parts, disk: OnDisk, ending: Ending) -> list[Compacted]:
    """Compact what is done of a run whose session ends; the lines are not removed yet.

    A million rows take about two seconds, so a run that logged them in less than some
    minutes keeps its lines; so does one that is told by a signal to hurry.

    Raises:
        FormatError, StoreError: As for `records.load` and `compact`.
    """
    own = [disk.recorder.writer.path, *([disk.system.path] if disk.system is not None else [])]
    limit_s = QUICK_S
    if ending.signal is None:
        ran_s = time.time() - parts.facts.start_time
        limit_s = min(LONGEST_S, max(QUICK_S, SHARE * ran_s))
    return compact(disk.run, records.load(disk.run), own=own, limit_s=limit_s)


def compact_run(repo: Repo, run: RunLayout) -> int:
    """Compact the history of a run that does not run, and bring its record up to date.

    Returns how many files were replaced. A call after an interrupted one goes on.

    Raises:
        NotFoundError, FormatError: As for `records.load`.
        StoreError: The disk refused; nothing is lost.
        LockedError, GitError: Compacted, but not in the ledger; its next commit has it.
    """
    record = records.load(run)
    if state_of(record) == "running" or not is_worth_it(run):
        return 0
    compacted = compact(run, record)
    if not compacted:
        return 0
    files = list_files(
        run, repo.store, lambda error: warn(error.message), without=[one.lines for one in compacted]
    )

    def change(found: RunRecord) -> None:
        found.files = files

    records.update(run, change)
    remove_lines(compacted)
    repo.ledger.commit([run.folder], f"run {record.id} compacted")
    return len(compacted)
