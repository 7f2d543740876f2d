"""A raster of dots in characters: braille, eight dots a character, or two dots in ASCII."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# Bits of a braille character by (column, row) of its dot.
_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_ASCII = " '.:"


class Dots:
    """A raster that is drawn on with lines, and read as rows of characters.

    Attributes:
        width, height: In dots.
    """

    def __init__(self, columns: int, rows: int, *, braille: bool = True) -> None:
        self._columns, self._rows, self._braille = columns, rows, braille
        self._per_column, self._per_row = (2, 4) if braille else (1, 2)
        self.width, self.height = columns * self._per_column, rows * self._per_row
        self._bits = [[0] * columns for _ in range(rows)]
        self._inks: list[list[int | None]] = [[None] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, ink: int) -> None:
        """Set a dot, counted from the upper left; outside of the raster nothing happens."""
        if 0 <= x < self.width and 0 <= y < self.height:
            column, row = x // self._per_column, y // self._per_row
            if self._braille:
                bit = _BRAILLE[x % 2][y % 4]
            else:
                bit = 1 << y % 2
            self._bits[row][column] |= bit
            self._inks[row][column] = ink

    def line(self, start: tuple[int, int], end: tuple[int, int], ink: int, dash: Sequence[int] = ()) -> None:
        """Set the dots of a straight line, both ends among them.

        `dash` has the widths of line and gap by turns. They are counted from the left of the raster,
        so pieces of one line go on where the one before ended. What is steep is drawn whole: no spike
        and no single point falls into a gap.
        """
        (x, y), (to_x, to_y) = start, end
        across, down = abs(to_x - x), -abs(to_y - y)
        step_x, step_y = (1 if x < to_x else -1), (1 if y < to_y else -1)
        error = across + down
        steep = across == 0 or -down > across
        pattern = [number % 2 == 0 for number, length in enumerate(dash) for _ in range(length)]
        shown = [True] if steep or not pattern else pattern
        while True:
            if shown[x % len(shown)]:
                self.dot(x, y, ink)
            if (x, y) == (to_x, to_y):
                return
            twice = 2 * error
            if twice >= down:
                error += down
                x += step_x
            if twice <= across:
                error += across
                y += step_y

    def rows(self) -> Iterator[list[tuple[str, int | None]]]:
        """Yield each row as (character, ink)."""
        for bits, inks in zip(self._bits, self._inks, strict=True):
            letters = [self._letter(b) for b in bits]
            yield list(zip(letters, inks, strict=True))

    def _letter(self, bits: int) -> str:
        if not self._braille:
            return _ASCII[bits]
        return chr(0x2800 + bits) if bits else " "
