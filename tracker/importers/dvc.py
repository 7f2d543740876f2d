"""DVC's tracked data: `.dvc` files and `dvc.lock`, with contents from its cache. Read without DVC.

Each tracked path is an artifact. Where there is git, every commit that changed a `.dvc`
file or `dvc.lock` gives a version, so `v0` is the oldest, and then what the working tree
says now. The cache names contents by MD5, which is checked before they are taken.
"""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker.importers.driver import FoundVersion
from tracker.importers.found import FoundArtifact, artifact_name
from vcs.errors import FormatError, NotFoundError
from vcs.git import Git
from vcs.paths import check_entry_path
from vcs.yaml_io import load_yaml

SOURCE = "dvc"
_LOCK = "dvc.lock"


@dataclass(frozen=True)
class Out:
    """One tracked path as a file of DVC describes it.

    Attributes:
        path: Relative to the folder of DVC.
        md5: Of the content; ends with `.dir` for a folder.
        is_exact: Whether the MD5 is of the bytes; old versions took text with other line ends.
    """

    path: str
    md5: str
    is_exact: bool
    about: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)


def find_versions(root: Path, git: Git | None, type_name: str, *, history: bool) -> Iterator[FoundVersion]:
    """Yield what DVC tracks below `root`, the oldest commit first.

    Raises:
        NotFoundError: There is no `.dvc` folder, or nothing is tracked.
    """
    if not (root / ".dvc").is_dir():
        raise NotFoundError(f"{root} is no folder of DVC", hint="give the folder that holds .dvc")
    cache = Cache(root)
    seen: set[Out] = set()
    for commit, outs in [
        *(_committed(root, git) if git is not None and history else ()),
        (None, _present(root)),
    ]:
        for out in outs:
            if out not in seen:
                seen.add(out)
                yield _version(out, commit, cache, type_name)
    if not seen:
        raise NotFoundError(f"DVC tracks nothing below {root}")


class Cache:
    """The folder where DVC keeps contents, in the layouts of DVC 2 and 3."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = _cache_folder(root)

    def find(self, md5: str) -> Path | None:
        """Return the file with these contents; None if it is not here."""
        for base in (self._folder / "files" / "md5", self._folder):
            path = base / md5[:2] / md5[2:]
            if path.is_file():
                return path
        return None

    def files(self, out: Out) -> list[tuple[str, Path]]:
        """Return path and file of everything in an out.

        Raises:
            NotFoundError: Contents are not in the cache.
            FormatError: Contents are not what their MD5 says.
        """
        if not out.md5.endswith(".dir"):
            return [(Path(out.path).name, self._whole(out.md5, out))]
        listing = self._whole(out.md5, Out(out.path, out.md5, False))
        return [
            (check_entry_path(entry["relpath"]), self._whole(entry["md5"], out))
            for entry in json.loads(listing.read_text(encoding="utf-8"))
        ]

    def _whole(self, md5: str, out: Out) -> Path:
        path = self.find(md5)
        if path is None:
            raise NotFoundError(f"the contents of {out.path} are not in DVC's cache; dvc fetch brings them")
        if out.is_exact:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if found != md5:
                raise FormatError(f"{path} in DVC's cache is damaged")
        return path


def _cache_folder(root: Path) -> Path:
    folder = root / ".dvc" / "cache"
    for name in ("config", "config.local"):
        parser = configparser.ConfigParser(interpolation=None)
        with suppress(configparser.Error):
            parser.read(root / ".dvc" / name, encoding="utf-8")
        if parser.has_option("cache", "dir"):
            folder = root / ".dvc" / parser.get("cache", "dir")
    return folder


def _version(out: Out, commit: str | None, cache: Cache, type_name: str) -> FoundVersion:
    artifact = FoundArtifact(artifact_name(out.path.replace("/", "-")), type_name, metadata=dict(out.about))
    found = FoundVersion(artifact, out.path, commit)
    try:
        artifact.files = cache.files(out)
    except (NotFoundError, FormatError, ValueError, KeyError, TypeError) as error:
        found.missing = error.message if isinstance(error, (NotFoundError, FormatError)) else str(error)
    return found


def _present(root: Path) -> list[Out]:
    outs = []
    for path in sorted([*root.rglob("*.dvc"), *root.rglob(_LOCK)]):
        inside = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts[:-1]):
            outs += _outs(path.read_text(encoding="utf-8"), inside)
    return outs


def _committed(root: Path, git: Git) -> Iterator[tuple[str, list[Out]]]:
    """Yield each commit that changed what is tracked, with what its files say."""
    below = root.relative_to(git.worktree).as_posix() if root != git.worktree else "."
    specs = [f":(glob){below}/**/*.dvc", f":(glob){below}/**/{_LOCK}"]
    if git.head() is None:
        return
    for commit in git.text("log", "--reverse", "--format=%H", "--", *specs).split():
        listed = git.text("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        outs: list[Out] = []
        for name in listed.split("\0"):
            path = git.worktree / name
            if path.is_relative_to(root) and (path.suffix == ".dvc" or path.name == _LOCK) and path.stem:
                text = git.run("show", f"{commit}:{name}").decode("utf-8", "replace")
                outs += _outs(text, path.relative_to(root))
        yield commit, outs


def _outs(text: str, path: Path) -> list[Out]:
    """Return the outs that a file of DVC names; none if it is damaged."""
    try:
        content = load_yaml(text, f"{path}")
    except FormatError:
        return []
    if not isinstance(content, dict):
        return []
    found = []
    stages = content.get("stages") if path.name == _LOCK else {"": content}
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        if not isinstance(stage, dict):
            continue
        about = {"stage": name, "cmd": stage.get("cmd")} if name else {}
        for out in stage.get("outs") or ():
            if isinstance(out, dict) and isinstance(out.get("md5"), str) and isinstance(out.get("path"), str):
                place = (path.parent / out["path"]).as_posix()
                found.append(Out(place, out["md5"], out.get("hash") == "md5", about))
    return found
