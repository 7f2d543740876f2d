"""A versioned set of files: `tracker.Artifact`.

An artifact begins as a draft, to which files are added. Logging it makes it a version,
`name:v0`, `name:v1`, …, whose contents never change. Everything works without a
network, and without a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracker.artifacts.attributes import (
    ArtifactTTL,
    Editable,
    check_metadata,
    check_not_reserved,
    words,
)
from tracker.artifacts.contents import ArtifactContents
from tracker.artifacts.draft import Draft
from tracker.artifacts.editing import delete_version, read_editable, save_changes
from tracker.artifacts.entry import ArtifactManifest
from tracker.artifacts.home import Home, find_home
from tracker.artifacts.lineage import consumers_of, producer_of
from tracker.artifacts.logged import Version
from tracker.errors import UsageError
from tracker.live.term import say, warn
from vcs.artifacts.collection import Logged
from vcs.artifacts.manifest import Manifest, Origin
from vcs.names import (
    ArtifactRef,
    check_alias,
    check_artifact_name,
    check_tag,
    check_type,
    parse_artifact_ref,
)

__all__ = ["Artifact", "ArtifactTTL", "logged_artifact"]


class Artifact(ArtifactContents):
    """A draft of a version, or a version.

    `run.log_artifact(artifact)` turns the one into the other; so does `save()`, also
    without a run. Contents are stored when they are added.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str | None = None,
    ) -> None:
        """Begin a draft.

        Args:
            name: Of the collection: letters, digits, dashes, underscores and dots.
            type: Of all its versions, such as `model` or `dataset`.
            description: In your words.
            metadata: What else belongs to it; at most 100 keys.
            incremental, storage_region, digest_algorithm: Taken for wandb's sake; no effect.
            use_as: A name for its role in a run.

        Raises:
            UsageError: A name or type that cannot be.
        """
        check_not_reserved(check_artifact_name(name), check_type(type))
        self._begin(name, type)
        self._draft = Draft(name, find_home)
        self._values = Editable(description, check_metadata(metadata))
        self._use_as = use_as

    @classmethod
    def of_reserved(cls, name: str, type: str) -> Artifact:
        """Begin a draft with a name or type that scripts cannot have; for what we log ourselves."""
        artifact = cls.__new__(cls)
        artifact._begin(check_artifact_name(name), check_type(type))
        artifact._draft = Draft(name, find_home)
        return artifact

    def _begin(self, name: str, type_name: str) -> None:
        self._name = name
        self._type = type_name
        self._draft: Draft | None = None
        self._version: Version | None = None
        self._values = Editable()
        self._recorded = Editable()
        self._deleted = False
        self._parent: str | None = None
        self._use_as: str | None = None
        self.on_download: Callable[[str | None], None] | None = None
        self._finalized = False
        self._manifest: ArtifactManifest | None = None

    # the life of a version

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact, which is logged already when `log_artifact` returns.

        Raises:
            ArtifactNotLoggedError: It is a draft that nobody logged.
        """
        self._logged("version to wait for")
        return self

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Log a draft, or write changed aliases, description, metadata, tags and lifetime.

        A draft goes through the live run, if there is one, and else belongs to no run.

        Raises:
            UsageError: A value that cannot be. Nothing was written.
            StoreError: The disk refused.
        """
        if self._version is not None:
            self._recorded = save_changes(self._version, self._recorded, self._values)
            self._values = read_editable(self._version)
            return
        home = find_home()
        if home.log_draft is not None and project in (None, home.project):
            home.log_draft(self)
            return
        target = home if project is None else home.in_project(project)
        git = target.repo.git
        origin = Origin(commit=git.head(), branch=git.branch()) if git is not None else Origin()
        self.commit(target, origin=origin)

    def commit(
        self,
        home: Home,
        *,
        origin: Origin,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        spare_aliases: bool = False,
    ) -> Logged:
        """Make the draft a version of the home's project; the run's `log_artifact` calls this.

        Equal contents in the collection are that version; aliases and `latest` move to
        it in either case, but for those of other runs with `spare_aliases`.

        Raises:
            UsageError: A name, alias or tag that cannot be, another type than the collection's.
            FormatError: Two paths that would be one on some file systems.
            StoreError: The disk refused. The draft stays a draft.
        """
        draft = self._drafted(frozen=True)
        draft.frozen = True
        try:
            draft.move_home(home)
            logged = home.repo.log_artifact(
                home.project,
                self._name,
                self._type,
                draft.listing(),
                origin=origin,
                description=self._values.description,
                metadata=check_metadata(self._values.metadata),
                aliases=list(aliases),
                parent=self._parent,
                tags=words(tags, check_tag, "tags"),
                spare_aliases=spare_aliases,
            )
        except BaseException:
            draft.frozen = self._finalized
            raise
        ttl_s = self._values.ttl_s
        self._become(Version(logged.manifest, home))
        self._tell(logged)
        if ttl_s is not None and ttl_s != self._values.ttl_s:
            self._values.ttl_s = ttl_s
            self.save()
        return logged

    def new_draft(self) -> Artifact:
        """Return a draft with the contents, description and metadata of this version.

        Nothing is read or copied. Logged under the same name it is the next version.

        Raises:
            ArtifactNotLoggedError: It is a draft.
        """
        version = self._logged("version to draft from")
        draft = Artifact.__new__(Artifact)
        draft._begin(version.source.name, self._type)
        draft._draft = Draft(version.source.name, lambda: version.home, self._contents())
        draft._values = Editable(self._values.description, dict(self._values.metadata))
        draft._parent = version.source.version
        return draft

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; of a link, the link alone. The number is never used again.

        Raises:
            UsageError: Aliases name it, and `delete_aliases` is false.
            NotFoundError: It is gone already.
        """
        delete_version(self._logged("version to delete"), delete_aliases=delete_aliases)
        self._deleted = True
        self._values.aliases = []

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Make this version a version of another collection, `[[entity/]project/]name`, too.

        Nothing is copied. A draft is logged first. Linking a link links its source.

        Raises:
            UsageError: The target is its own collection, or of another type.
        """
        if self._version is None:
            self.save()
        version = self._logged("version to link")
        target = parse_artifact_ref(target_path)
        logged = version.home.repo.link_artifact(
            version.manifest,
            target.project or version.home.project,
            target.name,
            words(aliases, check_alias, "aliases"),
        )
        for warning in logged.warnings:
            warn(warning)
        return logged_artifact(logged.manifest, version.home)

    def unlink(self) -> None:
        """Delete this link; the version that it points to stays.

        Raises:
            UsageError: It is no link.
        """
        if not self.is_link:
            raise UsageError(f"{self.name} is not a link", hint="delete() deletes a version")
        self.delete(delete_aliases=True)

    # lineage

    def logged_by(self) -> Any:
        """Return the run that logged it first; None if no run did."""
        return producer_of(self._logged("producer"))

    def used_by(self) -> list[Any]:
        """Return the runs that used it, oldest first; reads the record of every run."""
        return consumers_of(self._logged("consumers"))

    # for those who make artifacts

    def add_names(self, aliases: Sequence[str], tags: Sequence[str] = ()) -> None:
        """Let aliases name this version and add tags, at once; unsaved changes stay unsaved.

        Raises:
            UsageError: An alias or tag that cannot be. Nothing was written.
        """
        version = self._logged("version to name")
        before = read_editable(version)
        after = replace(before, aliases=[*before.aliases, *aliases], tags=[*before.tags, *tags])
        saved = save_changes(version, before, after)
        for values in (self._values, self._recorded):
            values.aliases = list(dict.fromkeys([*values.aliases, *aliases]))
            values.tags = list(dict.fromkeys([*values.tags, *saved.tags]))

    def _become(self, version: Version) -> None:
        self._version = version
        self._draft = None
        self._values = read_editable(version)
        self._recorded = read_editable(version)

    def _tell(self, logged: Logged) -> None:
        for warning in logged.warnings:
            warn(warning)
        if logged.new:
            return
        back = [move for move in logged.moved if move.previous is not None]
        moves = "".join(f"; {move.alias} moves to it from {move.previous}" for move in back)
        say(f"{self.name} has the same content, so no new version is made{moves}")
        if logged.changed:
            warn(f"{' and '.join(logged.changed)} of {self.name} replaced by what was logged now")

    def __repr__(self) -> str:
        return f"<Artifact {self.qualified_name if self._version else self._name} ({self._type})>"


def asked_ref(name: str) -> ArtifactRef:
    """Return what a script names: as text, with or without wandb's scheme in front.

    Raises:
        UsageError: It is not written as the name of a version.
        TypeError: It is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"a version is named by text, not by {type(name).__name__}: name:v2 or name:alias")
    return parse_artifact_ref(name.removeprefix("wandb-artifact://"))


def logged_artifact(
    manifest: Manifest,
    home: Home,
    *,
    use_as: str | None = None,
    on_download: Callable[[str | None], None] | None = None,
) -> Artifact:
    """Return the artifact of a version; `on_download` hears of the folders that it is put into."""
    artifact = Artifact.__new__(Artifact)
    artifact._begin(manifest.name, manifest.type)
    artifact._become(Version(manifest, home))
    artifact._use_as = use_as
    artifact.on_download = on_download
    return artifact
