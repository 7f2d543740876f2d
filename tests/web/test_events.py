"""What the server tells a page that stays open."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from tests.web.conftest import Serve


@pytest.mark.parametrize("known", ["0", "no-number", "9" * 5000])
def test_what_changed_before_the_page_began_to_listen_is_told(
    project: Path, serve: Serve, known: str
) -> None:
    client = serve(project)
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=600)
    connection.request("GET", f"/api/events?version={known}", headers=client.headers)
    stream = connection.getresponse()
    assert stream.readline() == b"event: hello\n"
    stream.readline(), stream.readline()
    if known == "0":
        assert stream.readline() == b"event: runs\n"
    connection.close()
