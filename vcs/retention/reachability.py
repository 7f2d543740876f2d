"""Which objects are named by something that is kept, and by what.

Records name objects by their digests, so every record is read for whatever looks like
one: manifests, runs, rows with media, also fields that a newer version may add. Nothing
has to be known of a record for its objects to be safe. Read are

- the records on disk, of finished, live and damaged runs alike;
- the tips of the ledger and of the ledgers of remotes, as they were last seen;
- pointers: those in every commit that a ref, a stash or a reflog reaches, in git's index,
  and in the working trees; a version that was deleted since is looked up in the ledger's
  history;
- what was last put at tracked paths;
- the same of every other repository that shares the store.

A long listing is an object that names others, so it is read too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vcs.atomic import disk_error
from vcs.digest import Digest
from vcs.errors import FormatError, GitError, IntegrityError, NotFoundError
from vcs.git import Git
from vcs.layout import LEDGER_REF, MERGE_REF, POINTER_SUFFIX, REMOTE_REFS, Layout, tracked_memory
from vcs.ledger_paths import to_record
from vcs.names import parse_version
from vcs.records.deletions import deletions
from vcs.records.ledger_tree import entries_of, files_at, ledger_refs, read_objects
from vcs.stores.base import Store

_MENTION = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
LISTING_FIELD = re.compile(rb"^listing: ([0-9a-f]{64})$", re.MULTILINE)
DIGEST_FIELD = re.compile(rb"^digest: ([0-9a-f]{64})$", re.MULTILINE)
_BATCH = 256

Expand = Callable[[str, bytes], bytes]
"""Gets the path and the bytes of a record, and returns bytes in which digests can be read."""


@dataclass(frozen=True, order=True)
class Source:
    """What names objects.

    Attributes:
        place: `records`, `ledger`, `remote NAME`, `pointer`, `working tree`, or a repository.
        path: The record, or the tracked path.
        detail: Of a pointer: the newest commit that has it.
    """

    place: str
    path: str
    detail: str = ""

    @property
    def version(self) -> str | None:
        """`project/name:v3`, if it is a manifest."""
        parts = self.path.split("/")
        if parts[0] != "artifacts" or len(parts) != 4 or parse_version(parts[3][:-5]) is None:
            return None
        return f"{parts[1]}/{parts[2]}:{parts[3][:-5]}"


@dataclass
class Reachable:
    """What must stay.

    Attributes:
        digests: Every digest that something names; most are no objects of this store.
        absent: Long listings that are not in this store, with a source: what they name is unknown.
    """

    digests: set[str] = field(default_factory=set)
    absent: dict[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Mentions:
    """One source, its content, and the digests in it."""

    source: Source
    content: bytes

    @property
    def digests(self) -> set[str]:
        return {found.decode() for found in _MENTION.findall(self.content)}

    @property
    def listings(self) -> set[str]:
        """Those that are long listings of versions."""
        return {found.decode() for found in LISTING_FIELD.findall(self.content)}


def find_reachable(mentions: Iterable[Mentions], store: Store) -> Reachable:
    """Read everything and return what is named, directly or by a long listing.

    Raises:
        Error: Something that may name objects cannot be read: nothing is certain then.
    """
    found = Reachable()
    listings: dict[str, Source] = {}
    for one in mentions:
        found.digests |= one.digests
        listing = LISTING_FIELD.search(one.content)
        if listing:
            listings.setdefault(listing[1].decode(), one.source)
    for digest, source in listings.items():
        try:
            found.digests |= Mentions(source, store.read_bytes(Digest(digest))).digests
        except (NotFoundError, IntegrityError):
            found.absent[digest] = source
    return found


def all_mentions(layout: Layout, git: Git | None, expand: Expand) -> Iterator[Mentions]:
    """Yield everything of one repository that names objects.

    Raises:
        StoreError, GitError: Something cannot be read.
    """
    yield from _on_disk(layout, expand)
    if git is None:
        return
    refs = ledger_refs(git)
    yield from in_ledgers(git, [*refs, MERGE_REF] if layout.ledger_step.exists() else refs, expand)
    pointers = list(pointers_of(git))
    yield from pointers
    yield from _deleted_versions(git, pointers)


def _on_disk(layout: Layout, expand: Expand) -> Iterator[Mentions]:
    for path in files_at(layout.records, ""):
        relative = path.relative_to(layout.records).as_posix()
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue  # replaced or removed just now; what it named has a source of its own
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        yield Mentions(Source("records", relative), expand(relative, content))


def in_ledgers(git: Git, refs: Iterable[str], expand: Expand) -> Iterator[Mentions]:
    """Yield the records of ledgers, those that several have once.

    Raises:
        GitError: A record in one of them is damaged.
    """
    known: set[str] = set()
    for ref in refs:
        if git.resolve_ref(ref) is None:
            continue
        remote = ref.removeprefix(REMOTE_REFS).removesuffix("/ledger")
        place = f"remote {remote}" if ref.startswith(REMOTE_REFS) else "ledger"
        entries = [
            (relative, object_id)
            for path, (_, object_id) in entries_of(git, ref, ()).items()
            if object_id not in known and (relative := to_record(path)) is not None
        ]
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            for (relative, object_id), content in zip(
                batch, read_objects(git, [i for _, i in batch]), strict=True
            ):
                if content is None:
                    raise GitError(f"{relative} is damaged in {ref}", hint="mend it first: tracker doctor")
                known.add(object_id)
                yield Mentions(Source(place, relative), expand(relative, content))


# pointers


def pointers_of(git: Git) -> Iterator[Mentions]:
    """Yield the pointers of all commits, indexes and working trees, each content once."""
    seen: set[str] = set()
    # By the changes of every commit: an object that has another name elsewhere is found too.
    logged = git.run(
        *("log", "--all", "--reflog", "--full-history", "-m", "--root", "--raw", "--no-abbrev", "-z"),
        *("--no-renames", "--no-show-signature", "--format=%x01%H", "--", f"*{POINTER_SUFFIX}"),
    )
    found: list[tuple[str, Source]] = []
    commit = ""
    fields = iter(os.fsdecode(logged).split("\0"))
    for text in fields:
        about = text.strip("\n")
        if about.startswith("\x01"):
            commit = about[1:].strip()
        elif about.startswith(":"):
            path = next(fields, "")
            object_id = about.split(" ")[3]
            if set(object_id) != {"0"} and object_id not in seen:
                seen.add(object_id)
                found.append((object_id, Source("pointer", path.removesuffix(POINTER_SUFFIX), commit[:10])))
    worktrees = _worktrees(git)
    for worktree in worktrees:
        for object_id, path in _staged(worktree):
            if object_id not in seen:
                seen.add(object_id)
                found.append((object_id, Source("index", path.removesuffix(POINTER_SUFFIX))))
    contents = read_objects(git, [object_id for object_id, _ in found])
    for (_, source), content in zip(found, contents, strict=True):
        # In a partial or shallow clone some are not here; then neither is their data.
        if content is not None:
            yield Mentions(source, content)
    for worktree in worktrees:
        yield from _lying_about(worktree)


def _worktrees(git: Git) -> list[Git]:
    listed = git.run("worktree", "list", "--porcelain").decode(errors="surrogateescape")
    paths = [Path(line[len("worktree ") :]) for line in listed.split("\n") if line.startswith("worktree ")]
    return [Git(path) for path in paths if path.is_dir()]


def _staged(git: Git) -> Iterator[tuple[str, str]]:
    for item in os.fsdecode(git.run("ls-files", "-s", "-z", "--", f"*{POINTER_SUFFIX}")).split("\0"):
        about, _, path = item.partition("\t")
        if path:
            yield about.split(" ")[1], path


def _lying_about(git: Git) -> Iterator[Mentions]:
    """Yield the pointers of a working tree, committed or not, and what was last put at its tracked paths."""
    listed = git.run("ls-files", "-c", "-o", "-z", "--", f"*{POINTER_SUFFIX}")
    for name in set(filter(None, os.fsdecode(listed).split("\0"))):
        path = git.worktree / name
        if path.is_file():
            yield Mentions(Source("working tree", name.removesuffix(POINTER_SUFFIX)), path.read_bytes())
    memory = tracked_memory(git.git_dir)
    for path in sorted(memory.rglob("*")) if memory.is_dir() else []:
        if path.is_file():
            yield Mentions(Source("last checkout", path.name), path.read_bytes())


def deleted_since(git: Git, since_s: float, expand: Expand) -> Iterator[Mentions]:
    """Yield records that the ledgers here stopped to have since then, by the dates of their commits.

    Of two that were merged, what only one of them had counts from the merge on.
    """
    gone = _deleted(git, f"--max-age={int(since_s)}")
    ids = [object_id for object_id, path in gone.items() if to_record(path) is not None]
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        for object_id, content in zip(batch, read_objects(git, batch), strict=True):
            path = to_record(gone[object_id]) or ""
            if content is not None:
                yield Mentions(Source("deleted lately", path), expand(path, content))


def _deleted(git: Git, *limits: str) -> Mapping[str, str]:
    """Return what the ledgers here stopped to have: id of the content, and its path in the ledger."""
    refs = ledger_refs(git)
    return deletions(git, *refs, *limits) if refs else {}


def _deleted_versions(git: Git, pointers: list[Mentions]) -> Iterator[Mentions]:
    """Yield the manifests, out of the ledger's history, of versions that pointers mean."""
    wanted = {
        found[1].decode(): one.source for one in pointers if (found := DIGEST_FIELD.search(one.content))
    }
    if not wanted or git.resolve_ref(LEDGER_REF) is None:
        return
    gone = _deleted(git, "--", "artifacts")
    ids = [i for i, path in gone.items() if parse_version(path.rpartition("/")[2][:-5]) is not None]
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        for object_id, content in zip(batch, read_objects(git, batch), strict=True):
            digest = DIGEST_FIELD.search(content or b"")
            if content is not None and digest is not None and digest[1].decode() in wanted:
                source = wanted[digest[1].decode()]
                path = to_record(gone[object_id]) or gone[object_id]
                yield Mentions(Source("pointer to a deleted version", path, source.detail), content)


def check_absent(reachable: Reachable) -> None:
    """Refuse to say what is garbage while something that names objects cannot be had.

    What it names may be the last copy.

    Raises:
        FormatError: A long listing is missing.
    """
    if reachable.absent:
        digest, source = min(reachable.absent.items())
        raise FormatError(
            f"the listing {digest[:12]} of {source.version or source.path} is not in the store, "
            "so what it names is not known",
            hint="bring it back, or delete that version: tracker artifact rm",
        )
