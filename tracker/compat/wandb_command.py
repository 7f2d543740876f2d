"""What the command `wandb …` answers in a program started by `tracker run`.

Habits that need an account or a server succeed and say that nothing is needed;
the rest names our command. No input is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from tracker.errors import UsageError

ANSWERS = {
    "login": "no account is needed: runs are kept in this folder",
    "logout": "no account is in use",
    "init": "nothing to set up: the project is given by tracker.init(project=…) or tracker.yaml",
    "online": "nothing to switch: tracker works on local files",
    "offline": "already offline: tracker works on local files",
    "enabled": "set TRACKER_MODE=offline (the default) instead",
    "disabled": "set TRACKER_MODE=disabled instead",
    "on": "set TRACKER_MODE=offline (the default) instead",
    "off": "set TRACKER_MODE=disabled instead",
    "sync": "nothing to upload: the runs are in .tracker/; list them with: tracker runs\n"
    "tracker: run folders that wandb wrote are taken over by: tracker import wandb DIR",
    "status": "list the runs with: tracker runs",
    "verify": "check the set-up with: tracker doctor",
}
HINTS = {
    "docker": "start docker yourself, with the project mounted: no keys are needed in it",
    "docker-run": "docker run, with the project mounted: no keys are needed in it",
    "launch": "tracker reproduce RUN, or tracker sweep agent SWEEP --engine slurm",
    "launch-agent": "tracker sweep agent SWEEP --engine slurm",
    "launch-sweep": "tracker sweep create sweep.yaml",
    "job": "tracker reproduce RUN starts the command of a run again",
    "scheduler": "tracker sweep agent SWEEP",
    "sweep-scheduler": "tracker sweep agent SWEEP",
    "controller": "tracker sweep agent SWEEP",
    "server": "tracker ui",
    "leet": "tracker watch RUN",
    "beta": "tracker --help",
    "clean": "tracker gc",
    "purge-cache": "tracker gc",
    "pull": "tracker show RUN says where the files of a run lie",
    "restore": "tracker resume RUN, which brings back code, inputs and checkpoint",
    "projects": "tracker runs",
}

WANTS = {
    "artifact": "put, get or ls\nHint: tracker artifact --help",
    "sweep": "a file or a sweep\nHint: tracker sweep --help",
    "agent": "a sweep\nHint: tracker sweep ls",
}


def answer(arguments: Sequence[str]) -> tuple[int, str]:
    """Return the exit status and the sentence for `wandb ARGUMENTS`."""
    words = [word for word in arguments if not word.startswith("-")]
    command = words[0] if words else ""
    if command in ANSWERS:
        return 0, f"tracker: {ANSWERS[command]}"
    if arguments and arguments[0] == "--version":
        return 0, "wandb, version 0.31.0 (tracker)"
    if command in WANTS:
        return 2, f"tracker: 'wandb {command}' needs {WANTS[command]}"
    if command in HINTS:
        return 2, f"tracker: 'wandb {command}' is not answered here\nHint: {HINTS[command]}"
    return 2, f"tracker: 'wandb {command}' is unknown here\nHint: tracker --help"


def ours(arguments: Sequence[str]) -> list[str] | None:
    """Return the words after `tracker` of the command that means the same; None if there is none.

    Raises:
        UsageError: There is one, but not with these options.
    """
    from tracker.compat.wandb_artifact import translated
    from tracker.compat.wandb_sweep import translated_agent, translated_sweep

    translations = {"artifact": translated, "sweep": translated_sweep, "agent": translated_agent}
    translate = translations.get(arguments[0]) if len(arguments) > 1 else None
    return None if translate is None else translate(arguments[1:])


def _run(words: list[str]) -> NoReturn:
    from tracker.cli.main import main as tracker_main

    sys.argv = ["tracker", *words]
    tracker_main()
    sys.exit(0)


def main() -> None:
    """Answer the command line of this process."""
    try:
        words = ours(sys.argv[1:])
    except UsageError as error:
        sys.stderr.write(f"tracker: {error}\n")
        sys.exit(2)
    if words is not None:
        _run(words)
    status, text = answer(sys.argv[1:])
    stream = sys.stdout if status == 0 else sys.stderr
    stream.write(text + "\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
