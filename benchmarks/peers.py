"""What peers need for the same work, each beside its floor in the same run.

At a tenth of our own size, because some take minutes; ratios to the floor can be compared.
Results carry the key of the figure that they stand beside. A step that takes too long is
ended, with all that it started, and said; so is one that fails, and the rest goes on.

    python -m benchmarks.peers [MODULES]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import peer_data, peer_runs
from benchmarks.peer_commands import LIMIT_S, Work
from benchmarks.peer_environments import why_absent

# For all peers of one module; those that come after that are left out.
MODULE_S = 600
_TRACKERS = ("trackio", "wandb", "mlflow")
# What is measured beside the figures of a module, and of whom.
WORKS: dict[str, tuple[tuple[Work, tuple[str, ...]], ...]] = {
    "files": ((peer_data.files, ("git", "restic", "borg", "dvc", "git-lfs", "trackio", "wandb")),),
    "status": ((peer_data.status, ("git", "dvc")),),
    "large": (
        (peer_data.large, ("restic", "borg", "dvc", "git-lfs", "trackio", "wandb")),
        (peer_data.checkpoints, ("restic", "borg")),
        (peer_data.table, ("restic", "borg")),
    ),
    "start": ((peer_runs.imported, _TRACKERS), (peer_runs.empty_run, (*_TRACKERS, "tensorboard"))),
    "log": (
        (peer_runs.log, (*_TRACKERS, "tensorboard")),
        (peer_runs.kept, ("trackio", "wandb", "tensorboard")),
    ),
    "history": ((peer_runs.history, ("trackio", "mlflow")),),
    "watch": ((peer_runs.watch, ("wandb",)),),
}


@dataclass(frozen=True)
class PeerResult:
    """One figure of a peer: `text` is a ratio or a value with its unit."""

    key: str
    peer: str
    text: str


def measure(module: str) -> list[PeerResult]:
    """Measure the peers of a module that are installed; what is left out is said."""
    found: list[PeerResult] = []
    began = time.monotonic()
    for work, names in WORKS.get(module, ()):
        for name in names:
            reason = why_absent(name)
            if time.monotonic() - began > MODULE_S:
                reason = f"those before it took {MODULE_S} s"
            if reason is not None:
                print(f"  {name}: left out: {reason}", file=sys.stderr)
                continue
            start = time.monotonic()
            found += _results(work, name)
            print(f"  {name}, {work.__name__}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return found


def _results(work: Work, name: str) -> Iterator[PeerResult]:
    """Do the steps of a work until one fails or takes too long."""
    key = ""
    try:
        for key, step in work(name):
            yield PeerResult(key, name, step())
    except subprocess.TimeoutExpired:
        print(f"  {name}: {work.__name__} {key} took more than {LIMIT_S} s", file=sys.stderr)
        if key:
            yield PeerResult(key, name, f"> {LIMIT_S} s")
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        said = getattr(error, "stderr", None)
        text = said if isinstance(said, str) and said.strip() else str(error)
        print(f"  {name}: {text.strip().splitlines()[-1]}", file=sys.stderr)


def main() -> None:
    for module in sys.argv[1:] or WORKS:
        for result in measure(module):
            print(f"{result.key}: {result.peer} {result.text}", flush=True)


if __name__ == "__main__":
    main()
