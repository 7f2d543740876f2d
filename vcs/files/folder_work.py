"""A folder that is being added, between the look at it and the last of its files."""

from __future__ import annotations

from dataclasses import dataclass, field

from vcs.files.folder_record import Known, Row
from vcs.files.folder_scan import FolderScan
from vcs.files.stat_cache import Recalled


@dataclass(slots=True)
class Work:
    """A folder of which files are being read.

    Attributes:
        rows: What is no folder in it; of files that were read, as they were then.
        raws: The digest of each row; `NO_DIGEST` where it is not known, or there is none.
        unlike: Which rows were not the same last time.
        known: What was known of their files, by name.
        places: Which rows are those of the files that are read, by name.
        young: Which rows cannot be trusted next time.
        packs, elsewhere, plain, collides: See `FolderRecord`.
        between: See `ListingBuilder.add_files`.
        waiting: How many files are still to be read.
    """

    prefix: str
    path: str
    at_ns: int
    recalled: Recalled
    rows: list[Row]
    folders: list[str]
    raws: list[bytes]
    unlike: list[int]
    known: dict[str, Known] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    young: list[int] = field(default_factory=list)
    packs: set[str] = field(default_factory=set)
    elsewhere: list[bytes] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    waiting: int = 0
    plain: bool = True
    collides: bool = False

    @classmethod
    def of(cls, prefix: str, path: str, at_ns: int, scan: FolderScan, recalled: Recalled) -> Work:
        """Compare what is there with what is known of it."""
        raws, unlike = recalled.raws_of(scan.rows)
        return cls(prefix, path, at_ns, recalled, scan.rows, scan.folders, raws, unlike)
