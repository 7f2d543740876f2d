"""Curves that are kept as they were last drawn."""

from __future__ import annotations

import json
import struct
from array import array
from pathlib import Path

from tests.web.conftest import Client, Serve
from tracker.web.drawn import Drawn


def curve(points: int) -> tuple[dict[str, int], array[float]]:
    return {"total": points}, array("d", bytes(8 * points))


def test_what_was_not_asked_for_lately_is_forgotten() -> None:
    drawn = Drawn(limit_bytes=8 * 25)
    for name in "ab":
        drawn.put(name, curve(10))
    assert drawn.get("a") is not None
    drawn.put("c", curve(10))

    assert [drawn.get(name) is not None for name in "abc"] == [True, False, True]
    drawn.put("d", curve(99))
    assert [drawn.get(name) for name in "abcd"] == [None] * 4


def test_a_head_that_is_given_is_the_asker_s_own() -> None:
    drawn = Drawn()
    drawn.put("a", curve(1))
    found = drawn.get("a")
    assert found is not None
    found[0]["at"] = 7
    assert drawn.get("a") == curve(1)


def test_a_row_that_is_logged_is_in_the_next_answer(project: Path, serve: Serve) -> None:
    """Though the curve before it is kept."""
    client = serve(project)
    assert [total(client), total(client)] == [20, 20]
    (lines,) = (project / ".tracker/runs/LeNet5/run-0/history").iterdir()
    with lines.open("ab") as stream:
        stream.write(b"[0,20,9000,0.5,0.5]\n")

    assert total(client) == 21


def total(client: Client) -> int:
    body = client.post("/api/series", {"runs": ["LeNet5/run-0"], "keys": ["train/loss"]}).body
    (length,) = struct.unpack_from("<I", body)
    return int(json.loads(body[4 : 4 + length])["curves"][0]["total"])
