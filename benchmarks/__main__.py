"""Everything that is measured, in one table.

    python -m benchmarks [--scale small|full] [--only log,history] [--json FILE]

Runs `measure()` of each module `bench_*` that has one; at the small scale with what its
`SMALL` says, which takes minutes and tells little of the targets. One that fails is said,
and the others go on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.figures import Figure, print_figures

HERE = Path(__file__).parent


def main() -> int:
    """Measure and print; return 1 if something failed, 0 also where a target was missed."""
    names = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", choices=["small", "full"], default="full")
    parser.add_argument("--only", metavar="NAMES", help=f"Some of {', '.join(names)}; with commas.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="Write the figures there, too.")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else names
    if unknown := set(chosen) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    found, failed = [], []
    for name in chosen:
        module = load(name)
        if module is None:
            continue
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            found.append((name, run(module, options.scale)))
        except Exception:  # noqa: BLE001 - an hour of measuring is not given up for one mistake
            traceback.print_exc()
            failed.append(name)
    print_figures([figure for _, figures in found for figure in figures])
    if failed:
        print(f"failed: {', '.join(failed)}")
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(found, options.scale), indent=1) + "\n")
    return 1 if failed else 0


def load(name: str) -> ModuleType | None:
    """Import one module; None, and a word, if it has nothing for the table or what it measures is missing."""
    try:
        module = import_module(f"benchmarks.bench_{name}")
    except ImportError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None
    if not hasattr(module, "measure"):
        print(f"{name} is left out: run python -m benchmarks.bench_{name}", file=sys.stderr)
        return None
    return module


def run(module: ModuleType, scale: str) -> list[Figure]:
    """Return the figures of a module at a scale."""
    options: dict[str, Any] = getattr(module, "SMALL", {}) if scale == "small" else {}
    figures: list[Figure] = module.measure(**options)
    return figures


def as_json(found: list[tuple[str, list[Figure]]], scale: str) -> dict[str, Any]:
    """Return the figures with what they depend on."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "scale": scale,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "figures": [
            {"of": name, **asdict(figure), "ratio": figure.ratio, "verdict": figure.verdict}
            for name, figures in found
            for figure in figures
        ],
    }


def commit() -> str | None:
    """Return the commit that was measured, with a plus if the files differ from it; None without git."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
