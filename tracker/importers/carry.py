"""Found runs become runs of ours, through the storage layer and not by logging them again.

A new run is put together in a hidden folder beside its place and appears by one rename,
whole: killed at any moment, an import leaves no half of a run, and the next one removes
what lies around. Objects come first, then versions, then the run that names them, then
the ledger.

A run that had been imported before is recognised by its id and source. If the source has
not changed, nothing is read; else its history is written anew, in place, and what else is
new is added. What people changed since (name, tags, notes, config, summary) is theirs.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tracker.importers.found import FoundArtifact, FoundRun, FoundSession, no_rows
from tracker.importers.report import Outcome, Report
from tracker.importers.segment_out import NullSink, Tally, first_time, raise_edits, write_segment
from tracker.importers.versions import log_found
from tracker.live.config_files import read_config, write_config
from tracker.live.filing import list_files
from tracker.live.recorder import write_mapping, write_text
from tracker.storage import records
from tracker.storage.compaction import compact, remove_lines
from tracker.storage.history import last_step, summary_of
from tracker.storage.journal import Header, Mark, SetMark
from tracker.storage.records import LoggedVersion, RunRecord, Session
from tracker.storage.segment_names import columns_beside
from tracker.values.sink import MediaSink, StoreSink
from vcs.atomic import disk_error, make_folder, remove_quietly, write_atomic
from vcs.clock import iso_time
from vcs.errors import ConflictError, Error, NotFoundError, StoreError
from vcs.layout import RunLayout
from vcs.ledger_paths import to_ledger
from vcs.paths import to_entry_path
from vcs.records.ledger_tree import entries_of
from vcs.repo import Repo

_BEING_IMPORTED = ".importing-"
_RUNS_A_COMMIT = 200
# An unfinished folder that is younger may be another import's, at work.
_LEFT_OVER_S = 3600.0


class Carrier:
    """Carries the runs of one source into a project; use it as a context manager.

    The ledger is written at the end, also after an error or Ctrl-C, for what is done.
    """

    def __init__(self, repo: Repo, report: Report) -> None:
        self._repo = repo
        self._report = report
        self._waiting: list[Path] = []
        self._unchanged: list[Path] = []

    def __enter__(self) -> Carrier:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting += self._not_in_ledger()
        self._commit()

    def carry(self, found: FoundRun) -> Outcome:
        """Write a found run, or what is new of it; the outcome is in the report too.

        A run that cannot be read is refused, and nothing of it is here.

        Raises:
            StoreError: The disk refused; the run is not there, or as it was.
        """
        outcome = Outcome(found.id, found.project, found.name or found.id, found.place, "new")
        self._report.outcomes.append(outcome)
        try:
            self._carry(found, outcome)
        except (ValueError, KeyError) as error:
            # What other programs wrote can be wrong in any way; one run must not cost the others.
            outcome.what = "refused"
            found.remarks.add(f"it cannot be read: {getattr(error, 'message', None) or repr(error)}")
        if outcome.what != "unchanged":
            outcome.left_out = found.remarks.lines()
        return outcome

    def _carry(self, found: FoundRun, outcome: Outcome) -> None:
        run = self._repo.layout.run(found.project, found.id)
        try:
            before = records.load(run)
        except NotFoundError:
            before = None
        if before is None:
            self._create(run, found, outcome)
        elif (imported := before.extra.get("imported") or {}).get("from") != self._report.source:
            outcome.what = "refused"
            found.remarks.add("a run of this id is here already and was not imported from this source")
        elif imported.get("stamp") == found.stamp:
            outcome.what = "unchanged"
            outcome.rows = sum(session.rows or 0 for session in before.sessions)
            self._unchanged.append(run.folder)
        else:
            self._grow(run, before, found, outcome)

    # a new run

    def _create(self, run: RunLayout, found: FoundRun, outcome: Outcome) -> None:
        if self._report.dry_run:
            self._try(found, outcome)
            return
        make_folder(run.folder.parent)
        _sweep(run.folder.parent)
        hidden = RunLayout(run.folder.parent / f"{_BEING_IMPORTED}{found.id}-{os.urandom(4).hex()}")
        try:
            record = self._build(hidden, found, outcome)
            write_atomic(hidden.record, records.render(record))
            try:
                os.rename(hidden.folder, run.folder)
            except OSError as error:
                raise disk_error(error, f"cannot put run {found.id} into its place") from error
        except BaseException:
            shutil.rmtree(hidden.folder, ignore_errors=True)
            raise
        self._done(run)

    def _build(self, run: RunLayout, found: FoundRun, outcome: Outcome) -> RunRecord:
        record = _record_of(found)
        record.extra = {**found.fields, "imported": self._imported(found)}
        sink = self._sink(run, found)
        tally = Tally.begin(found.metrics)
        for number in range(len(found.sessions)):
            self._write_session(run, record, found, number, sink, tally)
        if found.config:
            write_config(run, found.config)
        if tally.rows or found.summary:
            write_mapping(run.summary, tally.summary.value())
        self._write_texts(run, found)
        outcome.files = self._copy_files(run, found)
        record.logged = self._log_versions(found, outcome)
        outcome.rows = tally.rows
        compacted = compact(run, record)
        without = [one.lines for one in compacted]
        record.files = list_files(
            run, self._repo.store, lambda error: found.remarks.add(error.message), without=without
        )
        remove_lines(compacted)
        return record

    def _write_session(
        self,
        run: RunLayout,
        record: RunRecord,
        found: FoundRun,
        place: int,
        sink: MediaSink,
        tally: Tally,
        *,
        at_least: int = 0,
        above: int = -1,
    ) -> None:
        """Write the history of the session that stands at `place`, and its line of the record.

        Nothing before it is masked: attempts of other tools begin to count anew. `above` is
        the highest step that the run has already.
        """
        session, line = found.sessions[place], record.sessions[place]
        is_last = place == len(found.sessions) - 1
        before = tally.rows

        def last(tally: Tally) -> list[Mark]:
            values = tally.explicit(found.summary) if is_last else {}
            tally.summary.set(values)
            end_s = max(session.ended_s or session.started_s, tally.last_s)
            return [SetMark(values, end_s)] if values else []

        start_s, items = first_time(session.rows(sink, found.remarks))
        start_s = min(session.started_s, start_s if start_s is not None else session.started_s)
        line.from_step = max(above, tally.last_step) + 1
        header = Header(run=found.id, session=line.number, start=start_s, from_step=line.from_step)
        path = run.history_segment(line.number, "0")
        write_segment(path, header, items, tally, last, at_least=at_least)
        remove_quietly(columns_beside(path))
        if session.system is not None:
            path = run.system_segment(line.number, "0")
            write_segment(path, header, session.system(sink, found.remarks), Tally.begin(()))
            remove_quietly(columns_beside(path))
        line.rows = tally.rows - before
        line.dropped_rows = 0
        line.ended = iso_time(max(session.ended_s or session.started_s, tally.last_s))

    def _write_texts(self, run: RunLayout, found: FoundRun) -> None:
        if found.output is not None:
            text = "".join(found.output)
            if text:
                write_text(run.output, text)
        if found.requirements:
            write_text(run.requirements, found.requirements)

    def _copy_files(self, run: RunLayout, found: FoundRun) -> int:
        """Copy the run's files; those that are there and equally large and old are not touched."""
        copied = 0
        for name, source in found.files:
            target = run.files / to_entry_path(name)
            try:
                if target.exists() and _same_file(source, target):
                    continue
                make_folder(target.parent)
                shutil.copyfile(source, target)
                shutil.copystat(source, target)
                copied += 1
            except FileNotFoundError:
                found.remarks.add(f"the file {name} is not where the source says")
            except OSError as error:
                raise disk_error(error, f"cannot copy {source}") from error
        return copied

    def _log_versions(
        self, found: FoundRun, outcome: Outcome, known: Collection[str] = ()
    ) -> list[LoggedVersion]:
        lines = []
        for artifact in found.logged:
            logged = self._log_one(found, artifact, known)
            if logged is not None:
                lines.append(logged)
                outcome.versions.append(f"{logged.artifact}:{logged.version}")
        return lines

    def _log_one(
        self, found: FoundRun, artifact: FoundArtifact, known: Collection[str]
    ) -> LoggedVersion | None:
        try:
            manifest = log_found(self._repo, found.project, artifact, run=found.id, known=known)
        except StoreError:
            raise
        except Error as error:
            found.remarks.add(f"artifact {artifact.name} is left out: {error.message}")
            return None
        if manifest is None:
            return None
        return LoggedVersion(
            artifact=f"{manifest.project}/{manifest.name}",
            version=manifest.version,
            digest=manifest.digest,
            aliases=list(artifact.aliases),
            session=0,
            step=artifact.step,
        )

    # a run that was imported before

    def _grow(self, run: RunLayout, before: RunRecord, found: FoundRun, outcome: Outcome) -> None:
        outcome.what = "grown"
        if self._report.dry_run:
            self._try(found, outcome)
            return
        try:
            self._add_new(run, before, found, outcome)
        except ConflictError as error:
            outcome.what = "refused"
            found.remarks.add(error.message)
            return
        self._done(run)

    def _add_new(self, run: RunLayout, before: RunRecord, found: FoundRun, outcome: Outcome) -> None:
        fresh = _record_of(found)
        numbers = _numbers(before)
        highest = max((session.number for session in before.sessions), default=-1)
        for place, line in enumerate(fresh.sessions):
            line.number = numbers[place] if place < len(numbers) else highest + 1 + place - len(numbers)
        sink = self._sink(run, found)
        tally = Tally.begin(found.metrics)
        highest_step = last_step(run)
        highest_step = -1 if highest_step is None else highest_step
        rows = {session.number: session.rows or 0 for session in before.sessions}
        for place, line in enumerate(fresh.sessions):
            known = line.number in rows
            at_least, above = rows.get(line.number, 0), -1 if known else highest_step
            self._write_session(run, fresh, found, place, sink, tally, at_least=at_least, above=above)
        raise_edits(run, numbers, tally.last_step + 1)
        outcome.rows = tally.rows
        write_config(run, {**found.config, **read_config(run)})
        self._write_texts(run, found)
        outcome.files = self._copy_files(run, found)
        logged = self._log_versions(found, outcome, {line.digest for line in before.logged})
        run.summary.unlink(missing_ok=True)
        write_mapping(run.summary, summary_of(run, before.metrics or fresh.metrics, damaged=[]))
        files = list_files(run, self._repo.store, lambda error: found.remarks.add(error.message))

        def change(record: RunRecord) -> None:
            _merge(record, fresh, logged)
            record.extra["imported"] = self._imported(found)
            record.files = files

        records.update(run, change)

    # for both

    def _try(self, found: FoundRun, outcome: Outcome) -> None:
        """Read everything as an import would, and write nothing."""
        tally = Tally.begin(found.metrics)
        sink = NullSink()
        for session in found.sessions:
            for rows in (session.rows, session.system or no_rows):
                counted = Tally.begin(()) if rows is session.system else tally
                for item in rows(sink, found.remarks):
                    counted.take(item)
        outcome.rows = tally.rows
        outcome.files = len(found.files)
        for artifact in found.logged:
            outcome.versions.append(f"{found.project}/{artifact.name}")
            for _, path in artifact.files:
                if not path.is_file():
                    found.remarks.add(f"artifact {artifact.name} is left out: no such file: {path}")

    def _sink(self, run: RunLayout, found: FoundRun) -> StoreSink:
        return StoreSink(
            self._repo.store, run.media, on_unplaced=lambda error: found.remarks.add(error.message)
        )

    def _imported(self, found: FoundRun) -> dict[str, object]:
        return {
            "from": self._report.source,
            "place": found.place,
            "stamp": found.stamp,
            "at": iso_time(time.time()),
            "left_out": found.remarks.lines(),
        }

    def _done(self, run: RunLayout) -> None:
        self._waiting.append(run.folder)
        if len(self._waiting) >= _RUNS_A_COMMIT:
            self._commit()

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._report.dry_run:
            noun = "run" if len(waiting) == 1 else "runs"
            message = f"{len(waiting)} {noun} imported from {self._report.source}"
            self._report.remarks += self._repo.record(waiting, message)

    def _not_in_ledger(self) -> list[Path]:
        """Return the unchanged runs that an earlier import could not put into the ledger."""
        git, tip = self._repo.git, self._repo.ledger.tip()
        if git is None or not self._unchanged or self._report.dry_run:
            return []
        records_folder = self._repo.layout.records
        relative = {folder: folder.relative_to(records_folder).as_posix() for folder in self._unchanged}
        known = entries_of(git, tip, list(relative.values())) if tip is not None else {}
        return [f for f, path in relative.items() if f"{to_ledger(path)}/run.yaml" not in known]


def _record_of(found: FoundRun) -> RunRecord:
    sessions = [_session_of(session, number) for number, session in enumerate(found.sessions)]
    return RunRecord(
        id=found.id,
        project=found.project,
        entity=found.entity,
        name=found.name,
        group=found.group,
        job_type=found.job_type,
        tags=list(found.tags),
        notes=found.notes,
        created=iso_time(found.sessions[0].started_s),
        state=found.sessions[-1].state,
        sessions=sessions,
        metrics=[metric.as_record() for metric in found.metrics],
    )


def _session_of(found: FoundSession, number: int) -> Session:
    session = Session.from_plain(
        {"number": number, "started": iso_time(found.started_s), **found.facts, "imported": True},
        what="an imported session",
    )
    session.state = found.state
    session.exit_code = found.exit_code
    return session


def _numbers(record: RunRecord) -> list[int]:
    """Return the numbers of the sessions that were imported; others came by going on with the run."""
    return [session.number for session in record.sessions if session.extra.get("imported")]


def _merge(record: RunRecord, fresh: RunRecord, logged: list[LoggedVersion]) -> None:
    """Bring a record up to date with its source; what people may have changed stays."""
    mine = {session.number: session for session in fresh.sessions}
    others = [session for session in record.sessions if session.number not in mine]
    record.sessions = sorted([*others, *fresh.sessions], key=lambda session: session.number)
    newest = record.sessions[-1]
    if newest.number in mine:
        record.state = newest.state
    record.metrics = record.metrics or fresh.metrics
    have = {(line.artifact, line.version) for line in record.logged}
    record.logged += [line for line in logged if (line.artifact, line.version) not in have]


def _same_file(one: Path, other: Path) -> bool:
    first, second = one.stat(), other.stat()
    return (first.st_size, int(first.st_mtime)) == (second.st_size, int(second.st_mtime))


def _sweep(folder: Path) -> None:
    """Remove what imports left that were killed."""
    for left in folder.glob(f"{_BEING_IMPORTED}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER_S:
                shutil.rmtree(left, ignore_errors=True)
