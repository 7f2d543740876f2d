"""The façade: one project's places, contents, artifacts and ledger behind short methods.

Opening finds the places (one git process), reads the settings and looks whether records
were lost; everything else is made when it is first asked for. Methods that change an
artifact record it in the ledger afterwards. The ledger failing costs no version: the files
are there, the failure comes back as a warning, and the next change of the same artifact
takes along what the ledger lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vcs.artifacts.edits import KEEP, Details, Keep
from vcs.artifacts.manifest import Manifest, Origin
from vcs.discover import current_folder, find_layout
from vcs.errors import FormatError, GitError, LockedError, NotFoundError, StoreError
from vcs.git import Git
from vcs.layout import Layout
from vcs.records.adoption import adopt, is_due
from vcs.retention.shared_store import register
from vcs.settings import VcsSettings, load_settings

# A command that only looks at records uses few of the verbs, and would wait for the others.
if TYPE_CHECKING:
    from vcs.artifacts.alias_log import AliasMove
    from vcs.artifacts.collection import Collections, Logged
    from vcs.code.code_state import CodeState
    from vcs.digest import Digest
    from vcs.files.checkout import CheckoutResult, Extra
    from vcs.files.ignore import Ignore
    from vcs.files.listing import Entry, Listing
    from vcs.files.staging import Link
    from vcs.files.stat_cache import StatCache
    from vcs.names import ArtifactRef
    from vcs.progress import Progress
    from vcs.records.ledger import Ledger
    from vcs.stores.base import Batch
    from vcs.stores.local import LocalStore


@dataclass(frozen=True)
class Changed:
    """What a change of an artifact came to.

    Attributes:
        moved: The aliases that moved.
        details: Description, metadata, tags and lifetime as they are now, where they were asked for.
        warnings: Sentences for the user about what did not stop the change.
    """

    moved: tuple[AliasMove, ...] = ()
    details: Details | None = None
    warnings: tuple[str, ...] = ()


class Repo:
    """One project. Cheap to open; safe from threads and processes as its parts are.

    Attributes:
        layout: Where everything lies.
        settings: What `tracker.yaml` and the environment say.
        warnings: What went wrong on opening without preventing it.
    """

    def __init__(self, layout: Layout, settings: VcsSettings) -> None:
        """For tests and for callers that know the places; others use `open`."""
        self.layout = layout
        self.settings = settings
        self.warnings: tuple[str, ...] = ()

    @classmethod
    def open(cls, start: Path | None = None, *, create: bool = True) -> Repo:
        """Open the project to which a folder (the current one) belongs.

        With `create`, the records folder is made, hidden from git; without, nothing is
        written but what comes back: records that are gone (`git clean -fdx`, a fresh clone)
        are restored from the ledger, and what was kept before `git init` is taken over. If
        that fails, `warnings` says so.

        Raises:
            UsageError: `start` is not a folder, or the current one was removed.
            GitError: git cannot or will not read the repository.
            FormatError: `tracker.yaml` is damaged or says what it cannot.
            StoreError: `tracker.yaml` cannot be read, or the records folder not be made.
        """
        layout = find_layout(start if start is not None else current_folder())
        settings = load_settings(layout.root)
        if settings.store is not None:
            layout = replace(layout, objects_root=settings.store)
            with suppress(StoreError):  # Who cannot write there collects no garbage, nor puts anything.
                register(layout)
        repo = cls(layout, settings)
        if create:
            repo.ledger.prepare()
        repo.warnings = (*repo._restore(), *repo._adopt())
        return repo

    # parts

    @cached_property
    def git(self) -> Git | None:
        """The working tree of this process; None without a repository."""
        return Git(self.layout.worktree) if self.layout.git_dir is not None else None

    @cached_property
    def store(self) -> LocalStore:
        """The objects of this machine; what it lacks comes from the project's remotes when it is opened."""
        from vcs.stores.local import LocalStore

        if not self.settings.remotes and not self.settings.remote:
            return self.here
        from vcs.sharing.obtaining import RemoteSource

        source = RemoteSource(self.layout, self.settings)
        return LocalStore(self.layout.objects, self.layout.packs, self.layout.store_tmp, source=source)

    @cached_property
    def here(self) -> LocalStore:
        """The objects of this machine, and nothing from elsewhere."""
        from vcs.stores.local import LocalStore

        return LocalStore(self.layout.objects, self.layout.packs, self.layout.store_tmp)

    @cached_property
    def stat_cache(self) -> StatCache:
        """What is known of files that were read before."""
        from vcs.files.stat_cache import StatCache

        return StatCache(self.layout.stat_cache)

    @cached_property
    def collections(self) -> Collections:
        """The artifacts, without the ledger."""
        from vcs.artifacts.collection import Collections

        return Collections(self.layout, self.store)

    @cached_property
    def ledger(self) -> Ledger:
        """The history of the records."""
        from vcs.records.large_files import bring_back
        from vcs.records.ledger import Ledger

        return Ledger(self.git, self.layout, complete=lambda: bring_back(self.layout, self.here))

    # contents

    def open_object(self, digest: Digest) -> BinaryIO:
        """Open an object for reading; a large one that is not here is read where it lies.

        Then only what is read is fetched, and checked block by block against the remote's
        inventory. A small one is fetched.

        Raises:
            NotFoundError: It is neither here nor with a remote.
            IntegrityError, StoreError: It is damaged; a remote cannot be reached.
        """
        if not self.here.contains(digest) and (self.settings.remotes or self.settings.remote):
            from vcs.sharing.obtaining import RemoteSource

            found = RemoteSource(self.layout, self.settings).open(digest)
            if found is not None:
                return found
        return self.store.open(digest)

    def add_tree(
        self,
        folder: Path,
        *,
        ignore: Ignore | None = None,
        progress: Progress | None = None,
        batch: Batch | None = None,
    ) -> Listing:
        """Store a folder; see `vcs.files.add.add_tree`.

        Without `ignore`, the project's `.trackerignore` and those in the folder hold.
        """
        from vcs.files.add import add_tree
        from vcs.files.ignore import Ignore

        rules = ignore if ignore is not None else Ignore.load(folder, top=self.layout.worktree)
        listing = add_tree(
            folder, self.store, ignore=rules, stat_cache=self.stat_cache, progress=progress, batch=batch
        )
        self.stat_cache.save()
        return listing

    def add_file(
        self, path: Path, *, name: str, progress: Progress | None = None, batch: Batch | None = None
    ) -> Entry:
        """Store one file; see `vcs.files.add.add_file`."""
        from vcs.files.add import add_file

        entry = add_file(
            path, self.store, name=name, stat_cache=self.stat_cache, progress=progress, batch=batch
        )
        self.stat_cache.save()
        return entry

    def checkout(
        self,
        manifest: Manifest,
        target: Path,
        *,
        extra: Extra = "keep",
        link: Link = "auto",
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Make a folder hold what the version holds; see `vcs.files.checkout`.

        References are left to the caller.
        """
        from vcs.files.checkout import plan_checkout

        listing = self.collections.listing(manifest)
        plan = plan_checkout(listing, target, self.store, stat_cache=self.stat_cache, extra=extra)
        result = plan.apply(link=link, overwrite=overwrite, progress=progress)
        self.stat_cache.save()
        return result

    def capture_code(self) -> CodeState:
        """Make the code of this working tree a commit; without git, nothing is known of it."""
        from vcs.code.code_state import CodeState, capture_code

        if self.git is None:
            return CodeState(commit=None, branch=None, remote=None, code_commit=None, dirty=False)
        limits = self.settings.code
        return capture_code(
            self.git,
            self.layout,
            limit_bytes=limits.file_bytes,
            total_bytes=limits.total_bytes,
            folder_files=limits.folder_files,
        )

    # artifacts

    def resolve(self, ref: ArtifactRef | str, *, project: str, type: str | None = None) -> Manifest:
        """Return the version that `ref` names; see `CollectionReader.resolve`."""
        return self.collections.resolve(ref, project=project, type=type)

    def log_artifact(
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
        """Make a version, or find the one with these contents; see `Collections.log`.

        One ledger commit carries the manifest and its aliases, so who reads the ledger never
        sees one without the other; who reads the files sees the manifest first.

        Raises:
            NotFoundError: Contents of the listing are neither here nor with a remote.
        """
        doubts = self._hold(listing, name)
        logged = self.collections.log(
            project,
            name,
            type,
            listing,
            origin=origin,
            description=description,
            metadata=metadata,
            aliases=aliases,
            parent=parent,
            tags=tags,
            spare_aliases=spare_aliases,
        )
        return self._record_logged(logged, "artifact", doubts)

    def link_artifact(
        self,
        manifest: Manifest,
        target_project: str,
        target_name: str,
        aliases: Sequence[str] = (),
        *,
        run: str | None = None,
    ) -> Logged:
        """Link a version into another collection; see `Collections.link`.

        Raises:
            NotFoundError: Its contents are neither here nor with a remote.
        """
        doubts = self._hold(self.collections.listing(manifest), manifest.name)
        logged = self.collections.link(manifest, target_project, target_name, aliases, run=run)
        return self._record_logged(logged, "link", doubts)

    def move_alias(
        self, project: str, name: str, alias: str, version: str, *, run: str | None = None
    ) -> Changed:
        """Let an alias name a version; see `Collections.move_alias`."""
        return self._record_moves(
            project, name, self.collections.move_alias(project, name, alias, version, run=run)
        )

    def remove_alias(self, project: str, name: str, alias: str, *, run: str | None = None) -> Changed:
        """Let an alias name nothing; see `Collections.remove_alias`."""
        return self._record_moves(project, name, self.collections.remove_alias(project, name, alias, run=run))

    def edit_artifact(
        self,
        manifest: Manifest,
        *,
        description: str | Keep = KEEP,
        metadata: Mapping[str, Any] | Keep = KEEP,
        tags: Sequence[str] | Keep = KEEP,
        ttl_s: float | Keep | None = KEEP,
    ) -> Changed:
        """Change what may change about a version; see `Collections.edit`."""
        before = self.collections.effective(manifest)
        details = self.collections.edit(
            manifest, description=description, metadata=metadata, tags=tags, ttl_s=ttl_s
        )
        if details == before:
            return Changed(details=details)
        message = f"artifact {manifest.qualified_name} edited"
        return Changed(details=details, warnings=self._record_version(manifest, message))

    def delete_artifact(
        self, manifest: Manifest, *, delete_aliases: bool = False, run: str | None = None
    ) -> Changed:
        """Delete a version; see `Collections.delete`."""
        moved = self.collections.delete(manifest, delete_aliases=delete_aliases, run=run)
        message = f"artifact {manifest.qualified_name} deleted{_moves_text(moved)}"
        return Changed(tuple(moved), warnings=self._record_version(manifest, message))

    # ledger

    def record(self, paths: Iterable[Path], message: str) -> tuple[str, ...]:
        """Commit records to the ledger; return a warning instead of raising if that fails.

        The files stay as they are, and the next commit of the same paths takes them along.
        """
        try:
            self.ledger.commit(paths, message)
        except (FormatError, GitError, LockedError, StoreError) as error:
            return (f"not yet in the ledger: {message} ({error.message})",)
        return ()

    def _hold(self, listing: Listing, name: str) -> tuple[str, ...]:
        """Keep garbage collection from contents that are to be named; return what is uncertain of them.

        A draft may rely on a version that was deleted since, and whose contents are gone. What
        this process has just added whole is neither.
        """
        from vcs.files.held import hold

        if listing.kept_at == self.here.place:
            return ()
        absent = hold(listing, self.here)
        if not absent:
            return ()
        try:
            gone = absent.keys() - self.store.obtainable(absent)
        except StoreError as error:
            return (f"contents of {name} are not here, and may be nowhere: {error.message}",)
        if gone:
            raise NotFoundError(
                f"{absent[min(gone)]} of {name} is neither here nor with a remote"
                + (f", and {len(gone) - 1} more" if len(gone) > 1 else ""),
                hint="the version that it comes from may have been deleted; "
                "contents that gc removed come back: tracker gc --undo",
            )
        return ()

    def _record_logged(self, logged: Logged, what: str, doubts: tuple[str, ...]) -> Logged:
        logged = replace(logged, warnings=(*logged.warnings, *doubts))
        if not (logged.new or logged.moved or logged.changed):
            return logged
        moves = _moves_text(logged.moved)
        edits = f" edited: {', '.join(logged.changed)}" if logged.changed else ""
        message = f"{what} {logged.manifest.qualified_name}{edits}{moves}"
        return replace(logged, warnings=(*logged.warnings, *self._record_version(logged.manifest, message)))

    def _record_moves(self, project: str, name: str, move: AliasMove | None) -> Changed:
        if move is None:
            return Changed()
        message = f"artifact {project}/{name}:{move.version or move.previous}{_moves_text([move])}"
        paths = [self.layout.aliases(project, name)]
        return Changed((move,), warnings=self._record_collection(project, name, paths, message))

    def _record_version(self, manifest: Manifest, message: str) -> tuple[str, ...]:
        paths = self.collections.paths_of(manifest)
        return self._record_collection(manifest.project, manifest.name, paths, message)

    def _record_collection(
        self, project: str, name: str, paths: Sequence[Path], message: str
    ) -> tuple[str, ...]:
        """Commit files of a collection, and what an earlier failure or crash kept out."""
        try:
            more = self._unrecorded(project, name)
        except (FormatError, GitError, StoreError) as error:
            return (f"not yet in the ledger: {message} ({error.message})",)
        return self.record(sorted({*paths, *more}), message)

    def _unrecorded(self, project: str, name: str) -> list[Path]:
        """Return the manifests that the ledger lacks, and those that it has though they were deleted."""
        from vcs.records.ledger_tree import entries_of

        tip = self.ledger.tip()
        if self.git is None or tip is None:
            return []
        folder = self.collections.folder(project, name).relative_to(self.layout.records)
        known = {self.layout.records / path for path in entries_of(self.git, tip, [folder.as_posix()])}
        present, deleted = self.collections.manifest_paths(project, name)
        return [*(present - known), *(deleted & known)]

    def _restore(self) -> tuple[str, ...]:
        # `restore_if_lost` asks this too, and takes longer to load than to answer.
        if self.layout.git_dir is None or self.layout.ledger_mark.exists():
            return ()
        try:
            self.ledger.restore_if_lost()
        except (FormatError, GitError, LockedError, StoreError) as error:
            return (f"records that are gone could not be brought back: {error}",)
        return ()

    def _adopt(self) -> tuple[str, ...]:
        if not is_due(self.layout):
            return ()
        try:
            adopt(self.layout, self.ledger)
        except (FormatError, GitError, LockedError, StoreError) as error:
            return (f"what was kept before git init is not yet taken over: {error}",)
        return ()


def _moves_text(moves: Sequence[AliasMove]) -> str:
    """` (best, latest; without old)`; empty if nothing moved."""
    gained = ", ".join(move.alias for move in moves if move.version is not None)
    lost = ", ".join(move.alias for move in moves if move.version is None)
    text = "; ".join(filter(None, [gained, f"without {lost}" if lost else ""]))
    return f" ({text})" if text else ""
