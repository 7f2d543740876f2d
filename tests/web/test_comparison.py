"""What the page is told when runs are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import Client, Serve

BOTH = ["LeNet5/run-0", "LeNet5/run-1"]


@pytest.fixture
def client(project: Path, serve: Serve) -> Client:
    return serve(project)


def test_runs_stand_side_by_side(client: Client) -> None:
    found = client.post("/api/compare", {"runs": BOTH}).json
    assert [run["name"] for run in found["runs"]] == ["run 0", "run 1"]
    assert found["config"] == [{"key": "lr", "values": [0.1, 0.01], "absent": [], "differs": True}]
    assert {line["key"]: line["differs"] for line in found["results"]} == {
        "train/loss": True,
        "train/acc": False,
    }


@pytest.mark.parametrize("runs", [[], BOTH[:1], "LeNet5", BOTH * 20])
def test_two_runs_or_some_more_are_compared(client: Client, runs: object) -> None:
    assert client.post("/api/compare", {"runs": runs}).status == 400


def test_a_run_that_is_not_there_is_named(client: Client) -> None:
    answer = client.post("/api/compare", {"runs": [BOTH[0], "LeNet5/../run-1"]})
    assert (answer.status, "run-1" in answer.json["message"]) == (404, True)
    assert client.get("/api/diff?old=LeNet5/run-0&new=LeNet5/no").status == 404


def test_why_two_runs_differ(client: Client) -> None:
    found = client.get(f"/api/diff?old={BOTH[0]}&new={BOTH[1]}").json
    sections = {section["title"]: section for section in found["sections"]}
    assert not found["same"]
    assert sections["Config"]["blocks"][0]["rows"] == [["lr", "0.1", "0.01"]]
    assert client.get(f"/api/diff?old={BOTH[0]}&new={BOTH[0]}").json["same"]


def test_settings_and_a_result_of_all_runs_of_a_list(client: Client) -> None:
    found = client.post("/api/parameters", {"project": "LeNet5", "target": "train/loss"}).json
    assert (found["total"], found["target"]) == (2, "train/loss")
    assert [each["key"] for each in found["influences"]] == ["lr"]
    rows = {row["id"]: row for row in found["rows"]}
    assert rows["run-0"]["settings"] == [0.1]
    assert rows["run-0"]["result"] == pytest.approx(1 / 20 + 0.1)
    assert client.post("/api/parameters", {"filter": "config.lr >"}).status == 400
    other = client.post("/api/parameters", {"target": "no such result"}).json
    assert other["target"] in other["targets"]
