"""What a download or checkout would do with files and references together; then it does it.

`vcs.files.checkout` plans the files and leaves references out, because what they name is not in
the store. Here they are counted too: a copy of a reference that is whole is kept, is no
stranger to a checkout that removes others, and one that differs is a conflict.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tracker.artifacts.reference_copies import place_reference
from tracker.artifacts.references import hash_local, is_verifiable
from tracker.errors import ConflictError, NotFoundError, UsageError
from vcs.files.checkout import CheckoutPlan, plan_checkout
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import StatCache
from vcs.progress import Progress
from vcs.repo import Repo

_NAMED = 5


@dataclass(frozen=True)
class Placement:
    """A plan; nothing has been changed yet.

    Attributes:
        files: The plan for what the store holds.
        add, replace, keep: References by what lies at their place now.
        left_out: References that are never fetched: of another machine, or without a digest.
    """

    files: CheckoutPlan
    add: tuple[Entry, ...]
    replace: tuple[Entry, ...]
    keep: tuple[Entry, ...]
    left_out: tuple[Entry, ...]

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Paths that hold what the version does not have, so that the bytes may exist nowhere else."""
        return (*self.files.conflicts, *(entry.path for entry in self.replace))

    @property
    def counts(self) -> dict[str, int]:
        """How many paths are added, replaced, removed and kept."""
        return {
            "added": len(self.files.add) + len(self.add),
            "replaced": len(self.files.replace) + len(self.replace),
            "removed": len(self.files.remove),
            "kept": len(self.files.keep) + len(self.keep),
        }

    def apply(
        self,
        stat_cache: StatCache,
        *,
        overwrite: bool = True,
        allow_missing: bool = False,
        progress: Progress | None = None,
    ) -> list[Entry]:
        """Do it: the files first, then the references; return the references that were not fetched.

        After a failure or an interruption a new plan goes on where this one stopped.

        Args:
            stat_cache: Remembers the references that were read; the caller saves it.
            overwrite: Replace and remove what was changed by hand, too.
            allow_missing: A reference whose file is gone is returned instead of raised.
            progress: Hears of the files.

        Raises:
            ConflictError: There are `conflicts` and `overwrite` is false, with nothing
                changed; or the file of a reference is not what it was.
            NotFoundError, IntegrityError, StoreError: See `CheckoutPlan.apply`.
        """
        if self.conflicts and not overwrite:
            raise ConflictError(
                f"{_enumerate(self.conflicts)} in {self.files.target} would be lost: changed or made by hand",
                hint="move them away, or lose them on purpose: --force",
            )
        self.files.apply(overwrite=overwrite, progress=progress)
        left_out = list(self.left_out)
        for entry in (*self.add, *self.replace):
            try:
                place_reference(entry, self.files.target, stat_cache)
            except NotFoundError:
                if not allow_missing:
                    raise
                left_out.append(entry)
        return left_out


def plan_placement(entries: Sequence[Entry], root: Path, repo: Repo, *, remove_others: bool) -> Placement:
    """Compare entries with what lies below `root`, which may be missing.

    Raises:
        UsageError, ConflictError, FormatError, StoreError: See `vcs.files.checkout.plan_checkout`.
    """
    plan = plan_checkout(
        Listing(entries),
        root,
        repo.store,
        stat_cache=repo.stat_cache,
        extra="remove" if remove_others else "keep",
    )
    places: dict[str, list[Entry]] = {"add": [], "replace": [], "keep": []}
    left_out = []
    for entry in plan.references:
        # Not without a digest: a hostile manifest could name any file of this machine.
        if is_verifiable(entry):
            places[_what_is_there(entry, plan.target / entry.path, repo.stat_cache)].append(entry)
        else:
            left_out.append(entry)
    # Copies of references are no strangers; what lies in their place is replaced, not removed.
    ours = {entry.path for entry in plan.references if entry not in left_out}
    if ours:
        plan = replace(
            plan,
            remove=tuple(path for path in plan.remove if path not in ours),
            conflicts=tuple(path for path in plan.conflicts if path not in ours),
        )
    add, replaced, kept = (tuple(places[name]) for name in ("add", "replace", "keep"))
    return Placement(plan, add, replaced, kept, tuple(left_out))


def _what_is_there(entry: Entry, path: Path, stat_cache: StatCache) -> str:
    if not os.path.lexists(path):
        return "add"
    if path.is_symlink():
        return "replace"
    try:
        return "keep" if hash_local(path, stat_cache)[0] == entry.digest else "replace"
    except UsageError:  # A folder, for example.
        return "replace"


def _enumerate(paths: tuple[str, ...]) -> str:
    named = ", ".join(paths[:_NAMED])
    return f"{named} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else named
