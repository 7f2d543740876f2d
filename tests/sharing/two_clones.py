"""A hub and two clones of it in a folder that can be copied, and what to do in them without fixtures."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.conftest import git
from tracker.cli.main import main


def content(seed: int) -> dict[str, bytes]:
    """Some files: a few small ones that other seeds share, many, or a large one that resembles others."""
    kind, number = seed % 4, seed // 4 % 5
    files = {f"{n}": b"%d" % n * (1 + n) for n in range(number, number + 3)}
    if kind == 1:
        files |= {f"many/{n}": b"many %d" % (n + number) for n in range(70)}
    if kind == 2:
        large = random.Random(1).randbytes(300_000)
        files["large"] = bytes([number]) * 1000 + large[1000:]
    return files


SETTINGS = "remotes:\n  nas: ../nas\nremote: nas\n"


@cache
def template() -> Path:
    """A hub and two clones of it that share versions in a folder; all by relative addresses."""
    folder = Path(tempfile.mkdtemp(prefix="gc-model-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    git(folder, "init", "-q", "--bare", "-b", "main", "hub.git")
    for name in ("0", "1"):
        clone = folder / name
        if name == "0":
            git(folder, "init", "-q", "-b", "main", name)
            git(clone, "remote", "add", "origin", "../hub.git")
            (clone / "tracker.yaml").write_text(SETTINGS)
            (clone / ".gitignore").write_text("made/\n")
            git(clone, "add", "-A")
            git(clone, "commit", "-q", "-m", "first")
            git(clone, "push", "-q", "origin", "main")
        else:
            git(folder, "clone", "-q", "hub.git", name)
            git(clone, "remote", "set-url", "origin", "../hub.git")
    for seed in range(3):
        call(folder / "0", "artifact", "put", str(made(folder / "0", seed)), "--name", "data")
    call(folder / "0", "push")
    call(folder / "1", "pull", "--all")
    return folder


def made(clone: Path, seed: int) -> Path:
    """Write the files of a seed."""
    folder = clone / "made"
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in content(seed).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def call(clone: Path, *words: str, may: tuple[int, ...] = ()) -> int:
    """Call the command line in a clone; it succeeds, or ends with a status that it may have here."""
    before = Path.cwd()
    said = io.StringIO()
    os.chdir(clone)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main(words)
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os.chdir(before)
    assert status in (0, *may), f"{words}: {said.getvalue()}"
    return status
