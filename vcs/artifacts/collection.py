"""Artifacts by name: their versions, aliases and edits.

A version appears under its final name at once and whole, so readers need no lock, and of
several processes that log one name each gets a number of its own. A lock for each collection
makes equal contents that are logged at one moment one version; if it cannot be had (a holder
that hangs, a file system without locks), logging goes on without: two versions with one
digest are better than none.

Order: the listing's object, the manifest, the alias. A crash in between leaves a version
without alias, never an alias without version. Deletion goes the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vcs.artifacts.alias_log import AliasMove, append_moves
from vcs.artifacts.collection_files import CollectionFiles
from vcs.artifacts.collection_reader import CollectionReader
from vcs.artifacts.edits import KEEP, Details, Keep, append_deletion, append_edit, same_value
from vcs.artifacts.keep_rules import parse_keep
from vcs.artifacts.lookup import look_up, no_collection
from vcs.artifacts.manifest import Manifest, Origin, lines_of, parse, render
from vcs.atomic import create_exclusive, disk_error, fsync_directory
from vcs.digest import Digest
from vcs.errors import FormatError, IntegrityError, NotFoundError, StoreError, UsageError
from vcs.files.listing import Listing
from vcs.names import (
    LATEST,
    ArtifactRef,
    check_alias,
    check_artifact_name,
    check_project,
    check_tag,
    check_type,
    parse_version,
)


@dataclass(frozen=True)
class Logged:
    """What logging came to.

    Attributes:
        manifest: The version that holds exactly what was logged.
        new: Whether it was made now; False if the collection had these contents.
        moved: The aliases that name it now and did not before.
        changed: What was updated of a version that existed: description, metadata, tags, ttl_s.
        warnings: Sentences for the user about what did not stop the version.
    """

    manifest: Manifest
    new: bool
    moved: tuple[AliasMove, ...] = ()
    changed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Collections(CollectionReader):
    """All artifacts of a layout. Safe from any number of threads and processes."""

    # making versions

    def log(
        self,
        project: str,
        name: str,
        type: str,
        listing: Listing,
        *,
        origin: Origin = Origin(),  # noqa: B008 (immutable)
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        aliases: Sequence[str] = (),
        parent: str | None = None,
        tags: Sequence[str] = (),
        spare_aliases: bool = False,
    ) -> Logged:
        """Make a version with these contents, or find the one that has them.

        The aliases and `latest` move to it in either case; with `spare_aliases` those
        stay that name a version of another run. On a version that exists, a
        description or metadata that is given and differs replaces the old one (as an edit),
        tags are added. The objects of the listing are in the store already. An interrupted
        call can be repeated.

        Raises:
            UsageError: A name, alias or tag that cannot be, or a type that is not the
                collection's. Nothing was written.
            TypeError, ValueError: Metadata that YAML has no form for. Nothing was written.
            StoreError: The disk refused; no alias names a version that is not whole.
        """
        draft = Manifest(
            project=check_project(project),
            name=check_artifact_name(name),
            number=0,
            type=check_type(type),
            digest=listing.digest,
            file_count=listing.file_count,
            size_bytes=listing.size_bytes,
            created=self._now(),
            origin=origin,
            description=description or "",
            metadata=dict(metadata or {}),
            tags=tuple(dict.fromkeys(map(check_tag, tags))),
            parent=parent,
            lines=lines_of(listing),
        )
        return self._put(draft, aliases, listing, spare=spare_aliases)

    def link(
        self,
        manifest: Manifest,
        target_project: str,
        target_name: str,
        aliases: Sequence[str] = (),
        *,
        run: str | None = None,
    ) -> Logged:
        """Make a version in another collection that has the same contents and names its source.

        Linking a link links its source. Linking twice finds the first link. What is linked
        is meant to stay, so a lifetime of the source is switched off (`changed` says so).

        Raises:
            UsageError: The target is the version's own collection, or of another type.
        """
        source = self.source_of(manifest)
        if (source.project, source.name) == (target_project, target_name):
            raise UsageError(
                f"{source.qualified_name} is in {target_project}/{target_name} already",
                hint="give it an alias there instead of linking it",
            )
        details = self.effective(source)
        draft = replace(
            source,
            project=check_project(target_project),
            name=check_artifact_name(target_name),
            number=0,
            created=self._now(),
            description=details.description,
            metadata=details.metadata,
            tags=details.tags,
            source=source.qualified_name,
            parent=None,
            was=None,
        )
        logged = self._put(draft, aliases, None, run=run)
        if details.ttl_s is None:
            return logged
        self.edit(source, ttl_s=None)
        return replace(logged, changed=("ttl_s",))

    # aliases

    def move_alias(
        self, project: str, name: str, alias: str, version: str, *, run: str | None = None
    ) -> AliasMove | None:
        """Let `alias` name `version` from now on; None if it does already.

        Raises:
            NotFoundError: There is no such version.
            UsageError: It cannot be an alias.
        """
        files = self._files(project, name)
        with self._turn(files):
            manifest = look_up(files, ArtifactRef("", project, name, version), self.names)
            moves = self._move(files, [alias], manifest.version, run)
        return moves[0] if moves else None

    def remove_alias(
        self, project: str, name: str, alias: str, *, run: str | None = None
    ) -> AliasMove | None:
        """Let `alias` name nothing; None if it did not name anything."""
        files = self._files(project, name)
        with self._turn(files):
            moves = self._move(files, [alias], None, run)
        return moves[0] if moves else None

    # edits

    def edit(
        self,
        manifest: Manifest,
        *,
        description: str | Keep = KEEP,
        metadata: Mapping[str, Any] | Keep = KEEP,
        tags: Sequence[str] | Keep = KEEP,
        ttl_s: float | Keep | None = KEEP,
    ) -> Details:
        """Change what may change about a version, and return what it is then.

        A value that is equal already is not written again. Editing a link edits its source.

        Raises:
            NotFoundError: The version was deleted.
            UsageError: A tag that cannot be, or a lifetime that is not positive.
            TypeError, ValueError: Metadata that YAML has no form for.
        """
        source = self.source_of(manifest)
        files = self._files(source.project, source.name)
        now = files.details(files.manifest(source.number))
        given = _given(description, metadata, tags, ttl_s)
        fields = {key: value for key, value in given.items() if not same_value(value, getattr(now, key))}
        if fields:
            append_edit(files.edits_path, source.version, fields, self._now())
        return files.details(source)

    def edit_collection(
        self,
        project: str,
        name: str,
        *,
        description: str | Keep = KEEP,
        tags: Sequence[str] | Keep = KEEP,
        keep: str | Keep | None = KEEP,
    ) -> Details:
        """Change description, tags, and which versions gc keeps (see `keep_rules`), of the collection.

        Raises:
            NotFoundError: There is no such collection.
            UsageError: A tag or a rule that cannot be.
        """
        files = self._files(project, name)
        if not files.numbers():
            raise no_collection(project, name, self.names())
        fields = _given(description, KEEP, tags, KEEP)
        if not isinstance(keep, Keep):
            fields["keep"] = parse_keep(keep).text if keep is not None else None
        if fields:
            append_edit(files.edits_path, None, fields, self._now())
        return self.collection_details(project, name)

    # deletion

    def delete(
        self, manifest: Manifest, *, delete_aliases: bool = False, run: str | None = None
    ) -> list[AliasMove]:
        """Delete a version (of a link: the link alone) and return the aliases that moved.

        Its number is never used again. `latest` goes back to the version that it named before,
        where that is still there. Objects stay until gc finds that nothing names them.

        Raises:
            UsageError: Aliases name it, and `delete_aliases` is false.
            NotFoundError: It is gone already.
        """
        files = self._files(manifest.project, manifest.name)
        with self._turn(files):
            if manifest.number not in files.numbers():
                raise NotFoundError(f"{manifest.qualified_name} was deleted already")
            named = self.aliases_of(manifest)
            if named and not delete_aliases:
                raise UsageError(
                    f"{manifest.qualified_name} has the aliases {', '.join(named)}",
                    hint="move them first, or delete them too: delete_aliases=True, --delete-aliases",
                )
            moved = self._release(files, manifest.version, named, run)
            append_deletion(files.edits_path, manifest.version, manifest.type, self._now())
            _remove(files.path(manifest.number))
        return moved

    # helpers

    def _put(
        self,
        draft: Manifest,
        aliases: Sequence[str],
        listing: Listing | None,
        *,
        run: str | None = None,
        spare: bool = False,
    ) -> Logged:
        wanted = list(dict.fromkeys([*map(check_alias, aliases), LATEST]))
        draft = _as_read(draft)
        files = self._files(draft.project, draft.name)
        if listing is not None and draft.lines is None:
            self._store_listing(listing, files)
        with self._turn(files):
            kind = files.type()
            if kind is not None and kind != draft.type:
                raise UsageError(
                    f"{draft.project}/{draft.name} is of type {kind!r} and cannot hold a {draft.type!r}",
                    hint="log it under another name, or as that type",
                )
            manifest = _existing(files, draft)
            new = manifest is None
            if manifest is None:
                manifest = _create(files, draft)
            changed = () if new or draft.source else self._update(manifest, draft)
            if spare:
                wanted = [alias for alias in wanted if not _is_of_another(files, alias, draft.origin.run)]
            moved = self._move(files, wanted, manifest.version, run or draft.origin.run)
        return Logged(manifest, new, tuple(moved), changed)

    def _store_listing(self, listing: Listing, files: CollectionFiles) -> None:
        """Store the text of a listing, which need not even be made if it is there."""
        with self._store.batch() as batch:
            if batch.contains(listing.digest):
                return
            if batch.put_bytes(listing.encoded, like=_listing_before(files)) != listing.digest:
                raise IntegrityError(
                    f"the listing for {files.folder.name} does not have the digest it is known by",
                    hint="run it again without what was remembered: remove .git/tracker/stat-cache",
                )

    def _update(self, manifest: Manifest, draft: Manifest) -> tuple[str, ...]:
        """Bring an existing version's details up to what was logged now."""
        now = self.effective(manifest)
        given: dict[str, Any] = {}
        if draft.description and draft.description != now.description:
            given["description"] = draft.description
        if draft.metadata and not same_value(draft.metadata, now.metadata):
            given["metadata"] = draft.metadata
        if not set(draft.tags) <= set(now.tags):
            given["tags"] = list(dict.fromkeys([*now.tags, *draft.tags]))
        if given:
            self.edit(manifest, **given)
        return tuple(given)

    def _move(
        self, files: CollectionFiles, aliases: Sequence[str], version: str | None, run: str | None
    ) -> list[AliasMove]:
        current = files.aliases_log().current
        time = self._now()
        moves = [
            AliasMove(check_alias(alias), version, current.get(alias), time, run)
            for alias in aliases
            if current.get(alias) != version
        ]
        append_moves(files.aliases_path, moves)
        return moves

    def _release(
        self, files: CollectionFiles, version: str, named: list[str], run: str | None
    ) -> list[AliasMove]:
        """Take all aliases from a version that goes away."""
        moved = self._move(files, [alias for alias in named if alias != LATEST], None, run)
        if LATEST in named:
            there = {f"v{number}" for number in files.numbers()} - {version}
            before = [past for past in files.aliases_log().last_of(LATEST) if past in there]
            highest = max(there, key=lambda text: parse_version(text) or 0, default=None)
            moved += self._move(files, [LATEST], before[0] if before else highest, run)
        return moved


def _is_of_another(files: CollectionFiles, alias: str, run: str | None) -> bool:
    """Whether an alias names a version that another run made, or that cannot be read."""
    number = parse_version(files.aliases().get(alias) or "")
    if number is None:
        return False
    with suppress(FormatError, NotFoundError, StoreError):
        return files.manifest(number).origin.run != run
    return True


def _as_read(draft: Manifest) -> Manifest:
    """Return the draft as it will be read back, so that nothing unreadable is ever written."""
    try:
        return parse(render(draft), path=draft.qualified_name.removesuffix(":v0"))
    except FormatError as error:
        raise UsageError(f"cannot log this: {error.message}") from error


def _listing_before(files: CollectionFiles) -> Digest | None:
    """Return the object with the listing of the newest version, which the next one may resemble."""
    number = max(files.numbers(), default=None)
    try:
        newest = files.manifest(number) if number is not None else None
    except (FormatError, NotFoundError, StoreError):
        return None
    return newest.digest if newest is not None and newest.lines is None else None


def _existing(files: CollectionFiles, draft: Manifest) -> Manifest | None:
    """Return the first version with the draft's digest that can be read whole."""
    for number in files.find(draft.digest):
        with suppress(FormatError, NotFoundError, StoreError):
            return files.manifest(number)
    return None


def _create(files: CollectionFiles, draft: Manifest) -> Manifest:
    """Give the draft the next free number; another process may take one meanwhile."""
    number = files.next_number()
    while True:
        manifest = replace(draft, number=number)
        if create_exclusive(files.path(number), render(manifest)):
            return manifest
        number += 1


def _given(
    description: str | Keep,
    metadata: Mapping[str, Any] | Keep,
    tags: Sequence[str] | Keep,
    ttl_s: float | Keep | None,
) -> dict[str, Any]:
    """Return the values that are to be set, checked."""
    fields: dict[str, Any] = {}
    if not isinstance(description, Keep):
        fields["description"] = str(description)
    if not isinstance(metadata, Keep):
        fields["metadata"] = dict(metadata)
    if not isinstance(tags, Keep):
        fields["tags"] = list(dict.fromkeys(map(check_tag, tags)))
    if not isinstance(ttl_s, Keep):
        if ttl_s is not None and not ttl_s > 0:
            raise UsageError(f"a lifetime of {ttl_s} seconds is not positive")
        fields["ttl_s"] = ttl_s
    return fields


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot delete {path}") from error
    fsync_directory(path.parent)
