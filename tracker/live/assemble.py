"""Making the parts of a run know each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tracker.errors import NotFoundError, UsageError
from tracker.live import marks
from tracker.live.branching import Branch
from tracker.live.config_files import note_change, write_config
from tracker.live.engine import Engine, Facts
from tracker.live.filing import list_files
from tracker.live.live_summary import LiveSummary
from tracker.live.package_list import requirements
from tracker.live.parts import OnDisk, Parts
from tracker.live.recorder import DiskRecorder, Recorder, write_mapping, write_text
from tracker.live.run_files import keep_files
from tracker.live.term import say, warn
from tracker.live.trouble import Trouble
from tracker.settings import RunSettings
from tracker.storage import history, records
from tracker.storage.history import Tail
from tracker.storage.journal import Header
from tracker.storage.records import RunRecord
from tracker.storage.writer import SegmentWriter
from tracker.values.config import Config, OnChange, OnObject
from tracker.values.metrics import MetricRules, metric_from_record
from tracker.values.sink import StoreSink
from tracker.values.summary import Summary
from tracker.values.summary_state import SummaryState
from vcs.layout import RunLayout
from vcs.liveness import this_process
from vcs.repo import Repo

# A run that is shorter has no load worth measuring, and need not wait for what measures it.
_SYSTEM_DELAY_S = 1.0


def assemble(settings: RunSettings, facts: Facts, config: Mapping[str, Any]) -> Parts:
    """Put together a run that records nothing."""
    lock = threading.RLock()
    live = LiveSummary(lock, state=SummaryState(), start_s=facts.start_time)
    engine = Engine(
        facts,
        settings,
        Recorder(),
        metrics=MetricRules(),
        summary=live,
        trouble=Trouble(strict=settings.strict),
        rows_lock=lock,
    )
    return Parts(facts, settings, engine, _config(settings, config), _summary(engine))


def assemble_on_disk(
    settings: RunSettings,
    repo: Repo,
    run: RunLayout,
    header: Header,
    facts: Facts,
    record: RunRecord,
    config: Mapping[str, Any],
    tail: Tail | None,
) -> Parts:
    """Put together a run that records; run.yaml has the session already.

    `tail` is the end of the history of the sessions before, where it is known.

    Raises:
        StoreError, FormatError: Its history cannot be written, or not be read.
    """
    recorder, engine = _record_with(settings, repo, run, header, facts, record, tail)
    disk = OnDisk(repo, run, recorder)
    watched = _config(settings, config, on_change=_record_changes(recorder))
    parts = Parts(facts, settings, engine, watched, _summary(engine), disk)
    recorder.on_save = lambda: save(parts)
    _start_collectors(parts, header)
    _start_later_work(parts)
    return parts


def join(
    settings: RunSettings,
    repo: Repo,
    branch: Branch,
    config: Mapping[str, Any],
    *,
    is_rank: bool = False,
) -> Parts:
    """Log into a run that another process began: rows go to a rank of their own, nothing else is written.

    A rank of the run's own job begins where the run's session began, and is resumed if that is.

    Raises:
        UsageError: The run has no session to join, or its label is taken.
    """
    record = branch.before
    session = record.last_session if record is not None else None
    if record is None or session is None:
        raise UsageError(f"run {branch.run_id!r} has no session that could be joined")
    this = this_process()
    rank = settings.label or f"{this.host.partition('.')[0]}-{this.pid}"
    run = repo.layout.run(record.project, record.id)
    first = session.from_step if is_rank else 0
    header = Header(run=record.id, session=session.number, rank=rank, start=time.time(), from_step=first)
    facts = Facts.of(
        record,
        start_time=header.start,
        starting_step=first,
        resumed=session.number > 0 if is_rank else True,
        session=session.number,
        folder=run.folder,
    )
    recorder, engine = _record_with(settings, repo, run, header, facts, record)
    recorder.leave_record()
    return Parts(
        facts, settings, engine, _config(settings, config), _summary(engine), OnDisk(repo, run, recorder)
    )


def _record_with(
    settings: RunSettings,
    repo: Repo,
    run: RunLayout,
    header: Header,
    facts: Facts,
    record: RunRecord,
    tail: Tail | None = None,
) -> tuple[DiskRecorder, Engine]:
    trouble = Trouble(strict=settings.strict)
    sink = StoreSink(
        repo.store,
        run.media,
        object_path=getattr(repo.store, "file_of", lambda digest: None),
        on_unplaced=lambda error: trouble.note("show media in the run's folder", error),
    )
    recorder = DiskRecorder(repo, run, header, trouble=trouble, sink=sink)
    rules = MetricRules()
    rules.restore(metric_from_record(metric) for metric in record.metrics)
    lock = threading.RLock()

    def rebuild() -> SummaryState:
        return history.summary_state_of(run, rules.all())

    if tail is not None:
        state = tail.summary
    else:
        # After the segment was made: its header masks what this session takes back.
        state = rebuild() if facts.resumed or facts.forked_from else SummaryState(rules.all())
    live = LiveSummary(
        lock,
        state=state,
        sink=sink,
        rebuild=rebuild,
        on_many=recorder.save_soon,
        start_s=facts.start_time,
        earlier_s=facts.earlier_s,
    )
    if any(metric.summary for metric in rules.all()):
        live.keep_order()
    engine = Engine(facts, settings, recorder, metrics=rules, summary=live, trouble=trouble, rows_lock=lock)
    trouble.on_strict = lambda: engine.close_gate(trouble.raise_it)
    return recorder, engine


def _config(
    settings: RunSettings,
    values: Mapping[str, Any],
    *,
    on_change: OnChange | None = None,
    on_object: OnObject | None = None,
) -> Config:
    return Config(
        values,
        on_change=on_change,
        on_object=on_object,
        on_notice=say,
        allow_val_change=settings.allow_val_change,
    )


def _record_changes(recorder: DiskRecorder) -> OnChange:
    """Return what keeps config.yaml and the session's `config_changes` up to date."""

    def on_change(new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
        recorder.save_soon()
        # A key that gets its first value is no change of the configuration, only more of it.
        if not old:
            return

        def change(record: RunRecord) -> None:
            session = recorder.session_of(record)
            for key in old:
                note_change(session.config_changes, key, old, new[key])

        recorder.change_soon(change, doing="record the change of the config")

    return on_change


def _summary(engine: Engine) -> Summary:
    return Summary(engine.summary_values, engine.set_summary, engine.unset_summary)


def save(parts: Parts) -> None:
    """Write config.yaml and summary.yaml as they are now, and what `run.save` keeps up to date."""
    assert parts.disk is not None
    keep_files(parts.disk, at_end=False)
    write_config(parts.disk.run, parts.config.as_dict())
    values = parts.engine.summary_values()
    if values or parts.disk.run.summary.exists():
        write_mapping(parts.disk.run.summary, values)


def _start_collectors(parts: Parts, header: Header) -> None:
    """Begin to capture output and system metrics. What cannot be captured is said, and does without."""
    disk, settings = parts.disk, parts.settings
    assert disk is not None
    if settings.console:
        from tracker.collect.console import ConsoleCapture

        disk.console = ConsoleCapture(disk.run.output, session=header.session, on_error=warn)
        disk.console.start()
    if settings.system_interval_s is not None:
        recorder = disk.recorder
        recorder.background.submit_later(_SYSTEM_DELAY_S, lambda: _start_sampler(parts, header))


def _start_sampler(parts: Parts, header: Header) -> None:
    disk, settings = parts.disk, parts.settings
    assert disk is not None
    assert settings.system_interval_s is not None
    from tracker.collect.system import SystemSampler

    with disk.recorder.trouble.guarded("record system metrics"):
        path = disk.run.system_segment(header.session, header.rank)
        writer = SegmentWriter(path, header, on_error=warn, interval_s=1.0)
        count = iter(range(1 << 62))
        disk.system = writer
        disk.sampler = SystemSampler(
            lambda sample: writer.put(next(count), sample, time.time()),
            settings.system_interval_s,
            disk=disk.run.folder,
        )
        disk.sampler.start()


def _start_later_work(parts: Parts) -> None:
    """Queue what the start of training need not wait for, in the order of the promises."""
    disk = parts.disk
    assert disk is not None

    def list_packages() -> None:
        write_text(disk.run.requirements, requirements(disk.repo.layout.package_cache))

    verb = "resumed" if parts.facts.resumed else "forked" if parts.facts.forked_from else "started"
    disk.recorder.submit(list_packages, doing="list the installed packages")
    disk.recorder.submit(
        lambda: disk.recorder.commit(f"run {parts.facts.id} {verb}"), doing="write the ledger"
    )
    disk.recorder.submit(lambda: sweep(disk.repo), doing="look for crashed runs")


def sweep(repo: Repo) -> None:
    """Record that runs crashed whose process is gone, in run.yaml and in the ledger.

    Their files are listed and kept as at the end of any run. A run that ended, and only
    could not put that into the ledger, is made up for in the same way.
    """
    dead = marks.sweep(repo.layout)
    if not dead:
        return
    folders, said = [], set()
    for mark in dead:
        run = repo.layout.run(mark.project, mark.run)
        with suppress(NotFoundError):  # it was deleted
            said.add(f"run {mark.run} {_list_files(repo, run).state}")
            folders.append(run.folder)
    if folders:
        repo.ledger.commit(folders, ", ".join(sorted(said)))
    for mark in dead:
        marks.remove(repo.layout, mark)


def _list_files(repo: Repo, run: RunLayout) -> RunRecord:
    files = list_files(run, repo.store, lambda error: None)

    def change(record: RunRecord) -> None:
        record.files = files

    return records.update(run, change)
