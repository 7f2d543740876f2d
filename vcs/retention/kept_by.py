"""Why something is no garbage: the chains from an object to what keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress

from vcs.digest import Digest
from vcs.errors import IntegrityError, NotFoundError
from vcs.retention.reachability import DIGEST_FIELD, LISTING_FIELD, Mentions, Source
from vcs.stores.base import Store

Chain = tuple[str, ...]


def chains_to(mentions: Iterable[Mentions], store: Store, digest: str) -> list[Chain]:
    """Return what keeps an object: its path, the version that has it, and where that is named.

    Chains that differ only in the place where a record was read are one.
    """
    every = list(mentions)
    places: dict[Chain, set[str]] = {}
    versions: dict[str, Chain] = {}
    for one in every:
        for chain in _direct(one, store, digest):
            places.setdefault(chain, set()).add(_place(one.source))
            contents = DIGEST_FIELD.search(one.content)
            if one.source.version is not None and contents and contents[1].decode() != digest:
                versions.setdefault(contents[1].decode(), chain)
    for contents_digest, chain in versions.items():
        wanted = contents_digest.encode()
        for one in every:
            if one.source.version is None and wanted in one.content:
                places.setdefault((*chain, _name(one.source)), set()).add(_place(one.source))
    return [(*chain, ", ".join(sorted(found))) for chain, found in sorted(places.items())]


def _direct(one: Mentions, store: Store, digest: str) -> Iterator[Chain]:
    name = _name(one.source)
    wanted = digest.encode()
    if wanted in one.content:
        for path in _paths(one.content, wanted) if one.source.version else ():
            yield (path, name)
        if one.source.version is None or not list(_paths(one.content, wanted)):
            yield (name,)
    listing = LISTING_FIELD.search(one.content)
    if listing and listing[1] != wanted:
        with suppress(NotFoundError, IntegrityError):
            for path in _paths(store.read_bytes(Digest(listing[1].decode())), wanted):
                yield (path, name)


def _paths(lines: bytes, digest: bytes) -> Iterator[str]:
    """Yield the paths of the entries that have the digest."""
    if digest not in lines:
        return
    for line in lines.split(b"\n"):
        text = line.removeprefix(b"- ")
        if digest in text and text.startswith((b"{", b"[")):
            with suppress(ValueError, LookupError, TypeError):
                entry = json.loads(text)
                yield str(entry["path"] if isinstance(entry, dict) else entry[0])


def _name(source: Source) -> str:
    if source.place in ("pointer", "index", "working tree"):
        return f"pointer {source.path}"
    if source.place == "last checkout":
        return "a tracked path"
    return source.version or source.path


def _place(source: Source) -> str:
    return f"commit {source.detail}" if source.detail else source.place
