"""A run that goes on in several clones keeps every session, each with its own history."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vcs.clock import iso_time
from vcs.records.merge_runs import RECORD, merge_runs, moved_sessions, renamed_segment, segment_session
from vcs.yaml_io import dump_yaml, load_yaml


@dataclass
class Clone:
    """A run in memory, changed as a live run and an editor change it."""

    name: str
    ticks: count[int]
    files: dict[str, bytes] = field(default_factory=dict)
    base: dict[str, bytes] = field(default_factory=dict)
    running: str | None = None
    rows: dict[str, bytes] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = load_yaml(self.files[RECORD].decode(), "run")
        return record

    def save(self, record: dict[str, Any]) -> None:
        self.files[RECORD] = dump_yaml(record).encode()

    def number(self, started: str) -> int:
        return next(int(s["number"]) for s in self.record["sessions"] if s["started"] == started)

    def resume(self) -> None:
        if self.running is None:
            record = self.record
            started = iso_time(next(self.ticks))
            number = max((s["number"] for s in record["sessions"]), default=-1) + 1
            record["sessions"].append(
                {"number": number, "started": started, "state": "running", "host": self.name, "pid": 1}
            )
            record["state"] = "running"
            self.running = started
            self.rows[started] = b""
            self.save(record)

    def log(self) -> None:
        if self.running is not None:
            self.rows[self.running] += b"%d\n" % next(self.ticks)
            self.files[f"history/{self.number(self.running)}-0.jsonl"] = self.rows[self.running]

    def log_version(self) -> None:
        if self.running is not None:
            record = self.record
            digest = f"{next(self.ticks):064x}"
            record["logged"].append(
                {"artifact": "p/x", "version": "v0", "digest": digest, "session": self.number(self.running)}
            )
            self.noted.add(digest)
            self.save(record)

    def finish(self) -> None:
        if self.running is not None:
            record = self.record
            for session in record["sessions"]:
                if session["started"] == self.running:
                    session.update(state="finished", ended=iso_time(next(self.ticks)))
            record["state"] = "finished"
            self.running = None
            self.save(record)

    def tag(self) -> None:
        record = self.record
        tag = f"tag{next(self.ticks)}"
        record["tags"].append(tag)
        self.noted.add(tag)
        self.save(record)

    def summarize(self) -> None:
        summary = load_yaml(self.files.get("summary.yaml", b"{}").decode(), "summary")
        self.files["summary.yaml"] = dump_yaml({**summary, f"{self.name}": next(self.ticks)}).encode()

    def sync(self, remote: dict[str, bytes]) -> dict[str, bytes]:
        """Merge in the ledger, push, and bring the disk along, where a process may be at work."""
        merged = merge_runs(self.base, remote, self.files)
        assert merge_runs(self.files, merged, self.files) == merged
        disk = merge_runs(self.files, merged, self.files, live=self.running is not None)
        if self.running is not None:
            assert self.number(self.running) not in moved_sessions(self.files[RECORD], disk[RECORD])
        self.files, self.base = disk, dict(merged)
        return dict(merged)


ACTIONS = ["resume", "log", "log", "log_version", "finish", "tag", "summarize", "sync", "sync"]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(ACTIONS)), max_size=50))
def test_every_session_is_there_once_with_its_history(steps: list[tuple[int, str]]) -> None:
    ticks = count(1_800_000_000)
    start = {
        RECORD: dump_yaml(
            {"format": 1, "id": "r", "tags": [], "state": "finished", "sessions": [], "logged": []}
        ).encode()
    }
    clones = [Clone(name, ticks, dict(start), dict(start)) for name in "abc"]
    remote = dict(start)
    for which, action in steps:
        if action == "sync":
            remote = clones[which].sync(remote)
        else:
            getattr(clones[which], action)()
    for clone in clones:
        clone.finish()
    for clone in [*clones, *clones, *clones]:
        remote = clone.sync(remote)
    assert clones[0].files == clones[1].files == clones[2].files
    record = clones[0].record
    expected = {started: rows for clone in clones for started, rows in clone.rows.items()}
    found = {
        s["started"]: clones[0].files.get(f"history/{s['number']}-0.jsonl", b"") for s in record["sessions"]
    }
    assert found == expected
    assert len({s["number"] for s in record["sessions"]}) == len(record["sessions"])
    assert all(s["state"] == "finished" for s in record["sessions"])
    noted = set().union(*(clone.noted for clone in clones))
    assert {item["digest"] for item in record["logged"]} | set(record["tags"]) == noted
    by_number = {s["number"]: s["host"] for s in record["sessions"]}
    assert all(item["session"] in by_number for item in record["logged"])


def test_names_of_segments() -> None:
    assert segment_session("history/12-0.jsonl") == 12
    assert segment_session("history/12-0-edit-1.jsonl") == 12
    assert segment_session("history/from-abc-0.jsonl") is None
    assert segment_session("files/12-0.jsonl") is None
    assert renamed_segment("system/1-2.columns", 7) == "system/7-2.columns"


def test_edits_of_one_name_are_both_kept() -> None:
    record = {RECORD: b"format: 1\nsessions: [{number: 0, started: t}]\n"}
    merged = merge_runs(
        record,
        {**record, "history/0-0-edit-0.jsonl": b"theirs"},
        {**record, "history/0-0-edit-0.jsonl": b"ours"},
    )
    assert {path: data for path, data in merged.items() if "edit" in path} == {
        "history/0-0-edit-0.jsonl": b"theirs",
        "history/0-0-edit-1.jsonl": b"ours",
    }


def test_a_removed_run_is_removed_unless_the_other_side_went_on() -> None:
    run = {RECORD: b"format: 1\n"}
    assert merge_runs(run, {}, run) == merge_runs(run, run, {}) == {}
    changed = {RECORD: b"format: 1\nnotes: x\n"}
    assert merge_runs(run, {}, changed) == merge_runs(run, changed, {}) == changed


def test_config_and_files_that_both_changed() -> None:
    """Key by key, the newer session wins; of files both are kept."""
    base = {RECORD: b"sessions: [{number: 0, started: '2026-01-01'}]\n", "config.yaml": b"a: 1\nb: 1\n"}
    older = {
        RECORD: b"sessions: [{number: 0, started: '2026-01-01'}, {number: 1, started: '2026-01-02'}]\n",
        "config.yaml": b"a: 2\nb: 2\n",
        "files/x": b"older",
    }
    newer = {
        RECORD: b"sessions: [{number: 0, started: '2026-01-01'}, {number: 1, started: '2026-01-03'}]\n",
        "config.yaml": b"a: 1\nb: 3\nc: 1\n",
        "files/x": b"newer",
    }
    for theirs, ours in ((older, newer), (newer, older)):
        merged = merge_runs(base, theirs, ours)
        assert load_yaml(merged["config.yaml"].decode(), "config") == {"a": 2, "b": 3, "c": 1}
        assert merged["files/x"] == b"newer"
        assert b"older" in [merged[path] for path in merged if path.startswith("files/session-")]
