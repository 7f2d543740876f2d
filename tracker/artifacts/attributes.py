"""What an artifact says about itself, and what of that may be changed.

Changes of a logged version (aliases, description, metadata, tags, lifetime) are made on
the object like on any other, and written by `save()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from tracker.artifacts.draft import Draft
from tracker.artifacts.logged import Version
from tracker.errors import ArtifactNotLoggedError, UsageError
from tracker.values.scalars import plain
from vcs.artifacts.edits import Details
from vcs.clock import parse_time
from vcs.files.listing import Listing
from vcs.names import LATEST, check_alias, check_tag

MAX_METADATA_KEYS = 100

_RESERVED_TYPES = ("job", "wandb-")
_RESERVED_PAIRS = {"run_table": "run-", "code": "source-"}


class ArtifactTTL(Enum):
    """How long a version is kept when nobody says: `artifact.ttl = ArtifactTTL.INHERIT`."""

    INHERIT = "inherit"


@dataclass
class Editable:
    """The values of a version that may change.

    Attributes:
        aliases: Names that point to the version.
        ttl_s: Seconds from its creation; None: kept for ever.
    """

    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    ttl_s: float | None = None

    @classmethod
    def of(cls, details: Details, aliases: Sequence[str]) -> Editable:
        """Return the values as they are recorded; the containers are new."""
        return cls(
            details.description or None,
            dict(details.metadata),
            list(details.tags),
            list(aliases),
            details.ttl_s,
        )


class ArtifactAttributes:
    """The properties of `tracker.Artifact`; see there."""

    _name: str
    _type: str
    _draft: Draft | None
    _version: Version | None
    _values: Editable
    _recorded: Editable
    _deleted: bool
    _parent: str | None
    _use_as: str | None

    # what it is

    @property
    def id(self) -> str | None:
        """A name for this version in the whole project; None for a draft."""
        return self._version.manifest.qualified_name if self._version else None

    @property
    def name(self) -> str:
        """`mnist`, and once it is logged `mnist:v3`."""
        return f"{self._name}:{self._version.manifest.version}" if self._version else self._name

    @property
    def collection_name(self) -> str:
        """The name without a version."""
        return self._name

    @property
    def type(self) -> str:
        return self._type

    @property
    def version(self) -> str:
        """`v3`."""
        return self._logged("version").manifest.version

    @property
    def project(self) -> str:
        return self._logged("project").manifest.project

    @property
    def entity(self) -> str:
        return self._logged("entity").home.entity

    @property
    def qualified_name(self) -> str:
        """`entity/project/mnist:v3`; without an entity `project/mnist:v3`."""
        version = self._logged("qualified_name")
        return _qualified(version.home.entity, version.manifest.qualified_name)

    full_name = qualified_name

    @property
    def source_name(self) -> str:
        """The name of what a link points to; its own name otherwise."""
        source = self._logged("source_name").source
        return f"{source.name}:{source.version}"

    @property
    def source_version(self) -> str:
        return self._logged("source_version").source.version

    @property
    def source_project(self) -> str:
        return self._logged("source_project").source.project

    @property
    def source_entity(self) -> str:
        return self._logged("source_entity").home.entity

    @property
    def source_qualified_name(self) -> str:
        version = self._logged("source_qualified_name")
        return _qualified(version.home.entity, version.source.qualified_name)

    @property
    def is_link(self) -> bool:
        """Whether it is a link to a version of another collection."""
        return self._logged("is_link").manifest.source is not None

    @property
    def state(self) -> str:
        """PENDING, COMMITTED or DELETED."""
        if self._deleted:
            return "DELETED"
        return "COMMITTED" if self._version else "PENDING"

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self._version is None

    @property
    def digest(self) -> str:
        """BLAKE3 of the contents, in hexadecimal: equal contents have equal digests."""
        return self._version.manifest.digest if self._version else self._contents().digest

    @property
    def size(self) -> int:
        """Bytes of all files, and of references whose size is known."""
        return self._version.manifest.size_bytes if self._version else self._contents().size_bytes

    @property
    def file_count(self) -> int:
        """Files and references."""
        return self._version.manifest.file_count if self._version else self._contents().file_count

    # where it came from

    @property
    def created_at(self) -> str:
        """When it was logged: UTC, ISO 8601."""
        return self._logged("created_at").manifest.created

    @property
    def updated_at(self) -> str:
        """When it was last edited, or created."""
        version = self._logged("updated_at")
        return version.home.repo.collections.effective(version.manifest).updated or version.manifest.created

    @property
    def history_step(self) -> int | None:
        """The step of the run that logged it, at that moment."""
        return self._logged("history_step").manifest.origin.step

    @property
    def commit_hash(self) -> str | None:
        """HEAD of the user's repository when it was logged."""
        return self._logged("commit_hash").manifest.origin.commit

    @property
    def code_commit(self) -> str | None:
        """The commit that holds the code of the run exactly as it was."""
        return self._logged("code_commit").manifest.origin.code_commit

    @property
    def parent(self) -> str | None:
        """The version that it was drafted from."""
        return self._version.manifest.parent if self._version else self._parent

    @property
    def use_as(self) -> str | None:
        """The name under which the run asked for it."""
        return self._use_as

    @property
    def url(self) -> str | None:
        """Where the manifest lies."""
        if self._version is None:
            return None
        manifest = self._version.manifest
        layout = self._version.home.repo.layout
        return layout.manifest(manifest.project, manifest.name, manifest.number).as_uri()

    # what may be changed

    @property
    def description(self) -> str | None:
        return self._values.description

    @description.setter
    def description(self, description: str | None) -> None:
        self._values.description = None if description is None else str(description)

    @property
    def metadata(self) -> dict[str, Any]:
        return self._values.metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any] | None) -> None:
        self._values.metadata = check_metadata(metadata)

    @property
    def tags(self) -> list[str]:
        self._logged("tags")
        return self._values.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._logged("tags")
        self._values.tags = words(tags, check_tag, "tags")

    @property
    def aliases(self) -> list[str]:
        """The names that point to this version; change the list, then `save()`.

        Assigning a list keeps `latest`; `aliases.remove("latest")` does not.
        """
        self._logged("aliases")
        return self._values.aliases

    @aliases.setter
    def aliases(self, aliases: Sequence[str]) -> None:
        # Who replaces aliases thinks of their own: without `latest` the bare name would find nothing.
        kept = [alias for alias in self.aliases if alias == LATEST]
        self._values.aliases = words([*words(aliases, check_alias, "aliases"), *kept], check_alias, "aliases")

    @property
    def ttl(self) -> timedelta | None:
        """How long the version is kept, from its creation; None: for ever."""
        seconds = self._values.ttl_s
        return None if seconds is None else timedelta(seconds=seconds)

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self._version is not None and self._version.manifest.source is not None:
            raise UsageError(
                "a link has no lifetime of its own", hint="set it on the version that it points to"
            )
        if ttl is None or isinstance(ttl, ArtifactTTL):
            self._values.ttl_s = None
        elif isinstance(ttl, timedelta) and ttl > timedelta():
            self._values.ttl_s = ttl.total_seconds()
        else:
            raise UsageError(f"the lifetime {ttl!r} is not a positive timedelta", hint="timedelta(days=30)")

    @property
    def expires_at(self) -> datetime | None:
        """When its lifetime ends; None if it has none."""
        if self.ttl is None:
            return None
        return parse_time(self.created_at) + self.ttl

    # helpers

    def _logged(self, what: str) -> Version:
        """Return the version, or say that a draft has no `what`."""
        if self._version is None:
            raise ArtifactNotLoggedError(
                f"{self._name} is a draft and has no {what} yet",
                hint="log it first: run.log_artifact(artifact)",
            )
        return self._version

    def _contents(self) -> Listing:
        if self._version is not None:
            return self._version.listing
        assert self._draft is not None
        return self._draft.listing()


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy of metadata in plain values.

    Raises:
        UsageError: More than 100 keys, or a key that is no text.
        TypeError: Not a mapping.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata is a dictionary, not {type(metadata).__name__}")
    if len(metadata) > MAX_METADATA_KEYS:
        raise UsageError(
            f"metadata has {len(metadata)} keys; at most {MAX_METADATA_KEYS} fit",
            hint="put the rest into a file of the artifact",
        )
    for key in metadata:
        if not isinstance(key, str):
            raise UsageError(f"the key {key!r} of the metadata is no text")
    return {key: plain(value) for key, value in metadata.items()}


def words(given: Iterable[str] | str | None, check: Callable[[str], str], what: str) -> list[str]:
    """Return aliases or tags as a list, each once and checked; a single text is one of them."""
    if given is None:
        return []
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise TypeError(f"{what} are a list of texts, not {type(given).__name__}")
    return list(dict.fromkeys(check(word) for word in given))


def check_not_reserved(name: str, type_name: str) -> None:
    """Refuse what wandb keeps for itself, so that what is logged here can be logged there.

    Raises:
        UsageError: The type, or the name for this type, is one of those.
    """
    if type_name == _RESERVED_TYPES[0] or type_name.startswith(_RESERVED_TYPES[1]):
        raise UsageError(f"the type {type_name!r} is reserved", hint="take another word")
    prefix = _RESERVED_PAIRS.get(type_name)
    if prefix is not None and re.match(prefix, name):
        raise UsageError(
            f"the name {name!r} is reserved for the type {type_name!r}", hint="take another name"
        )


def _qualified(entity: str, name: str) -> str:
    return f"{entity}/{name}" if entity else name
