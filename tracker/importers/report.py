"""What an import did and what it could not do: for people, and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

What = Literal["new", "grown", "unchanged", "refused"]


@dataclass
class Outcome:
    """What became of one run or version of the source.

    Attributes:
        what: `grown` is a run that had been imported before, and to which something was added.
        rows: The rows that it has now.
        left_out: What could not be carried over, in sentences.
    """

    id: str
    project: str
    name: str
    place: str
    what: What
    rows: int = 0
    versions: list[str] = field(default_factory=list)
    files: int = 0
    left_out: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All of an import.

    Attributes:
        remarks: What could not be carried over and belongs to no single run.
    """

    source: str
    place: str
    dry_run: bool
    outcomes: list[Outcome] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def count(self, what: What) -> int:
        """How many had this outcome."""
        return sum(outcome.what == what for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "source": self.source,
            "place": self.place,
            "dry_run": self.dry_run,
            **{what: self.count(what) for what in ("new", "grown", "unchanged", "refused")},
            "runs": [asdict(outcome) for outcome in self.outcomes],
            "left_out": self.remarks,
        }
