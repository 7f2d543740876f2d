"""The command that a session was started with, as it can be started again elsewhere.

What is recorded is the command line of the Python process, its working directory and some
variables. Paths below the project become paths below the tree that the code is run in,
where the code has them; data that git does not have stays where it is.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tracker.compare.environment import NUMERIC_NAMES, NUMERIC_PREFIXES
from tracker.compat.launcher import shimmed_environment
from tracker.errors import NotFoundError, UsageError
from tracker.live.revival import Revival
from tracker.storage.records import Session
from vcs.liveness import this_process
from vcs.secrets import MASK

# Options of Python that take the next word.
_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_NOTEBOOKS = frozenset({"ipykernel_launcher", "ipykernel", "colab_kernel_launcher"})
_PYTHON = frozenset({"python", "python3", "python.exe"})
# What was right for that process only.
_OF_ITS_TIME = ("TRACKER_PYTHON", "TRACKER_REVIVE_", "TRACKER_RESUME", "TRACKER_RUN_ID")
# Options that would choose another run than the one that is meant.
_CHOOSE_A_RUN = ("RUN_ID", "RESUME", "RESUME_FROM", "FORK_FROM", "MODE", "DISABLED")


@dataclass(frozen=True)
class Command:
    """What to start, and where.

    Attributes:
        words: The first is a program's path.
        folder: The working directory.
        script: The script among the words; None for `-m`, `-c` and other programs.
        notes: What is not as it was, a sentence each.
    """

    words: tuple[str, ...]
    folder: Path
    script: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a command was started, and where it is to be.

    Attributes:
        tree: The working tree that it runs in now.
        former: The folders that the tree stands for: the project's, and worktrees of the run.
        has: Whether the code has a path, relative to the tree.
    """

    tree: Path
    former: tuple[Path, ...]
    has: Callable[[str], bool]

    def moved(self, word: str) -> str:
        """Return an absolute path in the code as it is in the tree; other words as they are."""
        option, equals, value = word.rpartition("=")
        if equals and os.path.isabs(value):
            return f"{option}={self.moved(value)}"
        if not os.path.isabs(word):
            return word
        for root in (self.tree, *self.former):
            inside = _inside(word, root)
            if inside is not None and self.has(inside):
                return str(self.tree / inside)
        return word


def recorded_command(session: Session, place: Place, *, run: str, python: str | None = None) -> Command:
    """Return the command of a session; `python` runs it, or else what ran it then.

    Raises:
        UsageError: It cannot be started again as it is recorded: it was no script, it had
            a secret in it, or it was one of several processes.
        NotFoundError: The code does not have the script.
    """
    hint = f"give the command: tracker resume {run} -- python train.py"
    words = list(session.argv)
    if not words:
        raise UsageError(f"the command of run {run} was not recorded", hint=hint)
    if any(MASK in word for word in words):
        raise UsageError(f"the command of run {run} had a secret in it, which was not recorded", hint=hint)
    if _size(session) > 1:
        raise UsageError(
            f"run {run} was one of {_size(session)} processes, and what started them was not recorded",
            hint=f"tracker resume {run} -- torchrun --nproc-per-node {_size(session)} train.py",
        )
    at = _script_place(words, run, hint)
    script = None if at is None else words[at]
    folder, notes = _folder(session, place, script)
    words = [python or interpreter_of(session), *(place.moved(word) for word in words[1:])]
    if at is None or script is None:
        return Command(tuple(words), folder, None, notes)
    if os.path.isabs(script) and words[at] == script:
        if not os.path.exists(script):
            raise NotFoundError(f"the script {script} is gone, and the code of run {run} does not have it")
        notes += (f"the script {script} is not part of the recorded code; it runs as it is now",)
    return Command(tuple(words), folder, words[at], notes)


def given_command(words: Sequence[str], session: Session | None, place: Place | None) -> Command:
    """Return the command that a user gives, to be started where the run was.

    `script.py …`, `-m module …`, `-c code …` and `python …` go to the Python that ran the
    run, else to that of this command; other programs are looked for on PATH. Without a
    session it starts in the current directory.

    Raises:
        NotFoundError: No such program.
    """
    first = words[0]
    folder = Path.cwd()
    notes: tuple[str, ...] = ()
    if session is not None and place is not None:
        folder, notes = _folder(session, place, None)
    python = sys.executable if session is None else interpreter_of(session)
    if first in ("-m", "-c") or first.endswith((".py", ".pyw")):
        return Command((python, *words), folder, None, notes)
    # Not the first one on PATH: that may have nothing of ours, as with a `tracker` from elsewhere.
    found = python if first in _PYTHON else shutil.which(first)
    if found is None:
        raise NotFoundError(f"there is no program {first!r}", hint="give its path, or a script: train.py")
    return Command((found, *words[1:]), folder, None, notes)


def interpreter_of(session: Session) -> str:
    """Return the Python that ran a session, if it is still there on this host; else this one."""
    recorded = session.extra.get("executable")
    here = session.host == this_process().host
    if isinstance(recorded, str) and here and os.access(recorded, os.X_OK) and os.path.isfile(recorded):
        return recorded
    return sys.executable


def variables_for(
    session: Session,
    revival: Revival,
    surroundings: Mapping[str, str],
    *,
    import_from: Sequence[str] = (),
) -> dict[str, str]:
    """Return the environment of the process: that of now, with what the run was given then.

    Variables that change results are as they were, also where they were not set. Of our
    own options those of now win. `import_from` are folders of the tree that stand for
    folders of the project from which Python would import.
    """
    recorded = {key: str(value) for key, value in session.environment.items() if MASK not in str(value)}
    now = {key: value for key, value in without_choices(surroundings).items() if not _is_numeric(key)}
    then = {
        key: value
        for key, value in recorded.items()
        if key.startswith("TRACKER_") and not key.startswith(_OF_ITS_TIME)
    }
    numeric = {key: value for key, value in recorded.items() if _is_numeric(key)}
    result = {**then, **now, **numeric}
    if revival.project is not None:
        result["TRACKER_PROJECT"] = revival.project
    if import_from:
        paths = [*import_from, *result.get("PYTHONPATH", "").split(os.pathsep)]
        result["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if "TRACKER_COMPAT" in recorded:
        result = shimmed_environment(result)
    without = {key: value for key, value in result.items() if not key.startswith("TRACKER_REVIVE_")}
    return {**without, **revival.variables()}


def without_choices(surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what would choose another run than the one that is meant."""
    chosen = {f"{prefix}_{name}" for prefix in ("TRACKER", "WANDB") for name in _CHOOSE_A_RUN}
    return {key: value for key, value in surroundings.items() if key not in chosen}


def _is_numeric(name: str) -> bool:
    return name in NUMERIC_NAMES or name.startswith(NUMERIC_PREFIXES)


def _size(session: Session) -> int:
    text = str(session.environment.get("WORLD_SIZE", "1"))
    return int(text) if text.isdecimal() else 1


def _script_place(words: Sequence[str], run: str, hint: str) -> int | None:
    """Return where among the words the script stands; None for `-m` and `-c`."""
    at = 1
    while at < len(words):
        word = words[at]
        if word == "-c":
            return None
        if word == "-m":
            if at + 1 < len(words) and words[at + 1] in _NOTEBOOKS:
                break
            return None
        if word in _WITH_VALUE:
            at += 2
        elif word == "-":
            break
        elif word.startswith("-"):
            at += 1
        else:
            if PurePosixPath(word).stem in _NOTEBOOKS:
                break
            return at
    raise UsageError(f"run {run} was no script: {' '.join(words)[:200]!r} cannot be started again", hint=hint)


def _folder(session: Session, place: Place, script: str | None) -> tuple[Path, tuple[str, ...]]:
    """Return where to start: where the session stood, or above it where its script is.

    A script may have changed its directory before the run began, as Hydra does.
    """
    recorded = session.cwd or "."
    if os.path.isabs(recorded):
        for root in place.former:
            inside = _inside(recorded, root)
            if inside is not None:
                recorded = inside
                break
        else:
            return Path(recorded), (f"it starts in {recorded}, outside of the repository",)
    if script is None or os.path.isabs(script):
        return place.tree / recorded, ()
    here = PurePosixPath(os.path.normpath(recorded))
    for folder in (here, *here.parents):
        if place.has(os.path.normpath(folder / script)):
            return place.tree / folder, ()
    raise NotFoundError(
        f"the recorded code does not have the script {script}",
        hint="git may ignore it, or it was too large; see left_out: tracker show",
    )


def _inside(path: str, root: Path) -> str | None:
    """Return a path relative to a folder, if it is in it; also where links lead to one of the two."""
    for one, other in ((path, str(root)), (os.path.realpath(path), os.path.realpath(root))):
        if one == other or one.startswith(other.rstrip("/") + "/"):
            return os.path.relpath(one, other)
    return None
