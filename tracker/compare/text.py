"""Two texts compared line by line, in bounded time and with a bounded answer."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST_LINES = 400
MOST_COLUMNS = 400

# difflib's cost grows with the product of what is left after equal heads and tails are cut off.
_MOST_PRODUCT = 4_000_000
_CONTEXT = 3


@dataclass(frozen=True)
class TextChanges:
    """A unified diff.

    Attributes:
        added, removed: Numbers of lines; without a diff, of lines that only one side has.
        patch: The diff without its two head lines, long lines cut; empty if there are too
            many differences to find out which lines belong together.
        left_out: How many lines of the diff are not in `patch`.
    """

    added: int
    removed: int
    patch: tuple[str, ...] = ()
    left_out: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "form": "text",
            "added": self.added,
            "removed": self.removed,
            "patch": list(self.patch),
            "left_out": self.left_out,
        }


def compare_text(old: str, new: str) -> TextChanges:
    """Compare two texts; a change of line ends is a change of lines."""
    a, b = _lines(old), _lines(new)
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = next(
        (i for i, (x, y) in enumerate(zip(reversed(a[head:]), reversed(b[head:]), strict=False)) if x != y),
        min(len(a), len(b)) - head,
    )
    if (len(a) - head - tail) * (len(b) - head - tail) > _MOST_PRODUCT:
        only_new, only_old = Counter(b) - Counter(a), Counter(a) - Counter(b)
        return TextChanges(only_new.total(), only_old.total())
    # What is cut off is put back as far as the diff shows it, so that line numbers need a shift.
    start = max(0, head - _CONTEXT)
    ends = (len(a) - max(0, tail - _CONTEXT), len(b) - max(0, tail - _CONTEXT))
    diff = difflib.unified_diff(a[start : ends[0]], b[start : ends[1]], n=_CONTEXT, lineterm="")
    lines = [_shifted(line, start) for line in islice(diff, 2, None)]
    return TextChanges(
        added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
        patch=tuple(_cut(line) for line in lines[:MOST_LINES]),
        left_out=max(0, len(lines) - MOST_LINES),
    )


def _lines(text: str) -> list[str]:
    """Split at newlines only, so that a missing or another line end shows."""
    lines = text.split("\n")
    if lines[-1] == "":
        return lines[:-1]
    return [*lines[:-1], f"{lines[-1]}\\ no newline at the end"]


def _shifted(line: str, by: int) -> str:
    """Return a hunk's head `@@ -1,4 +1,5 @@` with the line numbers of the whole file."""
    if not line.startswith("@@ -"):
        return line
    _, old, new, _ = line.split(" ")
    return f"@@ -{_moved(old, by)} +{_moved(new, by)} @@"


def _moved(numbers: str, by: int) -> str:
    start, comma, count = numbers[1:].partition(",")
    return f"{int(start) + by}{comma}{count}"


def _cut(line: str) -> str:
    return line if len(line) <= MOST_COLUMNS else f"{line[:MOST_COLUMNS]}…"
