"""A large file against its base without a copy of either: both are mapped, in another process.

Reading a file copies it, which takes as long as comparing and hashing it together. A
mapping spares that, but if the file is cut meanwhile the process that looks at it is
killed, and a training must not be. So long stretches that should be the same are compared
and hashed in a process of its own; what differs is read and looked at here, as ever. If
that process dies, or none can be started, nothing is lost: `Lost` says that all of it has
to be done again, by reading.
"""

from __future__ import annotations

import marshal
import subprocess
from collections.abc import Callable
from typing import Any, TypeAlias

from vcs.digest import Digest
from vcs.helpers import cores, start_python
from vcs.stores.matching import BLOCK_BYTES, Matcher, Pieces, read_block
from vcs.stores.ranges import RangeFile

# For 200 MB the start of a process costs what the copies would; of 1 GiB a fifth of the work is spared.
MAPPED_FROM_BYTES = 384 << 20
# A shorter stretch is not worth a question; after so many bytes one hears how far it is.
_ASK_FROM_BYTES = 1 << 20
_ASK_BYTES = 64 << 20
# A base in smaller pieces than this would be mapped piece by piece.
_PIECE_BYTES = 256 << 10

# As of `vcs.stores.mapped_process`.
_EXTENT, _FIRST_FILE = 1, 2

# File, size, what compares it, with what, where new bytes go, and who is told; gives digest and size.
Match: TypeAlias = Callable[[int, int, Matcher, RangeFile, int, Callable[[int], None]], tuple[Digest, int]]


class Lost(Exception):
    """The other process is gone, or never was."""


def is_worth_it(size: int, base: RangeFile) -> bool:
    """Whether a file of this size is better compared in another process."""
    return size >= MAPPED_FROM_BYTES and cores() > 1 and base.size >= _PIECE_BYTES * len(base.ranges)


def match_mapped(
    source: int,
    size: int,
    matcher: Matcher,
    base: RangeFile,
    extent: int,
    advance: Callable[[int], None],
) -> tuple[Digest, int]:
    """Give a file to the matcher, whose new bytes go to `extent`; return its digest and size.

    The digest is of what the pieces give, whatever happened to the file meanwhile.

    Raises:
        Lost: Do it again in another way; matcher and extent are of no use.
        OSError, IntegrityError: As of `Matcher.feed`.
    """
    with _Peer([source, extent, *base.descriptors]) as peer:
        told, position = _Told(matcher.pieces), 0
        block = bytearray(BLOCK_BYTES)
        while position < size:
            count = _ask(peer, matcher, base, position, size)
            if count:
                told.skip()
            else:
                count = read_block(source, block, min(matcher.limit(position), size - position), position)
                if not count:
                    break
                matcher.feed(block, count, position)
                for start, length in told.take():
                    _have_hashed(peer, base, start, length)
            position += count
            advance(count)
        return Digest(peer.ask("digest")), position


def _ask(peer: _Peer, matcher: Matcher, base: RangeFile, position: int, size: int) -> int:
    """Have a long stretch compared if it should be the same; return how much of it is, and is taken in."""
    start, length = matcher.expected(position)
    length = min(length, size - position, _ASK_BYTES)
    if length < _ASK_FROM_BYTES:
        return 0
    same: int = peer.ask("same", position, base.pieces(start, length))
    if same:
        matcher.take_in(position, same)
    return same


def _have_hashed(peer: _Peer, base: RangeFile, start: int, length: int) -> None:
    """Have a stretch hashed that was found here, as `_Told` gives it."""
    if start < 0:
        peer.tell("hash", _EXTENT, -1 - start, length)
        return
    for file, offset, part in base.pieces(start, length):
        peer.tell("hash", _FIRST_FILE + file, offset, part)


class _Told:
    """Up to where the pieces of a file were taken."""

    def __init__(self, pieces: Pieces) -> None:
        self._stretches = pieces.stretches
        self._index = self._inside = self._new_bytes = 0

    def take(self) -> list[tuple[int, int]]:
        """Return what came since the last time: start in the base, and length.

        Of new bytes, -1 less their start in the extent.
        """
        found: list[tuple[int, int]] = []
        while self._index < len(self._stretches):
            start, whole = self._stretches[self._index]
            if length := whole - self._inside:
                found.append((-1 - self._new_bytes if start < 0 else start + self._inside, length))
                self._new_bytes += length if start < 0 else 0
            if self._index + 1 == len(self._stretches):
                self._inside = whole  # It may still grow.
                break
            self._index, self._inside = self._index + 1, 0
        return found

    def skip(self) -> None:
        """Pass over what came, which is known bytes."""
        self.take()


class _Peer:
    """The other process. It is ended with the block, at once: it has nothing to lose."""

    def __init__(self, fds: list[int]) -> None:
        # By name: what it imports is of no use here.
        process = start_python("vcs.stores.mapped_process", "serve", fds, fds, pipes=True)
        if process is None:
            raise Lost
        self._process: subprocess.Popen[bytes] = process

    def __enter__(self) -> _Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, *request: Any) -> None:
        """Send a request that has no answer."""
        assert self._process.stdin is not None
        try:
            marshal.dump(request, self._process.stdin)
        except OSError as error:
            raise Lost from error

    def ask(self, *request: Any) -> Any:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.tell(*request)
        try:
            self._process.stdin.flush()
            return marshal.load(self._process.stdout)
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise Lost from error
