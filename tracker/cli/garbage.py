"""`tracker gc` and `tracker why`: what nothing names, and what names something."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracker.cli.output import count_text, print_json, size_text, warn
from tracker.cli.places import find_version, json_option, open_repo
from tracker.live.progress_bar import ProgressBar
from vcs.digest import Digest
from vcs.errors import NotFoundError, UsageError
from vcs.progress import ticking
from vcs.stores.copying import hash_descriptor
from vcs.tracked.pointer import pointer_path, read_pointer

if TYPE_CHECKING:
    from tracker.read.retention import RetentionPlan
    from vcs.repo import Repo
    from vcs.retention.gc import GcPlan
    from vcs.stores.local import LocalStore
    from vcs.stores.trash import Trashed

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_SHOWN = 20
_OBJECT = "an object"


class Duration(click.ParamType[float]):
    """A time such as 90min, 12h, 14d; a bare number is seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w|)", str(value))
        if found is None:
            self.fail(f"{value!r} is no time; write 90min, 12h or 14d", param, ctx)
        return float(found[1]) * _UNITS[found[2] or "s"]


@click.command(
    epilog="""\b
Examples:
  tracker gc
  tracker gc --yes
  tracker gc --undo
  tracker gc --remote lab
  tracker gc --pushed --artifact checkpoints"""
)
@click.option("-y", "--yes", is_flag=True, help="Do it; otherwise it is only said what would be done.")
@click.option("--grace", type=Duration(), help="Keep what is younger than this (1d, on a remote 14d).")
@click.option("--remote", metavar="NAME", help="Collect on a remote, instead of here.")
@click.option("--pushed", is_flag=True, help="Remove contents here that a remote has, to make room.")
@click.option(
    "--artifact",
    "names",
    multiple=True,
    metavar="NAME[:V]",
    help="With --pushed: only of this version, or all of a name (can be repeated).",
)
@click.option("--undo", is_flag=True, help="Bring back what the last time put into the trash.")
@click.option("--empty-trash", is_flag=True, help="Remove for good what is in the trash.")
@json_option
def gc(
    yes: bool,
    grace: float | None,
    remote: str | None,
    pushed: bool,
    names: tuple[str, ...],
    undo: bool,
    empty_trash: bool,
    as_json: bool,
) -> None:
    """Remove contents that nothing names any more

    First versions go whose collection has a rule that does not keep them (`keep:` in
    tracker.yaml, log_artifact(keep=...)) or whose lifetime is over. Then contents go.
    Kept is whatever the records name, here or in a remote's ledger as it was last seen;
    what pointers name in any commit, stash or reflog; and what a process that still
    runs has put. Without --yes nothing is changed. Contents that are removed lie in a
    trash for a week.

    With --remote NAME the same on a remote for contents, while nobody pushes; pointers
    in all branches of the git server count, too. There is no trash, so what is younger
    than two weeks stays, and what versions and runs name that were deleted in that time.
    What a killed push left half written goes too.

    With --pushed contents of versions go from this machine that a remote has, and come
    back when they are used. The last known copy of anything stays: what is not with a
    remote, and what the ledger of the git server does not name yet.
    """
    if undo + empty_trash + (remote is not None) + pushed > 1 or (undo and yes):
        raise UsageError("--undo, --empty-trash, --remote and --pushed go alone")
    if names and not pushed:
        raise UsageError("--artifact goes with --pushed")
    repo = open_repo()
    store = repo.here
    if undo:
        _undo(store, as_json)
    elif empty_trash:
        _empty(store, yes, as_json)
    elif pushed:
        _drop_pushed(repo, names, grace, yes, as_json)
    elif remote is not None:
        _collect_remote(repo, remote, grace, yes, as_json)
    else:
        _collect(repo, store, grace, yes, as_json)


def _collect(repo: Repo, store: LocalStore, grace_s: float | None, yes: bool, as_json: bool) -> None:
    from tracker.read.retention import plan_retention
    from tracker.storage.record_text import expand_record
    from vcs.retention import gc as garbage

    with _at_work():
        retention = plan_retention(repo)
        warnings = [*retention.warnings]
        expired = [one.manifest for one in retention.expired]
        for manifest in expired if yes else ():
            warnings += repo.delete_artifact(manifest).warnings
        plan = garbage.plan_gc(
            repo.layout,
            repo.git,
            store,
            expand=expand_record,
            grace_s=garbage.GRACE_S if grace_s is None else grace_s,
            listings=repo.store,
            without={f"artifacts/{m.project}/{m.name}/{m.version}.yaml" for m in expired},
        )
        done = garbage.collect(store, plan) if yes else None
        freed = garbage.empty_trash(store) if yes else 0
    warn(warnings)
    if as_json:
        print_json({**_as_json(plan, done), "versions": _versions_json(retention), "freed_bytes": freed})
        return
    for one in retention.expired:
        click.echo(f"{'Deleted' if yes else 'Would delete'} {one.manifest.qualified_name}: {one.reason}")
    removed = _print_removed(plan, done)
    if freed:
        click.echo(f"Freed {size_text(freed)} that were in the trash for a week.")
    _explain(plan, len(done.kept) if done is not None else 0)
    if removed or (expired and not yes):
        click.echo("Hint: " + ("bring contents back: tracker gc --undo" if yes else _do_it()), err=True)


@contextmanager
def _at_work() -> Iterator[None]:
    """Show that and for how long all is looked through, which nobody can say beforehand."""
    with ProgressBar("Looking for garbage") as bar, ticking(bar):
        yield


def _as_json(plan: GcPlan, done: Trashed | None) -> dict[str, object]:
    removed = done.digests if done is not None else frozenset(plan.garbage)
    return {
        "done": done is not None,
        "objects": len(removed),
        "size_bytes": sum(plan.garbage[digest] for digest in removed),
        "young": plan.young,
        "total": plan.total,
        "kept": len(done.kept) if done is not None else 0,
    }


def _versions_json(retention: RetentionPlan) -> list[dict[str, str]]:
    return [{"version": one.manifest.qualified_name, "why": one.reason} for one in retention.expired]


def _print_removed(plan: GcPlan, done: Trashed | None) -> int:
    """Say how much went, or would go; return the number of objects."""
    removed = done.digests if done is not None else frozenset(plan.garbage)
    size = sum(plan.garbage[digest] for digest in removed)
    what = f"{count_text(len(removed), 'object')} ({size_text(size)})"
    if not removed:
        click.echo("There is no garbage.")
    elif done is not None:
        click.echo(f"Moved {what} of {plan.total} to the trash.")
    else:
        click.echo(f"Would remove {what} of {plan.total}.")
    return len(removed)


def _drop_pushed(repo: Repo, names: tuple[str, ...], grace_s: float | None, yes: bool, as_json: bool) -> None:
    from tracker.cli.share import chosen_versions
    from tracker.storage.record_text import expand_record
    from vcs.retention import gc as garbage
    from vcs.retention.named_objects import Selection
    from vcs.sharing.exchange import Request
    from vcs.sharing.pushed import plan_pushed

    request = Request(selection=Selection(versions=chosen_versions(repo, names, None)))
    with _at_work():
        found = plan_pushed(
            repo,
            request,
            expand=expand_record,
            grace_s=garbage.GRACE_S if grace_s is None else grace_s,
            chosen=bool(names),
        )
        done = garbage.collect(repo.here, found.plan) if yes else None
    if as_json:
        print_json({**_as_json(found.plan, done), "only_here": found.only_here})
        return
    removed = done.digests if done is not None else frozenset(found.plan.garbage)
    titles = ", ".join(one.title for one in found.remotes)
    if not removed:
        click.echo(f"Nothing that {titles} has can go from here.")
    else:
        size = size_text(sum(found.plan.garbage[digest] for digest in removed))
        verb = "Moved" if yes else "Would move"
        what = f"{count_text(len(removed), 'object')} ({size})"
        click.echo(f"{verb} {what} to the trash: {titles} has them, and they come back when they are used.")
    if found.only_here:
        click.echo(
            f"{_staying(found.only_here)}: this is the last known copy (tracker push).",
            err=True,
        )
    if found.plan.young:
        click.echo(f"{_staying(found.plan.young)}: too young (--grace).", err=True)
    if removed:
        hint = "free the room now: tracker gc --empty-trash --yes" if yes else _do_it()
        click.echo(f"Hint: {hint}", err=True)


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _staying(count: int) -> str:
    return f"{count_text(count, 'object')} {'stays' if count == 1 else 'stay'}"


def _collect_remote(repo: Repo, name: str, grace_s: float | None, yes: bool, as_json: bool) -> None:
    from tracker.storage.record_text import expand_record
    from vcs.records.ledger_sync import LedgerSync
    from vcs.retention.gc import mentions_of
    from vcs.retention.reachability import check_absent, deleted_since, find_reachable
    from vcs.sharing.exchange import Request, records_remote
    from vcs.sharing.garbage import GRACE_S, check_users, planned
    from vcs.sharing.opened import need_remote, open_contents

    remote = need_remote(repo.settings, name)
    contents = open_contents(repo.layout, remote)
    grace_s = GRACE_S if grace_s is None else grace_s
    spared: set[str] = set()

    def wanted() -> set[str]:
        git_remote = records_remote(repo, Request())
        with ExitStack() as stack:
            if repo.git is not None and git_remote is not None:
                sync = LedgerSync(repo.git, repo.layout, repo.ledger)
                sync.fetch(git_remote)
                stack.enter_context(sync.branches(git_remote))
            check_users(contents, repo.git, repo.layout)
            # Listings that are not here come from the remote.
            mentions = mentions_of(repo.layout, repo.git, repo.here, expand_record)
            reachable = find_reachable(mentions, repo.store)
        check_absent(reachable)
        if repo.git is not None and grace_s > 0:
            lately = deleted_since(repo.git, time.time() - grace_s, expand_record)
            spared.update(find_reachable(lately, repo.store).digests - reachable.digests)
        return reachable.digests | spared

    try:
        with _at_work(), planned(contents, wanted, grace_s=grace_s) as (plan, apply):
            if yes:
                apply()
        stay = sum(bytes.fromhex(digest) in contents.index() for digest in spared)
    finally:
        contents.bucket.close()
    if as_json:
        about = {"done": yes, "objects": plan.objects, "size_bytes": plan.size_bytes}
        print_json({**about, "deleted_lately": stay})
        return
    if stay:
        click.echo(f"{_staying(stay)}: what named {_them(stay)} was deleted lately (--grace).", err=True)
    if not plan.keys:
        click.echo(f"There is no garbage on {remote.title}.")
        return
    word = "Removed" if yes else "Would remove"
    click.echo(
        f"{word} {count_text(plan.objects, 'object')} ({size_text(plan.size_bytes)}) from {remote.title}."
    )
    if not yes:
        click.echo(f"Hint: {_do_it()}", err=True)


def _do_it() -> str:
    """The command that was given, and `--yes`."""
    given = click.get_current_context().params
    words = ["tracker", "gc", *(f"--{flag}" for flag in ("pushed",) if given[flag])]
    words += ["--remote", given["remote"]] if given["remote"] else []
    words += [word for name in given["names"] for word in ("--artifact", name)]
    words += ["--grace", f"{given['grace']:g}s"] if given["grace"] is not None else []
    return f"do it: {shlex.join(words)} --yes"


def _explain(plan: GcPlan, kept: int) -> None:
    if plan.young:
        why = (
            "a process that still runs may need them"
            if plan.waits_for_others
            else "they are younger (--grace)"
        )
        click.echo(f"{count_text(plan.young, 'more object')} that nothing names stay: {why}.", err=True)
    if kept:
        click.echo(
            f"{count_text(kept, 'object')} stay: in packs that are mostly wanted, or asked for meanwhile.",
            err=True,
        )


def _undo(store: LocalStore, as_json: bool) -> None:
    from vcs.retention import gc as garbage

    folder, count = garbage.undo(store)
    if as_json:
        print_json({"objects": count, "removed": folder.time})
        return
    click.echo(f"Brought back {count_text(count, 'object')}, removed {folder.time}.")


def _empty(store: LocalStore, yes: bool, as_json: bool) -> None:
    from vcs.retention import gc as garbage

    folders = garbage.trash_folders(store)
    size = sum(folder.size_bytes() for folder in folders)
    done = yes and bool(folders)
    if done:
        size = garbage.empty_trash(store, older_than_s=0.0)
    if as_json:
        print_json({"size_bytes": size, "done": done})
    elif not folders:
        click.echo("The trash is empty.")
    elif done:
        click.echo(f"Freed {size_text(size)}.")
    else:
        click.echo(f"Would free {size_text(size)}.")
        click.echo("Hint: do it: tracker gc --empty-trash --yes", err=True)


def has_remote(repo: Repo) -> bool:
    """Whether contents that are not here may be elsewhere."""
    return repo.settings.remote is not None or bool(repo.settings.remotes)


@click.command(
    epilog="""\b
Examples:
  tracker why 3f9a1c2e
  tracker why data/mnist
  tracker why LeNet5/mnist:v2"""
)
@click.argument("what", metavar="DIGEST|PATH|VERSION")
@json_option
def why(what: str, as_json: bool) -> None:
    """Say what keeps an object, a tracked path or a version from being garbage

    The exit status is 1 when nothing does.
    """
    from tracker.storage.record_text import expand_record
    from vcs.retention.gc import in_trash, mentions_of
    from vcs.retention.kept_by import chains_to

    repo = open_repo()
    store = repo.here
    mentions = list(mentions_of(repo.layout, repo.git, store, expand_record))
    digest, meaning = _find(
        repo, what, {found for one in mentions for found in one.digests} | {*store.list()}
    )
    chains = chains_to(mentions, store, digest)
    here = store.contains(digest)
    if as_json:
        print_json({"digest": digest, "what": meaning, "here": here, "kept_by": chains})
    else:
        size = f", {size_text(store.size(digest))}" if here else ""
        absent = ", not in this store" if meaning == _OBJECT and not here else ""
        click.echo(f"{digest[:12]}: {meaning}{size}{absent}")
        for chain in chains[:_SHOWN]:
            click.echo(f"  {' <- '.join(chain)}")
        if len(chains) > _SHOWN:
            click.echo(f"  and {len(chains) - _SHOWN} more (--json prints all)")
        if not chains:
            trash = in_trash(store, digest)
            where = f"; it is in the trash since {trash.time}: tracker gc --undo" if trash else ""
            click.echo(f"  nothing names it{where}")
    if not chains:
        raise click.exceptions.Exit(1)


def _find(repo: Repo, what: str, known: set[str]) -> tuple[Digest, str]:
    """Return the digest that a user means, and what it is.

    Raises:
        NotFoundError: Nothing of that name.
        UsageError: The beginning of several digests.
    """
    pointer = Path(pointer_path(what))
    if pointer.is_file():
        read = read_pointer(pointer)
        return Digest(read.digest), f"contents of {what}, {read.qualified_name}"
    if Path(what).is_file():
        with open(what, "rb") as stream:
            return hash_descriptor(stream.fileno())[0], f"contents of the file {what}"
    if re.fullmatch(r"[0-9a-f]{4,64}", what):
        found = sorted(digest for digest in known if digest.startswith(what))
        if len(found) > 1:
            raise UsageError(f"{len(found)} digests begin with {what}", hint="write more of it")
        if found:
            return Digest(found[0]), _OBJECT
    try:
        manifest = find_version(repo, what, None)
    except NotFoundError as error:
        if re.fullmatch(r"[0-9a-f]{4,64}", what):
            raise NotFoundError(
                f"no digest here begins with {what}, and no artifact is called that"
            ) from error
        raise
    return Digest(manifest.digest), f"contents of {manifest.qualified_name}"
