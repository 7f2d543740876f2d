"""A logged version: its contents brought back, checked and described."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tracker.artifacts.home import Home
from tracker.artifacts.placement import Placement, plan_placement
from tracker.artifacts.reference_copies import copy_is_whole
from tracker.errors import IntegrityError, UsageError
from tracker.live.progress_bar import ProgressBar
from tracker.live.term import warn
from vcs.artifacts.manifest import Manifest
from vcs.files.listing import Entry, Listing
from vcs.files.verify import verify_tree

Patterns = str | Sequence[str] | None


class VerificationError(IntegrityError, ValueError):
    """A folder does not hold exactly what a version has; also a ValueError, as wandb raises."""


class Version:
    """A manifest together with where its contents are. Immutable."""

    def __init__(self, manifest: Manifest, home: Home) -> None:
        self.manifest = manifest
        self.home = home

    @cached_property
    def source(self) -> Manifest:
        """The version itself, or the one that a link points to."""
        return self.home.repo.collections.source_of(self.manifest)

    @cached_property
    def listing(self) -> Listing:
        """The contents; read once.

        Raises:
            FormatError, NotFoundError, IntegrityError: See `Collections.listing`.
        """
        return self.home.repo.collections.listing(self.manifest)

    def download(
        self,
        root: Path,
        *,
        prefix: str | None = None,
        include: Patterns = None,
        exclude: Patterns = None,
        allow_missing_references: bool = False,
    ) -> None:
        """Put the chosen entries below `root`; see `Artifact.download`."""
        chosen = choose(self.listing, prefix=prefix, include=include, exclude=exclude)
        if not chosen and len(self.listing):
            warn(f"nothing in {self.manifest.name}:{self.manifest.version} fits what download was asked for")
        self.place(self.plan(root, chosen), allow_missing_references=allow_missing_references)

    def checkout(self, root: Path) -> None:
        """Make `root` hold the version and nothing else; see `Artifact.checkout`."""
        self.place(self.plan(root, exact=True))

    def download_entry(self, entry: Entry, root: Path) -> Path:
        """Put one entry below `root` and return where it lies."""
        self.place(self.plan(root, (entry,)))
        return root / entry.path

    def verify(self, root: Path) -> None:
        """Check that `root` holds exactly this version; see `Artifact.verify`."""
        references = [entry for entry in self.listing if entry.kind == "ref"]
        stored = Listing(entry for entry in self.listing if entry.kind != "ref")
        copies = {entry.path for entry in references}
        problems = [
            f"{problem.what}: {problem.kind}"
            for problem in verify_tree(stored, root)
            if not (problem.kind == "extra" and problem.what in copies)
        ]
        unknown = 0
        for entry in references:
            whole = copy_is_whole(entry, root / entry.path)
            if whole is None:
                unknown += 1
            elif not whole:
                problems.append(f"{entry.path}: changed")
        if unknown:
            warn(f"{unknown} references of {self.manifest.name} were not checked")
        if problems:
            shown = ", ".join(problems[:5]) + (f" and {len(problems) - 5} more" if len(problems) > 5 else "")
            raise VerificationError(
                f"{root} is not {self.manifest.name}:{self.manifest.version}: {shown}",
                hint="artifact.checkout(root) makes it so",
            )

    def plan(self, root: Path, entries: Sequence[Entry] | None = None, *, exact: bool = False) -> Placement:
        """Compare the version, or only some of its entries, with what lies below `root`; nothing is changed.

        With `exact`, what these are not goes.

        Raises:
            UsageError: `exact` would remove the project; or `root` is a file.
            ConflictError: A folder of the version is a link below `root`.
        """
        if exact:
            self._check_spares_project(root)
        chosen = self.listing.entries if entries is None else entries
        return plan_placement(chosen, root, self.home.repo, remove_others=exact)

    def place(
        self, placement: Placement, *, overwrite: bool = True, allow_missing_references: bool = False
    ) -> None:
        """Carry out a plan, with a progress bar; references that were not fetched are warned of.

        Raises:
            ConflictError, NotFoundError, IntegrityError, StoreError: See `Placement.apply`.
        """
        stat_cache = self.home.repo.stat_cache
        with ProgressBar(f"writing {self.manifest.name}:{self.manifest.version}") as progress:
            left_out = placement.apply(
                stat_cache, overwrite=overwrite, allow_missing=allow_missing_references, progress=progress
            )
        stat_cache.save()
        if left_out:
            names = ", ".join(f"{entry.path} ({entry.target})" for entry in left_out[:3])
            warn(f"{len(left_out)} references were not fetched: {names}{', …' if len(left_out) > 3 else ''}")

    def _check_spares_project(self, root: Path) -> None:
        layout = self.home.repo.layout
        real = Path(os.path.realpath(root))
        if any(kept.is_relative_to(real) for kept in (layout.worktree, layout.root, layout.records)):
            raise UsageError(
                f"checkout would remove everything else in {real}, and the project lies there",
                hint="choose a folder of its own, or use download, which keeps other files",
            )


def choose(
    listing: Listing, *, prefix: str | None = None, include: Patterns = None, exclude: Patterns = None
) -> list[Entry]:
    """Return the entries whose path begins with `prefix` and fits the patterns of gitignore's form.

    Raises:
        UsageError: A pattern that cannot be read.
    """
    entries = [entry for entry in listing if not prefix or entry.path.startswith(prefix)]
    for patterns, wanted in ((include, True), (exclude, False)):
        if patterns is None:
            continue
        from pathspec import GitIgnoreSpec

        lines = [patterns] if isinstance(patterns, str) else list(patterns)
        try:
            spec = GitIgnoreSpec.from_lines(lines)
        except ValueError as error:
            raise UsageError(f"cannot understand the pattern in {lines}: {error}") from error
        entries = [entry for entry in entries if spec.match_file(entry.path) == wanted]
    return entries
