"""Checkouts of hostile pointers, on a full disk, killed, and two at once."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked.two_versions import V0, V1
from tests.vcs.tracked_project import (
    checkout,
    commit,
    read,
    save,
    state,
    tracked_folder,
    write,
)
from vcs.errors import ConflictError, StoreError
from vcs.git import Git
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.memory import TrackedMemory
from vcs.tracked.pointer import read_pointer, write_pointer


def test_a_hostile_pointer_writes_nothing(git_repo: Path, tmp_path: Path) -> None:
    """Into .git, into the records, or through a link to elsewhere."""
    tracked_folder(git_repo, files={"hooks/pre-commit": "evil", "config": "evil"})
    pointer = read_pointer(git_repo / "data" / "MNIST.tracker")
    (tmp_path / "elsewhere").mkdir()
    (git_repo / "out").symlink_to(tmp_path / "elsewhere")
    write_pointer(git_repo / ".git.tracker", pointer)
    write_pointer(tmp_path / "elsewhere" / "x.tracker", pointer)
    before = (git_repo / ".git" / "config").read_text()
    plan = tracked.plan_checkout(Repo.open(git_repo))
    assert [one.path for one in plan.blocked] == [".git"]
    plan.apply()
    assert (git_repo / ".git" / "config").read_text() == before
    assert read(tmp_path / "elsewhere").keys() == {"x.tracker"}


def test_a_link_on_the_way_is_not_followed(git_repo: Path, tmp_path: Path) -> None:
    """git would not follow it either."""
    folder = tracked_folder(git_repo, files=V0)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(git_repo / "data" / "MNIST.tracker", tmp_path / "elsewhere")
    shutil.rmtree(git_repo / "data")
    (git_repo / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConflictError, match="is a link"):
        checkout(git_repo)
    assert read(tmp_path / "elsewhere").keys() == {"MNIST.tracker"}
    assert not folder.is_dir()


def test_a_full_disk_leaves_the_files(git_repo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next checkout goes on."""
    git(git_repo, "checkout", "-q", "old")
    plan = tracked.plan_checkout(Repo.open(git_repo))

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("vcs.files.checkout.CheckoutPlan.apply", full)
        assert [str(error) for _, error in plan.apply().failed] == ["the disk is full"]
    assert read(folder) == V1
    assert state(git_repo, "data/MNIST") == "unfinished"
    assert commit(git_repo).paths == ()
    checkout(git_repo)
    assert (read(folder), state(git_repo, "data/MNIST")) == (V0, "unchanged")


_CHILD = """
import sys
from pathlib import Path
from vcs.tracked import verbs as tracked
from vcs.repo import Repo
tracked.plan_checkout(Repo.open(Path(sys.argv[1]))).apply()
"""


@pytest.mark.slow
@pytest.mark.parametrize("wait_s", [0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6])
def test_a_killed_checkout_is_never_taken_for_a_change(git_repo: Path, wait_s: float) -> None:
    """Wherever the kill hits, no version is made of it, and the next checkout completes it."""
    old = {f"{index % 20:02}/{index}.txt": f"old {index}" for index in range(600)}
    new = {f"{index % 20:02}/{index}.txt": f"new {index}" for index in range(300, 900)}
    folder = tracked_folder(git_repo, files=old)
    git(git_repo, "branch", "old")
    shutil.rmtree(folder)
    write(folder, new)
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "old")
    process = subprocess.Popen([sys.executable, "-c", _CHILD, str(git_repo)])
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state(git_repo, "data/MNIST") in ("outdated", "unfinished", "unchanged")
    assert commit(git_repo).paths == ()
    checkout(git_repo)
    assert read(folder) == old
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_a_broken_off_first_checkout_is_completed(git_repo: Path) -> None:
    """Part of the files is there, and no base."""
    folder = tracked_folder(git_repo, files=V0)
    memories = TrackedMemory(Git(git_repo))
    memories.forget("data/MNIST")
    memories.begin("data/MNIST")
    (folder / "a.txt").unlink()
    assert state(git_repo, "data/MNIST") == "unfinished"
    assert commit(git_repo).paths == ()
    checkout(git_repo, restore=False)
    assert read(folder) == V0
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_two_checkouts_at_once_end_well(git_repo: Path, folder: Path) -> None:
    """A hook and a user."""
    git(git_repo, "checkout", "-q", "old")
    children = [subprocess.Popen([sys.executable, "-c", _CHILD, str(git_repo)]) for _ in range(3)]
    for child in children:
        child.wait()
    checkout(git_repo)
    assert read(folder) == V0
