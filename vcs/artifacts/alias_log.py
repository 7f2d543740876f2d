"""Which version an alias names, and which it named before.

The log of a collection only grows: the last line of an alias wins, and every move can be
looked up and undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vcs.errors import UsageError
from vcs.names import check_alias, parse_version
from vcs.record_log import Line, append_log, read_log


@dataclass(frozen=True, slots=True)
class AliasMove:
    """An alias began to name a version, or (None) ceased to.

    Attributes:
        alias: The alias.
        version: What it names from then on (`v2`); None if it was removed.
        previous: What it named before; None for nothing.
        time: When, as `vcs.clock` writes it; empty if the log does not say.
        run: The run that did it, if one did.
    """

    alias: str
    version: str | None
    previous: str | None
    time: str
    run: str | None = None


@dataclass(frozen=True, slots=True)
class AliasLog:
    """All moves, oldest first, and what they come to.

    Attributes:
        moves: Every move.
        current: Alias to version.
        damaged: Numbers (from 1) of lines that cannot be read.
    """

    moves: tuple[AliasMove, ...] = ()
    current: Mapping[str, str] = field(default_factory=dict)
    damaged: tuple[int, ...] = ()

    def last_of(self, alias: str) -> list[str]:
        """Return the versions that the alias named, newest first, each once."""
        named = [move.version for move in self.moves if move.alias == alias and move.version]
        return list(dict.fromkeys(reversed(named)))

    def knows(self, alias: str) -> bool:
        """Whether the alias was ever set or removed."""
        return any(move.alias == alias for move in self.moves)

    @property
    def highest(self) -> int:
        """The highest number that a line names; -1 without any."""
        versions = {move.version for move in self.moves if move.version}
        return max((parse_version(version) or 0 for version in versions), default=-1)


def read_alias_log(path: Path) -> AliasLog:
    """Read a collection's log; damaged lines are numbered and count for nothing.

    Raises:
        FormatError, StoreError: See `vcs.record_log.read_log`.
    """
    moves: list[AliasMove] = []
    damaged: list[int] = []
    current: dict[str, str] = {}
    for number, line in enumerate(read_log(path, "alias log"), 1):
        move = _read_move(line, current) if line is not None else None
        if move is None:
            damaged.append(number)
            continue
        moves.append(move)
        if move.version is None:
            current.pop(move.alias, None)
        else:
            current[move.alias] = move.version
    return AliasLog(tuple(moves), current, tuple(damaged))


def append_moves(path: Path, moves: Iterable[AliasMove]) -> None:
    """Append moves, in order; durable when this returns.

    Raises:
        StoreError: The disk refused; the first ones may be there.
    """
    append_log(path, [_write_move(move) for move in moves])


def _write_move(move: AliasMove) -> Line:
    line: dict[str, Any] = {"time": move.time, "alias": move.alias, "version": move.version}
    return {**line, "run": move.run} if move.run else line


def _read_move(line: Line, current: dict[str, str]) -> AliasMove | None:
    alias, version, run = line.get("alias"), line.get("version"), line.get("run")
    try:
        check_alias(alias)  # type: ignore[arg-type]
    except UsageError:
        return None
    assert isinstance(alias, str)
    if version is not None and (not isinstance(version, str) or parse_version(version) is None):
        return None
    return AliasMove(
        alias=alias,
        version=version,
        previous=current.get(alias),
        time=str(line.get("time", "")),
        run=run if isinstance(run, str) else None,
    )
