"""gc, why, verify and run rm."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracker as api
from tests.cli.conftest import Tracker, save
from tests.vcs.retention.test_gc import age
from tests.vcs.retention.test_repair import flip
from tracker.live import session
from vcs.digest import digest_bytes
from vcs.repo import Repo

OBJECT = digest_bytes(b"one")


@pytest.fixture
def two_versions(tracker: Tracker, git_repo: Path) -> Path:
    """`data` with a deleted and a present version; everything looks old."""
    for text in ("one", "two"):
        (git_repo / "data").write_text(text)
        assert tracker("add", "data").status == 0
    assert tracker("artifact", "rm", "data:v0", "--yes").status == 0
    age(Repo.open(git_repo))
    return git_repo


def test_gc_says_first_and_does_it_with_yes(tracker: Tracker, two_versions: Path) -> None:
    said = tracker("gc", "--grace", "0")
    assert (said.status, said.out) == (0, "Would remove 1 object (3 B) of 2.\n")
    assert said.err == "Hint: do it: tracker gc --grace 0s --yes\n"
    assert Repo.open(two_versions).store.contains(OBJECT)
    assert tracker("gc", "--grace", "0", "--yes").out == "Moved 1 object (3 B) of 2 to the trash.\n"
    assert not Repo.open(two_versions).store.contains(OBJECT)
    assert tracker("gc", "--grace", "0", "--json").json["objects"] == 0
    said = tracker("why", OBJECT[:12])
    assert (said.status, said.err) == (
        3,
        f"Error: no digest here begins with {OBJECT[:12]}, and no artifact is called that\n",
    )
    assert tracker("gc", "--undo").out.startswith("Brought back 1 object, removed ")
    assert Repo.open(two_versions).store.contains(OBJECT)
    said = tracker("gc", "--undo")
    assert (said.status, said.err) == (3, "Error: the trash is empty: there is nothing to bring back\n")


def test_gc_keeps_what_is_young(tracker: Tracker, two_versions: Path) -> None:
    said = tracker("gc")
    assert said.out == "There is no garbage.\n"
    assert "1 more object that nothing names" in said.err


def test_gc_empties_the_trash_only_with_yes(tracker: Tracker, two_versions: Path) -> None:
    tracker("gc", "--grace", "0", "--yes")
    assert tracker("gc", "--empty-trash").out.startswith("Would free ")
    assert tracker("gc", "--empty-trash", "--yes").out.startswith("Freed ")
    assert tracker("gc", "--empty-trash", "--yes").out == "The trash is empty.\n"
    assert tracker("gc", "--undo").status == 3
    assert tracker("gc", "--undo", "--yes").status == 2


def test_gc_follows_the_rules_of_collections(tracker: Tracker, git_repo: Path) -> None:
    """And says which versions go, and by which rule."""
    for number in range(4):
        (git_repo / "data").write_text(str(number))
        tracker("add", "data")
    (git_repo / "tracker.yaml").write_text("keep: last 2\n")
    age(Repo.open(git_repo))
    said = tracker("gc", "--grace", "0")
    assert said.out.splitlines() == [
        "Would delete uncategorized/data:v0: not among: last 2",
        "Would delete uncategorized/data:v1: not among: last 2",
        "Would remove 2 objects (2 B) of 4.",
    ]
    done = tracker("gc", "--grace", "0", "--yes", "--json").json
    assert [one["version"] for one in done["versions"]] == ["uncategorized/data:v0", "uncategorized/data:v1"]
    assert (done["objects"], done["done"]) == (2, True)
    assert tracker("gc", "--grace", "0", "--yes").out == "There is no garbage.\n"


def test_why_names_the_chain(tracker: Tracker, git_repo: Path) -> None:
    (git_repo / "data").mkdir()
    (git_repo / "data" / "a").write_text("one")
    tracker("track", "data")
    commit = save(git_repo)[:10]
    for what in (OBJECT, "data/a"):
        lines = tracker("why", what).out.splitlines()
        assert sorted(lines[1:], key=len) == [
            "  a <- uncategorized/data:v0 <- ledger, records",
            "  a <- uncategorized/data:v0 <- a tracked path <- last checkout",
            f"  a <- uncategorized/data:v0 <- pointer data <- commit {commit}, working tree",
        ]
    assert "contents of data, uncategorized/data:v0" in tracker("why", "data").out
    assert tracker("why", "data:v0", "--json").json["kept_by"]
    assert tracker("why", "nothing").status == 3


def test_verify_names_damage_and_says_what_is_lost(tracker: Tracker, git_repo: Path) -> None:
    (git_repo / "data").write_text("one")
    tracker("add", "data")
    assert tracker("verify").out == "Read 1 object: 0 problems.\n"
    flip(Path(Repo.open(git_repo).store.loose_path(OBJECT)))
    said = tracker("verify")
    assert said.status == 1
    assert said.out.startswith("damaged: uncategorized/data:v0 data: ")
    assert "tracker verify --repair" in said.err
    said = tracker("verify", "--repair", "--json")
    assert (said.status, said.json["lost"]) == (1, [OBJECT])
    tracker("add", "data")
    assert tracker("verify").status == 0


def test_run_rm_deletes_runs_and_what_they_logged(
    tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    monkeypatch.setattr(session, "_process_settings", api.Settings())
    for name in ("first", "second"):
        with api.init(project="p", name=name) as run:
            artifact = api.Artifact("weights", "model")
            with artifact.new_file("w.txt", "w") as stream:
                stream.write(name)
            run.log_artifact(artifact)
    capfd.readouterr()
    assert tracker("run", "rm", "first", "--dry-run", "--delete-artifacts").out.startswith(
        "Would delete run p/"
    )
    assert len(tracker("runs", "--json").json) == 2
    assert tracker("run", "rm", "first", "nobody", "--yes").status == 3
    assert len(tracker("runs", "--json").json) == 2
    said = tracker("run", "rm", "first", "--yes", "--delete-artifacts", "--json")
    assert said.json["done"] is True
    assert len(said.json["runs"]) == 1
    assert [row["name"] for row in tracker("runs", "--json").json] == ["second"]
    repo = Repo.open(git_repo)
    assert [v.version for v in repo.collections.versions("p", "weights")] == ["v1"]
    assert tracker("run", "rm").status == 2
