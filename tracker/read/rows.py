"""Which rows of a history are meant."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.live.term import warn
from tracker.read.frames import Row
from tracker.storage.history import keys_of, read_rows
from vcs.layout import RunLayout
from vcs.names import near

_MADE = ("_step", "_runtime", "_timestamp")


def select_rows(
    run: RunLayout,
    keys: Sequence[str] | None = None,
    *,
    min_step: int | None = None,
    max_step: int | None = None,
    system: bool = False,
    all_segments: bool = False,
) -> list[Row]:
    """Return the rows of a run; with `keys` those that have all of them, and only these values.

    A key that no row has and that looks like one that some have is said in a warning.

    Raises:
        FormatError: The history is damaged; file and line are named.
        StoreError: A file cannot be read.
    """
    rows = read_rows(
        run,
        keys=keys,
        min_step=min_step,
        max_step=max_step,
        all_segments=all_segments,
        which="system" if system else "history",
    )
    if keys is None:
        return rows
    shown = (*keys, "_session", "_masked") if all_segments else keys
    rows = [{key: row[key] for key in shown} for row in rows if all(key in row for key in keys)]
    if not rows:
        _say_unknown(run, keys, system=system)
    return rows


def _say_unknown(run: RunLayout, keys: Sequence[str], *, system: bool) -> None:
    """An empty answer to a misspelt question looks like an empty run."""
    known = [*keys_of(run, which="system" if system else "history", damaged=[]), *_MADE]
    for key in keys:
        if key not in known and (hint := near(key, known)):
            warn(f"run {run.folder.name} has no metric {key!r}: {hint}")
