"""`tracker push`, `pull`, `fetch` and `clone`: what a team shares."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from tracker.cli.output import count_text, print_json, size_text, warn
from tracker.cli.places import find_version, json_option, open_repo, project_option
from tracker.live.progress_bar import ProgressBar
from tracker.storage.catalog import Catalog
from vcs.clock import iso_time
from vcs.errors import Error, UsageError
from vcs.layout import SETTINGS_FILE
from vcs.records.ledger_sync import Synced
from vcs.repo import Repo
from vcs.retention.named_objects import Selection
from vcs.settings import parse_size
from vcs.sharing import exchange
from vcs.sharing.download import Fetched
from vcs.sharing.exchange import Pulled, Pushed, Request
from vcs.sharing.opened import Limits
from vcs.sharing.upload import JOBS

F = TypeVar("F", bound=Callable[..., Any])
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(m|h|d|w)")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_NAMED = 3
_GO_ON = "tracker pull; tracker checkout"
_KNOWN_BY = "Clones know it by tracker.yaml, if that is committed and pushed: tracker remote --help"


_OPTIONS: tuple[Callable[[F], F], ...] = (
    click.option(
        "--run", "runs", multiple=True, metavar="RUN", help="Only what this run logged (can be repeated)."
    ),
    click.option(
        "--artifact",
        "versions",
        multiple=True,
        metavar="NAME[:V]",
        help="Only this version, or all of a name (can be repeated).",
    ),
    click.option("--since", metavar="AGE", help="Only what was made since: 12h, 7d, 2w, or a date."),
    click.option(
        "--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Requests at once."
    ),
    click.option("--limit-rate", metavar="SIZE", help="At most so much a second: 500kB, 10MB."),
    project_option,
    click.option("--git-remote", metavar="NAME", help="The git remote of the records."),
)


def _selecting(command: F) -> F:
    """The options that choose contents, and how they travel."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples:
  tracker push
  tracker push lab --run calm-otter-12
  tracker push --artifact lenet5-mnist:best --limit-rate 5MB"""
)
@click.argument("remote", required=False)
@_selecting
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be sent.")
@click.option("--check", is_flag=True, help="Look at what really lies there first, and send what was lost.")
@json_option
def push(remote: str | None, dry_run: bool, check: bool, as_json: bool, **options: Any) -> None:
    """Send contents that the remote lacks, and the records

    Objects go first, then code commits and records to the git server; so what others
    pull is complete. An interrupted push goes on where it stopped when it is run again.
    What other clones pushed meanwhile is merged. Options choose contents; the records
    always travel as a whole.
    """
    repo = open_repo() if dry_run else Repo.open()
    warn(repo.warnings)
    request = _request(repo, remote, options)
    if dry_run:
        found, named, absent = exchange.lacking(repo, request)
        if as_json:
            print_json({"remote": found.title, "objects": len(absent), "bytes": sum(absent.values())})
        else:
            click.echo(f"Would send {_objects(len(absent), sum(absent.values()))} to {found.title}.")
            for digest in [*absent][:20]:
                click.echo(f"  {named.names[digest]}")
        return
    with _transfer("Pushing") as bar:
        pushed = exchange.push(repo, request, progress=bar, check=check)
    _report_push(repo, pushed, as_json)
    if (
        pushed.remote is not None
        and pushed.remote.name
        and not _is_committed(repo, repo.layout.root / SETTINGS_FILE)
    ):
        click.echo(
            f"Others cannot know {pushed.remote.name} yet: git add {SETTINGS_FILE}, commit it, git push",
            err=True,
        )


@click.command(
    epilog="""\b
Examples:
  tracker pull
  tracker pull --all
  tracker pull --artifact mnist:v3"""
)
@click.argument("remote", required=False)
@_selecting
@click.option("--all", "everything", is_flag=True, help="Fetch contents now, not when they are used.")
@json_option
def pull(remote: str | None, everything: bool, as_json: bool, **options: Any) -> None:
    """Bring the records of others, and merge them with yours

    Contents are fetched when they are used: by use_artifact, checkout, resume. With --all,
    or an option that chooses some, they come now. Needs no right to write anywhere.
    """
    repo = Repo.open()
    warn(repo.warnings)
    chosen = _chooses(options)
    # What to choose may come with the records.
    request = _request(repo, remote, {**options, "runs": (), "versions": ()})
    with _transfer("Pulling") as bar:
        pulled = exchange.pull(repo, request, contents=everything and not chosen, progress=bar)
        fetched = pulled.fetched
        if chosen:
            fetched = exchange.fetch_contents(repo, _request(repo, remote, options), progress=bar)
    if as_json:
        print_json({"records": _synced_json(pulled.synced), "contents": _fetched_json(fetched)})
    else:
        _report_pull(pulled, fetched)
    if chosen:
        _fail_without(fetched)


@click.command(
    epilog="""\b
Examples:
  tracker fetch
  tracker fetch lab --artifact mnist:v3
  tracker fetch --run calm-otter-12 --jobs 16"""
)
@click.argument("remote", required=False)
@_selecting
@json_option
def fetch(remote: str | None, as_json: bool, **options: Any) -> None:
    """Fetch contents that the records here name

    All of them, or what the options choose. Every byte is verified on arrival; an
    interrupted fetch goes on where it stopped. Records come with: tracker pull

    The exit status is 1 when something that was chosen is not on the remote.
    """
    repo = Repo.open()
    warn(repo.warnings)
    request = _request(repo, remote, options)
    with _transfer("Fetching") as bar:
        fetched = exchange.fetch_contents(repo, request, progress=bar)
    if as_json:
        print_json(_fetched_json(fetched))
    else:
        from vcs.sharing.opened import need_remote

        _report_fetched(fetched, need_remote(repo.settings, remote).title)
    if _chooses(options):
        _fail_without(fetched)


@click.command(
    epilog="""\b
Examples:
  tracker clone git@host:team/project.git
  tracker clone https://host/team/project.git work --all"""
)
@click.argument("url")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Fetch all contents now.")
@click.option("--no-data", is_flag=True, help="Leave tracked paths empty.")
@json_option
def clone(url: str, folder: Path | None, everything: bool, no_data: bool, as_json: bool) -> None:
    """Clone a repository with its records and tracked data

    git clone, then the records of its runs and artifacts, then the data that its
    pointers name. Interrupted, go on in the folder: tracker pull, tracker checkout
    """
    from vcs.git import clone as git_clone

    target = git_clone(url, folder)
    os.chdir(target)
    try:
        repo = Repo.open()
        warn(repo.warnings)
        request = Request(prompt=_may_ask())
        with _transfer("Pulling") as bar:
            pulled = exchange.pull(repo, request, contents=everything, progress=bar)
        if not as_json:
            _report_pull(pulled, pulled.fetched)
        data = {} if no_data else _check_out(repo, silent=as_json)
    except (Error, KeyboardInterrupt):
        click.echo(
            f"The clone is there, and not all that belongs to it. Then: cd {target}; {_GO_ON}", err=True
        )
        raise
    if as_json:
        about = {"folder": str(target), "records": _synced_json(pulled.synced)}
        print_json({**about, "contents": _fetched_json(pulled.fetched), "data": data})
    click.echo(f"Next: cd {target}", err=True)


def _check_out(repo: Repo, *, silent: bool) -> dict[str, str]:
    """Write the data that pointers name; return which version is where.

    Raises:
        Error: Some of it could not be written; the rest was.
    """
    from vcs.tracked import verbs as tracked

    plan = tracked.plan_checkout(repo)
    with ProgressBar("Writing") as bar:
        applied = plan.apply(progress=bar)
    done = {str(one.path): one.pointer.short_name if one.pointer else "" for one in applied.done}
    for path, version in done.items() if not silent else ():
        click.echo(f"{path}: {version}")
    problems = [one.problem for one in plan.blocked if one.problem] + [error for _, error in applied.failed]
    if problems:
        raise problems[0]
    return done


@contextmanager
def _transfer(title: str) -> Iterator[ProgressBar]:
    """Show how far it is; who interrupts it hears that it goes on from there."""
    with ProgressBar(title) as bar:
        try:
            yield bar
        except KeyboardInterrupt:
            bar.close()
            click.echo("What is complete is kept: run it again, and it goes on.", err=True)
            raise


def _request(repo: Repo, remote: str | None, options: dict[str, Any]) -> Request:
    project = options["project"]
    runs = [Catalog(repo.layout).find(text, project).id for text in options["runs"]]
    versions = chosen_versions(repo, options["versions"], project)
    since = _since(options["since"]) if options["since"] else None
    selection = Selection(frozenset(runs), versions, project, since)
    return Request(remote, options["git_remote"], selection, _limits(options), _may_ask())


def chosen_versions(repo: Repo, names: Iterable[str], project: str | None) -> frozenset[str]:
    """Return the versions that names mean, as `project/name:vN`: a name without a version means all of it."""
    versions: set[str] = set()
    for text in names:
        one = find_version(repo, text, project)
        if {":", "@"} & set(text):
            versions.add(one.qualified_name)
        else:
            versions.update(each.qualified_name for each in repo.collections.versions(one.project, one.name))
    return frozenset(versions)


def _limits(options: dict[str, Any]) -> Limits:
    if options["limit_rate"] is None:
        return Limits(options["jobs"])
    try:
        rate = parse_size(options["limit_rate"].removesuffix("/s"))
    except ValueError as error:
        raise UsageError(f"--limit-rate takes {error}") from error
    if rate < 1:
        raise UsageError("--limit-rate takes at least one byte a second")
    return Limits(options["jobs"], float(rate))


def _since(text: str) -> str:
    """Return a time as records write it: so long ago, or a date."""
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return iso_time(time.time() - float(age[1]) * _SECONDS[age[2]])
    try:
        return iso_time(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise UsageError(
            f"not an age or a date: {text!r}", hint="--since 7d, or --since 2026-11-01"
        ) from None


def _may_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_committed(repo: Repo, path: Path) -> bool:
    return repo.git is None or not repo.git.text("status", "--porcelain", "--", path).strip()


def _report_push(repo: Repo, pushed: Pushed, as_json: bool) -> None:
    sent = pushed.sent
    if as_json:
        contents = None
        if sent is not None and pushed.remote is not None:
            contents = {
                "remote": pushed.remote.title,
                "objects": sent.objects,
                "bytes": sent.bytes,
                "missing": [{"digest": digest, "name": pushed.names.get(digest)} for digest in sent.missing],
                "unknown": [*pushed.unknown],
            }
        print_json({"contents": contents, "records": _synced_json(pushed.synced)})
        return
    if sent is None:
        click.echo("No remote for contents, so only records go. See: tracker remote add --help", err=True)
    elif pushed.remote is not None:
        if sent.objects:
            click.echo(f"Pushed {_objects(sent.objects, sent.bytes)} to {pushed.remote.title}.")
        elif not pushed.named:
            click.echo("There are no new contents to push.")
        else:
            click.echo(f"{pushed.remote.title} has all contents already.")
        if sent.missing:
            shown = "; ".join(pushed.names.get(digest, digest[:12]) for digest in sent.missing[:_NAMED])
            more = f" and {len(sent.missing) - _NAMED} more" if len(sent.missing) > _NAMED else ""
            warn([f"neither here nor on {pushed.remote.title}: {shown}{more}"])
    if pushed.git_remote is None:
        hint = exchange.how_to_share_records(repo)
        click.echo(f"No git remote, so the records stay here: {hint}", err=True)
    else:
        _report_records("Pushed", "to", pushed.git_remote, pushed.synced)


def _report_pull(pulled: Pulled, fetched: Fetched | None) -> None:
    _report_records("Pulled", "from", pulled.git_remote, pulled.synced)
    if fetched is not None:
        _report_fetched(fetched, pulled.remote.title if pulled.remote else "")
    if pulled.remote is None:
        click.echo(f"No remote for contents, so only records came. {_KNOWN_BY}", err=True)


def _report_records(verb: str, direction: str, remote: str | None, synced: Synced | None) -> None:
    if synced is None:
        return
    if synced.files or synced.sent:
        what = count_text(synced.files, "record") if synced.files else "the records"
        if synced.sent and synced.files:
            click.echo(f"Merged {what} of others.")
            what = "the records"
        click.echo(f"{verb} {what} {direction} {remote}.")
    else:
        click.echo(f"The records are those of {remote} already.")
    for one in synced.renumbered:
        click.echo(f"{one}.")


def _report_fetched(fetched: Fetched, title: str) -> None:
    if fetched.objects:
        click.echo(f"Fetched {_objects(fetched.objects, fetched.bytes)} from {title}.")
    else:
        click.echo("All contents are here already." if not fetched.missing else "Nothing was fetched.")
    if fetched.missing:
        warn([f"{count_text(len(fetched.missing), 'object')} that records name are not on {title} (yet)"])


def _objects(count: int, size: int) -> str:
    return f"{count_text(count, 'object')} ({size_text(size)})"


def _synced_json(synced: Synced | None) -> dict[str, Any] | None:
    if synced is None:
        return None
    return {
        "commit": synced.commit,
        "files": synced.files,
        "sent": synced.sent,
        "renumbered": [
            {"artifact": one.artifact, "old": one.old, "new": one.new} for one in synced.renumbered
        ],
    }


def _chooses(options: Mapping[str, Any]) -> bool:
    return any(options[name] for name in ("runs", "versions", "since", "project"))


def _fail_without(fetched: Fetched | None) -> None:
    """End with status 1 if some of what was asked for is lacking. Of all records, some may always be."""
    if fetched is not None and fetched.missing:
        raise click.exceptions.Exit(1)


def _fetched_json(fetched: Fetched | None) -> dict[str, Any] | None:
    if fetched is None:
        return None
    return {"objects": fetched.objects, "bytes": fetched.bytes, "missing": fetched.missing}
