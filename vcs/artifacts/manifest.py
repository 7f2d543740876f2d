"""One version of an artifact as a file: a YAML header, then one line for each entry.

`parse(render(m)) == m`. A manifest is hostile until parsed: the header is checked field
by field, and the digest in it must be that of its entries, so a cut or changed file is
found out at once. Paths of entries are checked when the listing is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vcs.clock import parse_time
from vcs.digest import Digest, digest_bytes, parse_digest
from vcs.errors import FormatError, UsageError
from vcs.files.listing import MAX_NAMED, Listing
from vcs.ledger_paths import bring_back_hint
from vcs.names import (
    check_artifact_name,
    check_project,
    check_run_id,
    check_type,
    parse_artifact_ref,
    parse_version,
)
from vcs.yaml_io import dump_yaml, load_yaml, read_text

FORMAT = 1
MAX_ENTRIES = MAX_NAMED
"""A longer listing is an object of its own, and its lines are short."""
# In the header of every manifest that we write, before anything that a user can make long.
DIGEST_LINE = re.compile(rb"^digest: ([0-9a-f]{64})\n", re.MULTILINE)

_MAX_COUNT = 1 << 62
# JSON leaves these as they are; to YAML they are line breaks or forbidden.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_ENTRIES = "\nentries:\n"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a version came from; everything that is unknown is None.

    Attributes:
        run: The id of the run that logged it.
        step: The run's step at that moment.
        commit: HEAD of the user's repository.
        branch: The branch that was checked out.
        code_commit: The commit that holds the exact code.
        dirty: Whether the code differed from `commit`.
    """

    run: str | None = None
    step: int | None = None
    commit: str | None = None
    branch: str | None = None
    code_commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version of an artifact, as it was logged; later edits are kept elsewhere.

    Attributes:
        number: 3 for `v3`.
        digest: Of the listing; equal contents have equal digests.
        file_count: Files and references in the listing.
        created: When, as `vcs.clock` writes it.
        parent: The version (`v2`) that it was drafted from.
        source: `project/name:vN` of the version that a link points to.
        was: The number that it had before two clones were merged.
        lines: The canonical entries; None where the listing is an object of its own.
        more: Fields that this release does not know; kept.
    """

    project: str
    name: str
    number: int
    type: str
    digest: Digest
    file_count: int
    size_bytes: int
    created: str
    origin: Origin = Origin()
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    parent: str | None = None
    source: str | None = None
    was: str | None = None
    lines: bytes | None = field(default=None, repr=False)
    more: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.qualified_name, self.digest))

    @property
    def version(self) -> str:
        """`v3`."""
        return f"v{self.number}"

    @property
    def qualified_name(self) -> str:
        """`project/name:v3`."""
        return f"{self.project}/{self.name}:v{self.number}"


def lines_of(listing: Listing) -> bytes | None:
    """Return what a manifest holds of the listing itself; None if it must be an object.

    It must beyond 1,000 entries, and where a path has a character that YAML has not.
    """
    if len(listing) > MAX_ENTRIES or _NOT_IN_YAML.search(listing.encoded.decode()):
        return None
    return listing.encoded


def render(manifest: Manifest) -> str:
    """Return the text of the file, header first.

    Raises:
        TypeError, ValueError: The metadata holds what YAML cannot.
    """
    origin = manifest.origin
    header: dict[str, Any] = {
        "format": FORMAT,
        "artifact": manifest.name,
        "project": manifest.project,
        "version": manifest.version,
        "type": manifest.type,
        "digest": manifest.digest,
        "files": manifest.file_count,
        "size_bytes": manifest.size_bytes,
        "created": manifest.created,
        "run": origin.run,
        "step": origin.step,
        "commit": origin.commit,
        "branch": origin.branch,
        "code_commit": origin.code_commit,
        "dirty": origin.dirty,
        "parent": manifest.parent,
        "source": manifest.source,
        "was": manifest.was,
        "description": manifest.description or None,
        "tags": list(manifest.tags) or None,
        "metadata": dict(manifest.metadata) or None,
    }
    known = {key: value for key, value in header.items() if value is not None}
    text = dump_yaml({**known, **manifest.more})
    if manifest.lines is None:
        return f"{text}listing: {manifest.digest}\n"
    if not manifest.lines:
        return f"{text}entries: []\n"
    entries = "".join(f"- {line}\n" for line in manifest.lines.decode().split("\n")[:-1])
    return f"{text}entries:\n{entries}"


def read_manifest(path: Path) -> Manifest:
    """Read and parse the file.

    Raises:
        NotFoundError: It does not exist.
        FormatError, StoreError: See `parse` and `vcs.yaml_io.read_text`.
    """
    text = read_text(path, "manifest")
    try:
        return parse(text, path=path)
    except FormatError as error:
        error.hint = error.hint or bring_back_hint(path)
        raise


def parse(text: str, *, path: Path | str) -> Manifest:
    """Read a manifest, trusting nothing in it; `path` is for the messages.

    The cost is that of the header: entries are hashed here, and decoded by `decode_listing`.

    Raises:
        FormatError: Cut, not YAML, of a newer format, hostile, or the entries do not have
            the digest that the header says. Names the file.
    """
    head, found, tail = text.partition(_ENTRIES)
    what = f"manifest {path}"
    if not text.endswith("\n"):
        raise FormatError(f"{what} is empty or cut")
    header = load_yaml(head, what)
    if not isinstance(header, dict):
        raise FormatError(f"{what} is empty or no mapping")
    fields = _Fields(header, what)
    check_format(header.pop("format", None), what)
    try:
        return _build(fields, tail if found else None)
    except UsageError as error:  # names that no version can have
        raise FormatError(f"{what} is damaged: {error.message}") from error


def decode_listing(manifest: Manifest, data: bytes) -> Listing:
    """Return the listing from its canonical bytes.

    Raises:
        FormatError: An unsafe path, damaged lines, or counts that differ from the header's.
    """
    try:
        listing = Listing.decode(data)
    except FormatError as error:
        raise FormatError(f"{manifest.qualified_name}: {error.message}") from error
    counts = (listing.file_count, listing.size_bytes)
    if listing.digest != manifest.digest:
        raise FormatError(f"{manifest.qualified_name}: the listing is not in its canonical form")
    listing.forget_encoded()
    if counts != (manifest.file_count, manifest.size_bytes):
        raise FormatError(
            f"{manifest.qualified_name} claims {manifest.file_count} files and {manifest.size_bytes} bytes; "
            f"its listing has {counts[0]} and {counts[1]}"
        )
    return listing


def check_format(value: object, what: str) -> None:
    """Refuse a file of a newer release, or one that does not say its format.

    Raises:
        FormatError: Always with the sentence that a user needs.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise FormatError(f"{what} does not say its format; it is damaged or not ours")
    if value > FORMAT:
        raise FormatError(
            f"{what} was written by a newer tracker (format {value})",
            hint="update tracker: pip install -U tracker",
        )


class _Fields:
    """Takes typed values out of a header; what is left at the end is unknown."""

    def __init__(self, header: dict[Any, Any], what: str) -> None:
        self.rest = header
        self.what = what

    def text(self, key: str) -> str:
        value = self.maybe_text(key)
        if not value:
            raise FormatError(f"{self.what} is damaged: it has no {key}")
        return value

    def maybe_text(self, key: str) -> str | None:
        value = self.rest.pop(key, None)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, value)
        return value

    def count(self, key: str) -> int:
        value = self.maybe_count(key)
        if value is None:
            raise FormatError(f"{self.what} is damaged: it has no {key}")
        return value

    def maybe_count(self, key: str) -> int | None:
        value = self.rest.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_COUNT:
            raise self.wrong(key, value)
        return value

    def maybe_flag(self, key: str) -> bool | None:
        value = self.rest.pop(key, None)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, value)
        return value

    def maybe_version(self, key: str) -> str | None:
        value = self.maybe_text(key)
        if value is not None and parse_version(value) is None:
            raise self.wrong(key, value)
        return value

    def metadata(self) -> dict[str, Any]:
        value = self.rest.pop("metadata", None)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong("metadata", value)
        return value

    def words(self, key: str) -> tuple[str, ...]:
        value = self.rest.pop(key, None)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.wrong(key, value)
        return tuple(value)

    def wrong(self, key: str, value: object) -> FormatError:
        return FormatError(f"{self.what} is damaged: {key} cannot be {repr(value)[:80]}")


def _build(fields: _Fields, tail: str | None) -> Manifest:
    version = fields.text("version")
    number = parse_version(version)
    if number is None:
        raise fields.wrong("version", version)
    try:
        digest = parse_digest(fields.text("digest"))
        created = fields.text("created")
        parse_time(created)
    except FormatError as error:
        message = (
            error.message if fields.what in error.message else f"{fields.what} is damaged: {error.message}"
        )
        raise FormatError(message) from error
    run = fields.maybe_text("run")
    if run is not None:
        check_run_id(run)
    source = fields.maybe_text("source")
    if source is not None:
        parse_artifact_ref(source)
    lines = _lines(fields, tail, digest)
    return Manifest(
        project=check_project(fields.text("project")),
        name=check_artifact_name(fields.text("artifact")),
        number=number,
        type=check_type(fields.text("type")),
        digest=digest,
        file_count=fields.count("files"),
        size_bytes=fields.count("size_bytes"),
        created=created,
        origin=Origin(
            run=run,
            step=fields.maybe_count("step"),
            commit=fields.maybe_text("commit"),
            branch=fields.maybe_text("branch"),
            code_commit=fields.maybe_text("code_commit"),
            dirty=fields.maybe_flag("dirty"),
        ),
        description=fields.maybe_text("description") or "",
        metadata=fields.metadata(),
        tags=fields.words("tags"),
        parent=fields.maybe_version("parent"),
        source=source,
        was=fields.maybe_version("was"),
        lines=lines,
        more=fields.rest,
    )


def _lines(fields: _Fields, tail: str | None, digest: Digest) -> bytes | None:
    """Return the entries as canonical bytes, or None for a listing that is an object."""
    inline = fields.rest.pop("entries", None)
    listing = fields.maybe_text("listing")
    if listing is not None:
        if listing != digest or tail is not None or inline is not None:
            raise fields.wrong("listing", listing)
        return None
    if tail is None:
        if inline != []:
            raise FormatError(f"{fields.what} is cut: its entries are missing")
        tail = ""
    rows = tail.split("\n")
    if rows.pop() or not all(row.startswith("- ") for row in rows):
        raise FormatError(f"{fields.what} is cut or damaged: its entries are not whole lines")
    lines = "".join(f"{row[2:]}\n" for row in rows).encode()
    if digest_bytes(lines) != digest:
        raise FormatError(f"{fields.what} is damaged: its entries do not have its digest")
    return lines
