"""One import from beginning to end: find, carry, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tracker.importers.carry import Carrier
from tracker.importers.found import FoundArtifact, FoundRun
from tracker.importers.report import Outcome, Report
from tracker.importers.versions import log_version
from vcs.errors import Error, StoreError
from vcs.progress import Progress
from vcs.repo import Repo


def import_runs(
    repo: Repo,
    source: str,
    place: Path,
    find: Callable[[Report], Iterable[FoundRun]],
    *,
    dry_run: bool,
    progress: Progress,
) -> Report:
    """Carry every run that `find` yields; `find` adds to the report what belongs to no run.

    Interrupted, the runs that are done stay and are in the ledger; run it again for the rest.

    Raises:
        What finding raises, and StoreError: the disk refused.
    """
    report = Report(source, str(place), dry_run)
    runs = list(find(report))
    progress.add_total(len(runs), 0)
    with Carrier(repo, report) as carrier:
        for found in runs:
            carrier.carry(found)
            progress.advance(1, 0)
    return report


@dataclass
class FoundVersion:
    """Contents that are no run's, such as data under version control, as of one commit.

    Attributes:
        place: What they are called in the source.
        commit: Of the user's repository; None for what is not committed.
        missing: Why they cannot be had; empty if they can.
    """

    artifact: FoundArtifact
    place: str
    commit: str | None = None
    missing: str = ""


def import_versions(
    repo: Repo,
    source: str,
    place: Path,
    project: str,
    versions: Iterable[FoundVersion],
    *,
    dry_run: bool,
    progress: Progress,
) -> Report:
    """Make a version of each, in order; those that are here already are left as they are.

    Raises:
        What finding raises, and StoreError: the disk refused. What was done stays.
    """
    report = Report(source, str(place), dry_run)
    every = list(versions)
    progress.add_total(len(every), 0)
    for found in every:
        artifact = found.artifact
        outcome = Outcome("", project, artifact.name, found.place, "new", files=len(artifact.files))
        report.outcomes.append(outcome)
        if found.missing:
            outcome.what = "refused"
            outcome.left_out.append(found.missing)
        elif not dry_run:
            _log(repo, project, found, outcome)
        progress.advance(1, 0)
    return report


def _log(repo: Repo, project: str, found: FoundVersion, outcome: Outcome) -> None:
    try:
        manifest, is_new = log_version(repo, project, found.artifact, commit=found.commit)
    except StoreError:
        raise
    except Error as error:
        outcome.what = "refused"
        outcome.left_out.append(error.message)
        return
    outcome.what = "new" if is_new else "unchanged"
    outcome.versions.append(f"{manifest.project}/{manifest.name}:{manifest.version}")
