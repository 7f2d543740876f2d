"""Any number of runs side by side: config, environment, packages and results, a line for each key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracker.compare.environment import machine_of, numeric_variables
from tracker.compare.runs import ComparedRun
from tracker.compare.values import ABSENT, compare_values
from tracker.read.frames import flatten
from tracker.read.words import WATCHED


@dataclass(frozen=True)
class Line:
    """One key, with the value that each run has; ABSENT where a run has none."""

    key: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether two of the runs have different values."""
        first = self.values[0]
        return any(
            (first is ABSENT) != (other is ABSENT)
            or (first is not ABSENT and compare_values(first, other) is not None)
            for other in self.values[1:]
        )


@dataclass(frozen=True)
class SideBySide:
    """Runs side by side; keys in the order in which they first appear."""

    config: tuple[Line, ...]
    environment: tuple[Line, ...]
    packages: tuple[Line, ...]
    results: tuple[Line, ...]


def side_by_side(runs: Sequence[ComparedRun]) -> SideBySide:
    """Lay the records of runs beside each other. Reads no history but for summaries.

    Raises:
        FormatError, StoreError: A record is damaged, or cannot be read.
    """
    return SideBySide(
        config=_lines(flatten(run.config) for run in runs),
        environment=_lines(map(_environment, runs)),
        packages=_lines(run.packages for run in runs),
        results=_lines(map(_results, runs)),
    )


def _environment(run: ComparedRun) -> dict[str, Any]:
    session = run.session
    facts = {
        "code": session.code_commit,
        "commit": session.commit,
        "branch": session.branch,
        "uncommitted changes": session.dirty,
        "command": " ".join(session.argv),
        "host": session.host,
        **machine_of(session),
        **numeric_variables(session.environment),
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, "")}


def _results(run: ComparedRun) -> dict[str, Any]:
    values = flatten(run.summary)
    return {key: value for key, value in values.items() if not key.startswith(("_", *WATCHED))}


def _lines(mappings: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    found = list(mappings)
    keys = dict.fromkeys(key for mapping in found for key in mapping)
    return tuple(Line(str(key), tuple(mapping.get(key, ABSENT) for mapping in found)) for key in keys)
