"""How steady the machine is: the same short work, timed now and then between the others."""

from __future__ import annotations

import os
import time
from pathlib import Path

from blake3 import blake3

_BLOCK = bytes(8 << 20)
_TIMES = 10


class Noise:
    """Timings of one work that depends on nothing but the processor."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._stolen = _stolen_ticks()

    def sample(self) -> None:
        """Time it some more; takes some hundredths of a second."""
        for _ in range(_TIMES):
            start = time.perf_counter()
            blake3(_BLOCK).digest()
            self._times.append(time.perf_counter() - start)

    def sentence(self) -> str:
        """Say how noisy the machine was, in words for the report."""
        times = sorted(self._times)
        middle, late = times[len(times) // 2] / times[0], times[len(times) * 9 // 10] / times[0]
        stolen = (_stolen_ticks() - self._stolen) / os.sysconf("SC_CLK_TCK")
        word = "quiet" if late < 1.3 else "noisy" if late < 2 else "very noisy: believe no time"
        return (
            f"The machine was {word}: the same work took {middle:.2f} times its best in the middle, "
            f"{late:.2f} times in one case of ten; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} "
            f"processors, {stolen:.1f} s taken by other machines."
        )


def _stolen_ticks() -> int:
    try:
        fields = Path("/proc/stat").read_text().split(maxsplit=10)
    except OSError:
        return 0
    return int(fields[8])
