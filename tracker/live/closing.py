"""The end of a run: what is written, in which order, and what is said.

The rows come first, then the record, then the ledger; each step goes on when the one
before failed, because what can still be kept should be. A run that a signal ends says
so in its record before anything that may take long.
"""

from __future__ import annotations

import time
from typing import Any

from tracker.collect.seeds import seeds
from tracker.errors import UsageError
from tracker.live import marks
from tracker.live.assemble import save
from tracker.live.auto_push import start_push
from tracker.live.exits import Ending
from tracker.live.filing import list_files
from tracker.live.parts import OnDisk, Parts
from tracker.live.recorder import RowCounts
from tracker.live.run_files import keep_files
from tracker.live.start import remember
from tracker.live.term import say
from tracker.live.tidy import compact_ended, is_due
from tracker.storage.compaction import Compacted, remove_lines
from tracker.storage.records import RunFile, RunRecord
from vcs.clock import iso_time


def end_run(parts: Parts, ending: Ending, *, quiet: bool = False) -> None:
    """End a run; of several calls only the first does anything, the others wait for it.

    In a forked child it only writes the child's own rows.
    """
    with parts.ending_lock:
        if parts.ended:
            return
        parts.ended = True
        if parts.watcher is not None:
            parts.watcher.unwatch()
        for feeder in parts.feeders:
            feeder.stop()
        parts.engine.commit_pending()
        parts.engine.close_gate(lambda: _refuse(parts))
        parts.state = _state(parts, ending)
        if parts.disk is not None:
            _end_on_disk(parts, parts.disk, ending, quiet=quiet)
        for callback in parts.on_end:
            callback()


def _refuse(parts: Parts) -> None:
    raise UsageError(
        f"run {parts.facts.name} has ended, and takes nothing more",
        hint=f'begin a new one with init(), or go on with it: init(id="{parts.facts.id}", resume="must")',
    )


def _state(parts: Parts, ending: Ending) -> str:
    return "preempted" if parts.preempting and ending.state != "finished" else ending.state


def _end_on_disk(parts: Parts, disk: OnDisk, ending: Ending, *, quiet: bool) -> None:
    recorder, trouble = disk.recorder, disk.recorder.trouble
    if disk.console is not None:
        disk.console.stop()
    if not recorder.owns_record:
        recorder.close()
        return
    if ending.signal is not None:
        # Whoever sent the signal may send the one that cannot be caught while we work.
        recorder.flush()
        recorder.change(lambda record: _write_end(record, parts, ending), doing="record the end of the run")
    counts = recorder.close()
    if disk.sampler is not None:
        disk.sampler.stop()
    if disk.system is not None:
        disk.system.close()
    with trouble.guarded("keep the files of run.save"):
        keep_files(disk, at_end=True)
    with trouble.guarded("write config and summary"):
        save(parts)
    state: dict[str, Any] = {}
    with trouble.guarded("record the state of the random generators"):
        state = seeds()
    files, compacted = _compact_and_list(parts, disk, ending, counts)

    def finish(record: RunRecord) -> None:
        _write_end(record, parts, ending, counts)
        record.session(parts.facts.session).seeds_at_end = state
        if files is not None:
            record.files = files

    is_recorded = recorder.change(finish, doing="record the end of the run")
    with trouble.guarded("remove what was compacted"):
        remove_lines(compacted)
    is_recorded = recorder.commit(f"run {parts.facts.id} {parts.state}") and is_recorded
    _let_go(parts, disk, ending, is_recorded=is_recorded)
    if not quiet:
        for line in report(parts, counts):
            say(line)


def _compact_and_list(
    parts: Parts, disk: OnDisk, ending: Ending, counts: RowCounts
) -> tuple[list[RunFile] | None, list[Compacted]]:
    """Return what the record is to say of the files, None if that failed, and what may be removed then."""
    recorder, trouble = disk.recorder, disk.recorder.trouble
    compacted: list[Compacted] = []
    if is_due(disk):
        # What takes long should not look like a run that goes on.
        recorder.change(
            lambda record: _write_end(record, parts, ending, counts), doing="record the end of the run"
        )
        with trouble.guarded("compact the history"):
            compacted = compact_ended(parts, disk, ending)
    files = None
    with trouble.guarded("keep the run's files"):
        files = list_files(
            disk.run,
            disk.repo.store,
            lambda error: trouble.note("list a file", error),
            without=[one.lines for one in compacted],
        )
    return files, compacted


def _let_go(parts: Parts, disk: OnDisk, ending: Ending, *, is_recorded: bool) -> None:
    """Remove what says that the run lives or can be resumed, and send it where that is wanted."""
    trouble = disk.recorder.trouble
    with trouble.guarded("remove the mark of the live run"):
        # A mark that stays lets the next run of the project make up for what failed here.
        if disk.mark is not None and is_recorded:
            marks.remove(disk.repo.layout, disk.mark)
        if disk.resume_key is not None and ending.exit_code == 0:
            remember(disk.repo.layout, disk.resume_key, None)
    if is_recorded and disk.repo.settings.auto_push:
        with trouble.guarded("send the run"):
            start_push(disk.repo, parts.facts.id)


def _write_end(record: RunRecord, parts: Parts, ending: Ending, counts: RowCounts | None = None) -> None:
    session = record.session(parts.facts.session)
    session.ended = session.ended or iso_time(time.time())
    session.exit_code = ending.exit_code
    session.state = parts.state  # type: ignore[assignment]
    session.signal = ending.signal
    session.error = ending.error
    if counts is not None:
        session.rows = counts.rows
        session.dropped_rows = counts.dropped + parts.engine.dropped
    if record.last_session is session:
        record.state = session.state


def report(parts: Parts, counts: RowCounts) -> list[str]:
    """Return what `finish` says: how it ended, what was recorded, what was not, where to look."""
    disk, facts = parts.disk, parts.facts
    assert disk is not None
    made = [_count(counts.rows, "row")]
    if disk.logged:
        shown = ", ".join(disk.logged[:5]) + (", …" if len(disk.logged) > 5 else "")
        made.append(f"{_count(len(disk.logged), 'artifact version')} ({shown})")
    lines = [f"run {facts.name} {parts.state}: {', '.join(made)}"]
    if parts.engine.dropped:
        lines.append(
            f"{_count(parts.engine.dropped, 'call')} of log not recorded: the step was already past; "
            "Settings(keep_late_steps=True) keeps such rows"
        )
    if counts.dropped:
        lines.append(f"{_count(counts.dropped, 'row')} lost: the disk refused to take them")
    lines += disk.recorder.trouble.lines()
    return [*lines, f"look at it: tracker show {facts.id}"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
