"""The lines that a terminal would show in the end, from what is written to it.

A progress bar returns to the start of its line and writes over it; several bars move up
and down between their lines. What is wanted in a file is the last state of each line.
Rows that the cursor may still come back to are held; as soon as somebody has moved up,
as many rows as that. Colours are kept, each line beginning and ending its own; titles
and other sequences for terminals are left out.
"""

from __future__ import annotations

import re

from tracker.collect.colors import PLAIN, RESET, changed, without_colors, without_last, written

_TOKENS = re.compile(
    r"\x1b\[(?P<parameters>(?P<count>[0-9]*)[0-9;:?]*)(?P<command>[@-~])"  # movement, erasing, colours
    r"|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b(?:[()][0-9A-Z]|[@-Z\\^_=>78])"
    r"|(?P<control>[\n\r\x08])"
    r"|(?P<text>[^\x1b\n\r\x08]+)",
)
# A sequence that goes on in the next piece of text. Longer ones are no sequences.
_CUT = re.compile(r"\x1b(?:[()]|\[[0-9;:?]{0,32}|\][^\x07\x1b]{0,4096}\x1b?)?\Z")

# Nobody shows more bars than this at once; further up, the cursor stays at the top row held.
_MOST_HELD = 64
# After so many finished lines without a movement upwards the bars are gone.
_FORGET_AFTER = 100
# A longer line is cut into several, so that a program that never ends its line takes no memory.
_LONGEST = 1 << 20


class LineScreen:
    """Turns written text into finished lines. Not safe from several threads."""

    def __init__(self) -> None:
        # None: a row that was given away and not written to since.
        self._rows: list[str | None] = [""]
        # What is in force, and what the row that is being written ends with.
        self._style = self._row_style = PLAIN
        self._at = 0
        self._returned = False
        self._held = 0
        self._lines_since_up = 0
        self._cut = ""
        self._done: list[str] = []

    def feed(self, text: str) -> list[str]:
        """Take text as it was written and return the lines that are finished by it."""
        text = self._cut + text
        cut = _CUT.search(text)
        self._cut = cut.group() if cut else ""
        for token in _TOKENS.finditer(text, 0, len(text) - len(self._cut)):
            if token["text"] is not None:
                self._write(token["text"])
            elif token["control"] is not None:
                self._control(token["control"])
            elif token["command"] == "m":
                self._style = changed(self._style, token["parameters"])
            elif token["command"] is not None:
                self._command(token["command"], int(token["count"] or 0))
        done, self._done = self._done, []
        return done

    def finish(self) -> list[str]:
        """Return all lines that are still held, also an unfinished one; the screen is empty then."""
        self._cut = ""
        self._end_row()
        self._style = PLAIN
        rows = [row for row in self._rows if row is not None]
        while rows and not rows[-1]:
            rows.pop()
        self._rows, self._at, self._returned, self._held = [""], 0, False, 0
        return rows

    def _write(self, text: str) -> None:
        row = self._rows[self._at]
        if row is None or self._returned:
            row = ""
            self._returned = False
            self._row_style = PLAIN
        if self._style != self._row_style:
            row += (RESET if self._row_style else "") + written(self._style)
            self._row_style = self._style
        self._rows[self._at] = row + text
        if len(row) + len(text) > _LONGEST:
            self._end_row()
            self._done += [held for held in self._rows[: self._at + 1] if held is not None]
            del self._rows[: self._at]
            self._at, self._rows[0] = 0, ""

    def _end_row(self) -> None:
        """End the colours of the row that is being written, before another one is."""
        if self._row_style:
            row = self._rows[self._at] or ""
            self._rows[self._at] = row + RESET if without_colors(row) else ""
            self._row_style = PLAIN

    def _control(self, character: str) -> None:
        if character == "\r":
            self._returned = True
        elif character == "\x08":
            self._rows[self._at] = without_last(self._rows[self._at] or "")
        else:
            self._down(1)
            self._lines_since_up += 1
            if self._lines_since_up > _FORGET_AFTER:
                self._held = 0
            self._give_away()

    def _down(self, count: int) -> None:
        self._end_row()
        self._at += count
        self._rows += [""] * (self._at + 1 - len(self._rows))
        # What was there is written over from its start.
        self._returned = True

    def _give_away(self) -> None:
        surplus = self._at - self._held
        if surplus > 0:
            self._done += [row for row in self._rows[:surplus] if row is not None]
            del self._rows[:surplus]
            self._at = self._held

    def _command(self, command: str, count: int) -> None:
        if command in "AF":
            self._up(min(max(count, 1), _MOST_HELD))
            self._returned = self._returned or command == "F"
        elif command in "BE":
            self._down(min(max(count, 1), _MOST_HELD))
        elif command == "G" and count <= 1:
            self._returned = True
        elif command == "K" and (count == 2 or self._returned):
            self._rows[self._at] = "" if self._rows[self._at] is not None else None
            self._row_style = PLAIN

    def _up(self, count: int) -> None:
        self._end_row()
        missing = count - self._at
        if missing > 0:
            # Those rows are in the file as they were; from now on such rows are held.
            self._rows[:0] = [None] * missing
            self._at += missing
            self._held = min(self._held + missing, _MOST_HELD)
        self._at -= count
        self._lines_since_up = 0
