"""`tracker verify`: read all contents again, and mend what can be mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tracker.cli.garbage import has_remote
from tracker.cli.output import count_text, print_json
from tracker.cli.places import json_option, open_repo
from tracker.live.progress_bar import ProgressBar
from vcs.digest import Digest
from vcs.errors import IntegrityError
from vcs.repo import Repo
from vcs.retention.repair import Repaired, Verified, damaged_folder, repair, verify_everything
from vcs.stores.local import LocalStore

if TYPE_CHECKING:
    from vcs.sharing.verify import RemoteVerified

_NAMES = 3
_SHOWN = 50


@click.command(
    epilog="""\b
Examples:
  tracker verify
  tracker verify --repair
  tracker verify --remote lab --repair"""
)
@click.option(
    "--repair", "mend", is_flag=True, help="Set damage aside and bring whole contents from a remote."
)
@click.option("--remote", metavar="NAME", help="Read what lies on a remote, instead of what is here.")
@json_option
def verify(mend: bool, remote: str | None, as_json: bool) -> None:
    """Read all contents and records again and name what is damaged

    With --repair damaged bytes are set aside, never thrown away, and what is damaged or
    missing is fetched from any remote that has it. With --remote NAME it is the remote
    that is read, all of it, and mended from what is whole here or on another remote. The
    exit status is 1 when something is wrong and stays so.
    """
    from vcs.artifacts.collection import Collections

    repo = open_repo()
    if remote is not None:
        _verify_remote(repo, remote, mend, as_json)
        return
    store = repo.here
    collections = Collections(repo.layout, store)

    def look() -> Verified:
        with ProgressBar("Reading") as bar:
            return verify_everything(collections, store, progress=bar)

    found = look()
    # What is not here is with a remote, if there is one; but not what was set aside before.
    shared = has_remote(repo)
    lacking = _set_aside_before(store, found) if shared else found.absent
    mended = None
    if not as_json:
        _print_findings(found)
        _print_absent(len(found.absent), len(lacking), shared)
    if mend and (found.findings or lacking):
        mended = repair(store, replace(found, absent=lacking), lambda digests: _bring(repo, digests))
    wrong = bool(found.findings or lacking)
    if mended is not None:
        wrong = bool(mended.lost or look().findings)
    if as_json:
        print_json(_as_json(found, mended))
    elif mended is not None:
        click.echo(
            f"Set {mended.set_aside} aside in {damaged_folder(store)}, made "
            f"{count_text(len(mended.brought), 'object')} whole, {len(mended.lost)} are not to be had."
        )
    elif found.findings:
        click.echo("Hint: mend it: tracker verify --repair", err=True)
    if wrong:
        raise click.exceptions.Exit(1)


def _verify_remote(repo: Repo, name: str, mend: bool, as_json: bool) -> None:
    from vcs.retention.named_objects import Selection, named_objects
    from vcs.sharing.opened import need_remote, open_contents
    from vcs.sharing.verify import mend_remote, verify_remote

    remote = need_remote(repo.settings, name)
    contents = open_contents(repo.layout, remote)
    try:
        with ProgressBar("Reading") as bar:
            found = verify_remote(contents, progress=bar)
        affected = {digest for one in found.bad for digest in one.objects}
        lost = affected
        if mend and found.bad:
            _bring(repo, repo.here.missing(affected))
            lost = mend_remote(repo.here, contents, found)
    finally:
        contents.bucket.close()
    names = named_objects(repo.layout, repo.collections, repo.here, Selection()).names
    if as_json:
        print_json(
            {
                "remote": remote.title,
                "files": found.files,
                "objects": found.objects,
                "problems": [
                    {
                        "what": one.key,
                        "problem": "gone" if one.is_gone else "damaged",
                        "of": [names.get(digest, digest) for digest in one.objects],
                    }
                    for one in found.bad
                ],
                "lost": sorted(lost),
            }
        )
    else:
        _print_remote(remote.title, found, names)
        if mend and found.bad:
            stay = sum(not lost.isdisjoint(one.objects) for one in found.bad)
            mended = f"Mended {count_text(len(found.bad) - stay, 'file')} on {remote.title}"
            verb = "has" if len(lost) == 1 else "have"
            why = f"{count_text(len(lost), 'object')} {verb} no whole copy within reach"
            rest = f", {stay} {'stays' if stay == 1 else 'stay'} damaged: {why}" if stay else ""
            click.echo(f"{mended}{rest}.")
        elif found.bad:
            click.echo(f"Hint: mend it: tracker verify --remote {remote.title} --repair", err=True)
    if lost or (found.bad and not mend):
        raise click.exceptions.Exit(1)


def _print_remote(title: str, found: RemoteVerified, names: Mapping[Digest, str]) -> None:
    for one in found.bad[:_SHOWN]:
        more = len(one.objects) - _NAMES
        of = "; ".join(names.get(digest, digest[:12]) for digest in one.objects[:_NAMES])
        of += f" and {more} more" if more > 0 else ""
        kind = "gone" if one.is_gone else "damaged"
        click.echo(f"{kind}: {of or 'no object is lost'}: {one.key}")
    read = f"{count_text(found.files, 'file')} with {count_text(found.objects, 'object')}"
    click.echo(f"Read {read} on {title}: {count_text(len(found.bad), 'problem')}.")


def _set_aside_before(store: LocalStore, found: Verified) -> frozenset[Digest]:
    """Return what is not here because it was damaged."""
    aside = damaged_folder(store)
    return frozenset(d for d in found.absent if (aside / d).exists() or (aside / f"{d}.recipe").exists())


def _print_findings(found: Verified) -> None:
    for one in found.findings[:_SHOWN]:
        more = len(one.names) - _NAMES
        names = ", ".join(one.names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        click.echo(f"{one.problem.kind}: {names or 'named by no version'}: {one.problem.detail}")
    click.echo(f"Read {count_text(found.objects, 'object')}: {count_text(len(found.findings), 'problem')}.")


def _print_absent(absent: int, lacking: int, shared: bool) -> None:
    """Say what is not here, and where it may be; `lacking` of it was damaged, or is nowhere to be had."""
    if not absent:
        return
    what = f"{count_text(absent, 'object')} of versions {'is' if absent == 1 else 'are'} not here"
    if not shared:
        where = f"; there is no remote that may have {'it' if absent == 1 else 'them'}"
    elif lacking:
        why = "because of damage" if lacking == absent else f"{lacking} because of damage"
        where = f", {why}: tracker verify --repair looks for whole ones"
    else:
        where = ", but may be with a remote: tracker fetch"
    click.echo(f"{what}{where}.", err=True)


def _as_json(found: Verified, mended: Repaired | None) -> dict[str, object]:
    result: dict[str, object] = {
        "objects": found.objects,
        "problems": [
            {
                "what": one.problem.what,
                "problem": one.problem.kind,
                "of": list(one.names),
                "detail": one.problem.detail,
            }
            for one in found.findings
        ],
        "not_here": len(found.absent),
    }
    if mended is not None:
        result |= {"set_aside": mended.set_aside, "brought": len(mended.brought), "lost": sorted(mended.lost)}
    return result


def _bring(repo: Repo, digests: Iterable[Digest]) -> None:
    """Fetch objects from the project's remotes; what they have damaged, too, stays lost."""
    from vcs.sharing.obtaining import RemoteSource

    with suppress(IntegrityError):
        RemoteSource(repo.layout, repo.settings).bring(repo.here, set(digests), None)
