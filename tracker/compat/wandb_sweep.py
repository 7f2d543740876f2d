"""`wandb sweep …` and `wandb agent …`, as the `tracker sweep …` that means the same."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tracker.compat.wandb_artifact import Parser
from tracker.errors import UsageError

_STATES = {"stop": "stop", "cancel": "stop", "pause": "pause", "resume": "start"}


def translated_sweep(arguments: Sequence[str]) -> list[str]:
    """Return the words after `tracker` for what follows `wandb sweep`.

    An entity is left out; our agents are the controller of a sweep.

    Raises:
        UsageError: An option that has no counterpart.
    """
    given = _sweep_parser().parse_args(list(arguments))
    project = ["--project", given.project] if given.project else []
    for option, word in _STATES.items():
        if getattr(given, option):
            return ["sweep", word, given.file, *project]
    if given.name or given.program:
        raise UsageError("the name and the program of a sweep are in its file", hint="name: …, program: …")
    if given.prior_run:
        raise UsageError("earlier runs are given in a script", hint="tracker.sweep(config, prior_runs=[…])")
    if given.update:
        raise UsageError(
            "a sweep keeps its configuration", hint="stop it, and create another: tracker sweep create"
        )
    return ["sweep", "create", given.file, *project]


def translated_agent(arguments: Sequence[str]) -> list[str]:
    """Return the words after `tracker` for what follows `wandb agent`; programs end with our agents anyway.

    Raises:
        UsageError: An option that has no counterpart.
    """
    given = _agent_parser().parse_args(list(arguments))
    if given.max_consecutive_failed_runs is not None:
        raise UsageError(
            "how many failures end an agent is given in a script",
            hint="tracker.agent(sweep_id, max_consecutive_failed_runs=…)",
        )
    words = ["sweep", "agent", given.sweep]
    words += ["--project", given.project] if given.project else []
    return words + (["--count", given.count] if given.count else [])


def _sweep_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="wandb sweep", hint="tracker sweep create --help", add_help=False)
    parser.add_argument("file")
    parser.add_argument("--project", "-p")
    parser.add_argument("--entity", "-e")
    for ignored in ("--controller", "--verbose"):
        parser.add_argument(ignored, action="store_true")
    for option in ("--name", "--program", "--settings", "--update"):
        parser.add_argument(option)
    parser.add_argument("--prior_run", "-R", action="append", default=[])
    for option in _STATES:
        parser.add_argument(f"--{option}", action="store_true")
    return parser


def _agent_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="wandb agent", hint="tracker sweep agent --help", add_help=False)
    parser.add_argument("sweep")
    parser.add_argument("--project", "-p")
    parser.add_argument("--entity", "-e")
    parser.add_argument("--count")
    parser.add_argument("--max-consecutive-failed-runs")
    parser.add_argument("--forward-signals", "-f", action="store_true")
    return parser
