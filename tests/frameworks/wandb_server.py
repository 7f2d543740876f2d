"""A server on this machine that says just enough for `wandb sync`, and keeps what it is sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Received:
    """What came: the run's fields as the last request had them, its rows by place, its files by name."""

    def __init__(self) -> None:
        self.run: dict[str, Any] = {}
        self.rows: dict[int, Any] = {}
        self.files: dict[str, bytes] = {}
        self.exit_code: int | None = None

    def take_stream(self, body: dict[str, Any]) -> None:
        part = (body.get("files") or {}).get("wandb-history.jsonl")
        for place, line in enumerate((part or {}).get("content", ())):
            self.rows[part["offset"] + place] = json.loads(line)
        if body.get("complete"):
            self.exit_code = body["exitcode"]


class _Handler(BaseHTTPRequestHandler):
    received: Received

    def do_POST(self) -> None:
        body = json.loads(self._body())
        if not self.path.endswith("/graphql"):
            self.received.take_stream(body)
            self._answer({})
            return
        name, given = body.get("operationName"), body.get("variables") or {}
        answers = {"UpsertBucket": self._run, "CreateRunFiles": self._places}
        self._answer({"data": answers[name](given) if name in answers else {}})

    def do_PUT(self) -> None:
        self.received.files[unquote(self.path.removeprefix("/up/"))] = self._body()
        self._answer({})

    def _run(self, given: dict[str, Any]) -> dict[str, Any]:
        self.received.run |= {key: value for key, value in given.items() if value is not None}
        project = {"id": "p1", "name": given["project"], "entity": {"id": "e1", "name": "me"}}
        bucket = {"id": "b1", "name": given["name"], "displayName": given["displayName"], "config": "{}"}
        return {
            "upsertBucket": {
                "bucket": {**bucket, "project": project, "historyLineCount": 0},
                "inserted": True,
            }
        }

    def _places(self, given: dict[str, Any]) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.server.server_address[1]}/up/"
        files = [{"name": name, "uploadUrl": base + name} for name in given["files"]]
        return {"createRunFiles": {"runID": "b1", "uploadHeaders": [], "files": files}}

    def _body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def _answer(self, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def wandb_server() -> Iterator[tuple[str, Received]]:
    """Yield the address of a server, and what it receives."""
    received = Received()
    handler = type("Handler", (_Handler,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", received
        finally:
            server.shutdown()
            thread.join()
