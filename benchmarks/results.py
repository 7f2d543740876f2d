"""What was measured, kept: results.json of a run, and RESULTS.md, module by module.

Each module has its section in RESULTS.md, with date, commit, machine and how noisy it was,
so that a whole can be made of parts that were measured when it was quiet.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, table

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
# Between these two lines of RESULTS.md stands what was measured, and before each section its title.
BEGIN, END, TITLE = "<!-- measured -->\n", "<!-- end of what was measured -->", "### "


@dataclass(frozen=True)
class Measured:
    """The figures of one module, and what they depend on.

    Attributes:
        noise: How steady the machine was meanwhile, in words.
        peers: What peers needed, by the key of a figure.
    """

    name: str
    scale: str
    figures: Sequence[Figure]
    noise: str
    peers: Mapping[str, str]

    def section(self) -> str:
        """Return its part of RESULTS.md."""
        head, *rows = table(self.figures, self.peers)
        lines = [head, ("---",) * len(head), *rows]
        cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        facts = f"{when}, commit {commit() or 'unknown'}, scale {self.scale}. {machine()}\n{self.noise}"
        return f"{facts}\n\n" + "\n".join(f"| {line} |" for line in cells)


def keep(measured: Sequence[Measured], path: Path = RESULTS) -> None:
    """Put the sections of these modules in the place of theirs in RESULTS.md; the rest stays."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    kept, _, after = rest.partition(END)
    parts = [part.partition("\n") for part in f"\n{kept}".split(f"\n{TITLE}")[1:]]
    sections = {name: body.strip("\n") for name, _, body in parts}
    sections |= {one.name: one.section() for one in measured}
    body = "\n\n".join(f"{TITLE}{name}\n\n{section}" for name, section in sorted(sections.items()))
    path.write_text(f"{before}{BEGIN}\n{body}\n\n{END}{after}", encoding="utf-8")


def write_json(path: Path, measured: Sequence[Measured], scale: str, curves: Sequence[Any]) -> None:
    """Write all that was measured in a run."""
    content = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "scale": scale,
        "machine": machine(),
        "noise": {one.name: one.noise for one in measured},
        "figures": [
            {
                "of": one.name,
                **asdict(figure),
                "ratio": figure.ratio,
                "verdict": figure.verdict,
                "peers": one.peers.get(figure.key, ""),
            }
            for one in measured
            for figure in one.figures
        ],
        "growth": [asdict(curve) for curve in curves],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def machine() -> str:
    """Say what machine this is."""
    try:
        model = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip(" \t:")
        memory = int(Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    except (OSError, IndexError, ValueError):
        model, memory = platform.processor(), 0
    return (
        f"{os.cpu_count()} processors ({model or 'unknown'}), {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}."
    )


@cache
def commit() -> str | None:
    """Return the commit that is measured, with a plus if the files differ from it; None without git."""
    git = ["git", "-C", str(HERE)]
    done = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    # Sections that were kept change nothing that is measured.
    changed = subprocess.run(
        [*git, "diff", "--quiet", "HEAD", "--", ":/", f":!{RESULTS.name}"], capture_output=True, check=False
    )
    return done.stdout.strip() + "+" * (changed.returncode == 1) or None
