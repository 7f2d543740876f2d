"""Answers that nobody waits for any more, and the end of a server while it makes some."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.types import Message

from tracker.web.work import Closing, UnwantedError, Wanted, Workers

PATIENCE_S = 300


def request_that_ends(gone: asyncio.Event) -> Request:
    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "GET", "path": "/", "headers": []}, receive)


@pytest.mark.parametrize("how", ["the page goes", "the server ends"])
def test_long_reading_is_told_that_nobody_waits(how: str) -> None:
    """And the answer is not waited for."""
    begun, stopped = threading.Event(), threading.Event()
    wanted = Wanted()

    def reading() -> None:
        begun.set()
        try:
            while True:
                wanted.check()
        except UnwantedError:
            stopped.set()
            raise

    async def run() -> None:
        closing, gone = Closing(), asyncio.Event()
        answer = asyncio.ensure_future(Workers(closing).read(request_that_ends(gone), reading, wanted))
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        if how == "the page goes":
            gone.set()
        else:
            closing.close()
        with pytest.raises(UnwantedError):
            await answer

    asyncio.run(run())
    assert stopped.wait(PATIENCE_S)


def test_what_is_read_is_answered_and_errors_come_through() -> None:
    async def run() -> None:
        workers, request = Workers(Closing()), request_that_ends(asyncio.Event())
        assert await workers.read(request, lambda: 7, Wanted()) == 7
        assert await workers.change(lambda: threading.current_thread().daemon) is False
        with pytest.raises(ZeroDivisionError):
            await workers.read(request, lambda: 1 // 0, Wanted())

    asyncio.run(run())


def test_ctrl_c_ends_the_server_while_it_reads_what_never_comes(project: Path) -> None:
    """The history is a pipe into which nobody writes, so a reader waits for ever."""
    pipe = project / ".tracker/runs/LeNet5/run-0/history/1-0.jsonl"
    os.mkfifo(pipe)
    server = subprocess.Popen(
        [sys.executable, "-m", "tracker.cli.main", "ui", "--no-browser", "--port", "0", "--json"],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        text = server.stdout.readline()
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        address = urlsplit(json.loads(text)["url"])
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=PATIENCE_S)
        token = address.query.partition("=")[2]
        connection.request("GET", "/api/run/LeNet5/run-0", headers={"authorization": f"Bearer {token}"})
        # Opening a pipe to write returns once it is open to be read: the server has come to it.
        writer = os.open(pipe, os.O_WRONLY)

        server.send_signal(signal.SIGINT)

        assert server.wait(PATIENCE_S) == 0
        os.close(writer)
    finally:
        server.kill()
        server.wait()
        with suppress(OSError):
            connection.close()
