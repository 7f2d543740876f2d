"""A listing put together folder by folder, as text: a hundred thousand entries are never objects.

What it makes is to the byte what `Listing` makes of the same entries; a test compares both.
"""

from __future__ import annotations

import re
import stat
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import itemgetter

import msgspec

from vcs.files.folder_record import DIGEST_BYTES, NO_DIGEST, Row
from vcs.files.listing import MAX_NAMED, Entry, Listing, decode_lines, encode_named, encode_short

# Of what JSON escapes, a name can hold this.
_ESCAPED = re.compile('[\x00-\x1f"\\\\]')
_EXECUTABLE = ',"file",true'
_NO_HEX = NO_DIGEST.hex()
# Lines that are formatted at once: bounds what that takes in memory.
_AT_ONCE = 4096

_name_of, _size_of, _mode_of = itemgetter(0), itemgetter(1), itemgetter(5)
_size_of_line = itemgetter(2)
_encode = msgspec.json.Encoder().encode


class ListingBuilder:
    """Pieces of a listing: lines that stand together in it. The caller has checked the paths.

    Attributes:
        count: Entries so far.
        file_count: Those that are files.
        size_bytes: The bytes of all of them.
    """

    def __init__(self) -> None:
        self.count = self.file_count = self.size_bytes = 0
        # The first path of each, and where it lies in the text: memory in one piece, which goes
        # back to the system when it is done with.
        self._pieces: list[tuple[str, int, int]] = []
        self._text = bytearray()

    def add(self, entry: Entry) -> None:
        """Add one entry, of any kind."""
        self._add(entry.path, encode_short([entry]))
        self.count += 1
        self.file_count += entry.kind in ("file", "ref")
        self.size_bytes += entry.size

    def add_files(self, prefix: str, rows: Sequence[Row], raws: bytes, between: Sequence[str]) -> None:
        """Add the files of a folder: those rows that have a digest.

        `prefix` is its path with a slash at the end, or empty. `between` are the names of
        what else stands among its files: its folders, each with a slash, and its links.
        """
        hexes = raws.hex(" ", DIGEST_BYTES).split(" ") if raws else []
        bits: Iterable[str] = repeat("", len(rows))
        if any(mode & stat.S_IXUSR for mode in set(map(_mode_of, rows))):
            bits = [_EXECUTABLE if row[5] & stat.S_IXUSR else "" for row in rows]
        lines = list(zip(map(_name_of, rows), hexes, map(_size_of, rows), bits, strict=True))
        if NO_DIGEST in raws:
            lines = [line for line in lines if line[1] != _NO_HEX]
        lines.sort()
        names = list(map(_name_of, lines))
        self.count += len(lines)
        self.file_count += len(lines)
        self.size_bytes += sum(map(_size_of_line, lines))
        if _ESCAPED.search("".join(names)):
            lines = [(_escaped(name), *rest) for name, *rest in lines]
        template = f'["{_escaped(prefix).replace("%", "%%")}%s","%s",%d%s]\n'
        start = 0
        for end in [*(bisect_left(names, name) for name in sorted(between)), len(lines)]:
            for at in range(start, end, _AT_ONCE):
                some = lines[at : min(end, at + _AT_ONCE)]
                text = template * len(some) % tuple(chain.from_iterable(some))
                self._add(prefix + names[at], text.encode())
            start = max(start, end)

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        # In the order of code points, which is that of their UTF-8 bytes.
        self._pieces.sort()
        with memoryview(self._text) as text:
            lines = b"".join([text[start:end] for _, start, end in self._pieces])
        return lines if self.count > MAX_NAMED else encode_named(decode_lines(lines))

    def _add(self, path: str, lines: bytes) -> None:
        start = len(self._text)
        self._text += lines
        self._pieces.append((path, start, len(self._text)))

    def listing(self) -> Listing:
        """Return the listing; nothing can be added any more."""
        encoded = self.encoded()
        self._pieces.clear()
        self._text = bytearray()
        return Listing.of_text(
            lambda: encoded, count=self.count, file_count=self.file_count, size_bytes=self.size_bytes
        )


def _escaped(name: str) -> str:
    return _encode(name)[1:-1].decode()
