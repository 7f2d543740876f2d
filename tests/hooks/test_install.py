"""Installing and removing: where, over what, and that nothing stays behind."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

import hooks.install
from hooks.dispatch import HOOKS
from hooks.install import install, shim, status, uninstall
from tests.conftest import git
from tests.hooks.project import Project
from vcs.errors import AlreadyExistsError, UsageError
from vcs.git import Git

OLD_HOOK = b"#!/bin/sh\necho old hook ran >&2\nexit ${OLD_STATUS:-0}\n"
Snapshot = dict[str, tuple[str, int, bytes]]


def snapshot(folder: Path) -> Snapshot:
    """Every path with its kind, mode and content."""
    found: Snapshot = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if path.is_symlink():
            found[str(path)] = ("link", 0, os.fsencode(os.readlink(path)))
        elif path.is_file():
            found[str(path)] = ("file", stat.S_IMODE(mode), path.read_bytes())
        else:
            found[str(path)] = ("folder", stat.S_IMODE(mode), b"")
    return found


def put(path: Path, content: bytes = OLD_HOOK, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def hooks_of(project: Project) -> Path:
    return project.root / ".git" / "hooks"


def remove(project: Project) -> list[str]:
    return uninstall(Git(project.root), project.layout)


def test_every_hook_gets_an_executable_shim(bare_project: Project) -> None:
    """All eight are there, and git may run them."""
    bare_project.install()
    for name in HOOKS:
        assert os.access(hooks_of(bare_project) / name, os.X_OK)
    assert status(Git(bare_project.root), bare_project.layout).is_complete


def test_installing_twice_changes_nothing(bare_project: Project) -> None:
    """The second call finds its own shims and sets none of them aside."""
    put(hooks_of(bare_project) / "pre-commit")
    bare_project.install()
    before = snapshot(hooks_of(bare_project))
    bare_project.install()
    assert snapshot(hooks_of(bare_project)) == before


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o644])
def test_uninstalling_restores_hooks_byte_for_byte(bare_project: Project, mode: int) -> None:
    """The hook that was there has its bytes and its mode again, and nothing is added or missing."""
    put(hooks_of(bare_project) / "pre-commit", OLD_HOOK + b"\xff\x00 no newline at the end", mode)
    before = snapshot(bare_project.root / ".git" / "hooks")
    bare_project.install()
    assert remove(bare_project) == list(HOOKS)
    assert snapshot(bare_project.root / ".git" / "hooks") == before


def test_uninstalling_restores_a_hook_that_is_a_link(bare_project: Project) -> None:
    """A link into the working tree is a link again, not a copy of its target."""
    put(bare_project.root / "tools" / "check.sh")
    (hooks_of(bare_project) / "pre-commit").symlink_to("../../tools/check.sh")
    before = snapshot(bare_project.root)
    bare_project.install()
    assert "old hook ran" in bare_project.git("commit", "--allow-empty", "-m", "x").text
    remove(bare_project)
    after = snapshot(bare_project.root)
    assert (
        after[str(hooks_of(bare_project) / "pre-commit")]
        == before[str(hooks_of(bare_project) / "pre-commit")]
    )


def test_a_hooks_folder_that_was_not_there_is_gone_again(bare_project: Project) -> None:
    """git does not need the folder; nor do we leave it."""
    folder = hooks_of(bare_project)
    for sample in folder.iterdir():
        sample.unlink()
    folder.rmdir()
    bare_project.install()
    bare_project.install()
    remove(bare_project)
    assert not folder.exists()


def test_uninstalling_leaves_nothing_among_our_machinery(project: Project) -> None:
    """What hooks remembered of each other goes with them."""
    project.write("train.py", "print(2)\n")
    project.commit("change")
    remove(project)
    assert not (project.root / ".git" / "tracker" / "hooks").exists()
    assert remove(project) == []


def test_what_hooks_path_names_is_used(bare_project: Project) -> None:
    """A relative core.hooksPath is one of the working tree, as git takes it."""
    bare_project.git("config", "core.hooksPath", ".githooks")
    put(bare_project.root / ".githooks" / "pre-commit")
    bare_project.install()
    found = status(Git(bare_project.root), bare_project.layout)
    assert (found.folder, found.is_shared) == (bare_project.root / ".githooks", False)
    assert "old hook ran" in bare_project.git("commit", "--allow-empty", "-m", "x").text
    remove(bare_project)
    assert [path.name for path in (bare_project.root / ".githooks").iterdir()] == ["pre-commit"]


def test_a_folder_outside_is_known_to_be_shared(bare_project: Project, tmp_path: Path) -> None:
    """Other repositories that use the folder are not served before somebody installs there."""
    shared = tmp_path / "shared hooks"
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    for folder in (bare_project.root, other):
        git(folder, "config", "core.hooksPath", str(shared))
    bare_project.install()
    assert status(Git(bare_project.root), bare_project.layout).is_shared
    elsewhere = Project(other)
    elsewhere.write("big.pt", b"weights")
    elsewhere.git("add", "big.pt")
    assert "tracker" not in elsewhere.git("commit", "-m", "a model").text
    assert not status(Git(other), elsewhere.layout).active


def test_hooks_that_are_switched_off_stay_off(bare_project: Project) -> None:
    """Who has told git to run no hooks is told so."""
    bare_project.git("config", "core.hooksPath", "/dev/null")
    with pytest.raises(UsageError, match="told to run no hooks"):
        bare_project.install()


def test_hooks_path_may_change_after_installing(bare_project: Project, tmp_path: Path) -> None:
    """Uninstalling finds the shims where they were put."""
    before = snapshot(hooks_of(bare_project))
    bare_project.install()
    bare_project.git("config", "core.hooksPath", str(tmp_path / "elsewhere"))
    assert not status(Git(bare_project.root), bare_project.layout).is_complete
    assert remove(bare_project) == list(HOOKS)
    assert snapshot(hooks_of(bare_project)) == before


def test_a_linked_worktree_shares_the_hooks(bare_project: Project, tmp_path: Path) -> None:
    """git has one hooks folder for all working trees."""
    bare_project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Project(tmp_path / "linked")
    linked.install()
    assert status(Git(bare_project.root), bare_project.layout).is_complete
    assert (hooks_of(bare_project) / "pre-commit").exists()


def test_a_submodule_has_hooks_of_its_own(bare_project: Project, tmp_path: Path) -> None:
    """They lie in the submodule's git directory, and the outer repository has none."""
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "first")
    bare_project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    submodule = Project(bare_project.root / "sub")
    submodule.install()
    submodule.write("model.pt", b"weights")
    submodule.git("add", "model.pt")
    assert "not committed" in submodule.git("commit", "-m", "x", check=False).text
    assert (bare_project.root / ".git" / "modules" / "sub" / "hooks" / "pre-commit").exists()
    assert not (hooks_of(bare_project) / "pre-commit").exists()


def test_two_hooks_from_before_are_not_mixed_up(bare_project: Project) -> None:
    """Another tool replaced our shim; which of the two old hooks counts is for the user to say."""
    put(hooks_of(bare_project) / "pre-commit")
    bare_project.install()
    put(hooks_of(bare_project) / "pre-commit", b"#!/bin/sh\n# of another tool\n")
    before = snapshot(hooks_of(bare_project))
    with pytest.raises(AlreadyExistsError, match="two hooks from before"):
        bare_project.install()
    assert snapshot(hooks_of(bare_project)) == before


def test_the_same_hook_again_is_no_second_one(bare_project: Project) -> None:
    """A tool that writes its hook anew at every start is taken over again."""
    put(hooks_of(bare_project) / "pre-commit")
    bare_project.install()
    put(hooks_of(bare_project) / "pre-commit")
    bare_project.install()
    assert status(Git(bare_project.root), bare_project.layout).is_complete
    remove(bare_project)
    assert (hooks_of(bare_project) / "pre-commit").read_bytes() == OLD_HOOK


def test_a_failure_in_between_leaves_the_old_hook_working(
    bare_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old hook has its name until the shim takes it in one step."""
    put(hooks_of(bare_project) / "pre-commit")
    before = snapshot(hooks_of(bare_project))

    def fail(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(hooks.install, "_write_executable", fail)
        with pytest.raises(KeyboardInterrupt):
            bare_project.install()
    assert "old hook ran" in bare_project.git("commit", "--allow-empty", "-m", "x").text
    bare_project.install()
    remove(bare_project)
    assert snapshot(hooks_of(bare_project)) == before


def test_shims_without_the_record_call_the_old_hook_only(bare_project: Project) -> None:
    """Killed before the last step of installing, git works as before."""
    put(hooks_of(bare_project) / "pre-commit")
    bare_project.install()
    (bare_project.root / ".git" / "tracker" / "hooks" / "installed").unlink()
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    said = bare_project.git("commit", "-m", "x").text
    assert "old hook ran" in said
    assert "tracker" not in said


def test_a_shim_of_another_release_is_seen_and_replaced(bare_project: Project) -> None:
    """Installing again brings it up to date, and does not take it for a foreign hook."""
    bare_project.install()
    place = hooks_of(bare_project) / "post-commit"
    place.write_text(shim("post-commit") + "# of an older release\n")
    found = status(Git(bare_project.root), bare_project.layout)
    assert {one.state for one in found.hooks if one.name == "post-commit"} == {"outdated"}
    bare_project.install()
    assert place.read_text() == shim("post-commit")
    assert not (hooks_of(bare_project) / "post-commit.before-tracker").exists()


def test_the_shim_has_no_path_of_this_machine() -> None:
    """It may be committed (core.hooksPath in the working tree); the interpreter is written down elsewhere."""
    assert sys.executable not in shim("pre-commit")
    assert "@" not in shim("pre-commit").replace('"$@"', "")


def test_a_folder_in_the_place_of_a_hook_is_refused(bare_project: Project) -> None:
    """Before anything is changed."""
    (hooks_of(bare_project) / "pre-push").mkdir()
    before = snapshot(hooks_of(bare_project))
    with pytest.raises(UsageError, match="is a folder"):
        install(Git(bare_project.root), bare_project.layout, Path(sys.executable))
    assert snapshot(hooks_of(bare_project)) == before
