"""One project behind short methods, and its ledger."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.vcs.versioning import listing_of
from vcs.artifacts.collection import Logged
from vcs.artifacts.manifest import Origin
from vcs.digest import Digest
from vcs.errors import FormatError, GitError, NotFoundError, StoreError, UsageError
from vcs.files.listing import Listing
from vcs.layout import LEDGER_REF
from vcs.lock import file_lock
from vcs.repo import Changed, Repo


def recorded(folder: Path) -> list[str]:
    """The files of the ledger."""
    return git(folder, "ls-tree", "-r", "--name-only", LEDGER_REF).splitlines()


def diary(folder: Path) -> list[str]:
    """The messages of the ledger, oldest first."""
    return git(folder, "log", "--reverse", "--format=%s", LEDGER_REF).splitlines()


def busy(repo: Repo) -> Path:
    """The file whose lock holds up the ledger; nobody waits for it."""
    repo.ledger._timeout_s = 0.0
    return repo.layout.locks / "ledger"


def log(repo: Repo, text: str, **options: Any) -> Logged:
    """Store contents that depend on a text, and log them."""
    repo.here.put_bytes(f"{text}0".encode())
    return repo.log_artifact("P", "x", "model", listing_of(text), **options)


# opening


def test_a_repository_is_opened_from_any_folder_of_it(git_repo: Path) -> None:
    """And from a linked worktree, whose records are those of the main one."""
    (git_repo / "deep" / "er").mkdir(parents=True)
    git(git_repo, "worktree", "add", "-q", "../linked")
    for start in (git_repo, git_repo / "deep" / "er", git_repo.parent / "linked"):
        assert Repo.open(start).layout.records == git_repo / ".tracker"


def test_opening_starts_at_the_current_folder(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is given."""
    monkeypatch.chdir(git_repo)
    assert Repo.open().layout.root == git_repo


def test_a_plain_folder_works_without_git(plain_dir: Path) -> None:
    """There is no ledger then, and no warning about it."""
    repo = Repo.open(plain_dir)
    logged = log(repo, "A")
    assert (repo.git, logged.warnings, logged.new) == (None, (), True)
    assert repo.resolve("x", project="P").version == "v0"
    assert repo.capture_code().commit is None


def test_opening_for_reading_makes_nothing(git_repo: Path, plain_dir: Path) -> None:
    """Not even a folder."""
    for folder in (git_repo, plain_dir):
        before = sorted(folder.rglob("*"))
        repo = Repo.open(folder, create=False)
        assert repo.collections.names() == []
        with pytest.raises(NotFoundError):
            repo.resolve("x", project="P")
        assert sorted(folder.rglob("*")) == before


def test_git_never_sees_the_records(git_repo: Path) -> None:
    """From the first moment on."""
    repo = Repo.open(git_repo)
    assert git(git_repo, "status", "--porcelain") == ""
    log(repo, "A")
    assert git(git_repo, "status", "--porcelain") == ""


def test_opening_runs_one_git_process(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is a ledger already."""
    log(Repo.open(git_repo), "A")
    started = []
    popen = subprocess.Popen

    class Counted(popen):  # type: ignore[misc, valid-type]
        def __init__(self, command: object, *arguments: object, **options: object) -> None:
            started.append(command)
            super().__init__(command, *arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    Repo.open(git_repo)
    assert len(started) == 1


def test_the_store_can_lie_elsewhere(git_repo: Path, tmp_path: Path) -> None:
    """As tracker.yaml says; records and machinery stay."""
    (git_repo / "tracker.yaml").write_text(f"store: {tmp_path / 'scratch'}\n")
    repo = Repo.open(git_repo)
    repo.store.put_bytes(b"weights")
    assert (tmp_path / "scratch").is_dir()
    assert repo.layout.machinery == git_repo / ".git" / "tracker"


def test_damaged_settings_are_said_so(git_repo: Path) -> None:
    """With file and line."""
    (git_repo / "tracker.yaml").write_text("project: [\n")
    with pytest.raises(FormatError, match=r"tracker\.yaml"):
        Repo.open(git_repo)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """A slip of the pen."""
    with pytest.raises(UsageError, match="does not exist"):
        Repo.open(tmp_path / "nowhere")


def test_a_records_folder_that_cannot_be_made_is_a_store_error(plain_dir: Path) -> None:
    """Here a file is in its place."""
    (plain_dir / ".tracker").write_text("mine")
    with pytest.raises(StoreError, match=r"\.tracker"):
        Repo.open(plain_dir)


# contents


def test_a_folder_goes_in_and_comes_out(git_repo: Path, tmp_path: Path) -> None:
    """Through a version, with what .trackerignore leaves out left out."""
    data = git_repo / "data"
    data.mkdir()
    for name in ("a.bin", "b.tmp"):
        (data / name).write_text(name)
    (git_repo / ".trackerignore").write_text("*.tmp\n")
    repo = Repo.open(git_repo)
    manifest = repo.log_artifact("P", "data", "dataset", repo.add_tree(data)).manifest
    result = repo.checkout(manifest, tmp_path / "out")
    assert result.added == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.bin"]


def test_a_file_goes_in(git_repo: Path) -> None:
    """Under the name that it shall have."""
    entry = Repo.open(git_repo).add_file(git_repo / "train.py", name="code/main.py")
    assert (entry.path, entry.size) == ("code/main.py", 18)


def test_the_code_of_the_working_tree_becomes_a_commit(git_repo: Path) -> None:
    """With the limits of the settings."""
    (git_repo / "tracker.yaml").write_text("code: {limit: 10}\n")
    (git_repo / "big.txt").write_text("x" * 11)
    state = Repo.open(git_repo).capture_code()
    assert [left.path for left in state.left_out] == ["big.txt", "tracker.yaml"]


# the ledger


def test_one_commit_carries_a_version_and_its_aliases(git_repo: Path) -> None:
    """A reader of the ledger never sees one without the other."""
    repo = Repo.open(git_repo)
    logged = log(repo, "A", aliases=["best"], origin=Origin(run="r1"), metadata={"a": 1})
    assert logged.warnings == ()
    assert diary(git_repo) == ["artifact P/x:v0 (best, latest)"]
    assert recorded(git_repo) == ["artifacts/P/x/aliases.yaml", "artifacts/P/x/v0.yaml"]


def test_the_ledger_reads_as_a_diary(git_repo: Path) -> None:
    """One line for each thing that happened, none for what did not."""
    repo = Repo.open(git_repo)
    first = log(repo, "A").manifest
    log(repo, "A")
    second = log(repo, "B").manifest
    log(repo, "A", metadata={"acc": 1})
    repo.move_alias("P", "x", "best", "v1")
    repo.move_alias("P", "x", "best", "v1")
    repo.remove_alias("P", "x", "best")
    repo.edit_artifact(first, tags=["paper"])
    repo.edit_artifact(first, tags=["paper"])
    repo.link_artifact(first, "registry", "m", ["prod"])
    repo.delete_artifact(second)
    assert diary(git_repo) == [
        "artifact P/x:v0 (latest)",
        "artifact P/x:v1 (latest)",
        "artifact P/x:v0 edited: metadata (latest)",
        "artifact P/x:v1 (best)",
        "artifact P/x:v1 (without best)",
        "artifact P/x:v0 edited",
        "link registry/m:v0 (prod, latest)",
        "artifact P/x:v1 deleted",
    ]
    assert recorded(git_repo) == [
        "artifacts/P/x/aliases.yaml",
        "artifacts/P/x/edits.yaml",
        "artifacts/P/x/v0.yaml",
        "artifacts/registry/m/aliases.yaml",
        "artifacts/registry/m/v0.yaml",
    ]


def test_editing_a_link_records_the_edit_of_its_source(git_repo: Path) -> None:
    """Which lies in another collection."""
    repo = Repo.open(git_repo)
    source = log(repo, "A").manifest
    link = repo.link_artifact(source, "registry", "m").manifest
    changed = repo.edit_artifact(link, description="good")
    assert changed.details is not None
    assert changed.details.description == "good"
    assert "good" in git(git_repo, "show", f"{LEDGER_REF}:artifacts/P/x/edits.yaml")


def test_git_clean_loses_nothing(git_repo: Path) -> None:
    """The records come back with the next opening, and what was deleted stays deleted."""
    repo = Repo.open(git_repo)
    for text in "AB":
        log(repo, text, aliases=["best"])
    repo.delete_artifact(repo.resolve("x:v0", project="P"))
    git(git_repo, "clean", "-fdxq")
    assert not (git_repo / ".tracker").exists()
    again = Repo.open(git_repo, create=False)
    assert again.warnings == ()
    assert again.collections.aliases("P", "x") == {"best": "v1", "latest": "v1"}
    assert [manifest.version for manifest in again.collections.versions("P", "x")] == ["v1"]
    assert log(again, "A").manifest.version == "v2"


def test_a_busy_ledger_costs_no_version(git_repo: Path) -> None:
    """It is a warning, and the next change of the artifact takes the version along."""
    repo = Repo.open(git_repo)
    log(repo, "A")
    with file_lock(busy(repo), timeout_s=5, what="the test"):
        logged = log(repo, "B")
    assert logged.new
    assert len(logged.warnings) == 1
    assert "not yet in the ledger: artifact P/x:v1 (latest)" in logged.warnings[0]
    assert repo.resolve("x", project="P").version == "v1"
    assert "artifacts/P/x/v1.yaml" not in recorded(git_repo)
    assert repo.move_alias("P", "x", "best", "v0").warnings == ()
    assert "artifacts/P/x/v1.yaml" in recorded(git_repo)


def test_a_deletion_that_the_ledger_missed_is_made_up_for(git_repo: Path) -> None:
    """So a deleted version does not live on in every clone."""
    repo = Repo.open(git_repo)
    for text in "AB":
        log(repo, text)
    with file_lock(busy(repo), timeout_s=5, what="the test"):
        changed = repo.delete_artifact(repo.resolve("x:v0", project="P"))
    assert len(changed.warnings) == 1
    assert "artifacts/P/x/v0.yaml" in recorded(git_repo)
    log(repo, "C")
    assert "artifacts/P/x/v0.yaml" not in recorded(git_repo)


def test_a_manifest_that_was_lost_is_not_taken_out_of_the_ledger(git_repo: Path) -> None:
    """Only a deletion on purpose does that."""
    repo = Repo.open(git_repo)
    for text in "AB":
        log(repo, text)
    repo.layout.manifest("P", "x", 0).unlink()
    log(repo, "C")
    assert "artifacts/P/x/v0.yaml" in recorded(git_repo)


def test_a_process_killed_before_the_ledger_is_made_up_for(git_repo: Path) -> None:
    """The version and its alias are on disk; here nothing ever told the ledger."""
    repo = Repo.open(git_repo)
    log(repo, "A")
    repo.collections.log("P", "x", "model", listing_of("B"))
    log(Repo.open(git_repo), "C")
    assert recorded(git_repo)[-3:] == [f"artifacts/P/x/v{number}.yaml" for number in range(3)]


def test_git_going_missing_costs_no_version(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After opening; the warning says what is missing."""
    repo = Repo.open(git_repo)
    monkeypatch.setenv("PATH", str(git_repo / "nowhere"))
    logged = log(repo, "A")
    assert "git is not installed" in logged.warnings[0]
    assert repo.resolve("x", project="P").version == "v0"
    with pytest.raises(GitError, match="not installed"):
        Repo.open(git_repo)


def test_records_that_cannot_come_back_are_a_warning(git_repo: Path) -> None:
    """Who only wants to read what is there can go on."""
    repo = Repo.open(git_repo)
    log(repo, "A")
    git(git_repo, "clean", "-fdxq")
    blob = git(git_repo, "rev-parse", f"{LEDGER_REF}:artifacts/P/x/v0.yaml").strip()
    for path in (git_repo / ".git" / "objects").rglob(f"{blob[:2]}/{blob[2:]}"):
        path.unlink()
    packs = list((git_repo / ".git" / "objects" / "pack").glob("*"))
    for path in packs:
        path.unlink()
    again = Repo.open(git_repo, create=False)
    assert again.warnings
    assert "could not be brought back" in again.warnings[0]


def test_what_changed_nothing_says_so(git_repo: Path) -> None:
    """No commit, no warning."""
    repo = Repo.open(git_repo)
    assert repo.remove_alias("P", "x", "best") == Changed()
    manifest = log(repo, "A").manifest
    before = diary(git_repo)
    assert repo.edit_artifact(manifest, description="").warnings == ()
    logged = log(repo, "A")
    assert (logged.new, logged.moved, logged.changed, logged.warnings) == (False, (), (), ())
    assert diary(git_repo) == before


def test_a_current_folder_that_was_removed_is_said(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose scratch folder was cleaned away under its feet."""
    gone = plain_dir / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the current folder does not exist any more"):
        Repo.open()
    monkeypatch.chdir(plain_dir)


def test_what_was_just_added_is_not_looked_for_again(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft is: it may rely on a version that is gone."""
    data = git_repo / "data"
    data.mkdir()
    (data / "a").write_bytes(b"a")
    repo = Repo.open(git_repo)
    listing = repo.add_tree(data)
    with monkeypatch.context() as patch:
        patch.setattr("vcs.files.held.hold", lambda *_: pytest.fail("looked for"))
        assert repo.log_artifact("p", "data", "dataset", listing).new
    repo.store.delete([Digest(entry.digest) for entry in listing])
    with pytest.raises(NotFoundError, match="a of other"):
        repo.log_artifact("p", "other", "dataset", Listing(listing.entries))
    with repo.store.batch() as batch:
        shared = repo.add_tree(data, batch=batch)
    assert (listing.kept_at, shared.kept_at) == (repo.store.place, None)
