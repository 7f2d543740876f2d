"""`tracker doctor`: look at everything a project stands on, and say what to mend."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import click
import yaml

from tracker._version import __version__
from tracker.cli.output import count_text, print_json, size_text
from tracker.cli.places import json_option
from tracker.storage.catalog import Catalog
from vcs.errors import Error
from vcs.git import git_version, too_old
from vcs.records.large_files import missing_files
from vcs.repo import Repo

LOW_SPACE_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """What one look came to; `hint` says what to do where it is not ok."""

    subject: str
    verdict: Literal["ok", "note", "problem"]
    detail: str
    hint: str | None = None


@click.command(epilog="\b\nExamples:\n  tracker doctor\n  tracker doctor --json")
@json_option
def doctor(as_json: bool) -> None:
    """Check this project and say what to mend

    Looks at git, the settings, the records, the ledger and the store. Changes nothing;
    records that are gone come back from the ledger, as with any command. The exit
    status is 1 when there is a problem.
    """
    findings = list(examine())
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        marks = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "red")}
        for finding in findings:
            word, color = marks[finding.verdict]
            click.echo(f"{click.style(f'{word:<8}', fg=color)}{finding.subject}: {finding.detail}")
            if finding.hint:
                click.echo(f"{'':8}Hint: {finding.hint}")
    if any(finding.verdict == "problem" for finding in findings):
        raise click.exceptions.Exit(1)


def examine() -> Iterator[Finding]:
    """Yield one finding after the other; a look that fails is a finding itself."""
    yield Finding("tracker", "ok", f"{__version__}, Python {sys.version.split()[0]}")
    yield from _packages()
    try:
        version = git_version()
        error = too_old(version)
        if error is not None:
            raise error
        yield Finding("git", "ok", ".".join(map(str, version)))
    except Error as error:
        yield Finding("git", "problem", error.message, error.hint)
    try:
        repo = Repo.open(create=False)
    except Error as error:
        yield Finding("project", "problem", error.message, error.hint)
        return
    yield _project(repo)
    for look in (_writable, _space, _runs, _artifacts, _ledger, _pushes):
        yield from _guarded(look, repo)


def _guarded(look: Callable[[Repo], Iterator[Finding]], repo: Repo) -> Iterator[Finding]:
    try:
        yield from look(repo)
    except Error as error:
        yield Finding(look.__name__.strip("_"), "problem", error.message, error.hint)


def _packages() -> Iterator[Finding]:
    if not hasattr(yaml, "CSafeLoader"):
        hint = "reinstall pyyaml from a wheel: pip install --force-reinstall pyyaml"
        yield Finding("pyyaml", "problem", "built without its C parser: records read slowly", hint)
    optional = {
        "torch": "watch and checkpoints",
        "numpy": "arrays and media",
        "PIL": "images",
        "pynvml": "GPU load",
    }
    absent = [f"{name} ({use})" for name, use in optional.items() if find_spec(name) is None]
    if absent:
        yield Finding(
            "packages", "note", f"not installed, and only needed for what is named: {', '.join(absent)}"
        )


def _project(repo: Repo) -> Finding:
    layout = repo.layout
    if layout.git_dir is None:
        detail = f"{layout.root} is no git repository: the code of runs is not recorded"
        return Finding("project", "note", detail, "git init; the next run picks it up")
    return Finding("project", "ok", f"{layout.root}, records in {layout.records}")


def _writable(repo: Repo) -> Iterator[Finding]:
    for what, folder in (("records", repo.layout.records), ("store", repo.layout.objects_root)):
        nearest = folder
        while not nearest.exists():
            nearest = nearest.parent
        if os.access(nearest, os.W_OK | os.X_OK):
            yield Finding(what, "ok", f"{folder} can be written")
        else:
            yield Finding(
                what, "problem", f"{nearest} cannot be written", f"check who owns it: ls -ld {nearest}"
            )


def _space(repo: Repo) -> Iterator[Finding]:
    nearest = repo.layout.objects_root
    while not nearest.exists():
        nearest = nearest.parent
    free = shutil.disk_usage(nearest).free
    if free < LOW_SPACE_BYTES:
        yield Finding(
            "space", "problem", f"{size_text(free)} left for {repo.layout.objects_root}", "make room"
        )
    else:
        yield Finding("space", "ok", f"{size_text(free)} free")


def _runs(repo: Repo) -> Iterator[Finding]:
    catalog = Catalog(repo.layout)
    states = [entry.state for entry in catalog.runs()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    yield Finding("runs", "ok", counts or "none yet")
    for error in catalog.damaged:
        yield Finding("runs", "problem", error.message, error.hint)
    gone = list(missing_files(repo.layout))
    if gone:
        first = gone[0].target.relative_to(repo.layout.runs)
        named = "file that a run names is" if len(gone) == 1 else "files that runs name are"
        detail = f"{len(gone)} {named} not on this machine, such as {first}"
        yield Finding("runs", "note", detail, "they may be in a clone of the repository, or in a backup")


def _artifacts(repo: Repo) -> Iterator[Finding]:
    names = repo.collections.names()
    damaged = [problem for pair in names for problem in repo.collections.problems(*pair)]
    yield Finding("artifacts", "ok", count_text(len(names), "collection"))
    for problem in damaged:
        yield Finding(
            "artifacts", "problem", f"{problem.path}: {problem.reason}", "restore it: see tracker log"
        )


def _ledger(repo: Repo) -> Iterator[Finding]:
    if repo.git is None:
        return
    tip = repo.ledger.tip()
    if tip is None:
        yield Finding("ledger", "note", "nothing recorded yet", "start with: tracker run train.py")
    else:
        yield Finding("ledger", "ok", f"at {tip[:10]}")
    for warning in repo.warnings:
        yield Finding("ledger", "problem", warning)


def _pushes(repo: Repo) -> Iterator[Finding]:
    """What became of the last push in the background, of which nobody heard."""
    log = repo.layout.push_log
    if not repo.settings.auto_push or not log.exists():
        return
    last = re.split(r"^(?=\S+ push of run )", log.read_text(errors="replace"), flags=re.MULTILINE)[-1]
    first, *said = last.splitlines() or [""]
    failed = next((line for line in said if line.startswith("Error: ")), None)
    if failed is None:
        yield Finding("auto_push", "ok", f"the last one: {first}")
    else:
        detail = f"the last one failed ({first}): {failed.removeprefix('Error: ')}"
        yield Finding("auto_push", "problem", detail, f"tracker push; what each one said: {log}")
