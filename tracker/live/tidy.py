"""When the history of a run is compacted: at the end of a session, if that takes no noticeable time.

What it has no time for stays as lines, until a later session of the run ends. Nothing
depends on it: readers read both forms.
"""

from __future__ import annotations

import time

from tracker.live.exits import Ending
from tracker.live.parts import OnDisk, Parts
from tracker.storage import records
from tracker.storage.compaction import Compacted, compact, is_worth_it

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
