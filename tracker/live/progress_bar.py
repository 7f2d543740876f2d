"""A progress bar for long work on artifacts, on stderr.

It shows itself only on a terminal, and only when the work takes longer than half a
second; what is quick, piped or silenced stays silent. It implements `vcs.progress`.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from tracker.live.term import loudness

# Below this, a bar would only flicker.
DELAY_S = 0.5
INTERVAL_S = 0.1
_BAR, _SHORTEST_BAR = 20, 5

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class ProgressBar:
    """Counts work and draws it in place; use it as a context manager.

    Any thread may report. The last line is erased at the end, so what is printed
    afterwards starts on a clean line. A terminal that fails ends the drawing, never
    the work.
    """

    def __init__(
        self,
        title: str,
        *,
        unit: str = "files",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count now. `stream` defaults to stderr; `unit` is what `files` count."""
        self._title = title
        self._unit = unit
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._started = clock()
        self._next_draw = self._started + DELAY_S
        self._lock = threading.Lock()
        self._draws = loudness() == "normal" and _is_terminal(self._stream)
        self._drawn = False
        self._files = self._files_total = 0
        self._bytes = self._bytes_total = 0

    def add_total(self, files: int, bytes: int) -> None:
        """Say that this much more work was found."""
        with self._lock:
            self._files_total += files
            self._bytes_total += bytes
            self._draw_if_due()

    def advance(self, files: int, bytes: int) -> None:
        """Say that this much of it is done."""
        with self._lock:
            self._files += files
            self._bytes += bytes
            self._draw_if_due()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Erase the line. A second call does nothing."""
        with self._lock:
            self._draws = False
            if self._drawn:
                self._drawn = False
                self._write("\r\x1b[2K")

    def _draw_if_due(self) -> None:
        if not self._draws:
            return
        now = self._clock()
        if now < self._next_draw:
            return
        self._next_draw = now + INTERVAL_S
        self._drawn = True
        columns = shutil.get_terminal_size().columns
        line = render(
            self._title,
            files=(self._files, self._files_total),
            size=(self._bytes, self._bytes_total),
            elapsed_s=now - self._started,
            unit=self._unit,
            columns=columns - 1,
        )
        self._write(f"\r\x1b[2K{line[: max(columns - 1, 0)]}")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._draws = False


def render(
    title: str,
    *,
    files: tuple[int, int],
    size: tuple[int, int],
    elapsed_s: float,
    unit: str = "files",
    columns: int = 999,
) -> str:
    """Return the line for this much done of this much: share, files, bytes, rate, time left.

    Where it would not fit into the columns the bar is shorter, or left out: figures say more.
    """
    done, total = size if size[1] else files
    if not total:  # It is not known yet how much there is to do.
        return f"{title}  {_clock_time(elapsed_s)}"
    share = min(done / total, 1.0) if total else 0.0
    parts = [f"{share:4.0%}", f"{files[0]}/{files[1]} {unit}"]
    if size[1]:
        parts.append(f"{format_bytes(size[0])}/{format_bytes(size[1])}")
    if elapsed_s > 0 and share > 0:
        if size[1]:
            parts.append(f"{format_bytes(size[0] / elapsed_s)}/s")
        parts.append(f"{_clock_time(elapsed_s * (1 - share) / share)} left")
    figures = "  ".join(parts)
    width = min(_BAR, columns - len(f"{title} [] {figures}"))
    if width < _SHORTEST_BAR:
        return f"{title} {figures}"
    filled = round(share * width)
    return f"{title} [{'#' * filled}{'.' * (width - filled)}] {figures}"


def format_bytes(count: float) -> str:
    """Return a size as people read it: `3.4 GB`."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= 99.95 else f"{count:.1f} {_UNITS[unit]}"


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _is_terminal(stream: TextIO | None) -> bool:
    if stream is None:
        return False
    with suppress(OSError, ValueError, AttributeError):
        return stream.isatty()
    return False
