"""Before a commit: data is stored with it, whatever way it is made; what should not go into git does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hooks.dispatch import REFUSED
from tests.hooks.project import Project, make
from vcs.errors import StoreError
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import write_pointer


@pytest.fixture
def quiet(git_repo: Path) -> Project:
    """A project whose hooks are called in this process only."""
    return make(git_repo, hooks=False)


def change(project: Project, text: str = "second\n") -> None:
    """Change one file of the data, and one line of code."""
    project.write("data/0.txt", text)
    project.write("train.py", f"print({text!r})\n")


# storing


def test_a_commit_takes_the_changed_data_along(project: Project) -> None:
    """The commit's pointer names a new version, which has what lies there."""
    change(project)
    project.git("add", "train.py")
    said = project.git("commit", "-m", "change").text
    assert "tracker: data is data:v1 now (1 file changed)" in said
    assert (project.committed(), project.committed(commit="HEAD~1")) == ("v1", "v0")
    assert project.ask("status", "--porcelain") == ""


def test_a_commit_of_everything_does_too(project: Project) -> None:
    """`git commit -a` is made from an index of its own."""
    change(project)
    project.commit("change")
    assert project.committed() == "v1"
    assert project.ask("status", "--porcelain") == ""


def test_a_commit_of_some_paths_does_too_and_leaves_the_index_right(project: Project) -> None:
    """`git commit PATH` uses two indexes: what else was staged stays staged, and the pointer is in both."""
    change(project)
    project.write("other.py", "1\n")
    project.git("add", "other.py")
    project.git("commit", "-m", "change", "train.py")
    assert project.committed() == "v1"
    assert project.ask("status", "--porcelain") == "A  other.py"


def test_an_amended_commit_does_too(project: Project) -> None:
    """The data of the commit that is made better."""
    change(project)
    project.commit("change")
    project.write("data/1.txt", "third\n")
    project.git("commit", "-q", "--amend", "--no-edit")
    assert project.committed() == "v2"
    assert project.ask("rev-list", "--count", "HEAD") == "3"


def test_data_that_did_not_change_is_left_alone(project: Project) -> None:
    """No version, no line."""
    project.write("train.py", "print(2)\n")
    assert "tracker" not in project.commit("code").text
    assert project.committed() == "v0"


def test_data_alone_takes_a_second_commit(project: Project) -> None:
    """git has counted what there is before it asks; the user is told, and the pointer waits."""
    project.write("data/0.txt", "second\n")
    first = project.git("commit", "-m", "data", check=False)
    assert first.code == 1
    assert "commit again" in first.text
    project.git("commit", "-m", "data")
    assert project.committed() == "v1"


def test_a_version_made_by_hand_is_staged(project: Project) -> None:
    """After `tracker commit` the pointer in the working tree is ahead of git's."""
    project.write("data/0.txt", "second\n")
    tracked.commit(project.repo)
    project.write("train.py", "print(2)\n")
    project.git("add", "train.py")
    project.git("commit", "-q", "-m", "change")
    assert project.committed() == "v1"


def test_a_pointer_that_is_not_at_its_data_is_not_staged(quiet: Project) -> None:
    """Somebody brought an old pointer back, without its data: what that is for is theirs to say."""
    quiet.write("data/0.txt", "second\n")
    tracked.commit(quiet.repo)
    quiet.git("commit", "-q", "-a", "-m", "second")
    old = quiet.ask("show", "HEAD~1:data.tracker")
    quiet.write("data.tracker", f"{old}\n")
    assert quiet.hook("pre-commit") == 0
    assert quiet.ask("status", "--porcelain") == " M data.tracker"


def test_a_pointer_that_git_has_not_is_not_added(quiet: Project) -> None:
    """What the user has not added is not in the commit."""
    quiet.write("more/a.txt", "1\n")
    tracked.track(quiet.repo, quiet.root / "more", project="p")
    assert quiet.hook("pre-commit") == 0
    assert "?? more.tracker" in quiet.ask("status", "--porcelain")


def test_no_verify_commits_without_the_data(project: Project) -> None:
    """The pointer stays, and so does the change."""
    change(project)
    project.commit("change", "--no-verify")
    assert project.committed() == "v0"
    assert tracked.status(project.repo)[0].state == "changed"


def test_data_that_cannot_be_stored_stops_the_commit(quiet: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit would name data that is not that of its code; why, and the way on, are said."""
    change(quiet)

    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write an object: the disk is full", hint="free some space")

    monkeypatch.setattr(tracked, "commit", full)
    assert quiet.hook("pre-commit") == REFUSED
    assert "the disk is full; free some space" in quiet.said[0]
    assert "--no-verify" in quiet.said[1]


def test_settings_that_cannot_be_read_stop_a_commit_of_data(quiet: Project) -> None:
    """With them nobody knows where to store."""
    quiet.write("tracker.yaml", "stroe: /scratch\n")
    assert quiet.hook("pre-commit") == REFUSED
    assert "unknown key 'stroe'" in quiet.said[0]
    assert quiet.hook("post-commit") == 0


def test_nothing_is_stored_in_the_middle_of_a_rebase(quiet: Project) -> None:
    """The data in the working tree is that of another commit."""
    change(quiet)
    (quiet.root / ".git" / "rebase-merge").mkdir()
    assert quiet.hook("pre-commit") == 0
    assert quiet.pointer().version == "v0"


def test_data_that_is_merely_old_is_not_taken_for_new(quiet: Project) -> None:
    """A pointer moved on without the data (`git reset`): committing does not turn it back."""
    quiet.write("data/0.txt", "second\n")
    tracked.commit(quiet.repo)
    quiet.git("commit", "-q", "-a", "-m", "second")
    quiet.git("reset", "-q", "--hard", "HEAD~1")
    assert tracked.status(quiet.repo)[0].state == "outdated"
    assert quiet.hook("pre-commit") == 0
    assert quiet.pointer().version == "v0"


def test_data_deleted_by_hand_is_no_new_version(quiet: Project) -> None:
    """A clone without the data commits as if it were there."""
    for path in (quiet.root / "data").iterdir():
        path.unlink()
    (quiet.root / "data").rmdir()
    assert quiet.hook("pre-commit") == 0
    assert quiet.said == []


def test_a_worktree_commits_its_own_data(project: Project, tmp_path: Path) -> None:
    """Each working tree has its data, its pointers and its index."""
    project.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked")
    linked = Project(tmp_path / "linked")
    assert linked.read("data/0.txt") == "first 0\n"
    change(linked, "linked\n")
    linked.commit("change")
    assert linked.committed() == "v1"
    assert project.read("data/0.txt") == "first 0\n"
    assert project.ask("status", "--porcelain") == ""


# pointers


def test_a_pointer_with_the_marks_of_a_merge_is_refused(project: Project) -> None:
    """A commit of it could not be checked out by anybody."""
    text = project.read("data.tracker")
    project.write("data.tracker", f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")
    refused = project.commit("merge", check=False)
    assert refused.code == 1
    assert "data.tracker has the marks of a merge in it" in refused.text
    assert project.commit("merge", "--no-verify").code == 0


def test_a_damaged_pointer_is_refused(project: Project) -> None:
    """By its name, and with the reason."""
    write_pointer(project.root / "more.tracker", project.pointer())
    project.write("more.tracker", project.read("more.tracker").replace("version: v0", "version: latest"))
    project.git("add", "more.tracker")
    refused = project.git("commit", "-m", "x", check=False)
    assert refused.code == 1
    assert "more.tracker is damaged: version cannot be 'latest'" in refused.text


# large files and models


def stage(project: Project, path: str, content: bytes | str = b"weights") -> None:
    project.write(path, content)
    project.git("add", "-f", path)


def test_a_model_is_refused_with_the_ways_out(project: Project) -> None:
    """Track it, ignore it, allow it, or commit it all the same."""
    stage(project, "models/lenet 5.pth")
    refused = project.git("commit", "-m", "model", check=False)
    assert refused.code == 1
    assert "models/lenet 5.pth (7 bytes, a model by its name)" in refused.text
    assert "git rm --cached 'models/lenet 5.pth' && tracker track 'models/lenet 5.pth'" in refused.text
    assert project.git("commit", "--no-verify", "-m", "model").code == 0


def test_a_large_file_is_refused(quiet: Project) -> None:
    """Above 10 MiB, whatever its name."""
    stage(quiet, "raw.bin", b"\0" * ((10 << 20) + 1))
    stage(quiet, "small.bin", b"\0" * (10 << 20))
    assert quiet.hook("pre-commit") == REFUSED
    assert [line for line in quiet.said if "bin (" in line] == ["  raw.bin (10.5 MB)"]


def test_the_limit_is_a_setting(quiet: Project) -> None:
    """`hooks: {max_file: …}` of tracker.yaml."""
    quiet.write("tracker.yaml", "hooks: {max_file: 1KiB}\n")
    stage(quiet, "table.csv", b"\0" * 1025)
    assert quiet.hook("pre-commit") == REFUSED
    assert "the limit is 1 KiB" in quiet.said[0]


@pytest.mark.parametrize("pattern", ["tests/data/*.pt", "tests/", "tiny.pt", "/tests/data/tiny.pt"])
def test_what_is_allowed_passes(quiet: Project, pattern: str) -> None:
    """By patterns of gitignore, from the top of the project."""
    quiet.write("tracker.yaml", f"hooks: {{allow: ['{pattern}']}}\n")
    stage(quiet, "tests/data/tiny.pt")
    assert quiet.hook("pre-commit") == 0


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("vocabulary.pkl", b"small"),
        ("empty.pt", b""),
        ("lfs.pt", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 44000000\n"),
        ("script.py", b"pt"),
        ("notes.pt.txt", b"pt"),
    ],
)
def test_what_only_looks_like_a_model_passes(quiet: Project, path: str, content: bytes) -> None:
    """Small pickles, pointers of git-lfs, other endings."""
    stage(quiet, path, content)
    assert quiet.hook("pre-commit") == 0


def test_what_git_has_already_passes(quiet: Project) -> None:
    """Changing, moving and removing such a file is no news; growing beyond the limit is."""
    stage(quiet, "model.pt")
    stage(quiet, "raw.bin", os.urandom(11 << 20))
    stage(quiet, "other.pt", b"other")
    quiet.git("commit", "-q", "-m", "knowingly")
    quiet.git("mv", "model.pt", "moved.pt")
    stage(quiet, "raw.bin", os.urandom(12 << 20))
    stage(quiet, "other.pt", b"changed")
    assert quiet.hook("pre-commit") == 0
    stage(quiet, "other.pt", b"\0" * (11 << 20))
    assert quiet.hook("pre-commit") == REFUSED


def test_what_a_merge_brings_is_not_judged(quiet: Project) -> None:
    """The other side committed it; what is added on top is ours."""
    quiet.git("checkout", "-q", "-b", "theirs")
    stage(quiet, "theirs.pt")
    quiet.git("commit", "-q", "-m", "theirs")
    quiet.git("checkout", "-q", "main")
    quiet.git("commit", "-q", "--allow-empty", "-m", "ours")
    quiet.git("merge", "-q", "--no-commit", "--no-ff", "theirs")
    assert quiet.hook("pre-commit") == 0
    stage(quiet, "ours.pt")
    assert quiet.hook("pre-commit") == REFUSED
    assert "theirs.pt" not in " ".join(quiet.said)


def test_a_link_with_the_name_of_a_model_passes(quiet: Project) -> None:
    """It holds a path, not weights."""
    (quiet.root / "latest.pt").symlink_to("elsewhere.pt")
    quiet.git("add", "latest.pt")
    assert quiet.hook("pre-commit") == 0


def test_many_are_named_up_to_ten(quiet: Project) -> None:
    """And the others are counted."""
    for number in range(13):
        stage(quiet, f"m{number:02}.pt")
    assert quiet.hook("pre-commit") == REFUSED
    assert "  and 3 more" in quiet.said
