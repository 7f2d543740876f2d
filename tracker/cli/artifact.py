"""`tracker artifact …`: versions of files, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tracker.artifacts.home import Home
from tracker.artifacts.logged import Version, choose
from tracker.cli.diff import all_option, diff_versions, html_option, paths_option
from tracker.cli.groups import CommandGroup
from tracker.cli.output import age_text, confirm, count_text, print_json, print_table, size_text, warn
from tracker.cli.places import default_project, find_version, json_option, open_repo, project_option
from tracker.cli.version_text import print_version
from tracker.live.progress_bar import ProgressBar
from tracker.read.versions import describe_version
from vcs.artifacts.manifest import Origin
from vcs.digest import Digest
from vcs.errors import NotFoundError, UsageError
from vcs.files.listing import Entry, Listing
from vcs.files.verify import Problem, verify_store, verify_tree
from vcs.names import parse_artifact_ref
from vcs.repo import Repo


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  tracker artifact put data/mnist --name mnist
  tracker artifact get mnist:v0 data/again""",
)
def artifact() -> None:
    """Store, fetch and inspect versions of files

    A version is named NAME, NAME:v2, NAME:ALIAS or NAME@DIGEST, with PROJECT/ in front
    where needed; without a suffix it is the latest.
    """


@artifact.command(
    epilog="""\b
Examples:
  tracker artifact put data/mnist --name mnist --type dataset
  tracker artifact put weights.pt --name lenet5 --type model --alias best"""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="NAME or PROJECT/NAME; the name of the only path by default.")
@click.option("--type", "kind", default="files", show_default=True, help="What it is: dataset, model, …")
@click.option("--alias", "aliases", multiple=True, help="A further alias beside latest (can be repeated).")
@click.option("--tag", "tags", multiple=True, help="A tag (can be repeated).")
@click.option("-m", "--description", help="What this version is.")
@project_option
@json_option
def put(
    paths: tuple[Path, ...],
    name: str | None,
    kind: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Store files and folders as a version

    One folder alone is stored by its contents; several paths keep their own names.
    Equal contents make no new version. Interrupted, it can simply be run again.
    """
    if name is None and len(paths) > 1:
        raise UsageError("several paths need a name", hint="tracker artifact put a b --name NAME")
    ref = parse_artifact_ref(name or paths[0].resolve().name)
    if name is not None and {":", "@"} & set(name):
        raise UsageError(
            f"{name!r} names a version that is there already; a new one gets the next number",
            hint=f"--name {ref.name}, with --alias for a name of its own",
        )
    _check_names(paths)
    repo = Repo.open()
    home = ref.project or default_project(repo, project)
    listing = _add(repo, paths)
    code = repo.capture_code()
    origin = Origin(commit=code.commit, branch=code.branch, code_commit=code.code_commit, dirty=code.dirty)
    logged = repo.log_artifact(
        home, ref.name, kind, listing, origin=origin, description=description, aliases=aliases, tags=tags
    )
    warn(logged.warnings)
    if as_json:
        print_json({**describe_version(repo, logged.manifest), "new": logged.new})
        return
    manifest = logged.manifest
    what = f"{count_text(manifest.file_count, 'file')}, {size_text(manifest.size_bytes)}"
    if logged.new:
        click.echo(f"Stored {manifest.qualified_name} ({what}).")
    else:
        click.echo(f"Nothing new: these contents are {manifest.qualified_name} ({what}).")


def _check_names(paths: tuple[Path, ...]) -> None:
    """Check that no two of the paths would lie at one place."""
    seen: dict[str, Path] = {}
    for path in paths:
        name = path.resolve().name
        if name in seen and len(paths) > 1:
            raise UsageError(
                f"{seen[name]} and {path} would both be {name}", hint="put them into folders of other names"
            )
        seen[name] = path


def _add(repo: Repo, paths: tuple[Path, ...]) -> Listing:
    with ProgressBar("Storing") as bar:
        if len(paths) == 1 and paths[0].is_dir():
            return repo.add_tree(paths[0], progress=bar)
        entries: list[Entry] = []
        for path in paths:
            if path.is_dir():
                below = repo.add_tree(path, progress=bar)
                entries += [_under(path.resolve().name, entry) for entry in below]
            else:
                entries.append(repo.add_file(path, name=path.name, progress=bar))
    return Listing.checked(entries)


def _under(folder: str, entry: Entry) -> Entry:
    fields = {field: getattr(entry, field) for field in entry.__struct_fields__}
    return Entry(**{**fields, "path": f"{folder}/{entry.path}"})


@artifact.command(
    epilog="""\b
Examples:
  tracker artifact get mnist:v2
  tracker artifact get LeNet5/lenet5:best weights/
  tracker artifact get mnist --path test/ --exclude '*.png'"""
)
@click.argument("version")
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@click.option("--path", "prefix", metavar="PREFIX", help="Only paths that begin so.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only paths that fit (can be repeated).")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="No paths that fit (can be repeated).")
@click.option("--exact", is_flag=True, help="Also remove files that the version does not have.")
@click.option("--force", is_flag=True, help="Overwrite files there that differ.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change.")
@project_option
@json_option
def get(
    version: str,
    destination: Path | None,
    prefix: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    exact: bool,
    force: bool,
    dry_run: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Bring the files of a version to a folder

    The folder is ./artifacts/NAME:VERSION unless given. Files that are there and equal
    are not written again; files that differ are only replaced with --force. Patterns are
    those of gitignore. Of what is with a remote only, no more is read than is chosen.
    """
    chooses = bool(prefix or include or exclude)
    if exact and chooses:
        raise UsageError("--exact takes the whole version", hint="leave out --path, --include and --exclude")
    repo = open_repo()
    manifest = find_version(repo, version, project)
    target = destination or Path("artifacts", f"{manifest.name}:{manifest.version}")
    found = Version(manifest, Home(repo, manifest.project))
    chosen = choose(found.listing, prefix=prefix, include=include or None, exclude=exclude or None)
    if chooses and not chosen:
        raise NotFoundError(
            f"nothing in {manifest.qualified_name} is chosen",
            hint=f"see its paths: tracker artifact files {manifest.qualified_name}",
        )
    plan = found.plan(target, chosen, exact=exact)
    if not dry_run:
        found.place(plan, overwrite=force)
    counts = plan.counts
    if as_json:
        print_json({"artifact": manifest.qualified_name, "path": str(target), "dry_run": dry_run, **counts})
        return
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    verb = "Would bring" if dry_run else "Brought"
    click.echo(f"{verb} {manifest.qualified_name} to {target} ({words or 'empty'}).")


@artifact.command(epilog="\b\nExamples:\n  tracker artifact ls\n  tracker artifact ls mnist")
@click.argument("name", required=False)
@project_option
@json_option
def ls(name: str | None, project: str | None, as_json: bool) -> None:
    """List artifacts, or the versions of one"""
    repo = open_repo()
    if name is None:
        _list_collections(repo, project, as_json)
        return
    newest = find_version(repo, name, project)
    versions = repo.collections.versions(newest.project, newest.name)
    for damaged in versions.damaged:
        warn([f"{damaged.path} cannot be read: {damaged.reason}"])
    if as_json:
        print_json([describe_version(repo, manifest) for manifest in versions])
        return
    rows = [
        (
            manifest.version,
            repo.collections.aliases_of(manifest),
            manifest.file_count,
            size_text(manifest.size_bytes),
            age_text(manifest.created),
            manifest.origin.run or "",
            (manifest.origin.commit or "")[:10],
        )
        for manifest in reversed(versions)
    ]
    print_table(
        ("version", "aliases", "files", "size", "created", "run", "commit"), rows, right=("files", "size")
    )


def _list_collections(repo: Repo, project: str | None, as_json: bool) -> None:
    found: list[dict[str, Any]] = []
    for owner, name in repo.collections.names(project):
        versions = repo.collections.versions(owner, name)
        if versions:
            newest = versions[-1]
            found.append(
                {
                    "artifact": f"{owner}/{name}",
                    "type": newest.type,
                    "versions": len(versions),
                    "newest": newest.version,
                    "size_bytes": newest.size_bytes,
                    "created": newest.created,
                }
            )
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No artifacts yet. Store one: tracker artifact put PATH --name NAME", err=True)
        return
    rows = [
        (
            row["artifact"],
            row["type"],
            row["newest"],
            row["versions"],
            size_text(row["size_bytes"]),
            age_text(row["created"]),
        )
        for row in found
    ]
    print_table(
        ("artifact", "type", "newest", "versions", "size", "created"), rows, right=("versions", "size")
    )


@artifact.command(
    "show",
    epilog="\b\nExamples:\n  tracker artifact show mnist:v2\n  tracker artifact show lenet5:best --json",
)
@click.argument("version")
@project_option
@json_option
def show_version(version: str, project: str | None, as_json: bool) -> None:
    """Show one version: where it came from, and what it holds"""
    repo = open_repo()
    print_version(repo, find_version(repo, version, project), as_json)


@artifact.command(
    epilog="\b\nExamples:\n  tracker artifact files mnist:v2\n  tracker artifact files mnist:v2 --json"
)
@click.argument("version")
@project_option
@json_option
def files(version: str, project: str | None, as_json: bool) -> None:
    """List the files of a version"""
    repo = open_repo()
    listing = repo.collections.listing(find_version(repo, version, project))
    if as_json:
        print_json([{field: getattr(e, field) for field in e.__struct_fields__} for e in listing])
        return
    rows = [
        (e.path + (f" -> {e.target}" if e.target else ""), size_text(e.size), e.digest[:12]) for e in listing
    ]
    print_table(("path", "size", "digest"), rows, right=("size",))


@artifact.command(epilog="\b\nExamples:\n  tracker artifact diff mnist:v0 mnist:v1")
@click.argument("old")
@click.argument("new")
@html_option
@paths_option
@all_option
@project_option
@json_option
def diff(
    old: str,
    new: str,
    page: Path | None,
    only_paths: bool,
    everything: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Say what differs between two versions; as tracker diff

    The exit status is 1 when something does.
    """
    repo = open_repo()
    before, after = (find_version(repo, text, project) for text in (old, new))
    diff_versions(repo, before, after, page, only_paths, everything, as_json)


@artifact.command(
    epilog="""\b
Examples:
  tracker artifact alias mnist:v3 stable
  tracker artifact alias mnist stable --remove
  tracker artifact alias mnist --log"""
)
@click.argument("version")
@click.argument("alias", required=False)
@click.option("--remove", is_flag=True, help="Let the alias name nothing.")
@click.option("--log", "show_log", is_flag=True, help="Print every move of the collection's aliases.")
@project_option
@json_option
def alias(
    version: str, alias: str | None, remove: bool, show_log: bool, project: str | None, as_json: bool
) -> None:
    """Let an alias name a version, or show where the aliases are"""
    repo = open_repo()
    manifest = find_version(repo, version, project)
    collections = repo.collections
    if alias is None:
        if show_log:
            moves = collections.alias_log(manifest.project, manifest.name)
            if as_json:
                print_json(
                    [{"time": m.time, "alias": m.alias, "version": m.version, "run": m.run} for m in moves]
                )
                return
            print_table(
                ("time", "alias", "version", "run"),
                [(m.time, m.alias, m.version or "-", m.run or "") for m in moves],
            )
            return
        current = collections.aliases(manifest.project, manifest.name)
        if as_json:
            print_json(current)
            return
        print_table(("alias", "version"), sorted(current.items()))
        return
    where = (manifest.project, manifest.name, alias)
    changed = repo.remove_alias(*where) if remove else repo.move_alias(*where, manifest.version)
    warn(changed.warnings)
    move = changed.moved[0] if changed.moved else None
    if as_json:
        print_json(
            {"alias": alias, "version": move.version if move else manifest.version, "moved": move is not None}
        )
    elif move is None:
        click.echo(
            f"Nothing to do: {alias} {'names nothing' if remove else f'is {manifest.version} already'}."
        )
    elif move.version is None:
        click.echo(f"{manifest.project}/{manifest.name}:{alias} names nothing now (was {move.previous}).")
    else:
        was = f" (was {move.previous})" if move.previous else ""
        click.echo(f"{manifest.project}/{manifest.name}:{alias} is {move.version} now{was}.")


@artifact.command(
    epilog="\b\nExamples:\n  tracker artifact rm mnist:v0\n  tracker artifact rm mnist:v3 --delete-aliases"
)
@click.argument("version")
@click.option("--delete-aliases", is_flag=True, help="Delete it although aliases name it.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_option
@json_option
def rm(
    version: str, delete_aliases: bool, dry_run: bool, yes: bool, project: str | None, as_json: bool
) -> None:
    """Delete a version; its number is never used again"""
    repo = open_repo()
    manifest = find_version(repo, version, project)
    size = f"{count_text(manifest.file_count, 'file')}, {size_text(manifest.size_bytes)}"
    what = f"{manifest.qualified_name} ({size})"
    about = {"version": manifest.qualified_name, "size_bytes": manifest.size_bytes}
    if dry_run:
        print_json({**about, "done": False}) if as_json else click.echo(f"Would delete {what}.")
        return
    if not yes:
        confirm(f"Delete {what}?")
    changed = repo.delete_artifact(manifest, delete_aliases=delete_aliases)
    warn(changed.warnings)
    if as_json:
        aliases = {move.alias: move.version for move in changed.moved}
        print_json({**about, "done": True, "aliases": aliases})
        return
    click.echo(f"Deleted {manifest.qualified_name}.")
    for move in changed.moved:
        click.echo(f"{move.alias} names {move.version or 'nothing'} now.")


@artifact.command(
    epilog="\b\nExamples:\n  tracker artifact verify mnist:v2\n  tracker artifact verify mnist:v2 data/mnist"
)
@click.argument("version")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@project_option
@json_option
def verify(version: str, folder: Path | None, project: str | None, as_json: bool) -> None:
    """Read every byte of a version, in the store or a folder, and name what is wrong

    The exit status is 1 when something is.
    """
    repo = open_repo()
    manifest = find_version(repo, version, project)
    listing = repo.collections.listing(manifest)
    with ProgressBar("Reading") as bar:
        problems = verify_tree(listing, folder, progress=bar) if folder else _verify_store(repo, listing, bar)
    if as_json:
        print_json([{"what": p.what, "problem": p.kind, "detail": p.detail} for p in problems])
    else:
        for problem in problems:
            click.echo(f"{problem.kind}: {problem.detail}")
        where = folder or "the store"
        count = len(problems)
        click.echo(f"{manifest.qualified_name} in {where}: {f'{count} problems' if count else 'whole'}.")
    if problems:
        raise click.exceptions.Exit(1)


def _verify_store(repo: Repo, listing: Listing, bar: ProgressBar) -> list[Problem]:
    """Check the objects of a listing, and say of each problem which paths it hits."""
    paths: dict[str, list[str]] = {}
    for entry in listing:
        if entry.kind == "file":
            paths.setdefault(entry.digest, []).append(entry.path)
    found = verify_store(repo.here, {Digest(digest) for digest in paths}, progress=bar)
    return [
        Problem(path, problem.kind, f"{path}: {problem.detail}")
        for problem in found
        for path in paths.get(problem.what, [problem.what])
    ]
