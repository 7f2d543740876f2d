"""The installed packages as requirements."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tracker.collect.packages import installed_packages
from tracker.compat.launcher import SHIM


def install(folder: Path, name: str, version: str, *, direct_url: object = None, metadata: str = "") -> None:
    """Leave in `folder` what an installer leaves."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: 9 is better\n"
    (info / "METADATA").write_text(text)
    if direct_url is not None:
        (info / "direct_url.json").write_text(json.dumps(direct_url))


def test_what_is_installed_here_is_listed() -> None:
    """With the versions that importlib knows, sorted, in a form that pip reads."""
    lines = installed_packages()

    assert f"pytest=={version('pytest')}" in lines
    names = [canonicalize_name(Requirement(line.partition("  # ")[0]).name) for line in lines]
    assert names == sorted(set(names))


def test_the_copy_that_would_be_imported_counts(tmp_path: Path) -> None:
    """Spelling does not tell packages apart."""
    install(tmp_path / "first", "my_package", "2.0")
    install(tmp_path / "second", "My.Package", "1.0")

    assert installed_packages([str(tmp_path / "first"), str(tmp_path / "second")]) == ["my_package==2.0"]


def test_a_package_from_a_repository_says_its_commit_and_no_password(tmp_path: Path) -> None:
    """The version alone does not say which code that was."""
    source = {"url": "https://me:secret@host/lib.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    install(tmp_path, "lib", "1.0", direct_url=source)
    install(tmp_path, "local", "2.0", direct_url={"url": "file:///src/local", "dir_info": {"editable": True}})

    assert installed_packages([str(tmp_path)]) == [
        "lib==1.0  # https://host/lib.git@abc",
        "local==2.0  # file:///src/local",
    ]


def test_damaged_packages_are_left_out(tmp_path: Path) -> None:
    """Half an uninstall, or bytes that are no text."""
    install(tmp_path, "good", "1.0", direct_url=["odd"])
    install(tmp_path, "nameless", "1.0", metadata="Metadata-Version: 2.1\n\n")
    (tmp_path / "empty-1.0.dist-info").mkdir()
    install(tmp_path, "binary", "1.0")
    (tmp_path / "binary-1.0.dist-info" / "METADATA").write_bytes(b"Name: \xff\xfe\nVersion: \xff")

    assert installed_packages([str(tmp_path)]) == ["good==1.0"]


def test_what_stands_in_for_wandb_is_not_listed(tmp_path: Path) -> None:
    """An environment of then is built with the real one, if that was there, and without it if not."""
    assert installed_packages([str(SHIM)]) == []
    install(tmp_path, "wandb", "0.20.0")
    assert installed_packages([str(SHIM), str(tmp_path)]) == ["wandb==0.20.0"]
