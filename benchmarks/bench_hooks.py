"""What the git hooks add to `git commit`, and what a switch of branches costs with them.

python -m benchmarks.bench_hooks [--files 10000] [--repeat 7]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from benchmarks.figures import Figure, alternating, print_figures, process

MOST_SECONDS = 0.3


SMALL = {"files": 1000, "repeat": 3}


def measure(files: int = 10_000, repeat: int = 7) -> list[Figure]:
    """Return the figures of committing with nothing changed under tracked files, and of a switch."""
    with tempfile.TemporaryDirectory() as temporary, git_alone():
        base = Path(temporary)
        bare, hooked = make(base / "bare", files), make(base / "hooked", files, hooks=True)
        idle, idle_hooked = make(base / "idle"), make(base / "idle-hooked", hooks=True)
        # Files must be older than a tick of the clock before a look at them is trusted.
        time.sleep(3.0)
        commits = [committing(folder) for folder in (bare, hooked, idle, idle_hooked)]
        for commit in commits:
            commit()
        plain, with_hooks, plain_idle, with_shims = alternating(commits, repeat)
        switched, copied = alternating(
            [switching(hooked, files), lambda: fill(base / "copy", files, "copy")], 4
        )
    more = "git commit with hooks, over without:"
    return [
        Figure(f"{more} {files} tracked files", with_hooks - plain, "s", target=MOST_SECONDS, absolute=True),
        Figure(f"{more} nothing tracked", with_shims - plain_idle, "s"),
        Figure(f"git checkout, {files} files all different", switched, "s", copied, "writing them"),
    ]


@contextmanager
def git_alone() -> Iterator[None]:
    """Keep the user's settings away from git, and give it a name to commit under."""
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    who = {f"GIT_{role}_{what}": "bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    os.environ.update(who, GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def git(folder: Path, *arguments: str) -> None:
    """Run git, quietly."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def tracker(folder: Path, *arguments: str) -> None:
    """Run the command line."""
    process("-P", "-m", "tracker.cli.main", *arguments, cwd=str(folder))


def fill(folder: Path, files: int, text: str) -> None:
    """Write small files in folders of a hundred."""
    for number in range(files):
        path = folder / f"{number // 100:03d}" / f"{number:05d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text} {number}\n")


def make(folder: Path, files: int = 0, *, hooks: bool = False) -> Path:
    """Make a repository, with a tracked folder if `files`, and with hooks or without."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("first\n")
    if files:
        fill(folder / "data", files, "first")
        tracker(folder, "track", "data", "--name", "data")
    if hooks:
        tracker(folder, "hooks", "install")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def committing(folder: Path) -> Callable[[], None]:
    """Return what commits one changed line of code."""
    numbers = count()

    def commit() -> None:
        (folder / "train.py").write_text(f"{next(numbers)}\n")
        git(folder, "commit", "-q", "-a", "-m", "change")

    return commit


def switching(folder: Path, files: int) -> Callable[[], None]:
    """Return what switches between two branches whose tracked files all differ."""
    git(folder, "checkout", "-q", "-b", "other")
    fill(folder / "data", files, "second")
    (folder / "train.py").write_text("other\n")
    git(folder, "commit", "-q", "-a", "-m", "second")
    turns = count()
    return lambda: git(folder, "checkout", "-q", ("main", "other")[next(turns) % 2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    print_figures(measure(options.files, options.repeat))


if __name__ == "__main__":
    main()
