"""Two versions of an artifact compared: paths added, removed and changed, and what changed in them.

Only what both listings and the store say is read. Contents are compared for changed files,
as far as their format is understood; see `contents`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tracker.compare.contents import Content, NotCompared, compare_contents
from tracker.compare.outputs import Kind, compare_paths
from tracker.compare.values import Change
from tracker.compare.values import changes as changed_values
from vcs.artifacts.manifest import Manifest
from vcs.digest import Digest
from vcs.errors import IntegrityError, StoreError
from vcs.files.listing import Entry, Listing
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.stores.base import Store

# So many files are opened; a dataset of a million changed images is compared by its paths alone.
MOST_CONTENTS = 1000
# A file up to this size is fetched to be looked into.
MOST_FETCHED_BYTES = 64 << 20

Facts = Literal["kind", "executable", "target"]


@dataclass(frozen=True)
class PathChange:
    """One path that is not the same in two versions.

    Attributes:
        old, new: None where the path is not there.
        content: What differs inside; None where that was not asked for, or is one file's alone.
    """

    path: str
    kind: Kind
    old: Entry | None = None
    new: Entry | None = None
    content: Content | None = None

    @property
    def facts(self) -> dict[Facts, tuple[Any, Any]]:
        """What differs beside the bytes: kind, executable bit, what a link or reference names."""
        if self.old is None or self.new is None:
            return {}
        facts: tuple[Facts, ...] = ("kind", "executable", "target")
        pairs = {name: (getattr(self.old, name), getattr(self.new, name)) for name in facts}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        plain: dict[str, Any] = {"path": self.path}
        if self.old is not None:
            plain["old_size_bytes"] = self.old.size
        if self.new is not None:
            plain["new_size_bytes"] = self.new.size
        for name, (before, after) in self.facts.items():
            plain[name] = {"old": before, "new": after}
        if self.content is not None:
            plain["content"] = self.content.to_plain()
        return plain


@dataclass(frozen=True)
class PathChanges:
    """All paths that are not the same, in order."""

    paths: tuple[PathChange, ...] = ()

    def of(self, kind: Kind) -> list[PathChange]:
        """Return those of one kind."""
        return [change for change in self.paths if change.kind == kind]

    def __iter__(self) -> Iterator[PathChange]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many paths were added, removed and changed."""
        kinds: tuple[Kind, ...] = ("added", "removed", "changed")
        return {kind: len(self.of(kind)) for kind in kinds}

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON: lists by kind."""
        return {kind: [change.to_plain() for change in self.of(kind)] for kind in self.counts}


@dataclass(frozen=True)
class VersionComparison:
    """What comparing two versions came to.

    Attributes:
        metadata: What differs in type, description and metadata, by key.
    """

    old: Manifest
    new: Manifest
    changes: PathChanges
    unchanged: int = 0
    metadata: dict[str, Change] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether the contents are equal; metadata does not count."""
        return not self.changes

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "old": _version_plain(self.old),
            "new": _version_plain(self.new),
            "same": self.same,
            "unchanged": self.unchanged,
            **self.changes.to_plain(),
            "metadata": {key: change.to_plain() for key, change in self.metadata.items()},
        }


def compare_listings(old: Listing, new: Listing) -> PathChanges:
    """Return the paths that are not the same; opens no file."""
    before, after = old.by_path, new.by_path
    kinds = compare_paths(old, new)
    return PathChanges(
        tuple(PathChange(path, kind, before.get(path), after.get(path)) for path, kind in kinds.items())
    )


def with_contents(
    changes: PathChanges, store: Store, *, most: int = MOST_CONTENTS, progress: Progress | None = None
) -> PathChanges:
    """Return the changes with what differs inside each changed file; beyond `most` files it is not looked.

    Small files that are not here are brought from a remote, all at once. Never fails for a
    file: one that is damaged, hostile, missing or not understood says so.
    """
    wanted = [change for change in changes if _has_two_files(change)]
    if progress is not None:
        progress.add_total(min(len(wanted), most), sum(_bytes_of(change) for change in wanted[:most]))
    absent, why = _bring(wanted[:most], store, progress)
    compared: dict[str, Content] = {}
    for number, change in enumerate(wanted):
        if number >= most:
            compared[change.path] = NotCompared(f"only the first {most} changed files are opened")
            continue
        assert change.old is not None
        assert change.new is not None
        if absent & {change.old.digest, change.new.digest}:
            compared[change.path] = NotCompared(why)
        else:
            compared[change.path] = compare_contents(change.path, change.old.digest, change.new.digest, store)
        if progress is not None:
            progress.advance(1, _bytes_of(change))
    return PathChanges(
        tuple(
            PathChange(change.path, change.kind, change.old, change.new, compared.get(change.path))
            for change in changes
        )
    )


def _bring(changes: Sequence[PathChange], store: Store, progress: Progress | None) -> tuple[set[str], str]:
    """Bring what is small; return what is not here then, and why."""
    files = {Digest(one.digest): one.size for change in changes for one in (change.old, change.new) if one}
    why = "not here: bring it with tracker fetch --artifact NAME:VERSION"
    try:
        store.obtain([digest for digest, size in files.items() if size <= MOST_FETCHED_BYTES], progress)
    except (StoreError, IntegrityError) as error:
        why = f"not here: {error.message}"
    return {*store.missing(files)}, why


def compare_versions(
    repo: Repo, old: Manifest, new: Manifest, *, contents: bool = True, progress: Progress | None = None
) -> VersionComparison:
    """Compare two versions, of one artifact or of two; `contents` opens the changed files.

    Raises:
        FormatError, NotFoundError, IntegrityError: A listing cannot be read.
    """
    before, after = repo.collections.listing(old), repo.collections.listing(new)
    found = compare_listings(before, after)
    changes = with_contents(found, repo.store, progress=progress) if contents else found
    details = [
        {"type": manifest.type, "description": shown.description, "metadata": dict(shown.metadata)}
        for manifest, shown in (
            (old, repo.collections.effective(old)),
            (new, repo.collections.effective(new)),
        )
    ]
    return VersionComparison(
        old,
        new,
        changes,
        unchanged=sum(path in after.by_path for path in before.by_path) - changes.counts["changed"],
        metadata=changed_values(*details),
    )


def _has_two_files(change: PathChange) -> bool:
    if change.old is None or change.new is None or change.old.digest == change.new.digest:
        return False
    return change.old.kind == change.new.kind == "file"


def _bytes_of(change: PathChange) -> int:
    return (change.old.size if change.old else 0) + (change.new.size if change.new else 0)


def _version_plain(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": manifest.qualified_name,
        "digest": manifest.digest,
        "files": manifest.file_count,
        "size_bytes": manifest.size_bytes,
    }
