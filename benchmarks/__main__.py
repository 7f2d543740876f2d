"""Everything that is measured, in one table.

    python -m benchmarks [--scale small|full|huge] [--only log,history] [--peers] [--keep]

Runs `measure()` of each module `bench_*`, at the small scale with what its `SMALL` says,
which takes some minutes and tells little of the targets; at the huge one with its `HUGE`,
where it has one, which takes long. One that fails, or takes too long, is said, and the
others go on; so it is with peers. Writes build/bench/results.json and growth.svg; `--keep`
puts the tables of what was measured into RESULTS.md, and leaves those of the other modules.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.figures import Figure, print_table
from benchmarks.noise import Noise
from benchmarks.results import Measured, keep, write_json

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "build" / "bench"
# What one module may take; what is in its hands is then given up.
LIMIT_S = {"small": 600, "full": 900, "huge": 3600}


def main() -> int:
    """Measure and print; return 1 if something failed, 0 also where a target was missed."""
    names = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    options = _options(names)
    found: list[Measured] = []
    failed: list[str] = []
    began = time.monotonic()
    for name in options.only.split(",") if options.only else names:
        start = time.monotonic()
        module = load(name)
        if module is None:
            continue
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            found.append(_measured(name, module, options.scale, peers=options.peers))
        except Exception:  # noqa: BLE001 - an hour of measuring is not given up for one mistake
            traceback.print_exc()
            failed.append(name)
        print(f"  {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        _write(found, options.scale)  # So that what stops a run costs no more than one module.
        if options.keep:
            keep([one for one in found if one.name == name])
    for one in found:
        print(f"\n{one.name}")
        print_table(one.figures, one.peers)
        print(one.noise)
    print(f"\nmeasured in {(time.monotonic() - began) / 60:.1f} minutes")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _options(names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", choices=list(LIMIT_S), default="full")
    parser.add_argument("--only", metavar="NAMES", help=f"Some of {', '.join(names)}; with commas.")
    parser.add_argument("--peers", action="store_true", help="Measure peers too: make bench-peers first.")
    parser.add_argument("--keep", action="store_true", help="Put the tables into benchmarks/RESULTS.md.")
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


def _measured(name: str, module: ModuleType, scale: str, *, peers: bool) -> Measured:
    noise = Noise()
    noise.sample()
    with _within(LIMIT_S[scale]):
        figures = run(module, scale)
    noise.sample()
    others = _peers(name) if peers else {}
    noise.sample()
    return Measured(name, scale, figures, noise.sentence(), others)


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the block if it takes longer."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(module: ModuleType, scale: str) -> list[Figure]:
    """Return the figures of a module at a scale."""
    options: dict[str, Any] = {}
    if scale != "full":
        options = getattr(module, scale.upper(), {})
    figures: list[Figure] = module.measure(**options)
    return figures


def _peers(name: str) -> dict[str, str]:
    """Measure the peers of a module; return what the table says of each key."""
    from benchmarks.peers import measure

    said: dict[str, list[str]] = {}
    for result in measure(name):
        said.setdefault(result.key, []).append(f"{result.peer} {result.text}")
    return {key: ", ".join(parts) for key, parts in said.items()}


def _write(found: Sequence[Measured], scale: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    growth = sys.modules.get("benchmarks.bench_growth")
    curves = growth.CURVES if growth is not None else []
    write_json(OUTPUT / "results.json", found, scale, curves)
    if curves:
        from benchmarks.growth_plot import draw

        (OUTPUT / "growth.svg").write_text(draw(curves))
    print(f"  written: {os.path.relpath(OUTPUT)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
