"""A real server over real records, and requests as a browser sends them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tracker

pytest.importorskip("uvicorn")

import uvicorn

from tracker.web.app import make_app
from tracker.web.server import Address, listen
from tracker.web.shelf import Shelf
from vcs.repo import Repo

TOKEN = "a-token-of-the-test"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks one server."""

    port: int
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {TOKEN}"})

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """Send a request; a header of None is left out."""
        given: dict[str, str | None] = {**self.headers, "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            sent = {name: value for name, value in given.items() if value is not None}
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, sent)
            found = connection.getresponse()
            return Answer(
                found.status, {name.lower(): value for name, value in found.getheaders()}, found.read()
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str | None) -> Answer:
        return self.ask("POST", path, body, **headers)


Serve = Callable[..., Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers over folders; they end with the test."""
    stops: list[Callable[[], None]] = []

    def start(
        folder: Path,
        *,
        read_only: bool = False,
        token: str | None = TOKEN,
        patience_s: float = 600,
        **options: Any,
    ) -> Client:
        shelf = Shelf(Repo.open(folder, create=False), read_only=read_only, patience_s=patience_s)
        app, closing = make_app(shelf, token, **options)
        made = listen(Address(port=0))
        config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [made]}, daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            closing.close()
            thread.join(30)
            made.close()

        stops.append(stop)
        return Client(made.getsockname()[1])

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def project(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs that have ended."""
    monkeypatch.chdir(plain_dir)
    for number, (lr, tags) in enumerate([(0.1, ["baseline"]), (0.01, [])]):
        with tracker.init(
            project="LeNet5", id=f"run-{number}", name=f"run {number}", config={"lr": lr}, tags=tags
        ) as run:
            for step in range(20):
                run.log({"train/loss": 1 / (step + 1) + lr, "train/acc": step / 20})
    return plain_dir
