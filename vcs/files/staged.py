"""What a checkout has to keep in mind of a hundred thousand small files, in little memory."""

from __future__ import annotations

from array import array

from vcs.digest import Digest
from vcs.files.folder_record import Known
from vcs.files.listing import Entry
from vcs.files.stat_cache import is_racy_time
from vcs.stores.small_files import Written


class Waiting(dict[Digest, Entry]):
    """Files that are to be written, by digest; others of the same content stand aside.

    There may be a hundred thousand, and a list for each would take as much as the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self._more: dict[Digest, list[Entry]] = {}

    def add(self, entry: Entry) -> None:
        """Let it wait."""
        digest = Digest(entry.digest)
        if self.setdefault(digest, entry) is not entry:
            self._more.setdefault(digest, []).append(entry)

    def of(self, digest: Digest) -> list[Entry]:
        """Return those with this content."""
        return [self[digest], *self._more.get(digest, ())]

    def remove(self, entry: Entry) -> None:
        """It waits no longer."""
        digest = Digest(entry.digest)
        more = self._more.get(digest)
        if not more:
            del self[digest]
        elif self[digest] is entry:
            self[digest] = more.pop()
        else:
            more.remove(entry)


class WrittenFiles:
    """What is to be known of the files of a folder, 24 bytes a file beside the entry."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._numbers = array("q")

    def add(self, entry: Entry, written: Written) -> None:
        """Note a file."""
        self._entries.append(entry)
        self._numbers.extend(written)

    def known(self, at_ns: int) -> dict[str, Known]:
        """Return what the stat cache may know of those that had settled then."""
        numbers = self._numbers
        times = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
        return {
            entry.path.rpartition("/")[2]: (
                entry.size,
                mtime_ns,
                ctime_ns,
                inode,
                bytes.fromhex(entry.digest),
            )
            for entry, (mtime_ns, ctime_ns, inode) in zip(self._entries, times, strict=True)
            if not is_racy_time(ctime_ns, mtime_ns, at_ns)
        }
