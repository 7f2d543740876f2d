"""Git LFS: the files of the current commit that are pointers, with contents from `.git/lfs`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from tracker.importers.driver import FoundVersion
from tracker.importers.found import FoundArtifact
from vcs.errors import NotFoundError, UsageError
from vcs.git import Git

SOURCE = "lfs"
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LARGEST_POINTER = 1024


def find_version(git: Git | None, name: str, type_name: str, folder: str) -> FoundVersion:
    """Return one version that holds every LFS file below a folder of the repository.

    Raises:
        UsageError: This is no git repository, or it has no commit.
        NotFoundError: No file there is kept by Git LFS.
    """
    commit = git.head() if git is not None else None
    if git is None or commit is None:
        raise UsageError("Git LFS files are those of a commit, and there is none here")
    found = FoundVersion(FoundArtifact(name, type_name), folder or ".", commit)
    files, missing = [], []
    for path, oid in _pointers(git, commit, folder):
        content = git.common_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        if not content.is_file():
            missing.append(path)
        elif _sha256(content) != oid:
            found.missing = f"the contents of {path} in .git/lfs are damaged"
        files.append((path.removeprefix(f"{folder}/"), content))
    if not files:
        raise NotFoundError(f"no file of Git LFS below {folder or '.'}")
    if missing:
        found.missing = (
            f"the contents of {missing[0]} are not here ({len(missing)} files); git lfs fetch brings them"
        )
    found.artifact.files = files
    return found


def _pointers(git: Git, commit: str, folder: str) -> Iterator[tuple[str, str]]:
    listed = git.text("ls-tree", "-r", "-l", "-z", "--full-tree", commit, *([folder] if folder else []))
    for line in listed.split("\0"):
        about, _, path = line.partition("\t")
        words = about.split()
        if (
            len(words) != 4
            or words[1] != "blob"
            or not words[3].isdigit()
            or int(words[3]) > _LARGEST_POINTER
        ):
            continue
        match = _POINTER.match(git.run("cat-file", "blob", words[2]))
        if match is not None:
            yield path, match.group(1).decode()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
