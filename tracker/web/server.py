"""The server: an address, a token, and an end that is clean.

uvicorn is started on a socket of ours, so that the port is known before anything is printed.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

import uvicorn

from tracker.web.app import make_app
from tracker.web.shelf import Shelf
from tracker.web.work import Closing
from vcs.errors import StoreError, UsageError

DEFAULT_PORT = 8233
# How many ports after the wanted one are tried, so that several pages can be open at once.
_TRIED = 50
# What is still being sent at Ctrl-C gets so long.
_LAST_SECONDS = 1


@dataclass(frozen=True)
class Address:
    """Where to listen, and who may come.

    Attributes:
        port: None for the first free one from DEFAULT_PORT on; 0 for any.
        token: None lets everybody in.
        hosts: Other names of this machine that requests may be for.
        prefix: See `Guard`.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    token: str | None = None
    hosts: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int) -> str:
        """Return what to open in a browser."""
        host = self.host if self.host not in ("0.0.0.0", "::") else socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        path = self.prefix.rstrip("/") + "/"
        return f"http://{host}:{port}{path}" + (f"?token={self.token}" if self.token else "")


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def listen(address: Address) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UsageError: The host is none of this machine, or the port is taken.
        StoreError: No port is free.
    """
    wanted: Iterable[int] = (
        range(DEFAULT_PORT, DEFAULT_PORT + _TRIED) if address.port is None else (address.port,)
    )
    reason = ""
    for port in wanted:
        try:
            family, kind, _, _, place = socket.getaddrinfo(
                address.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except OSError as error:
            raise UsageError(f"cannot listen on {address.host!r}: {error.strerror}") from error
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen(128)
            return made
        except OSError as error:
            made.close()
            reason = error.strerror or str(error)
            if address.port is not None:
                raise UsageError(
                    f"cannot listen on {address.host}:{port}: {reason}",
                    hint="leave out --port, or give another",
                ) from error
    raise StoreError(f"no port from {DEFAULT_PORT} on is free: {reason}")


class _Server(uvicorn.Server):
    """Ends what is being answered when it is told to end: streams never would by themselves."""

    def __init__(self, config: uvicorn.Config, closing: Closing) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._closing.close()
        # Answers that nobody waits for any more are cut off: that is no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def serve(shelf: Shelf, address: Address, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is called with the address once it is listening.

    Raises:
        UsageError, StoreError: As for `listen`.
    """
    app, closing = make_app(shelf, address.token, hosts=address.hosts, prefix=address.prefix)
    with listen(address) as made:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_SECONDS,
            lifespan="on",
        )
        server = _Server(config, closing)
        ready(address.url(made.getsockname()[1]))
        # uvicorn ends what is open and then raises what ended it; for a server that is no failure.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[made])
