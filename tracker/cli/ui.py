"""`tracker ui`: the page."""

from __future__ import annotations

import click

from tracker.cli.output import print_json, warn
from tracker.cli.places import json_option, open_repo
from vcs.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  tracker ui
  tracker ui --no-browser --port 8300
  ssh -L 8233:localhost:8233 cluster      then, there: tracker ui --no-browser
  tracker ui --host 0.0.0.0 --read-only
  tracker ui --prefix /tracker            behind a proxy that passes the prefix on"""
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port; the first free one from 8233 on if not given."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name of this machine. Repeatable."
)
@click.option("--prefix", default="", help="The path under which a proxy shows the page, if it passes it on.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed or deleted.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@json_option
def ui(
    port: int | None,
    host: str,
    hosts: tuple[str, ...],
    prefix: str,
    read_only: bool,
    no_browser: bool,
    as_json: bool,
) -> None:
    """Open the page: runs, curves, artifacts, lineage

    It shows what lies on this disk and follows what is being written; nothing leaves this
    machine. The address has a token that changes with each start; who has it may look and,
    without --read-only, change. Ctrl-C ends it.
    """
    from tracker.web.server import Address, new_token, serve
    from tracker.web.shelf import Shelf

    if prefix and not prefix.startswith("/"):
        raise UsageError(f"a prefix begins with /, not {prefix!r}")
    repo = open_repo()
    address = Address(host, port, new_token(), hosts, prefix)
    if not address.is_loopback:
        warn(
            [
                f"{host} can be reached from other machines, and what is sent is not encrypted."
                " Everybody who has the address below may look"
                + ("." if read_only else " and change; --read-only lets them only look.")
            ]
        )

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url, "root": str(repo.layout.root), "read_only": read_only})
        else:
            click.echo(url)
        click.echo("Ctrl-C ends it.", err=True)
        if not no_browser:
            click.launch(url)

    serve(Shelf(repo, read_only=read_only), address, ready)
