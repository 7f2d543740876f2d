"""What the server says of records, also of damaged ones."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

import tracker
from tests.web.conftest import Client, Serve

RUN = "/api/run/LeNet5/run-0"


@pytest.fixture
def client(project: Path, serve: Serve) -> Client:
    return serve(project)


def names(client: Client, **question: object) -> list[str]:
    return [row["name"] for row in client.post("/api/runs", {"fresh": True, **question}).json["rows"]]


def test_an_answer_that_the_browser_has_is_not_sent_again(project: Path, serve: Serve) -> None:
    client = serve(project)
    for path in ("/api/about", "/api/run/LeNet5/run-0", "/api/run/LeNet5/run-0/files", "/api/artifacts"):
        first = client.get(path)
        again = client.get(path, if_none_match=first.headers["etag"])
        assert (first.status, again.status, again.body) == (200, 304, b"")
    client.ask("PATCH", "/api/run/LeNet5/run-0", {"name": "another"})
    changed = client.get("/api/run/LeNet5/run-0", if_none_match=first.headers["etag"])

    assert changed.json["name"] == "another"


def test_runs_are_filtered_ordered_and_cut(client: Client) -> None:
    assert names(client, sort="config.lr") == ["run 1", "run 0"]
    assert names(client, filter="tag = baseline") == ["run 0"]
    assert names(client, sort="name", offset=1, limit=1) == ["run 1"]
    assert names(client, hidden=["LeNet5/run-0"]) == ["run 1"]


def test_a_filter_that_cannot_be_understood_says_where(client: Client) -> None:
    answer = client.post("/api/runs", {"filter": "config.lr >"})

    assert answer.status == 400
    assert answer.json["position"] == "11"


@pytest.mark.parametrize("file", ["config.yaml", "summary.yaml", "run.yaml"])
def test_a_damaged_file_hides_no_other_run(project: Path, client: Client, file: str) -> None:
    (project / ".tracker/runs/LeNet5/run-0" / file).write_text("{{{ no: yaml")

    assert "run 1" in names(client)
    assert "run 1" in names(client, filter="config.lr < 1 and summary.train/acc > 0")
    assert client.get("/api/fields").status == 200
    assert client.post("/api/metrics", {"runs": ["LeNet5/run-0", "LeNet5/run-1"]}).status == 200


def test_a_damaged_history_is_said_and_the_rest_is_shown(project: Path, client: Client) -> None:
    (lines,) = (project / ".tracker/runs/LeNet5/run-0/history").glob("*")
    content = lines.read_bytes().splitlines(keepends=True)
    content[5] = b"[0,nonsense\n"
    lines.write_bytes(b"".join(content))

    about = client.get(RUN).json
    assert len(about["damaged"]) == 1
    found = heads(client, "/api/series", {"runs": ["LeNet5/run-0"], "keys": ["train/loss"]})
    assert found[0]["total"] == 19


@pytest.mark.parametrize(
    "body",
    [
        {"runs": "no list", "keys": []},
        {"runs": [], "keys": [], "columns": 0},
        {"runs": [], "keys": [], "columns": 10**9},
        {"runs": [], "keys": [], "smooth": 1.0},
        {"runs": ["a/b"] * 1000, "keys": ["x"] * 1000},
        {"keys": ["x"]},
    ],
)
def test_questions_that_make_no_sense_are_refused(client: Client, body: object) -> None:
    assert client.post("/api/series", body).status == 400


def test_runs_that_are_gone_are_said_beside_the_others(client: Client) -> None:
    runs = ["LeNet5/gone", "../x/y", "LeNet5/run-1"]
    curves = heads(client, "/api/series", {"runs": runs, "keys": ["train/loss"]})

    assert ["error" in curve for curve in curves] == [True, True, False]


def test_the_console_comes_in_pieces_that_tear_no_character(project: Path, client: Client) -> None:
    text = "größer 训练 🙂\n" * 30_000
    (project / ".tracker/runs/LeNet5/run-0/output.log").write_text(text)
    place, found = 0, ""
    while True:
        piece = client.get(f"{RUN}/console?start={place}").json
        found += piece["text"]
        if piece["end"] == piece["size"]:
            break
        place = piece["end"]

    assert found == text


def test_an_edit_is_written_and_answered(client: Client) -> None:
    answer = client.ask("PATCH", RUN, {"name": "new", "tags": ["a", "a", ""], "notes": "n"})

    assert answer.json == {"name": "new", "tags": ["a"], "notes": "n", "group": ""}
    assert client.ask("PATCH", RUN, {"state": "finished"}).status == 400
    assert client.ask("PATCH", RUN, {"tags": [1]}).status == 400


def with_second_rank(project: Path) -> None:
    """Give run-0 the rows of another process: two of them, and a metric of its own."""
    folder = project / ".tracker/runs/LeNet5/run-0/history"
    (own,) = folder.iterdir()
    head = {**json.loads(own.read_bytes().partition(b"\n")[0]), "rank": "1"}
    lines = [head, {"schema": 0, "keys": ["train/loss", "only/here"]}, [0, 0, 5, 9.5, 1], [0, 1, 6, 8.5, 2]]
    (folder / "0-1.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_the_rows_of_other_ranks_are_curves_of_their_own(project: Path, client: Client) -> None:
    with_second_rank(project)
    assert client.get(RUN).json["ranks"] == ["0", "1"]
    wanted = {"runs": ["LeNet5/run-0"], "keys": ["train/loss", "only/here"], "ranks": ["0", "1"]}
    curves = heads(client, "/api/series", wanted)

    assert [(curve["key"], curve.get("rank"), curve["total"]) for curve in curves] == [
        ("train/loss", None, 20),
        ("train/loss", "1", 2),
        ("only/here", "1", 2),
    ]
    metrics = client.post("/api/metrics", {"runs": ["LeNet5/run-0"], "ranks": ["0", "1"]}).json["metrics"]
    assert [metric["key"] for metric in metrics] == ["train/loss", "train/acc", "only/here"]


def test_what_was_taken_back_is_told_of_other_ranks_and_of_groups(project: Path, client: Client) -> None:
    with_second_rank(project)
    with tracker.init(project="LeNet5", id="run-0", resume_from="run-0?_step=0"):
        pass
    about = {"keys": ["train/loss"], "masked": True}

    found = heads(client, "/api/series", {**about, "runs": ["LeNet5/run-0"], "ranks": ["0", "1"]})
    assert [(each.get("rank"), each.get("masked"), each["total"]) for each in found] == [
        (None, None, 1),
        (None, 0, 19),
        ("1", None, 1),
        ("1", 0, 1),
    ]
    group = {"name": "both", "runs": ["LeNet5/run-0", "LeNet5/run-1"]}
    band, masked = heads(client, "/api/bands", {**about, "groups": [group]})
    assert (band["total"], masked["run"], masked["masked"], masked["points"]) == (21, "both", 0, 19)


def heads(client: Client, path: str, question: object) -> list[dict[str, Any]]:
    """What is said of the curves that are asked for."""
    body = client.post(path, question).body
    (length,) = struct.unpack_from("<I", body)
    return list(json.loads(body[4 : 4 + length])["curves"])
