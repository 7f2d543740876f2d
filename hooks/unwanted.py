"""Files that should not go into git unnoticed: large ones, and weights of models.

git keeps every version of every file for ever, in every clone; to take one out again
means to rewrite history. So such a file is refused once, with the ways out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hooks.changes import Change, blob_sizes
from vcs.files.ignore_rules import compile_rules
from vcs.git import Git
from vcs.records.ledger_tree import read_objects
from vcs.settings import HookSettings

MODEL_SUFFIXES = (
    *("pt", "pth", "ckpt", "safetensors", "h5", "hdf5", "keras", "onnx", "tflite", "pb", "gguf", "ggml"),
    *("caffemodel", "mar", "nemo", "npz", "joblib", "pkl", "pickle", "pdparams", "msgpack", "engine"),
)
"""Endings of files in which weights are kept; the shim looks for them too."""

MODEL_PATTERN = rf"\.({'|'.join(MODEL_SUFFIXES)})\"?$"
"""For `grep -E -i` and for Python; git puts quotation marks around unusual paths."""

_IS_MODEL = re.compile(MODEL_PATTERN, re.IGNORECASE)
# Some of those endings are used for small things as well: vocabularies, fixtures, tables.
_OFTEN_SMALL = re.compile(r"\.(npz|joblib|pkl|pickle|pb|msgpack|h5|hdf5|engine|mar)$", re.IGNORECASE)
_SMALL_BYTES = 100_000
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_BYTES = 1024
_SHOWN = 10


class Decide(Protocol):
    """`RuleSet.decide`."""

    def __call__(self, path: str, *, is_dir: bool) -> bool | None: ...


@dataclass(frozen=True)
class Unwanted:
    """A file that is not to be committed without a word."""

    path: str
    size_bytes: int
    is_model: bool

    def __str__(self) -> str:
        what = ", a model by its name" if self.is_model else ""
        return f"{self.path} ({size_text(self.size_bytes)}{what})"


def find_unwanted(
    git: Git, changes: Iterable[Change], settings: HookSettings, *, others: Iterable[Change] | None = None
) -> list[Unwanted]:
    """Return the files of a commit that are too large, or are models that git did not have yet.

    A file that was too large before is the user's decision, and so are files that fit
    `allow`, pointers of git-lfs and what was only moved. In a merge `others` is what the
    commit changes against the other side: what came from there is not judged.

    Raises:
        GitError: git fails.
    """
    candidates = [one for one in changes if one.is_file and one.status != "R"]
    if others is not None:
        ours = {one.path for one in others}
        candidates = [one for one in candidates if one.path in ours]
    if not candidates:
        return []
    sizes = blob_sizes(git, (one.blob for one in candidates))
    found = [one for one in candidates if _is_unwanted(one, sizes.get(one.blob, 0), settings)]
    if not found:
        return []
    before = blob_sizes(git, (one.old_blob for one in found if one.was_there))
    rules = compile_rules(settings.allow)
    kept = [
        one
        for one in found
        if before.get(one.old_blob, 0) <= settings.max_file
        and not (rules is not None and _is_allowed(one.path, rules.decide))
    ]
    lfs = _lfs_pointers(git, kept, sizes)
    return [
        Unwanted(one.path, sizes[one.blob], _looks_like_model(one, sizes[one.blob]))
        for one in kept
        if one.blob not in lfs
    ]


def explain(unwanted: list[Unwanted], settings: HookSettings) -> list[str]:
    """Return the lines that tell the user what is refused, and what to do."""
    shown = [f"  {one}" for one in unwanted[:_SHOWN]]
    if len(unwanted) > _SHOWN:
        shown.append(f"  and {len(unwanted) - _SHOWN} more")
    first = unwanted[0].path
    return [
        f"not committed: git would keep for ever (the limit is {size_text(settings.max_file)})",
        *shown,
        f"keep it as a version: git rm --cached {quoted(first)} && tracker track {quoted(first)}",
        f"or let git ignore it: git rm --cached {quoted(first)}, and a line in .gitignore",
        "or commit it all the same: git commit --no-verify; "
        f"for good: `hooks: {{allow: [{first}]}}` in tracker.yaml",
    ]


def size_text(size_bytes: int) -> str:
    """Return a size for people: 43 MB, 10 MiB if it is round that way."""
    for factor, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.3g} {unit}"
    return f"{size_bytes} bytes"


def quoted(path: str) -> str:
    """Return a path as a shell reads it."""
    return shlex.quote(path)


def _is_unwanted(one: Change, size_bytes: int, settings: HookSettings) -> bool:
    return size_bytes > settings.max_file or _looks_like_model(one, size_bytes)


def _looks_like_model(one: Change, size_bytes: int) -> bool:
    if one.status != "A" or not size_bytes or not _IS_MODEL.search(one.path):
        return False
    return size_bytes > _SMALL_BYTES or not _OFTEN_SMALL.search(one.path)


def _is_allowed(path: str, decide: Decide) -> bool:
    """Whether the patterns allow the path itself, or a folder above it."""
    parts = path.split("/")
    folders = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(decide(folder, is_dir=True) for folder in folders) or bool(decide(path, is_dir=False))


def _lfs_pointers(git: Git, changes: list[Change], sizes: dict[str, int]) -> set[str]:
    small = [one.blob for one in changes if sizes[one.blob] <= _LFS_BYTES]
    if not small:
        return set()
    contents = zip(small, read_objects(git, small), strict=True)
    return {blob for blob, content in contents if content is not None and content.startswith(_LFS)}
