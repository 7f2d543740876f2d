"""One walk over a folder, from files to listing: look, leave out, hash and store in one pass.

Small files go to the batch folder by folder; large ones are copied on as many threads as
there are cores, while the walk goes on. What is known from the stat cache and is still in
the store is not read. A folder in which nothing changed is known as a whole, and if that
is so of all of them, so is the listing.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3
from msgspec import structs

from vcs.digest import Digest, digest_bytes
from vcs.errors import FormatError, NotFoundError, UsageError
from vcs.files.folder_record import NO_DIGEST, FolderRecord, encode_seen, split, untrusted
from vcs.files.folder_scan import FolderScan, is_still, left_out, scan_folder, went_away
from vcs.files.folder_work import Work
from vcs.files.ignore import Ignore, Rules, is_always_left_out
from vcs.files.listing import Entry, Listing
from vcs.files.listing_builder import ListingBuilder
from vcs.files.stat_cache import SURELY_SETTLED_NS, Recalled, StatCache, TreeRecord, is_racy, is_racy_time
from vcs.paths import (
    are_plain_names,
    check_entry_path,
    check_link,
    check_no_collisions,
    collide,
    is_plain_name,
)
from vcs.progress import Progress
from vcs.stores.base import Batch, SmallFiles
from vcs.stores.small_files import Taken

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

_SURELY_SHORT = 1000
# Each version may add a pack to what is known of a folder. With so many more than files, which
# of them are still needed is looked up.
_SPARE_PACKS = 16
_NOTHING = digest_bytes(b"")
_NO_RULES = Rules("", ())


class Walk:
    """One walk over a folder. Folders are done one after the other, so memory holds lines only."""

    def __init__(
        self,
        root: Path,
        batch: Batch,
        small: SmallFiles,
        ignore: Ignore | None,
        stat_cache: StatCache | None,
        progress: Progress | None,
    ) -> None:
        self._root = str(root)
        self._batch = batch
        self._small = small
        self._ignore = ignore
        self._cache = stat_cache
        self._progress = progress
        self._builder = ListingBuilder()
        # Folders that are as they were, with their prefixes; no lines are made of them yet.
        self._same: list[tuple[str, FolderRecord]] = []
        # What decides about the listing, with the path that it speaks of.
        self._marks: list[tuple[str, bytes]] = []
        # Whether the marks say all: not if a file is too young to be trusted, or a name has no form.
        self._marked = stat_cache is not None
        self._collides = False
        self._pool: Executor | None = None
        self._stopped = False
        self._found: Listing | None = None
        # In the order in which they began, which is nearly that in which they end.
        self._large: deque[tuple[Work, str, os.stat_result, Future[tuple[Digest, int]]]] = deque()

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self) -> None:
        """Walk, and store what is found."""
        folders = [("", self._root)]
        while folders:
            prefix, folder = folders.pop()
            below = self._folder(prefix, folder)
            folders.extend((f"{prefix}{name}/", os.path.join(folder, name)) for name in reversed(below))
            if self._large and self._large[0][-1].done():
                self._finish_large(*self._large.popleft())
        self._small.finish()
        while self._large:
            self._finish_large(*self._large.popleft())
        if self._collides:
            try:
                check_no_collisions(entry.path for entry in self.listing())
            except FormatError as error:
                raise UsageError(
                    f"cannot add {self._root}: {error.message}", hint="rename one of them"
                ) from None

    def listing(self) -> Listing:
        """Return the listing of what was found."""
        if self._found is None:
            self._found = self._listing()
        return self._found

    def _listing(self) -> Listing:
        """Return the listing: the one of last time, if what it was made of is the same."""
        if self._cache is None or not self._marked:
            return self._finished().listing()
        hasher = blake3()
        for path, mark in sorted(self._marks):
            hasher.update(f"{path}\0".encode())
            hasher.update(mark)
        stamp = hasher.digest()
        known = self._cache.tree(self._root)
        if known is not None and known.stamp == stamp:
            return Listing.of_text(
                lambda: self._finished().encoded(),
                count=known.count,
                file_count=known.file_count,
                size_bytes=known.size_bytes,
                digest=Digest(known.digest),
            )
        listing = self._finished().listing()
        counts = (len(listing), listing.file_count, listing.size_bytes)
        self._cache.set_tree(self._root, TreeRecord(stamp, listing.digest, *counts))
        return listing

    def _finished(self) -> ListingBuilder:
        for prefix, record in self._same:
            rows, folders = record.rows()
            self._builder.add_files(prefix, rows, record.raws, [f"{name}/" for name in folders])
        self._same.clear()
        return self._builder

    def _folder(self, prefix: str, folder: str) -> list[str]:
        """Do the files of one folder; return the names of the folders in it."""
        rules = self._ignore.rules(prefix) if self._ignore is not None else _NO_RULES
        recalled = self._cache.recall(folder) if self._cache is not None else Recalled()
        at_ns = time.time_ns()
        scan = scan_folder(folder, rules, look=bool(recalled))
        out = left_out(scan.folders)
        below = sorted(name for name in scan.folders if name not in out) if scan.folders else []
        record = recalled.record
        if (
            record is not None
            and record.plain
            and record.prefix == prefix
            and not recalled.files
            and record.seen == encode_seen(scan.rows, scan.folders)
            and self._is_held(folder, record)
        ):
            self._take_same(prefix, record, scan, below)
        else:
            self._take(Work.of(prefix, folder, at_ns, scan, recalled), below)
        return below

    def _is_held(self, folder: str, record: FolderRecord) -> bool:
        """Whether the objects of a folder are still in the store; remembers where they are now."""
        if not self._batch.holds(record.packs):
            return False
        if not record.elsewhere:
            return True
        located = self._batch.locate(split(record.elsewhere))
        if located.packs and not located.lacking and self._cache is not None:
            packs, elsewhere = {*record.packs, *located.packs}, b"".join(located.elsewhere)
            moved = structs.replace(record, packs=tuple(sorted(packs)), elsewhere=elsewhere)
            self._cache.set_record(folder, moved)
        return not located.lacking

    def _take_same(self, prefix: str, record: FolderRecord, scan: FolderScan, below: list[str]) -> None:
        """Take a folder in which nothing changed."""
        self._same.append((prefix, record))
        self._marks.append((prefix, record.mark))
        self._collides = self._collides or record.collides
        if prefix and not (scan.rows or below):
            self._builder.add(Entry(prefix[:-1], _NOTHING, 0, "dir"))
        if self._progress is not None and scan.rows:
            self._progress.add_total(len(scan.rows), 0)
            self._tell(len(scan.rows), sum(row[1] for row in scan.rows))

    def _take(self, work: Work, below: list[str]) -> None:
        """Take a folder that is new, or in which something changed."""
        prefix, rows, raws = work.prefix, work.rows, work.raws
        same = len(raws) - len(work.unlike)
        fresh, others = self._sort_out(work)
        self._check_names(work, [*fresh, *others], below)
        if prefix and not (fresh or others or below or same):
            self._builder.add(Entry(prefix[:-1], _NOTHING, 0, "dir"))
        for name in sorted(others):
            self._other(prefix + name, os.path.join(work.path, name))
        work.between = [*(f"{name}/" for name in below), *others]
        if self._progress is not None:
            self._progress.add_total(len(raws) - len(others), 0)
        if work.recalled:
            fresh += self._locate_known(work)
        if self._progress is not None:
            known = [row[1] for row, raw in zip(rows, raws, strict=True) if raw != NO_DIGEST]
            self._tell(len(known), sum(known))
        fresh.sort()
        work.waiting = len(fresh)
        if fresh:
            self._small.put(work.path, fresh, lambda *taken: self._take_fresh(work, *taken))
        else:
            self._complete(work)

    def _sort_out(self, work: Work) -> tuple[list[str], list[str]]:
        """Return the names of files that must be read, and of what is no file; drop what is left out."""
        names = [work.rows[at][0] for at in work.unlike]
        if (
            not work.recalled
            and are_plain_names(names)
            and all(map(stat.S_ISREG, {row[5] for row in work.rows}))
        ):
            work.places = dict(zip(names, work.unlike, strict=True))
            return names, []
        work.known = work.recalled.known(set(names)) if work.recalled else {}
        fresh, others, out = [], [], []
        for at in work.unlike:
            row = work.rows[at]
            name = row[0]
            then = work.known.get(name)
            if not is_plain_name(name) and is_always_left_out(name):
                out.append(at)
            elif not stat.S_ISREG(row[5]):
                others.append(name)
            elif then is not None and then[:4] == row[1:5]:
                work.raws[at] = then[4]
            else:
                fresh.append(name)
                work.places[name] = at
        work.plain = not (others or out)
        return fresh, others

    def _locate_known(self, work: Work) -> list[str]:
        """Find out where the objects of known files are; return the names of those that must be read."""
        record = work.recalled.record
        asked = [raw for raw in work.raws if raw != NO_DIGEST]
        few = record is not None and len(record.packs) <= len(work.rows) + _SPARE_PACKS
        if record is not None and few and self._batch.holds(record.packs):
            work.packs.update(record.packs)
            unsure = {*split(record.elsewhere), *(one[4] for one in work.recalled.files.values() if one)}
            asked = [raw for raw in asked if raw in unsure] if unsure else []
        located = self._batch.locate(asked)
        work.packs |= located.packs
        work.elsewhere += located.elsewhere
        gone = []
        if located.lacking:
            for at, raw in enumerate(work.raws):
                if raw in located.lacking:
                    name = work.rows[at][0]
                    work.raws[at] = NO_DIGEST
                    work.places[name] = at
                    gone.append(name)
        return gone

    def _take_fresh(
        self, work: Work, names: Sequence[str], taken: Sequence[Taken | None], home: str | None
    ) -> None:
        """Take small files that were read and stored; begin with the large ones."""
        settled_ns = work.at_ns - SURELY_SETTLED_NS
        rows, raws, places = work.rows, work.raws, work.places
        for name, one in zip(names, taken, strict=True):
            if one is None:
                self._take_alone(work, name)
                continue
            at = places[name]
            raws[at] = one[0]
            rows[at] = (name, *one[1:])
            if one[3] >= settled_ns and is_racy_time(one[3], one[2], work.at_ns):
                work.young.append(at)
        done = [one[1] for one in taken if one is not None]
        if home is not None:
            work.packs.add(home)
        else:
            work.elsewhere += [one[0] for one in taken if one is not None]
        self._tell(len(done), sum(done))
        work.waiting -= len(done)
        if not work.waiting:
            self._complete(work)

    def _complete(self, work: Work) -> None:
        """Make the lines of a folder of which everything is known, and remember it."""
        rows, raws = work.rows, b"".join(work.raws)
        self._builder.add_files(work.prefix, rows, raws, work.between)
        if self._cache is None:
            return
        if work.young:
            self._marked = False
            for at in work.young:
                rows[at] = untrusted(rows[at][0])
        seen = encode_seen(rows, work.folders)
        if seen is None:
            self._marked = False
            return
        packs, elsewhere = tuple(sorted(work.packs)), b"".join(work.elsewhere)
        record = FolderRecord(seen, raws, work.prefix, packs, elsewhere, work.collides, work.plain)
        if record != work.recalled.record or work.recalled.files:
            self._cache.set_record(work.path, record)
        self._marks.append((work.prefix, record.mark))

    def _take_alone(self, work: Work, name: str) -> None:
        """Begin to store a file that is large, or that was not to be had at the first try."""
        path = os.path.join(work.path, name)
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError as error:
            raise went_away(path) from error
        if self._progress is not None:
            self._progress.add_total(0, status.st_size)
        if self._pool is None:
            from vcs.pools import thread_pool  # 8 ms, for large files only.

            self._pool = thread_pool(min(4, os.cpu_count() or 1), "tracker-add")
        # What it held when it was read last is a suggestion.
        then = work.known.get(name)
        like = Digest(then[4].hex()) if then is not None else None
        self._large.append((work, name, status, self._pool.submit(self._put_file, path, like)))

    def _check_names(self, work: Work, names: list[str], below: list[str]) -> None:
        """Check the names that are new here, and find out whether two names are one somewhere."""
        prefix, record = work.prefix, work.recalled.record
        checked = record is not None and record.prefix == prefix
        every = names + below if checked else [row[0] for row in work.rows] + below
        quick = len(prefix) < _SURELY_SHORT and are_plain_names(every)
        for name in () if quick else every:
            if (len(prefix) >= _SURELY_SHORT or not is_plain_name(name)) and not is_always_left_out(name):
                try:
                    check_entry_path(prefix + name)
                except FormatError as error:
                    raise UsageError(
                        f"cannot add {os.path.join(self._root, prefix, name)!r}: {error.message}",
                        hint="rename it, or leave it out: name it in .trackerignore",
                    ) from None
        # Two paths can only collide if two names of one folder do.
        if checked and record is not None and all(name in work.known for name in names) and not below:
            work.collides = record.collides
        else:
            work.collides = collide([row[0] for row in work.rows] + below)
        self._collides = self._collides or work.collides

    def _tell(self, files: int, done_bytes: int) -> None:
        if self._progress is not None and files:
            self._progress.add_total(0, done_bytes)
            self._progress.advance(files, done_bytes)

    def _put_file(self, path: str, like: Digest | None) -> tuple[Digest, int]:
        try:
            return self._batch.put_file(Path(path), advance=self._advance, like=like)
        except (NotFoundError, UsageError) as error:
            raise went_away(path) from error

    def _advance(self, done_bytes: int) -> None:
        """Count bytes of a large file, on its own thread; ends the copy after Ctrl-C or a failure."""
        if self._stopped:
            raise _StoppedError
        if self._progress is not None:
            self._progress.advance(0, done_bytes)

    def _finish_large(
        self, work: Work, name: str, status: os.stat_result, future: Future[tuple[Digest, int]]
    ) -> None:
        digest, size = future.result()
        at, raw = work.places[name], bytes.fromhex(digest)
        times = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)
        work.rows[at] = (name, size, *times)
        work.raws[at] = raw
        work.elsewhere.append(raw)
        is_same = size == status.st_size and is_still(Path(work.path, name), status)
        if not is_same or is_racy(status, work.at_ns):
            work.young.append(at)
        if self._progress is not None:
            self._progress.advance(1, 0)
        work.waiting -= 1
        if not work.waiting:
            self._complete(work)

    def _other(self, relpath: str, path: str) -> None:
        """Make an entry of a link; refuse what is no file."""
        try:
            target = os.readlink(path)
        except FileNotFoundError as error:
            raise went_away(path) from error
        except OSError:
            raise UsageError(
                f"{path} is {_kind_of(path)}, which an artifact cannot hold",
                hint="leave it out: name it in .trackerignore",
            ) from None
        try:
            check_link(relpath, target)
        except FormatError as error:
            raise UsageError(
                f"cannot add {path}: {error.message}",
                hint="replace the link by what it points to, or leave it out: name it in .trackerignore",
            ) from None
        digest = digest_bytes(target.encode())
        self._builder.add(Entry(relpath, digest, 0, "link", target=target))
        self._marks.append((relpath, digest.encode()))


class _StoppedError(Exception):
    """The walk is over; nobody waits for this file."""


def _kind_of(path: str) -> str:
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except OSError:
        return "something that cannot be looked at"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device"
