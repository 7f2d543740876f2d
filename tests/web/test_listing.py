"""The list of runs while it is read for the first time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from tests.web.conftest import Client, Serve
from tests.web.slow_disk import slow_record
from tracker.read.run_view import RunView
from tracker.read.selection import Question
from tracker.web.shelf import Shelf
from vcs.errors import StoreError
from vcs.repo import Repo


@pytest.fixture
def finish(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Make a third run whose record is not read before this is called."""
    yield from slow_record(project, monkeypatch)


def names(client: Client, **question: object) -> list[str]:
    return [row["id"] for row in client.post("/api/runs", question).json["rows"]]


def test_runs_that_are_read_already_are_given_at_once(
    project: Path, serve: Serve, finish: Callable[[], None]
) -> None:
    client = serve(project, patience_s=0.01)

    until(lambda: names(client) == ["run-1", "run-0"])
    assert client.get("/api/reading").json["reading"] == {"done": 2, "total": 3}
    assert client.get("/api/about").json["reading"] == {"done": 2, "total": 3}
    assert client.post("/api/keys", {}).json["reading"] == {"done": 2, "total": 3}
    assert names(client, fresh=True) == ["run-1", "run-0"]

    finish()
    until(lambda: client.get("/api/reading").json["reading"] is None)
    assert sorted(names(client)) == ["run-0", "run-1", "run-2"]


def test_a_fresh_list_is_one_that_was_begun_after_the_question(project: Path) -> None:
    shelf = Shelf(Repo.open(project, create=False), patience_s=600)
    assert len(shelf.listing().runs) == 2
    record = (project / ".tracker/runs/LeNet5/run-0/run.yaml").read_text().replace("run-0", "run-2")
    (project / ".tracker/runs/LeNet5/run-2").mkdir()
    (project / ".tracker/runs/LeNet5/run-2/run.yaml").write_text(record)

    found = shelf.listing(fresh=True)
    assert len(found.runs) == 3
    assert shelf.listing(fresh=True).version == found.version


def test_a_folder_that_cannot_be_read_is_an_error_and_then_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(Repo.open(project, create=False), patience_s=600)
    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", _refuse)
        with pytest.raises(StoreError):
            shelf.listing()

    assert len(shelf.listing(fresh=True).runs) == 2


def _refuse(path: object) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_who_lists_runs_can_show_how_far_it_is(project: Path) -> None:
    class Sink:
        total = done = 0

        def add_total(self, files: int, bytes: int) -> None:
            self.total += files

        def advance(self, files: int, bytes: int) -> None:
            self.done += files

    sink = Sink()
    home = Shelf(Repo.open(project, create=False)).home
    assert len(Question(home, None, None, "name").answer(RunView, sink)) == 2
    assert (sink.total, sink.done) == (2, 2)
