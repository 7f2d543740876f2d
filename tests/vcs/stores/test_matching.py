"""Which bytes of one file another has too."""

from __future__ import annotations

from vcs.stores.matching import match_lines


def test_lines_that_the_base_has_are_ranges_of_it() -> None:
    """Wherever they stand there; what is new comes in order, a last line without its end too."""
    base = b"".join(b"line %d\n" % number for number in range(10))
    new = b"first\n" + base[:21] + b"line 3b\n" + base[28:] + b"end"
    written = bytearray()

    pieces = match_lines(new, base, written.extend)

    assert bytes(written) == b"first\nline 3b\nend"
    assert pieces.stretches == [(-1, 6), (0, 21), (-1, 8), (28, len(base) - 28), (-1, 3)]
    assert pieces.known_bytes == len(base) - 7
