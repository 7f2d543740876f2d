"""`tracker.Api`: what was recorded, with the calls of wandb's public API, over local files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.artifact import Artifact, asked_ref, logged_artifact
from tracker.artifacts.home import DEFAULT_PROJECT, Home
from tracker.live.term import warn
from tracker.read.artifacts import (
    ArtifactCollection,
    ArtifactType,
    collections_of,
    typed_collection,
    types_of,
    with_tags,
)
from tracker.read.runs import Run
from tracker.read.selection import Filters, Runs
from tracker.settings import load_settings
from tracker.storage.catalog import Catalog, RunEntry
from vcs.artifacts.manifest import Manifest
from vcs.errors import NotFoundError, UsageError
from vcs.names import ArtifactRef, near, parse_artifact_ref
from vcs.repo import Repo


@dataclass(frozen=True)
class Project:
    """A project, by name.

    Attributes:
        name: Of the project.
        entity: What `tracker.yaml` or the environment say; selects nothing.
    """

    name: str
    entity: str = ""

    @property
    def id(self) -> str:
        return self.name

    @property
    def path(self) -> list[str]:
        return [self.entity, self.name]


class Api:
    """Reads and edits runs and artifacts of the project folder to which a folder belongs.

    Creates nothing. An entity in a path (`entity/project/run`) is accepted and selects
    nothing: there is one folder, whoever wrote to it.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
    ) -> None:
        """Open the records.

        Args:
            overrides: `project` and `entity` to use where a path names none.
            timeout, api_key: Accepted as wandb does; there is no server.
            root: A folder of the project; the current one if not given.

        Raises:
            GitError, FormatError, StoreError: See `Repo.open`.
        """
        given = dict(overrides or {})
        repo = Repo.open(None if root is None else Path(root), create=False)
        for warning in repo.warnings:
            warn(warning)
        options = load_settings({})
        self._project = given.get("project") or options.project or repo.settings.project
        entity = given.get("entity") or options.entity or repo.settings.entity or ""
        self._home = Home(repo, self._project or DEFAULT_PROJECT, str(entity), open_run=self._open)

    @property
    def settings(self) -> dict[str, Any]:
        """What is used where a path does not say it."""
        return {"entity": self._home.entity, "project": self._home.project, "base_url": None}

    @property
    def default_entity(self) -> str:
        return self._home.entity

    @property
    def default_project(self) -> str:
        return self._home.project

    def flush(self) -> None:
        """Nothing is kept, so nothing needs to be forgotten; for scripts that call it."""

    # runs

    def runs(
        self,
        path: str | None = None,
        filters: Filters = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> Runs:
        """Return the runs of a project, lazily.

        Args:
            path: `project` or `entity/project`. If not given, the project that
                `tracker.yaml` or the environment names, or else the runs of all projects.
            filters: In MongoDB's form (see `filters`), or in words (see `filter_text`).
            order: Fields with `+` or `-` in front, separated by commas:
                `-summary_metrics.acc`, `+created_at`, `config.lr.value`.
            per_page, include_sweeps, lazy: Accepted as wandb does; without effect.

        Raises:
            NotFoundError: There is no such project.
            UsageError: The filter or the order cannot be understood.
        """
        project = self._project if path is None else self._project_of(path)
        if path is not None:
            self._check_project(project)
        return Runs(self._home, project, filters, order)

    def run(self, path: str = "") -> Run:
        """Return one run: by id, name, or the beginning of one; maybe with its project in front.

        Raises:
            NotFoundError: There is none; the hint has near names.
            UsageError: Several fit.
            FormatError: Its record is damaged.
        """
        if not isinstance(path, str):
            raise TypeError(f"a run is named by text, not by {type(path).__name__}")
        if not path.strip("/"):
            raise UsageError("which run?", hint='api.run("project/run-id")')
        return self._open(Catalog(self._home.repo.layout).find(path.replace("/runs/", "/"), self._project))

    def projects(self, entity: str | None = None, per_page: int = 200) -> list[Project]:
        """Return the projects that have runs or artifacts, sorted."""
        return [Project(name, entity or self._home.entity) for name in self._projects()]

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return a project by name, whether or not there is anything in it."""
        return Project(name, entity or self._home.entity)

    # artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Return a version: `name`, `name:v2`, `name:alias` or `name@digest`, maybe with its project.

        No lineage is recorded. A name without a project that only one project has is found there.

        Raises:
            NotFoundError: There is none; says what there is.
            UsageError: It is of another type, or not a name.
        """
        return self._version(self._resolve(name, type))

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: str | Sequence[str] | None = None,
    ) -> list[Artifact]:
        """Return the versions of a collection, newest first; those that have all of some tags.

        Raises:
            NotFoundError: There is no such collection.
            UsageError: It is of another type.
        """
        found = self.artifact_collection(type_name, name).artifacts()
        if order is not None and order.lstrip("-+") in ("created_at", "createdAt", "version_index"):
            found = found if order.startswith("-") else found[::-1]
        elif order is not None:
            raise UsageError(f"versions are ordered by created_at, not {order!r}")
        return found if tags is None else with_tags(found, [tags] if isinstance(tags, str) else tags)

    artifact_versions = artifacts

    def artifact_types(self, project: str | None = None) -> list[ArtifactType]:
        """Return the types of artifacts in a project."""
        return types_of(self._home, self._project_or_default(project))

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return one type.

        Raises:
            NotFoundError: The project has no artifact of it.
        """
        place = self._project_or_default(project)
        known = {found.name: found for found in types_of(self._home, place)}
        if type_name not in known:
            raise NotFoundError(
                f"no artifact of type {type_name!r} in project {place!r}", hint=near(type_name, known)
            )
        return known[type_name]

    def artifact_collections(
        self, project_name: str, type_name: str | None = None, per_page: int = 50
    ) -> list[ArtifactCollection]:
        """Return the collections of a project; of one type if it is given."""
        return list(collections_of(self._home, self._project_of(project_name), type_name))

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Return one collection.

        Raises:
            NotFoundError: There is none of this name.
            UsageError: It is of another type.
        """
        ref = parse_artifact_ref(name)
        return typed_collection(self._home, self._place_of(ref), type_name, ref.name)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is this version, of this type if it is given."""
        try:
            manifest = self._resolve(name, None)
        except NotFoundError:
            return False
        return type is None or manifest.type == type

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is a collection of this name and type."""
        try:
            return bool(self.artifact_collection(type, name))
        except (NotFoundError, UsageError):
            return False

    def from_path(self, path: str) -> Any:
        """Return what a path names: an artifact, a run, or the runs of a project.

        Raises:
            NotFoundError: Nothing has this path.
        """
        text = path.strip("/")
        if ":" in text or "@" in text:
            return self.artifact(text.replace("/artifacts/", "/"))
        if text.rpartition("/")[2] in self._projects():
            return self.runs(text)
        return self.run(text)

    # helpers

    def _open(self, entry: RunEntry) -> Run:
        return Run(entry, self._home)

    def _version(self, manifest: Manifest) -> Artifact:
        return logged_artifact(manifest, self._home.in_project(manifest.project))

    def _resolve(self, name: str, type_name: str | None) -> Manifest:
        ref = asked_ref(name)
        return self._home.repo.resolve(ref, project=self._place_of(ref), type=type_name)

    def _place_of(self, ref: ArtifactRef) -> str:
        """Return the project that a name without one most plainly means."""
        if ref.project:
            return ref.project
        having = [project for project, name in self._home.repo.collections.names() if name == ref.name]
        return having[0] if len(having) == 1 else self._home.project

    def _project_of(self, path: str) -> str:
        project = path.strip("/").rpartition("/")[2]
        return project or self._home.project

    def _project_or_default(self, project: str | None) -> str:
        return self._home.project if project is None else self._project_of(project)

    def _projects(self) -> list[str]:
        repo = self._home.repo
        names = {project for project, _ in repo.collections.names()}
        return sorted(names | set(Catalog(repo.layout).projects()))

    def _check_project(self, project: str | None) -> None:
        known = self._projects()
        if project is not None and project not in known and project != self._home.project:
            raise NotFoundError(
                f"no project {project!r}",
                hint=near(project, known) or f"there are {', '.join(known) or 'none yet'}",
            )

    def __repr__(self) -> str:
        return f"<Api over {self._home.repo.layout.root}>"


def open_run(entry: RunEntry) -> Run:
    """Return a run of the catalogue as scripts see it; what `artifact.logged_by()` gives in a live run."""
    # .tracker/runs/<project>/<id> lies four folders below the root.
    root = entry.layout.folder.parents[3]
    return Run(entry, Api({"project": entry.project}, root=root)._home)
