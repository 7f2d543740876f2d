"""What it costs to import tracker, and to begin and end a run: whole processes beside bare Python.

python -m benchmarks.bench_start [--repeat 15]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, alternating, print_figures, process

SMALL = {"repeat": 5}

EMPTY_RUN = 'import tracker; tracker.init(project="bench"); tracker.finish()'


def measure(repeat: int = 15) -> list[Figure]:
    """Return the figures of starting up, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        make_repository(Path(folder))
        process("-c", EMPTY_RUN, cwd=folder)  # the first run makes the folders
        bare, git, imported, command, run = alternating(
            [
                lambda: process("-c", "pass", cwd=folder),
                lambda: subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True),
                lambda: process("-c", "import tracker", cwd=folder),
                lambda: process("-m", "tracker.cli.main", "--version", cwd=folder),
                lambda: process("-c", EMPTY_RUN, cwd=folder),
            ],
            repeat,
        )
    ms = 1000.0
    return [
        Figure(
            "import tracker, over bare Python",
            (imported - bare) * ms,
            "ms",
            target=60,
            absolute=True,
            key="start.import",
        ),
        Figure("tracker --version", command * ms, "ms", bare * ms, "bare Python"),
        Figure(
            "an empty run, whole process",
            run * ms,
            "ms",
            (bare + git) * ms,
            "bare Python and one git call",
            250,
            absolute=True,
            key="start.empty_run",
        ),
    ]


def make_repository(folder: Path) -> None:
    """Make a small git repository with one commit."""
    (folder / "train.py").write_text("print('training')\n")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    print_figures(measure(parser.parse_args().repeat))


if __name__ == "__main__":
    main()
