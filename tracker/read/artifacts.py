"""Artifacts by type and collection, as `Api` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.artifact import Artifact, logged_artifact
from tracker.artifacts.home import Home
from tracker.live.term import warn
from vcs.artifacts.manifest import Manifest
from vcs.errors import NotFoundError, UsageError
from vcs.names import check_tag, near


class ArtifactCollection:
    """All versions under one name.

    `description` and `tags` can be changed; `save()` writes them.

    Attributes:
        name: Of the collection.
        type: Of all its versions.
    """

    def __init__(self, home: Home, project: str, name: str) -> None:
        """Look at a collection.

        Raises:
            NotFoundError: There is none of this name.
        """
        collections = home.repo.collections
        kind = collections.type_of(project, name)
        if kind is None or (project, name) not in collections.names(project):
            known = [known for _, known in collections.names(project)]
            raise NotFoundError(
                f"no artifact {name!r} in project {project!r}",
                hint=near(name, known) or "tracker artifact ls",
            )
        self._home = home.in_project(project)
        self.name = name
        self.type = kind
        details = collections.collection_details(project, name)
        self.description = details.description
        self.tags = list(details.tags)

    @property
    def project(self) -> str:
        return self._home.project

    @property
    def entity(self) -> str:
        return self._home.entity

    @property
    def id(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def aliases(self) -> list[str]:
        """Every alias that names a version."""
        return list(self._home.repo.collections.aliases(self.project, self.name))

    @property
    def created_at(self) -> str:
        """When its first version that is still there was made."""
        return self._manifests()[0].created

    def artifacts(self, per_page: int = 50) -> list[Artifact]:
        """Return the versions, newest first."""
        return [logged_artifact(manifest, self._home) for manifest in reversed(self._manifests())]

    versions = artifacts

    def is_sequence(self) -> bool:
        """Whether versions are numbered; always."""
        return True

    def save(self) -> None:
        """Write description and tags.

        Raises:
            UsageError: A tag that cannot be.
            StoreError: The disk refused.
        """
        repo = self._home.repo
        details = repo.collections.edit_collection(
            self.project, self.name, description=self.description, tags=[check_tag(tag) for tag in self.tags]
        )
        self.tags = list(details.tags)
        folder = repo.collections.folder(self.project, self.name)
        for warning in repo.record([folder], f"artifact {self.id} edited"):
            warn(warning)

    def delete(self) -> None:
        """Delete every version, and the aliases that name them.

        Raises:
            StoreError: The disk refused; calling again goes on.
        """
        for manifest in self._manifests():
            changed = self._home.repo.delete_artifact(manifest, delete_aliases=True)
            for warning in changed.warnings:
                warn(warning)

    def _manifests(self) -> list[Manifest]:
        found = self._home.repo.collections.versions(self.project, self.name)
        for damaged in found.damaged:
            warn(f"a version is left out: {damaged.reason}")
        return found

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.id} ({self.type})>"


class ArtifactType:
    """The collections of one type in a project."""

    def __init__(self, home: Home, project: str, name: str) -> None:
        self._home = home.in_project(project)
        self.name = name

    @property
    def type(self) -> str:
        return self.name

    @property
    def project(self) -> str:
        return self._home.project

    def collections(self, per_page: int = 50) -> list[ArtifactCollection]:
        """Return its collections, by name."""
        return list(collections_of(self._home, self.project, self.name))

    def collection(self, name: str) -> ArtifactCollection:
        """Return one of its collections.

        Raises:
            NotFoundError: There is none of this name and type.
        """
        return typed_collection(self._home, self.project, self.name, name)

    def __repr__(self) -> str:
        return f"<ArtifactType {self.project}/{self.name}>"


def collections_of(home: Home, project: str, type_name: str | None = None) -> Iterator[ArtifactCollection]:
    """Yield the collections of a project, by name; of one type if it is given."""
    for _, name in home.repo.collections.names(project):
        if type_name is None or home.repo.collections.type_of(project, name) == type_name:
            yield ArtifactCollection(home, project, name)


def types_of(home: Home, project: str) -> list[ArtifactType]:
    """Return the types that a project has, sorted."""
    names = {collection.type for collection in collections_of(home, project)}
    return [ArtifactType(home, project, name) for name in sorted(names)]


def typed_collection(home: Home, project: str, type_name: str, name: str) -> ArtifactCollection:
    """Return a collection that is of the given type.

    Raises:
        NotFoundError: There is none of this name.
        UsageError: It is of another type.
    """
    collection = ArtifactCollection(home, project, name)
    if collection.type != type_name:
        raise UsageError(f"{collection.id} is of type {collection.type!r}, not {type_name!r}")
    return collection


def with_tags(artifacts: Sequence[Artifact], tags: Sequence[str]) -> list[Artifact]:
    """Return those artifacts that have all of the tags."""
    return [artifact for artifact in artifacts if set(tags) <= set(artifact.tags)]
