"""Contents of DVC and Git LFS become versions, shared and not copied where that can be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker, save
from tracker import Api
from vcs.stores.base import LARGE_BYTES


def cached(root: Path, data: bytes, suffix: str = "") -> str:
    """Put contents into DVC's cache, as DVC does; return their MD5."""
    md5 = hashlib.md5(data).hexdigest()
    path = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / f"{md5[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(data)
        path.chmod(0o444)
    return md5


def tracked(root: Path, files: dict[str, bytes]) -> None:
    """Let DVC track a folder `data` with these files."""
    listing = [{"md5": cached(root, data), "relpath": name} for name, data in sorted(files.items())]
    md5 = cached(root, json.dumps(listing).encode(), ".dir")
    (root / "data.dvc").write_text(f"outs:\n- md5: {md5}.dir\n  hash: md5\n  path: data\n")


def test_each_commit_that_changed_data_of_dvc_is_a_version(tracker: Tracker, git_repo: Path) -> None:
    tracked(git_repo, {"a.txt": b"a", "sub/big": b"x" * LARGE_BYTES})
    first = save(git_repo)
    tracked(git_repo, {"a.txt": b"changed", "sub/big": b"x" * LARGE_BYTES})
    out = cached(git_repo, b"out")
    (git_repo / "dvc.lock").write_text(
        "stages:\n  train:\n    cmd: make\n    outs:\n"
        f"    - path: out.txt\n      hash: md5\n      md5: {out}\n"
    )
    second = save(git_repo)
    report = tracker("import", "dvc", ".", "-p", "p", "--json").json

    assert [(r["place"], r["versions"]) for r in report["runs"]] == [
        ("data", ["p/data:v0"]),
        ("data", ["p/data:v1"]),
        ("out.txt", ["p/out.txt:v0"]),
    ]
    old, new = Api().artifact("p/data:v0"), Api().artifact("p/data:latest")
    assert (old.commit_hash, new.commit_hash, new.version) == (first, second, "v1")
    folder = Path(old.download(str(git_repo / "there")))
    assert (folder / "a.txt").read_bytes() == b"a"
    assert Api().artifact("p/out.txt:v0").metadata == {"stage": "train", "cmd": "make"}
    assert tracker("import", "dvc", ".", "-p", "p", "--json").json["unchanged"] == 3


def test_large_contents_are_shared_with_the_cache(tracker: Tracker, git_repo: Path) -> None:
    tracked(git_repo, {"big": b"x" * LARGE_BYTES})
    md5 = hashlib.md5(b"x" * LARGE_BYTES).hexdigest()
    content = git_repo / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    tracker("import", "dvc", ".", "-p", "p")

    assert content.stat().st_nlink == 2
    assert content.stat().st_mode & 0o777 == 0o444


def test_damaged_and_missing_contents_of_dvc_are_refused(tracker: Tracker, git_repo: Path) -> None:
    tracked(git_repo, {"a": b"right"})
    md5 = hashlib.md5(b"right").hexdigest()
    content = git_repo / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    content.chmod(0o644)
    content.write_bytes(b"wrong")
    assert "is damaged" in tracker("import", "dvc", ".").err
    content.unlink()
    said = tracker("import", "dvc", ".")
    assert "dvc fetch" in said.err
    assert "1 refused" in said.err


@pytest.mark.parametrize("path", ["../evil", "/evil", "a/../../evil"])
def test_paths_that_leave_the_folder_are_refused(tracker: Tracker, git_repo: Path, path: str) -> None:
    listing = json.dumps([{"md5": cached(git_repo, b"x"), "relpath": path}]).encode()
    md5 = cached(git_repo, listing, ".dir")
    (git_repo / "data.dvc").write_text(f"outs:\n- md5: {md5}.dir\n  hash: md5\n  path: data\n")

    assert "1 refused" in tracker("import", "dvc", ".").err


def test_files_of_lfs_are_one_version(tracker: Tracker, git_repo: Path) -> None:
    data = b"weights" * LARGE_BYTES
    oid = hashlib.sha256(data).hexdigest()
    content = git_repo / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    content.parent.mkdir(parents=True)
    content.write_bytes(data)
    content.chmod(0o444)
    (git_repo / "models").mkdir()
    (git_repo / "models" / "w.bin").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"
    )
    commit = save(git_repo)
    tracker("import", "lfs", "models", "-p", "p", "--type", "model")

    artifact = Api().artifact("p/models:v0")
    assert (artifact.type, list(artifact.manifest.entries), artifact.commit_hash) == (
        "model",
        ["w.bin"],
        commit,
    )
    assert artifact.size == len(data)
    assert content.stat().st_nlink == 2
    content.unlink()
    assert "git lfs fetch" in tracker("import", "lfs", "models", "-p", "p").err


def test_what_its_owner_may_write_is_copied(tracker: Tracker, git_repo: Path) -> None:
    tracked(git_repo, {"big": b"x" * LARGE_BYTES})
    md5 = hashlib.md5(b"x" * LARGE_BYTES).hexdigest()
    content = git_repo / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    content.chmod(0o644)
    tracker("import", "dvc", ".", "-p", "p")
    content.write_bytes(b"changed in place")

    folder = Path(Api().artifact("p/data:v0").download(str(git_repo / "there")))
    assert (folder / "big").read_bytes() == b"x" * LARGE_BYTES
