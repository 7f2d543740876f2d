"""The contents of a remote: its index, and who may add or remove at the moment.

Below `state/` of the bucket lie a mark of the format, the inventories, and the leases
of those at work, so that one listing tells a pusher everything. Who pushes writes a
lease first and then looks for collectors; who collects garbage writes a mark first and
then looks for leases. Each puts before it lists, so at least one of two that come at
once sees the other, and no conditional write is needed.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vcs.atomic import remove_quietly, write_atomic
from vcs.buckets.base import Bucket, DeniedError, Item, UnlistableError
from vcs.digest import digest_bytes
from vcs.errors import (
    ConflictError,
    Error,
    FormatError,
    IntegrityError,
    LockedError,
    NotFoundError,
    StoreError,
)
from vcs.liveness import ProcessId, is_alive, this_process
from vcs.sharing.inventory import (
    PACK_FOLDER,
    PART_FOLDER,
    Inventory,
    RemoteIndex,
    decode_inventory,
    encode_inventory,
)

STATE = "state/"
FORMAT_KEY = f"{STATE}format-1"
# The names of the inventories, for readers of a server that gives no listings.
NAMES_KEY = f"{STATE}inventories"
INVENTORY, LEASE, COLLECTOR = ".inventory", ".lease", ".collector"
# A lease that was not renewed for so long is that of a process that is gone.
LEASE_S = 3600.0
_RENEW_S = LEASE_S / 6
# So many small inventories become one; larger ones are left alone, or each merge would copy them again.
_MERGE_FROM = 16
_SMALL_BYTES = 4 << 20
_READ_TRIES = 3
# In the cache: the ledger commit of which all contents are there.
_WHOLE = "whole"


class RemoteContents:
    """What lies on one remote. For one thread, but for its bucket.

    Attributes:
        bucket: Where.
        name: What to call it in a sentence.
    """

    def __init__(
        self, bucket: Bucket, cache: Path, name: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`cache` is a folder for inventories that were read; it may be deleted at any time."""
        self.bucket = bucket
        self.name = name
        self._cache = cache
        self._clock = clock
        self._index: RemoteIndex | None = None
        self._in_index: set[str] = set()
        self._is_listed = True
        self._names_are_new = True

    # reading

    def index(self) -> RemoteIndex:
        """Return what was known when last looked; asks the remote only if nothing is known yet."""
        if self._index is None:
            names = [path.name for path in self._cache.glob(f"*{INVENTORY}")] if self._cache.is_dir() else []
            if not names:
                return self.refresh()
            self._index = RemoteIndex()
            for name in names:
                inventory = self._from_cache(name)
                if inventory is not None:
                    self._index.add(inventory)
                    self._in_index.add(name)
        return self._index

    def refresh(self) -> RemoteIndex:
        """Look at the remote and return what is there now: a listing, and what is new in it.

        Raises:
            FormatError: It is of a newer format than this version knows.
            IntegrityError: An inventory is damaged, there and not only on its way.
            StoreError: It cannot be reached, or not be read.
        """
        for _ in range(_READ_TRIES):
            names = self._inventories(self.state())
            try:
                return self._take_in(names)
            except NotFoundError as error:
                if not self._is_listed:
                    raise StoreError(
                        f"{self.name} names inventories that it does not have: {error.message}",
                        hint="run it again when nobody pushes",
                    ) from error
                continue  # Another process has just merged it with others.
        raise StoreError(
            f"the inventories of {self.name} change faster than they can be read", hint="run it again"
        )

    def state(self) -> list[Item]:
        """List what lies below `state/`: one request for up to a thousand.

        From a server that gives no listings come the inventories that the last push named.
        Some of them say so, some deny it, some show an empty folder.

        Raises:
            FormatError: It is of a newer format than this version knows.
        """
        try:
            items = [*self.bucket.list(STATE)]
        except (UnlistableError, DeniedError) as error:
            return self._named(error)
        if not items:
            return self._named(None)
        for item in items:
            if item.key.startswith(f"{STATE}format-") and item.key != FORMAT_KEY:
                raise FormatError(
                    f"{self.name} is of a newer format than this version knows", hint="use a newer tracker"
                )
        return items

    def _named(self, error: StoreError | None) -> list[Item]:
        """Return the inventories that the last push named; without a word of them, what the listing was."""
        try:
            content = json.loads(self.bucket.get(NAMES_KEY))
            self._is_listed = False
            if content["format"] != 1:
                raise FormatError(
                    f"{self.name} is of a newer format than this version knows", hint="use a newer tracker"
                )
            return [Item(STATE + str(name), 0, 0.0) for name in content["inventories"]]
        except (NotFoundError, DeniedError):
            if error is None:
                return []
            raise error from None
        except (ValueError, KeyError, TypeError) as wrong:
            raise IntegrityError(f"{NAMES_KEY} of {self.name} is damaged there") from wrong

    def _inventories(self, items: list[Item]) -> dict[str, int]:
        return {item.key.removeprefix(STATE): item.size for item in items if item.key.endswith(INVENTORY)}

    def _take_in(self, names: dict[str, int]) -> RemoteIndex:
        if self._index is None or self._in_index - names.keys():
            self._index, self._in_index = RemoteIndex(), set()
        for name in names.keys() - self._in_index:
            inventory = self._from_cache(name) or self._read(name)
            self._index.add(inventory)
            self._in_index.add(name)
        if self._cache.is_dir():
            for path in self._cache.glob(f"*{INVENTORY}"):
                if path.name not in names:
                    remove_quietly(path)
        return self._index

    def _read(self, name: str) -> Inventory:
        for left in reversed(range(_READ_TRIES)):
            data = self.bucket.get(STATE + name)
            if digest_bytes(data) == name.removesuffix(INVENTORY):
                break
            if not left:
                raise IntegrityError(
                    f"the inventory {name[:12]} of {self.name} is damaged there",
                    hint=f"a clone that knows it can mend it: tracker verify --remote {self.name} --repair",
                )
        self._to_cache(name, data)
        return decode_inventory(data, name)

    def _from_cache(self, name: str) -> Inventory | None:
        data = self.remembered(name)
        return None if data is None else decode_inventory(data, name)

    def remembered(self, name: str) -> bytes | None:
        """Return the bytes of an inventory as they were once read or written here."""
        try:
            data = (self._cache / name).read_bytes()
        except OSError:
            return None
        return data if digest_bytes(data) == name.removesuffix(INVENTORY) else None

    def _to_cache(self, name: str, data: bytes) -> None:
        with suppress(StoreError):  # A full disk costs the next command a download.
            write_atomic(self._cache / name, data, durable=False)

    def forget_what_is_gone(self) -> int:
        """Compare the index with what really lies there; return how many files are gone.

        What was in them counts as lacking from now on, so a push sends it again. Under a lease.
        """
        index = self.index()
        there = self.really_there()
        gone = len(index.packs) + len(index.parts) - len(there.packs) - len(there.parts)
        if gone:
            old = [STATE + name for name in self._in_index]
            self._index, self._in_index = RemoteIndex(), set()
            self.note_names(only=self.publish(there))
            self.bucket.delete(key for key in old if key.removeprefix(STATE) not in self._in_index)
        return gone

    def really_there(self) -> Inventory:
        """Return what of the index lies there, as a listing of the files and their sizes says."""
        sizes = {
            item.key: item.size for folder in (PACK_FOLDER, PART_FOLDER) for item in self.bucket.list(folder)
        }
        index = self.index()
        packs = [pack for pack in index.packs if sizes.get(pack.key) == pack.size]
        parts = [part for part in index.parts.values() if sizes.get(part.key) == part.size]
        return Inventory(packs, parts, dict(index.larges()))

    # adding

    @contextmanager
    def lease(self, mark: str | None = None) -> Iterator[Lease]:
        """Hold off garbage collection for the block; the index is fresh when it begins.

        `mark` is a key that says which project keeps contents here; it is left if it is new.

        Raises:
            LockedError: Garbage is being collected.
            FormatError, IntegrityError, StoreError: See `refresh`.
        """
        lease = Lease(self.bucket, LEASE, self._clock)
        try:
            lease.renew()
        except DeniedError as error:
            raise DeniedError(
                f"nothing can be pushed to {self.name}: {error.message}",
                hint="pulling and using need no right to write; with another key: tracker login",
            ) from error
        try:
            items = self.state()
            self._check_free(items, lease, (COLLECTOR,), "garbage is being collected")
            named_s = next((item.modified_s for item in items if item.key == NAMES_KEY), 0.0)
            self._names_are_new = all(
                item.modified_s <= named_s for item in items if item.key.endswith(INVENTORY)
            )
            if not any(item.key == FORMAT_KEY for item in items):
                self.bucket.put(FORMAT_KEY, b'{"format": 1}\n')
            if mark is not None and not any(item.key == mark for item in items):
                self.bucket.put(mark, b"")
            try:
                self._take_in(self._inventories(items))
            except NotFoundError:
                self.refresh()
            yield lease
        finally:
            lease.give_back()

    @contextmanager
    def alone(self) -> Iterator[Lease]:
        """Hold off everybody who adds or removes, for the block: for collecting garbage.

        Leases of processes that are gone are removed: those of this machine at once, others
        when they are old.

        Raises:
            LockedError: Somebody pushes, or collects garbage.
            FormatError, IntegrityError, StoreError: See `refresh`.
        """
        lease = Lease(self.bucket, COLLECTOR, self._clock)
        lease.renew()
        try:
            items = self.state()
            self._check_free(items, lease, (COLLECTOR, LEASE), "others are at work")
            old = [
                item.key for item in items if item.key.endswith((LEASE, COLLECTOR)) and item.key != lease.key
            ]
            if old:
                self.bucket.delete(old)
            self._take_in(self._inventories(items))
            yield lease
        finally:
            lease.give_back()

    def _check_free(self, items: list[Item], mine: Lease, kinds: tuple[str, ...], what: str) -> None:
        """Look for marks of others that are not too old, by the clock of the bucket."""
        now_s = next((item.modified_s for item in items if item.key == mine.key), None)
        if now_s is None:
            raise StoreError(f"{self.name} does not list what was just written to it", hint="run it again")
        for item in items:
            if item.key.endswith(kinds) and item.key != mine.key and now_s - item.modified_s < LEASE_S:
                holder = self._holder(item.key)
                if holder is None or not holder.is_dead:
                    raise LockedError(
                        f"{self.name} is in use: {what}{holder or ''}",
                        hint="wait a little, then run it again; "
                        "a process that was killed on another machine holds it for an hour",
                    )
                self.bucket.delete([item.key])

    def _holder(self, key: str) -> _Holder | None:
        """Return whose a mark is, if it says so."""
        try:
            content = json.loads(self.bucket.get(key))
            user, host, pid = str(content["user"]), str(content["host"]), int(content["pid"])
            boot, start = str(content.get("boot", "")), float(content.get("pid_start", 0.0))
        except (Error, ValueError, KeyError, TypeError, AttributeError):
            return None
        return _Holder(user, ProcessId(host, boot, pid, start))

    def publish(self, inventory: Inventory) -> str:
        """Write an inventory: what it names is there from now on. Returns its key."""
        data = encode_inventory(inventory)
        name = f"{digest_bytes(data)}{INVENTORY}"
        self.bucket.put(STATE + name, data)
        self._to_cache(name, data)
        self.index().add(inventory)
        self._in_index.add(name)
        self._names_are_new = False
        return STATE + name

    def note_names(self, *, only: str | None = None) -> None:
        """Write down the names of the inventories, for readers of a server that gives no listings.

        Under a lease; nothing where they are written already. Of pushers that do it at once
        the last one looks once more, so in the end all names are there. `only` is the key of
        one that is about to replace all others.
        """
        if self._names_are_new and only is None:
            return
        names = {only.removeprefix(STATE)} if only is not None else set(self._in_index)
        for _ in range(_READ_TRIES):
            content = {"format": 1, "inventories": sorted(names)}
            self.bucket.put(NAMES_KEY, json.dumps(content).encode())
            if only is not None:
                return
            there = self._inventories(self.state()).keys()
            if there == names:
                break
            names = set(there)
        self._names_are_new = True

    def note_all_of(self, ledger: str) -> None:
        """Remember that all that a commit of the ledger names is there, so that nobody has to read it again.

        It holds as long as the inventories of now are there.
        """
        if ledger:
            content = {"ledger": ledger, "inventories": sorted(self._in_index)}
            self._to_cache(_WHOLE, json.dumps(content).encode())

    def whole_ledger(self) -> str | None:
        """Return the commit that is remembered so, if it still holds; under a lease, with a fresh index."""
        try:
            content = json.loads((self._cache / _WHOLE).read_bytes())
            commit = str(content["ledger"])
            return commit if self._in_index.issuperset(content["inventories"]) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def merge_inventories(self, mine: list[str]) -> list[str]:
        """Make one of the inventories of this push, and of all small ones if they have become many.

        Returns the keys that have what is of this push now.

        Under a lease. Safe against others that do the same: the new one is written before
        the old ones go, and nothing is in an old one that is not in the new one.
        """
        small = [*mine]
        if len(self._in_index) > _MERGE_FROM:
            sizes = self._inventories(self.state())
            small = [STATE + name for name, size in sizes.items() if size < _SMALL_BYTES]
        if len(small) < 2:
            return mine
        merged = Inventory()
        try:
            for key in small:
                name = key.removeprefix(STATE)
                merged.add(self._from_cache(name) or self._read(name))
        except NotFoundError:
            return mine  # Somebody else is at it.
        kept = self.publish(merged)
        gone = [key for key in small if key != kept]
        self.bucket.delete(gone)
        self._in_index -= {key.removeprefix(STATE) for key in gone}
        return [kept]


@dataclass(frozen=True)
class _Holder:
    """Who made a mark."""

    user: str
    process: ProcessId

    def __str__(self) -> str:
        return f" by {self.user} on {self.process.host} (process {self.process.pid})"

    @property
    def is_dead(self) -> bool:
        """Whether it surely is. Hosts may share a name, so of another boot nothing is known."""
        return self.process.boot == this_process().boot and is_alive(self.process) is False


class Lease:
    """A mark in a bucket that says that somebody is at work."""

    def __init__(self, bucket: Bucket, kind: str, clock: Callable[[], float]) -> None:
        self.key = f"{STATE}{os.urandom(16).hex()}{kind}"
        self._bucket = bucket
        self._clock = clock
        self._renewed_s = 0.0

    def renew(self) -> None:
        """Write it anew if it is time."""
        # The clock of the wall: a machine that sleeps does not renew.
        now_s = self._clock()
        if now_s - self._renewed_s < _RENEW_S:
            return
        who = {"user": _user(), **asdict(this_process())}
        self._bucket.put(self.key, json.dumps(who).encode())
        self._renewed_s = now_s

    def confirm(self) -> None:
        """Check that nobody can have taken it for abandoned; asks the bucket only after a long time.

        Raises:
            ConflictError: It was taken away; what was relied upon may be gone.
        """
        if self._clock() - self._renewed_s < LEASE_S / 2:
            return
        if not any(item.key == self.key for item in self._bucket.list(STATE)):
            raise ConflictError(
                "this push slept for so long that others may have removed what it relies on",
                hint="run it again: it sends only what is missing",
            )
        self._renewed_s = 0.0
        self.renew()

    def give_back(self) -> None:
        """Remove it; one that stays is taken away when it is old."""
        with suppress(StoreError, DeniedError):
            self._bucket.delete([self.key])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
