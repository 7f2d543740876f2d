"""Ledgers of several clones, exchanged through a git remote."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.clones import Clock, Clone, bare_remote, clone_at, session
from tests.vcs.user_state import user_state
from vcs.errors import GitError
from vcs.layout import CODE_REFS
from vcs.records.deletions import deletions


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Clone, Clone]:
    remote, clock = bare_remote(tmp_path), Clock()
    return clone_at(tmp_path / "a", remote, clock), clone_at(tmp_path / "b", remote, clock)


def exchange(a: Clone, b: Clone) -> None:
    """Push from both, and pull once more where the other was later."""
    a.push()
    b.pull()
    b.push()
    a.pull()
    assert a.ledger.tip() == b.ledger.tip()
    for clone in (a, b):
        assert clone.ledger.commit([clone.layout.records], "nothing is left") == clone.ledger.tip()


def test_runs_of_two_clones_are_united(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    a.write_run("aaa", notes="mine")
    b.write_run("bbb")
    exchange(a, b)
    assert a.run("bbb")["id"] == b.run("bbb")["id"] == "bbb"
    assert b.run("aaa")["notes"] == "mine"


def test_a_version_that_two_clones_made_keeps_the_number_that_was_pushed_first(
    pair: tuple[Clone, Clone],
) -> None:
    """The other gets the next free one, and everything that names it goes along."""
    a, b = pair
    shared = a.log("mnist", "base")
    exchange(a, b)
    first = a.log("mnist", "of a", "best")
    second = b.log("mnist", "of b", "mine", run="bbb")
    third = b.log("mnist", "more of b", run="bbb", parent="v1")
    b.write_run(
        "bbb",
        logged=[{"artifact": "p/mnist", "version": "v1", "digest": second.digest}],
        used=[{"artifact": "p/mnist", "version": "v0", "digest": shared.digest, "as": "mnist:latest"}],
    )
    a.push()
    pushed = b.push()
    assert [str(one) for one in pushed.renumbered] == [
        "p/mnist:v1 is now v3: another clone had shared a v1 before"
    ]
    a.pull()
    for clone in pair:
        assert clone.versions("mnist") == {
            "v0": shared.digest, "v1": first.digest, "v2": third.digest, "v3": second.digest,
        }  # fmt: skip
        assert clone.collections.aliases("p", "mnist") == {"best": "v1", "mine": "v3", "latest": "v2"}
        assert [clone.run("bbb")[key][0]["version"] for key in ("logged", "used")] == ["v3", "v0"]
        found = {m.version: (m.was, m.parent) for m in clone.collections.versions("p", "mnist")}
        assert found == {"v0": (None, None), "v1": (None, None), "v2": (None, "v3"), "v3": ("v1", None)}
    assert a.ledger.tip() == b.ledger.tip()


def test_a_run_that_went_on_in_two_places_has_both_sessions(pair: tuple[Clone, Clone]) -> None:
    """With the history and the output of both."""
    a, b = pair
    start = session(0, "2026-01-01T00:00:00Z")
    folder = a.write_run("run", sessions=[start])
    (folder / "history" / "0-0.jsonl").write_text("zero\n")
    (folder / "output.log").write_text("start\n")
    exchange(a, b)
    for clone, host, when in ((a, "a", "2026-01-02T00:00:00Z"), (b, "b", "2026-01-03T00:00:00Z")):
        folder = clone.write_run("run", sessions=[start, session(1, when, host=host)], state="finished")
        (folder / "history" / "1-0.jsonl").write_text(f"one of {host}\n")
        (folder / "output.log").write_text(f"start\n--- session 1 ---\nsaid by {host}\n")
        clone.commit()
    exchange(a, b)
    for clone in pair:
        folder = clone.layout.run("p", "run").folder
        assert [(s["number"], s["host"]) for s in clone.run("run")["sessions"]] == [
            (0, "a"), (1, "a"), (2, "b"),
        ]  # fmt: skip
        history = {path.name: path.read_text() for path in (folder / "history").iterdir()}
        assert history == {"0-0.jsonl": "zero\n", "1-0.jsonl": "one of a\n", "2-0.jsonl": "one of b\n"}
        assert (folder / "output.log").read_text() == (
            "start\n--- session 1 ---\nsaid by a\n--- session 2 ---\nsaid by b\n"
        )


def test_a_large_history_follows_its_session(pair: tuple[Clone, Clone]) -> None:
    """Although the ledger does not carry it."""
    a, b = pair
    for clone, host, when in ((a, "a", "2026-01-02T00:00:00Z"), (b, "b", "2026-01-03T00:00:00Z")):
        folder = clone.write_run("run", sessions=[session(0, when, host=host)])
        (folder / "history" / "0-0.jsonl").write_text(host * (2 << 20))
    exchange(a, b)
    history = b.layout.run("p", "run").history
    assert [path.name for path in history.iterdir()] == ["1-0.jsonl"]
    assert (history / "1-0.jsonl").read_text() == "b" * (2 << 20)


def test_a_session_that_still_runs_here_keeps_its_number(pair: tuple[Clone, Clone]) -> None:
    """Its process knows it by that; the other one moves."""
    a, b = pair
    a.write_run("run", sessions=[session(0, "2026-01-02T00:00:00Z", host="a")])
    b.write_run("run", sessions=[session(0, "2026-01-03T00:00:00Z", host="b", state="running")])
    exchange(a, b)
    assert [(s["number"], s["host"]) for s in b.run("run")["sessions"]] == [(0, "b"), (1, "a")]


def test_two_live_sessions_of_one_run_keep_their_numbers_where_they_live(pair: tuple[Clone, Clone]) -> None:
    """Until they have ended; then both clones agree."""
    a, b = pair
    for clone, host in ((a, "a"), (b, "b")):
        folder = clone.write_run(
            "run",
            sessions=[session(0, f"2026-01-0{1 + (host == 'b')}T00:00:00Z", host=host, state="running")],
        )
        clone.layout.live.mkdir(parents=True, exist_ok=True)
        (clone.layout.live / "p--run-0.json").write_text("{}")
        (folder / "history" / "0-0.jsonl").write_text(f"of {host}\n")
        (folder / "history" / "0-1.jsonl").write_text(host * (2 << 20))
        (folder / "output.log").write_text(f"said by {host}\n")
        clone.commit()
    b.push()
    a.push()
    b.pull()
    for clone, host, other in ((a, "a", "b"), (b, "b", "a")):
        folder = clone.layout.run("p", "run").folder
        assert [(s["number"], s["host"]) for s in clone.run("run")["sessions"]] == [(0, host), (1, other)]
        assert (folder / "history" / "0-0.jsonl").read_text() == f"of {host}\n"
        assert (folder / "history" / "1-0.jsonl").read_text() == f"of {other}\n"
        assert (folder / "history" / "0-1.jsonl").read_text() == host * (2 << 20)
        assert (folder / "output.log").read_text().startswith(f"said by {host}\n")
    for clone in pair:
        sessions = clone.run("run")["sessions"]
        sessions[0] |= {"state": "finished", "ended": "2026-02-01T00:00:00Z"}
        clone.write_run("run", sessions=sessions, state="finished")
        (clone.layout.live / "p--run-0.json").unlink()
    for clone in (a, b, a, b):
        clone.push()
        clone.pull()
    assert a.ledger.tip() == b.ledger.tip()
    for clone in pair:
        folder = clone.layout.run("p", "run").folder
        for one in clone.run("run")["sessions"]:
            assert one["state"] == "finished"
            assert (folder / "history" / f"{one['number']}-0.jsonl").read_text() == f"of {one['host']}\n"
            large = folder / "history" / f"{one['number']}-1.jsonl"
            assert not large.exists() or large.read_text() == one["host"] * (2 << 20)


def test_the_latest_move_of_an_alias_wins_and_the_log_keeps_all(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    for text in ("0", "1", "2"):
        a.log("x", text)
    exchange(a, b)
    a.collections.move_alias("p", "x", "best", "v0")
    b.collections.move_alias("p", "x", "best", "v1")
    a.collections.move_alias("p", "x", "best", "v2")
    for clone in pair:
        clone.commit()
    exchange(b, a)
    for clone in pair:
        assert clone.collections.aliases("p", "x")["best"] == "v2"
        moves = [move.version for move in clone.collections.alias_log("p", "x") if move.alias == "best"]
        assert moves == ["v0", "v1", "v2"]


def test_a_deleted_version_is_deleted_everywhere_and_a_new_one_is_not(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    for text in ("0", "1"):
        a.log("x", text)
    exchange(a, b)
    a.collections.delete(a.collections.resolve("x:v0", project="p"))
    a.commit()
    kept = b.log("x", "2")
    exchange(a, b)
    for clone in pair:
        assert set(clone.versions("x")) == {"v1", "v2"}
        assert clone.versions("x")["v2"] == kept.digest


OLD_S = 1_600_000_000.0


def delete_long_ago(clone: Clone, version: str) -> None:
    """As if the process had worked then."""
    manifest = clone.collections.resolve(version, project="p")
    clone.collections.delete(manifest, delete_aliases=True)
    clone.ledger.commit(clone.collections.paths_of(manifest), "deleted", now_s=OLD_S)


def deleted_lately(clone: Clone) -> set[str]:
    """The versions that were deleted within the last hour, as whoever collects garbage sees it."""
    ledger = "refs/tracker/ledger"
    return {*deletions(clone.git, ledger, f"--max-age={int(time.time()) - 3600}").values()}


@pytest.mark.parametrize("others", ["are idle", "have pushed"])
def test_an_old_deletion_counts_from_when_it_is_shared(pair: tuple[Clone, Clone], others: str) -> None:
    """On top of the remote's ledger, and merged with it; for every clone."""
    a, b = pair
    for text in ("0", "1"):
        a.log("x", text)
    exchange(a, b)
    delete_long_ago(a, "x:v0")
    if others == "have pushed":
        folder = b.write_run("run")
        (folder / "output.log").write_text("more\n")
        b.ledger.commit([folder], "more", now_s=OLD_S)
        b.push()
    assert deleted_lately(a) == set()
    a.push()
    exchange(a, b)
    for clone in pair:
        assert deleted_lately(clone) == {"artifacts/p/x/v0.yaml"}
        assert set(clone.versions("x")) == {"v1"}
    assert a.ledger.tip() == b.ledger.tip()


def test_a_deletion_that_is_new_or_known_is_shared_as_it_is(pair: tuple[Clone, Clone]) -> None:
    """Pushing makes no commits of its own then; nor does trying again."""
    a, b = pair
    for text in ("0", "1", "2"):
        a.log("x", text)
    exchange(a, b)
    delete_long_ago(a, "x:v0")
    a.push()
    dated = a.ledger.tip()
    a.git.update_ref("refs/tracker/remotes/origin/ledger", f"{dated}^2")  # As if killed before it was noted.
    assert a.push().commit == dated
    manifest = a.collections.resolve("x:v1", project="p")
    a.collections.delete(manifest, delete_aliases=True)
    a.commit()
    deleted = a.ledger.tip()
    assert a.push().commit == deleted


def test_what_was_sent_and_then_deleted_is_dated_though_the_push_was_killed(
    pair: tuple[Clone, Clone],
) -> None:
    """The server had taken it, and nothing here says so."""
    a, b = pair
    a.log("x", "0")
    a.push()
    seen = a.ledger.tip()
    a.log("x", "1")
    a.push()
    assert seen is not None
    a.git.update_ref("refs/tracker/remotes/origin/ledger", seen)
    delete_long_ago(a, "x:v1")
    a.push()
    b.pull()
    assert deleted_lately(b) == {"artifacts/p/x/v1.yaml"}


def test_code_commits_travel_with_the_ledger(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    head = git(a.folder, "rev-parse", "HEAD").strip()
    git(a.folder, "update-ref", f"{CODE_REFS}{head}", head)
    a.write_run("run")
    a.push()
    b.pull()
    assert b.git.resolve_ref(f"{CODE_REFS}{head}") == head


def test_a_reader_pulls_without_the_right_to_write(pair: tuple[Clone, Clone], tmp_path: Path) -> None:
    """And a push says so, with nothing half done."""
    a, b = pair
    a.write_run("run")
    a.push()
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    b.write_run("mine")
    b.pull()
    assert b.run("run")["id"] == "run"
    with pytest.raises(GitError, match="does not take the records"):
        b.push()


def test_nothing_of_the_user_changes(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    a.write_run("run")
    (b.folder / "train.py").write_text("changed\n")
    before = user_state(b.folder)
    a.push()
    b.write_run("other")
    b.push()
    b.pull()
    assert user_state(b.folder) == before


def test_a_remote_without_a_ledger_is_no_failure(pair: tuple[Clone, Clone]) -> None:
    a, _ = pair
    assert a.pull().commit is None
    assert a.push().sent is False
    with pytest.raises(GitError, match="nowhere"):
        a.sync.pull("nowhere")


def test_pushing_again_sends_nothing(pair: tuple[Clone, Clone]) -> None:
    a, _ = pair
    a.write_run("run")
    assert a.push().sent is True
    assert a.push().sent is False


def test_a_version_that_was_read_before_is_found_under_its_new_number(pair: tuple[Clone, Clone]) -> None:
    a, b = pair
    a.log("x", "of a")
    mine = b.log("x", "of b")
    a.push()
    b.pull()
    assert (mine.version, b.collections.renumbered(mine).version) == ("v0", "v1")
    assert b.collections.renumbered(mine).digest == mine.digest
    b.collections.delete(b.collections.renumbered(mine), delete_aliases=True)
    assert b.collections.renumbered(mine) == mine


def test_a_merge_that_is_gone_is_made_again(pair: tuple[Clone, Clone]) -> None:
    """A power cut can take git's newest objects; it must not stop the ledger."""
    a, b = pair
    a.write_run("aaa")
    b.write_run("bbb")
    a.push()
    b.layout.ledger_step.write_text(f"{b.ledger.tip()} {'1' * 40}\n")
    b.write_run("more")
    assert not b.layout.ledger_step.exists()
    b.pull()
    assert {path.name for path in (b.layout.runs / "p").glob("[a-z]*")} == {"aaa", "bbb", "more"}
