"""The log of commits: what it gives back, and how links lead through rewrites."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vcs.records.commit_log import (
    CommitLog,
    CommitRun,
    CommitVersion,
    Rewrite,
    append_entries,
    read_commit_log,
)

NOW = "2026-11-23T07:30:00.123Z"


def commit(number: int) -> str:
    return f"{number:040x}"


def version(number: int, name: str = "v0") -> CommitVersion:
    return CommitVersion(commit(number), "p/data", name, "d" * 64, "data", "main")


def test_a_missing_file_is_an_empty_log(tmp_path: Path) -> None:
    """Nothing was said of any commit."""
    assert read_commit_log(tmp_path / "commits.yaml") == CommitLog()


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    """Of each kind, in their order, over several appends."""
    path = tmp_path / "commits.yaml"
    without_branch = CommitVersion(commit(2), "p/data", "v1", "e" * 64, "deep/data é")
    append_entries(path, [version(1), CommitRun(commit(1), "p", "aaaa1111")], NOW)
    append_entries(path, [Rewrite(commit(1), commit(2), "amend"), without_branch], NOW)
    log = read_commit_log(path)
    assert log.versions == (version(1), without_branch)
    assert log.runs == (CommitRun(commit(1), "p", "aaaa1111"),)
    assert log.rewrites == (Rewrite(commit(1), commit(2), "amend"),)
    assert log.damaged == ()
    assert log.commits == {commit(1), commit(2)}


def test_what_belongs_to_a_commit_belongs_to_what_it_became() -> None:
    """By any number of steps, and not the other way round."""
    log = CommitLog(
        versions=(version(1), version(3, "v1")),
        runs=(CommitRun(commit(1), "p", "aaaa1111"),),
        rewrites=(Rewrite(commit(1), commit(2)), Rewrite(commit(2), commit(3))),
    )
    assert [one.version for one in log.versions_of(commit(3))] == ["v0", "v1"]
    assert [one.version for one in log.versions_of(commit(1))] == ["v0"]
    assert [one.run for one in log.runs_of(commit(3))] == ["aaaa1111"]
    assert log.descent(commit(1)) == {commit(1), commit(2), commit(3)}


def test_a_version_said_twice_is_given_once() -> None:
    """An amend stamps again what the commit had."""
    log = CommitLog(versions=(version(1), version(2)), rewrites=(Rewrite(commit(1), commit(2)),))
    assert len(log.versions_of(commit(2))) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_any_rewrites_come_to_an_end(pairs: list[tuple[int, int]]) -> None:
    """Also rings, which only a hostile log has; and both ways agree."""
    log = CommitLog(rewrites=tuple(Rewrite(commit(old), commit(new)) for old, new in pairs))
    for one in range(10):
        for other in log.ancestry(commit(one)):
            assert commit(one) in log.descent(other)


def test_damaged_lines_are_numbered_and_count_for_nothing(tmp_path: Path) -> None:
    """Lines of a kind to come are passed over in silence."""
    path = tmp_path / "commits.yaml"
    append_entries(path, [version(1)], NOW)
    with path.open("a") as stream:
        stream.write("nonsense\n")
        stream.write('- {"time":"x","commit":"not a commit","run":"a","project":"p"}\n')
        stream.write('- {"time":"x","old":"' + "1" * 40 + '"}\n')
        stream.write('- {"time":"x","weather":"fine"}\n')
        stream.write('- {"time":"x","commit":"' + "1" * 40)
    log = read_commit_log(path)
    assert log.damaged == (2, 3, 4, 6)
    assert log.versions == (version(1),)
