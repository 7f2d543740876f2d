"""`tracker remote …`, `login` and `logout`: where contents are shared, and the keys for it."""

from __future__ import annotations

import sys
from typing import Any

import click

from tracker.cli.errors import exit_status
from tracker.cli.groups import CommandGroup
from tracker.cli.output import print_json, print_table
from tracker.cli.places import json_option, open_repo
from vcs.errors import Error, NotFoundError, StoreError, UsageError
from vcs.remotes import Remote, check_remote_name, make_remote
from vcs.repo import Repo
from vcs.settings import transfer_environment, user_folder
from vcs.sharing.credentials import (
    FIELDS,
    find_credentials,
    forget_credentials,
    has_credentials,
    keep_credentials,
    parse_key,
)
from vcs.sharing.opened import choose_remote, need_remote
from vcs.sharing.settings import add_remote, remove_remote


@click.group(
    cls=CommandGroup,
    epilog="\b\nExamples:\n  tracker remote add lab s3://team-bucket/models\n  tracker remote test",
)
def remote() -> None:
    """Say where contents are shared

    A bucket, a folder, another machine: s3://bucket/path, gs://…, az://container/path,
    ssh://host/folder, https://… (WebDAV, or any web server for reading), or a folder such
    as /mnt/nas/team. It stands in tracker.yaml, which is committed, so clones know it.
    Records travel with git.
    """


@remote.command(
    epilog="""\b
Examples:
  tracker remote add lab s3://team-bucket/models
  tracker remote add minio s3://models --endpoint https://minio.lab:9000
  tracker remote add gcs gs://team-bucket/models
  tracker remote add box ssh://ann@gpu-box/scratch/shared
  tracker remote add nas /mnt/nas/team"""
)
@click.argument("name")
@click.argument("url")
@click.option("--endpoint", help="The address of a server that speaks the protocol of S3, GCS or Azure.")
@click.option("--region", help="The region of a bucket of S3.")
@click.option("--profile", help="The profile of AWS whose keys are used.")
@click.option("--account", help="The account of a container of Azure.")
@click.option("--default", is_flag=True, help="Use it when no other is named; the first one is.")
@json_option
def add(name: str, url: str, default: bool, as_json: bool, **options: str | None) -> None:
    """Add a remote to tracker.yaml

    Nothing is sent. A key is never written there: tracker login NAME keeps it apart.
    """
    made = make_remote(check_remote_name(name), url, options)
    repo = open_repo()
    add_remote(repo.layout.root, made, default=default)
    if as_json:
        print_json(_about(made))
        return
    click.echo(f"Added {made.name} ({made.url}) to tracker.yaml.")
    click.echo(f"Next: tracker remote test {made.name}; then git add tracker.yaml, tracker push")


@remote.command(
    epilog="""\b
Examples:
  tracker remote ls
  tracker remote ls --json"""
)
@json_option
def ls(as_json: bool) -> None:
    """List the remotes"""
    repo = open_repo()
    default = _default(repo)
    remotes = [*repo.settings.remotes.values()]
    if default is not None and default.name is None:
        remotes.append(default)
    if as_json:
        print_json([{**_about(one), "default": one == default} for one in remotes])
        return
    if not remotes:
        click.echo("No remotes yet. Next: tracker remote add lab s3://bucket/path", err=True)
        return
    print_table(
        ("name", "url", ""),
        [(one.name or "", one.url, "default" if one == default else "") for one in remotes],
    )


@remote.command(
    epilog="""\b
Example:
  tracker remote rm lab"""
)
@click.argument("name")
def rm(name: str) -> None:
    """Take a remote out of tracker.yaml; what lies on it stays"""
    repo = open_repo()
    remove_remote(repo.layout.root, name)
    click.echo(f"Removed {name} from tracker.yaml. What lies there stays.")


@remote.command(
    epilog="""\b
Examples:
  tracker remote show
  tracker remote show lab --json"""
)
@click.argument("name", required=False)
@json_option
@click.pass_context
def show(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Show a remote: address, key, and what lies on it"""
    from vcs.sharing.opened import open_contents

    repo = open_repo()
    found = need_remote(repo.settings, name)
    about = {**_about(found), "credentials": _credentials_text(found)}
    contents = open_contents(repo.layout, found, tries=2)
    problem: Error | None = None
    try:
        index = contents.refresh()
        about |= {
            "objects": len(index),
            "packs": len(index.packs),
            "parts": len(index.parts),
            "bytes": sum(pack.size for pack in index.packs) + sum(part.size for part in index.parts.values()),
        }
    except Error as error:
        problem = error
    finally:
        contents.bucket.close()
    if as_json:
        print_json({**about, "problem": problem.message if problem else None})
        ctx.exit(exit_status(problem) if problem else 0)
    for key, value in about.items():
        click.echo(f"{key}: {value}")
    if problem is not None:
        raise problem


@remote.command(
    epilog="""\b
Examples:
  tracker remote test
  tracker remote test lab --json"""
)
@click.argument("name", required=False)
@json_option
@click.pass_context
def test(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Write, read, list and remove a probe; say what is wrong

    Exits with 1 if the remote can be read but not written, which is enough to pull.
    """
    from vcs.sharing.opened import open_contents
    from vcs.sharing.probe import probe

    repo = open_repo()
    found = need_remote(repo.settings, name)
    contents = open_contents(repo.layout, found, tries=2)
    try:
        result = probe(contents)
    finally:
        contents.bucket.close()
    if as_json:
        print_json(
            {
                "remote": found.title,
                "writable": result.writable,
                "reason": result.reason,
                "seconds": result.seconds,
            }
        )
    elif result.writable:
        steps = ", ".join(f"{step} {seconds * 1000:.0f} ms" for step, seconds in result.seconds.items())
        click.echo(f"{found.title} works: {steps}.")
    else:
        click.echo(f"{found.title} can be read, but not written: {result.reason}")
    if not result.writable:
        ctx.exit(1)


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Examples:
  tracker login lab
  tracker login lab --key-stdin < key.txt
  tracker login gcs --key-stdin < service-account.json
  vault read -field=key secret/lab | tracker login lab --key-stdin""",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[NAME]")
@click.option(
    "--key", help="The key: ID:SECRET, of GCS the JSON. Others on this machine can see it while this runs."
)
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
@click.option("--no-check", is_flag=True, help="Keep it without asking the server.")
def login(words: tuple[str, ...], key: str | None, key_stdin: bool, no_check: bool) -> None:
    """Keep a key for a remote

    A project without a remote needs none, and this says so. The key is checked against
    the server first, and kept in a file that only you can read, outside of the
    repository. Where the platform has its own ways (AWS_… variables and profiles,
    GOOGLE_APPLICATION_CREDENTIALS, netrc, ssh keys) no login is needed.
    """
    repo = open_repo()
    if not repo.settings.remotes and not repo.settings.remote:
        # What scripts give to `wandb login` is no name of ours.
        click.echo("No account and no login are needed: everything is recorded on this machine.", err=True)
        return
    found = need_remote(repo.settings, next((word for word in words if not word.startswith("-")), None))
    if found.scheme not in FIELDS and key is None and not key_stdin:
        why = "it is a folder" if found.scheme == "file" else "ssh uses its own keys: ssh-copy-id USER@HOST"
        click.echo(f"No login is needed for {found.title}; {why}.", err=True)
        return
    credentials = _asked_key(found, key, key_stdin)
    if not no_check:
        _check_key(repo, found, credentials)
    path = keep_credentials(found, credentials, user_folder())
    click.echo(f"Kept the key for {found.title} in {path}.")


def _asked_key(found: Remote, key: str | None, key_stdin: bool) -> dict[str, str]:
    if key is not None and key_stdin:
        raise UsageError("give either --key or --key-stdin")
    if key is not None:
        return parse_key(found.scheme, key)
    if found.scheme not in FIELDS:
        return parse_key(found.scheme, "")
    if key_stdin:
        return parse_key(found.scheme, sys.stdin.read())
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask for the key of {found.title}",
            hint=f"tracker login {found.title} --key-stdin < FILE",
        )
    *others, (secret_title, secret_name) = FIELDS[found.scheme]
    asked = {field: click.prompt(title.capitalize(), err=True) for title, field in others}
    asked[secret_name] = click.prompt(secret_title.capitalize(), hide_input=True, err=True)
    return {field: str(value).strip() for field, value in asked.items()}


def _check_key(repo: Repo, found: Remote, credentials: dict[str, str]) -> None:
    """Ask the server for a listing with that key.

    Raises:
        DeniedError, UnreachableError: The key is wrong, or nobody answers; nothing is kept.
    """
    from vcs.buckets.around import Retrying
    from vcs.buckets.base import UnlistableError
    from vcs.remotes import open_bucket
    from vcs.sharing.contents import STATE

    bucket = Retrying(open_bucket(found, repo.layout.root, credentials=credentials), tries=2)
    try:
        for _ in bucket.list(STATE):
            break
    except UnlistableError:
        return  # Such a server can only be read, and says no more of a key than that it was heard.
    except StoreError as error:
        error.hint = f"nothing was kept; to keep it all the same: tracker login {found.title} --no-check"
        raise
    finally:
        bucket.close()


@click.command(
    epilog="""\b
Example:
  tracker logout lab"""
)
@click.argument("name", required=False)
def logout(name: str | None) -> None:
    """Forget the key for a remote"""
    repo = open_repo()
    found = need_remote(repo.settings, name)
    if not forget_credentials(found, user_folder()):
        raise NotFoundError(f"no key is kept for {found.title}")
    click.echo(f"Forgot the key for {found.title}.")


def _default(repo: Repo) -> Remote | None:
    try:
        return choose_remote(repo.settings)
    except NotFoundError:
        return None


def _about(one: Remote) -> dict[str, Any]:
    return {"name": one.name, "url": one.url, **one.options}


def _credentials_text(found: Remote) -> str:
    environment = transfer_environment()
    if has_credentials(found, user_folder()):
        return "kept by tracker login"
    if found.scheme in ("ssh", "sftp"):
        return "those of ssh"
    if found.scheme == "file":
        return "none needed"
    if find_credentials(found, user_folder(), environment):
        return "from a profile or netrc"
    return "those of the platform, if any"
