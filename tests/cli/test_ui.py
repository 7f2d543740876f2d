"""`tracker ui` as a command: it says where it is, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker.web.server import Address, listen
from vcs.errors import UsageError

Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start(plain_dir: Path) -> Iterator[Start]:
    """Start the command in a folder, and wait until it has said its address."""
    servers: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> tuple[subprocess.Popen[str], str]:
        server = subprocess.Popen(
            [sys.executable, "-m", "tracker.cli.main", "ui", "--no-browser", *options],
            cwd=plain_dir,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        servers.append(server)
        assert server.stdout is not None
        return server, server.stdout.readline().strip()

    yield begin
    for server in servers:
        server.kill()
        server.communicate()


def test_ctrl_c_ends_it_cleanly_also_while_a_page_is_open(start: Start) -> None:
    server, url = start("--port", "0")
    assert url.startswith("http://127.0.0.1:")
    base, _, token = url.partition("?token=")
    request = urllib.request.Request(base + "api/events", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=600) as stream:
        assert b"hello" in stream.readline()
        server.send_signal(signal.SIGINT)
        _, words = server.communicate(timeout=600)

    assert server.returncode == 0
    assert "Traceback" not in words
    assert "Error" not in words


def test_several_at_once_have_addresses_and_tokens_of_their_own(start: Start) -> None:
    (_, first), (_, second) = start(), start()

    assert first.partition("?")[0] != second.partition("?")[0]
    assert first.partition("?token=")[2] != second.partition("?token=")[2]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(first.partition("?")[0] + "api/about", timeout=600)


def test_json_says_where_it_is(start: Start, plain_dir: Path) -> None:
    server, first = start("--port", "0", "--read-only", "--json")
    assert server.stdout is not None
    text = first
    while not text.endswith("}"):
        text += server.stdout.readline().strip()

    assert json.loads(text)["root"] == os.path.realpath(plain_dir)
    assert json.loads(text)["read_only"] is True


def test_a_host_that_others_reach_is_warned_of(start: Start) -> None:
    server, _ = start("--port", "0", "--host", "0.0.0.0")
    server.send_signal(signal.SIGTERM)
    _, words = server.communicate(timeout=600)

    assert "can be reached from other machines" in words
    assert "--read-only" in words


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot listen on") as caught:
            listen(Address(port=taken.getsockname()[1]))
    assert "leave out --port" in (caught.value.hint or "")


def test_a_host_that_is_not_ours_is_said() -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        listen(Address(host="no-such-host.invalid", port=0))


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_what_loopback_is(host: str, local: bool) -> None:
    assert Address(host=host).is_loopback is local
