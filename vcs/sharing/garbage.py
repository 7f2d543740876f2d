"""Garbage of a remote: found and removed while nobody pushes.

What the remote holds and nothing names goes: not the ledger of the git server, which is
fetched anew after pushers are held off, nor anything of this clone. Who pushes holds a
lease from before it looks at what is there until its ledger names what it relies on, so
nothing that is about to be named is taken. A remote that other projects use as well is
refused: what they name cannot be known here. Everybody who pushes leaves a mark.

Order: what is still wanted of a mostly empty pack is written anew, then one inventory of
all that stays, then the old inventories go, then the files. Whatever ends it in between
leaves files that no inventory names, which the next time removes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from blake3 import blake3

from vcs.digest import digest_bytes
from vcs.errors import ConflictError, IntegrityError
from vcs.git import Git
from vcs.layout import LEDGER_REF, Layout
from vcs.records.ledger_tree import ledger_refs
from vcs.sharing.contents import INVENTORY, LEASE_S, STATE, Lease, RemoteContents
from vcs.sharing.inventory import PACK_FOLDER, PART_FOLDER, Inventory, PackEntry, RemoteIndex
from vcs.sharing.probe import PROBES
from vcs.stores.packs import pack_in_memory

GRACE_S = 14 * 24 * 3600.0
USER = ".user"
_WORTH_A_REWRITE = 0.5


@dataclass(frozen=True)
class RemotePlan:
    """What would go.

    Attributes:
        keys: Files to remove, with their sizes; what killed puts left half written among them.
        rewrite: Packs that are mostly garbage, with the objects of each that stay.
        keep: The inventory of what stays as it is.
        old: Inventories that it replaces.
        objects: How many objects would be gone.
    """

    keys: dict[str, int]
    rewrite: tuple[tuple[PackEntry, frozenset[bytes]], ...]
    keep: Inventory
    old: tuple[str, ...]
    objects: int

    @property
    def size_bytes(self) -> int:
        kept = sum(_sizes(pack, raws) for pack, raws in self.rewrite)
        return sum(self.keys.values()) - kept


def project_mark(git: Git | None, layout: Layout) -> str:
    """Return the key that a push of this clone leaves on a remote: by the first commit of its ledger.

    Clones whose ledgers were merged know each other by it. Without a ledger it is the
    place of the project, which no other clone knows.
    """
    if git is not None and git.resolve_ref(LEDGER_REF) is not None:
        roots = git.text("rev-list", "--max-parents=0", LEDGER_REF).split()
        return f"{STATE}{min(roots)}{USER}"
    return f"{STATE}{digest_bytes(f'{socket.gethostname()}:{layout.root}'.encode())[:40]}{USER}"


def check_users(contents: RemoteContents, git: Git | None, layout: Layout) -> None:
    """Check that only clones of this project use a remote.

    Raises:
        ConflictError: A project that is not this one keeps contents there.
    """
    for item in contents.state():
        if not item.key.endswith(USER) or item.key == project_mark(git, layout):
            continue
        commit = item.key.removeprefix(STATE).removesuffix(USER)
        if git is None or not any(
            git.call("merge-base", "--is-ancestor", commit, ref).code == 0 for ref in ledger_refs(git)
        ):
            raise ConflictError(
                f"{contents.name} is used by another project too, whose records are not here",
                hint="pull from all git remotes first; a remote that projects share keeps everything",
            )


@contextmanager
def planned(
    contents: RemoteContents, wanted: Callable[[], set[str]], *, grace_s: float = GRACE_S
) -> Iterator[tuple[RemotePlan, Callable[[], None]]]:
    """Hold off pushers and find the garbage; yields the plan, and what carries it out.

    `wanted` returns every digest that something names, and is called when pushers are
    held off: what is fetched then is complete.

    Raises:
        LockedError: Somebody pushes, or collects garbage.
        StoreError: The remote cannot be reached.
    """
    with contents.alone() as lease:
        index = contents.refresh()
        reachable = {bytes.fromhex(digest) for digest in wanted()}
        plan = _plan(contents, index, reachable, lease, grace_s)
        yield plan, lambda: _apply(contents, plan, lease)


def _plan(
    contents: RemoteContents, index: RemoteIndex, reachable: set[bytes], lease: Lease, grace_s: float
) -> RemotePlan:
    state = {item.key: item for item in contents.state()}
    young_since_s = state[lease.key].modified_s - grace_s
    files = {item.key: item for folder in (PACK_FOLDER, PART_FOLDER) for item in contents.bucket.list(folder)}
    young = {key for key, item in files.items() if item.modified_s >= young_since_s}
    keep = Inventory()
    rewrite: list[tuple[PackEntry, frozenset[bytes]]] = []
    gone = 0
    for pack in index.packs:
        live = frozenset(reachable.intersection(pack.raws()))
        total = sum(pack.lengths())
        if pack.key in young or len(live) == len(pack) or _sizes(pack, live) > _WORTH_A_REWRITE * total:
            keep.packs.append(pack)
            continue
        gone += len(pack) - len(live)
        if live:
            rewrite.append((pack, live))
    for raw, entry in index.larges():
        fresh = any(name in index.parts and index.parts[name].key in young for name, _, _ in entry.ranges)
        if raw in reachable or fresh:
            keep.large[raw] = entry
        else:
            gone += 1
    needed = {name for entry in keep.large.values() for name, _, _ in entry.ranges}
    keep.parts = [part for part in index.parts.values() if part.name in needed or part.key in young]
    stays = {*young, *(pack.key for pack in keep.packs), *(part.key for part in keep.parts)}
    keys = {key: item.size for key, item in files.items() if key not in stays}
    # A lease may be in the making at this moment, so what is half written has to be old in any case.
    old_s = min(young_since_s, state[lease.key].modified_s - LEASE_S)
    keys |= {
        item.key: item.size
        for folder in (PACK_FOLDER, PART_FOLDER, STATE, PROBES)
        for item in contents.bucket.leftovers(folder)
        if item.modified_s < old_s
    }
    old = tuple(key for key in state if key.endswith(INVENTORY))
    return RemotePlan(keys, tuple(rewrite), keep, old, gone)


def _apply(contents: RemoteContents, plan: RemotePlan, lease: Lease) -> None:
    """Carry a plan out.

    Raises:
        IntegrityError: A pack is damaged there; nothing was removed.
        ConflictError: It took so long that others may have begun to push; nothing was removed.
    """
    if not plan.keys:
        return
    keep = Inventory([*plan.keep.packs], [*plan.keep.parts], dict(plan.keep.large))
    written = []
    for pack, live in plan.rewrite:
        keep.packs.append(_written_anew(contents, pack, live))
        written.append(keep.packs[-1].key)
        lease.renew()
    lease.confirm()
    kept = contents.publish(keep)
    contents.note_names(only=kept)
    contents.bucket.delete([key for key in plan.old if key != kept])
    lease.renew()
    contents.bucket.delete([key for key in plan.keys if key not in written])
    contents.refresh()


def _written_anew(contents: RemoteContents, pack: PackEntry, live: frozenset[bytes]) -> PackEntry:
    objects = []
    for start, size, raw in pack.places(set(live)):
        data = contents.bucket.get(pack.key, start, size)
        if blake3(data).digest() != raw:
            raise IntegrityError(
                f"object {raw.hex()[:12]} on {contents.name} is damaged there",
                hint=f"a clone that has it can mend it: tracker verify --remote {contents.name} --repair",
            )
        objects.append((raw, data))
    name, data = pack_in_memory(objects)
    entry = PackEntry(
        name,
        len(data),
        b"".join(raw for raw, _ in objects),
        b"".join(len(content).to_bytes(4, "little") for _, content in objects),
    )
    contents.bucket.put(entry.key, data)
    return entry


def _sizes(pack: PackEntry, raws: frozenset[bytes]) -> int:
    return sum(size for _, size, _ in pack.places(set(raws))) if raws else 0
