"""Plans of downloads: files and references counted together, nothing lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.live.port import PortRun
from tracker.artifact import Artifact
from tracker.artifacts.home import Home
from tracker.artifacts.logged import Version
from tracker.errors import ConflictError, NotFoundError
from tracker.live.artifact_ops import log_artifact


@pytest.fixture
def version(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """A version with a file, a reference to a file of this machine, and one to elsewhere."""
    monkeypatch.chdir(git_repo)
    raw = git_repo.parent / "raw.bin"
    raw.write_bytes(b"raw bytes")
    artifact = Artifact("mnist", "dataset")
    with artifact.new_file("a.txt", "w") as stream:
        stream.write("one")
    artifact.add_reference(raw, name="sub/raw.bin")
    artifact.add_reference("s3://bucket/far.bin")
    run = PortRun(git_repo)
    logged = log_artifact(run, artifact)
    return Version(run.repo.resolve(logged.name, project="LeNet5"), Home(run.repo, "LeNet5"))


def test_a_plan_counts_references_and_changes_nothing(version: Version, tmp_path: Path) -> None:
    """The one elsewhere is left out."""
    plan = version.plan(tmp_path / "out")
    assert plan.counts == {"added": 2, "replaced": 0, "removed": 0, "kept": 0}
    assert [entry.path for entry in plan.left_out] == ["far.bin"]
    assert not (tmp_path / "out").exists()


def test_copies_of_references_are_kept_by_an_exact_plan(version: Version, tmp_path: Path) -> None:
    """Also when what they refer to is gone: the copy has the digest."""
    root = tmp_path / "out"
    version.place(version.plan(root))
    (root / "stranger").write_text("x")
    (tmp_path / "raw.bin").unlink()
    plan = version.plan(root, exact=True)
    assert plan.counts == {"added": 0, "replaced": 0, "removed": 1, "kept": 2}
    assert plan.conflicts == ("stranger",)
    version.place(plan)
    assert sorted(path.name for path in root.rglob("*")) == ["a.txt", "raw.bin", "sub"]


def test_a_copy_of_a_reference_changed_by_hand_is_a_conflict(version: Version, tmp_path: Path) -> None:
    """As a file is; overwriting brings it back."""
    root = tmp_path / "out"
    version.place(version.plan(root))
    (root / "sub" / "raw.bin").write_text("mine")
    plan = version.plan(root)
    assert plan.conflicts == ("sub/raw.bin",)
    with pytest.raises(ConflictError, match=r"sub/raw\.bin"):
        version.place(plan, overwrite=False)
    assert (root / "sub" / "raw.bin").read_text() == "mine"
    version.place(plan)
    assert (root / "sub" / "raw.bin").read_bytes() == b"raw bytes"


def test_a_link_in_the_place_of_a_reference_is_not_followed(version: Version, tmp_path: Path) -> None:
    """It is a conflict, and is replaced by the copy."""
    root = tmp_path / "out"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "raw.bin").symlink_to(tmp_path / "elsewhere")
    assert version.plan(root).conflicts == ("sub/raw.bin",)
    version.place(version.plan(root))
    assert not (root / "sub" / "raw.bin").is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_a_reference_whose_file_is_gone_is_an_error_after_the_files_came(
    version: Version, tmp_path: Path
) -> None:
    """Or is returned, where that is allowed."""
    (tmp_path / "raw.bin").unlink()
    root = tmp_path / "out"
    with pytest.raises(NotFoundError, match=r"raw\.bin"):
        version.place(version.plan(root))
    assert (root / "a.txt").read_text() == "one"
    left = version.plan(root).apply(version.home.repo.stat_cache, allow_missing=True)
    assert [entry.path for entry in left] == ["far.bin", "sub/raw.bin"]
