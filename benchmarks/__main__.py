"""Everything that is measured, in one table.

    python -m benchmarks [--scale small|full|huge] [--only log,history] [--peers] [--keep]

Runs `measure()` of each module `bench_*`, at the small scale with what its `SMALL` says,
which takes a few minutes and tells little of the targets; at the huge one with its `HUGE`,
where it has one, which takes long. One that fails is said, and the others go on. Writes
build/bench/results.json and growth.svg; `--keep` puts the table into RESULTS.md.
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
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.figures import Figure, print_figures, table
from benchmarks.noise import Noise

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "build" / "bench"
RESULTS = HERE / "RESULTS.md"
# Between these two lines of RESULTS.md stands what `--keep` writes.
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"


def main() -> int:
    """Measure and print; return 1 if something failed, 0 also where a target was missed."""
    names = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    options = _options(names)
    noise, failed = Noise(), []
    found: list[tuple[str, list[Figure]]] = []
    began = time.monotonic()
    for name in options.only.split(",") if options.only else names:
        noise.sample()
        module, start = load(name), time.monotonic()
        if module is None:
            continue
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            found.append((name, run(module, options.scale)))
        except Exception:  # noqa: BLE001 - an hour of measuring is not given up for one mistake
            traceback.print_exc()
            failed.append(name)
        print(f"  {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    peers = _peers() if options.peers else {}
    noise.sample()
    figures = [figure for _, some in found for figure in some]
    print_figures(figures, peers)
    print(noise.sentence())
    print(f"measured in {(time.monotonic() - began) / 60:.1f} minutes")
    if failed:
        print(f"failed: {', '.join(failed)}")
    _write(found, peers, options.scale, noise.sentence())
    if options.keep:
        keep(figures, peers, options.scale, noise.sentence())
    return 1 if failed else 0


def _options(names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", choices=["small", "full", "huge"], default="full")
    parser.add_argument("--only", metavar="NAMES", help=f"Some of {', '.join(names)}; with commas.")
    parser.add_argument("--peers", action="store_true", help="Measure peers too: make bench-peers first.")
    parser.add_argument("--keep", action="store_true", help="Put the table into benchmarks/RESULTS.md.")
    options = parser.parse_args()
    if unknown := set((options.only or names[0]).split(",")) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def load(name: str) -> ModuleType | None:
    """Import one module; None, and a word, if what it measures is missing."""
    try:
        return import_module(f"benchmarks.bench_{name}")
    except ImportError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None


def run(module: ModuleType, scale: str) -> list[Figure]:
    """Return the figures of a module at a scale."""
    options: dict[str, Any] = {}
    if scale != "full":
        options = getattr(module, scale.upper(), {})
    figures: list[Figure] = module.measure(**options)
    return figures


def _peers() -> dict[str, str]:
    """Measure the peers; return what the table says of each key."""
    from benchmarks.peers import measure

    said: dict[str, list[str]] = {}
    for result in measure():
        said.setdefault(result.key, []).append(f"{result.peer} {result.text}")
    return {key: ", ".join(parts) for key, parts in said.items()}


def _write(found: list[tuple[str, list[Figure]]], peers: Mapping[str, str], scale: str, noise: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    curves = sys.modules["benchmarks.bench_growth"].CURVES if "benchmarks.bench_growth" in sys.modules else []
    content = {
        **as_json(found, scale),
        "noise": noise,
        "peers": dict(peers),
        "growth": list(map(asdict, curves)),
    }
    (OUTPUT / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    written = [OUTPUT / "results.json"]
    if curves:
        from benchmarks.growth_plot import draw

        (OUTPUT / "growth.svg").write_text(draw(curves))
        written.append(OUTPUT / "growth.svg")
    print(f"written: {', '.join(os.path.relpath(path) for path in written)}", file=sys.stderr)


def as_json(found: list[tuple[str, list[Figure]]], scale: str) -> dict[str, Any]:
    """Return the figures with what they depend on."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "scale": scale,
        "machine": machine(),
        "figures": [
            {"of": name, **asdict(figure), "ratio": figure.ratio, "verdict": figure.verdict}
            for name, figures in found
            for figure in figures
        ],
    }


def keep(figures: Sequence[Figure], peers: Mapping[str, str], scale: str, noise: str) -> None:
    """Replace the measured part of RESULTS.md; the words around it stay."""
    head, *rows = table(figures, peers)
    lines = [
        " | ".join(cell.replace("|", "\\|") for cell in row) for row in (head, ("---",) * len(head), *rows)
    ]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    facts = f"{when}, commit {commit() or 'unknown'}, scale {scale}. {machine()}\n\n{noise}"
    measured = f"{BEGIN}\n{facts}\n\n" + "\n".join(f"| {line} |" for line in lines) + f"\n{END}"
    text = RESULTS.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    RESULTS.write_text(before + measured + after, encoding="utf-8")


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


def commit() -> str | None:
    """Return the commit that was measured, with a plus if the files differ from it; None without git."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
