"""`wandb artifact put|get|ls …`, as the `tracker artifact …` that means the same."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from tracker.errors import UsageError


def translated(arguments: Sequence[str]) -> list[str]:
    """Return the words after `tracker` for what follows `wandb artifact`.

    An entity in front of a project is left out. Options about uploads and caches are
    accepted and have no meaning here.

    Raises:
        UsageError: A command or option that has no counterpart.
    """
    given = _parser().parse_args(list(arguments))
    if given.command == "put":
        return _put(given)
    if given.command == "get":
        words = ["artifact", "get", _without_entity(given.path, parts=2)]
        return words + ([given.root] if given.root else [])
    if given.type:
        raise UsageError("a list of one type has no command here", hint="tracker artifact ls")
    return ["artifact", "ls", "--project", given.path.rpartition("/")[2]]


def _put(given: argparse.Namespace) -> list[str]:
    if "://" in given.path:
        raise UsageError("references are added in a script", hint=f"artifact.add_reference({given.path!r})")
    words = ["artifact", "put", given.path, "--type", given.type]
    if given.name:
        words += ["--name", _without_entity(given.name, parts=2)]
    if given.description:
        words += ["--description", given.description]
    # `latest` moves to each new version anyway.
    for alias in given.alias:
        words += [] if alias == "latest" else ["--alias", alias]
    return words


def _without_entity(name: str, *, parts: int) -> str:
    return "/".join(name.split("/")[-parts:])


class Parser(argparse.ArgumentParser):
    """Says what is wrong as an error of ours, with the help of our command as the hint."""

    def __init__(self, *, hint: str = "", **rest: Any) -> None:
        """Take what argparse's parser takes, and the hint."""
        super().__init__(**rest)
        self._hint = hint

    def error(self, message: str) -> NoReturn:
        """See argparse.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.prog}: {message}", hint=self._hint)


def _parser() -> argparse.ArgumentParser:
    hint = "tracker artifact --help"
    parser = Parser(prog="wandb artifact", hint=hint, add_help=False)
    commands = parser.add_subparsers(dest="command", required=True)
    put = commands.add_parser("put", hint=hint)
    put.add_argument("path")
    put.add_argument("--name", "-n")
    put.add_argument("--description", "-d")
    put.add_argument("--type", "-t", default="dataset")
    put.add_argument("--alias", "-a", action="append", default=[])
    for ignored in ("--id", "--policy"):
        put.add_argument(ignored)
    for ignored in ("--resume", "--skip_cache"):
        put.add_argument(ignored, action="store_true")
    get = commands.add_parser("get", hint=hint)
    get.add_argument("path")
    get.add_argument("--root")
    get.add_argument("--type")
    listed = commands.add_parser("ls", hint=hint)
    listed.add_argument("path")
    listed.add_argument("--type", "-t")
    return parser
