"""The runs of a project: all of them, found by what people type."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tracker.storage import records
from tracker.storage.catalog import Catalog, state_of
from tracker.storage.records import RunRecord, Session
from vcs.errors import FormatError, NotFoundError, UsageError
from vcs.layout import Layout
from vcs.liveness import ProcessId, this_process

CREATED = "2026-11-23T07:30:00.123Z"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A project without runs."""
    tracker = tmp_path / ".tracker"
    store = tracker / "store"
    return Layout(tmp_path, tmp_path, tracker, store, None, store)


@pytest.fixture
def catalog(layout: Layout) -> Catalog:
    """Its catalog."""
    return Catalog(layout)


def add(layout: Layout, project: str, run_id: str, **fields: Any) -> RunRecord:
    """Make a run."""
    record = RunRecord(id=run_id, project=project, created=CREATED, **{"state": "finished", **fields})
    records.create(layout.run(project, run_id), record)
    return record


def test_a_folder_without_runs_is_an_empty_catalog(catalog: Catalog) -> None:
    """Not an error."""
    assert list(catalog.runs()) == []
    assert catalog.projects() == []
    with pytest.raises(NotFoundError, match="no run 'x'"):
        catalog.find("x")


def test_runs_are_listed_by_project(catalog: Catalog, layout: Layout) -> None:
    """What is no run is no run."""
    add(layout, "b", "r2")
    add(layout, "a", "r3")
    add(layout, "b", "r1")
    (layout.runs / "empty").mkdir()
    (layout.runs / "b" / "notes").mkdir()
    (layout.runs / "b" / "file").write_text("x")
    records.update(layout.run("b", "r1"), lambda record: setattr(record, "notes", "makes a lock"))

    assert [(e.project, e.id) for e in catalog.runs()] == [("a", "r3"), ("b", "r1"), ("b", "r2")]
    assert [e.id for e in catalog.runs("b")] == ["r1", "r2"]
    assert catalog.projects() == ["a", "b"]


def test_a_damaged_record_hides_no_other(catalog: Catalog, layout: Layout) -> None:
    """It is reported beside the list, and named when it is asked for."""
    add(layout, "p", "good")
    add(layout, "p", "worse")
    layout.run("p", "worse").record.write_text("{[")

    assert [e.id for e in catalog.runs()] == ["good"]
    assert len(catalog.damaged) == 1
    assert "worse" in str(catalog.damaged[0])
    with pytest.raises(FormatError, match="worse"):
        catalog.find("worse")
    assert catalog.find("good").id == "good"


class TestFind:
    """Id, name, prefix, path."""

    @pytest.fixture(autouse=True)
    def runs(self, layout: Layout) -> None:
        """Some runs with names that are easily confused."""
        add(layout, "p", "abcd1111", name="calm-otter-1")
        add(layout, "p", "abce2222", name="abcd")
        add(layout, "q", "wxyz3333", name="calm-otter-1")
        add(layout, "q", "abcd1111", name='it\'s: a "name"')

    def test_by_id_in_the_given_project_first(self, catalog: Catalog) -> None:
        """Ids are unique in a project."""
        assert catalog.find("abcd1111", "q").project == "q"
        assert catalog.find("wxyz3333", "p").project == "q"

    def test_by_beginning_of_an_id(self, catalog: Catalog) -> None:
        """If it is the beginning of one id only."""
        assert catalog.find("abce").id == "abce2222"
        assert catalog.find("w", "p").id == "wxyz3333"

    def test_by_name(self, catalog: Catalog) -> None:
        """Also a name that YAML has to quote; a name wins over the beginning of an id."""
        assert catalog.find('it\'s: a "name"').project == "q"
        assert catalog.find("calm-otter-1", "p").id == "abcd1111"
        assert catalog.find("abcd", "p").id == "abce2222"

    def test_by_beginning_of_a_name(self, catalog: Catalog) -> None:
        """Most names are longer than what one likes to type; the beginning of an id wins."""
        assert catalog.find("calm", "p").id == "abcd1111"
        assert catalog.find("it's").id == "abcd1111"
        assert catalog.find("abc", "q").id == "abcd1111"

    def test_by_path(self, catalog: Catalog) -> None:
        """As wandb spells runs."""
        assert catalog.find("q/abcd1111", "p").project == "q"
        assert catalog.find("team/q/calm-otter-1").id == "wxyz3333"

    @pytest.mark.parametrize("text", ["abcd1111", "calm-otter-1", "abc", "calm"])
    def test_several_are_named_and_refused(self, catalog: Catalog, text: str) -> None:
        """Whoever asks can choose."""
        with pytest.raises(UsageError, match=r"means \d runs: ./") as caught:
            catalog.find(text)
        assert caught.value.hint == "give the whole id"

    def test_an_unknown_run_brings_near_names(self, catalog: Catalog) -> None:
        """Slips of the keyboard are the usual reason."""
        with pytest.raises(NotFoundError) as caught:
            catalog.find("calm-oter-1")
        assert "calm-otter-1" in str(caught.value.hint)

    @pytest.mark.parametrize(
        "text", ["", "/", "../p/abcd1111/..", "..", "p/", "nowhere/abcd1111", ".locks", "*"]
    )
    def test_no_text_leaves_the_folder_of_runs(self, catalog: Catalog, text: str) -> None:
        """Paths are not followed."""
        with pytest.raises(NotFoundError):
            catalog.find(text)


class TestState:
    """What the record says, corrected where the process is known to be gone."""

    def record(self, process: ProcessId, state: str = "running") -> RunRecord:
        """A run of one session in a process."""
        session = Session(number=0, started=CREATED, **asdict(process))
        return RunRecord(id="r", project="p", created=CREATED, state=state, sessions=[session])

    def test_a_live_process_is_running(self) -> None:
        """This one is."""
        assert state_of(self.record(this_process())) == "running"

    def test_a_process_that_is_gone_has_crashed(self, catalog: Catalog) -> None:
        """Found out by whoever looks, without a heartbeat."""
        gone = replace(this_process(), pid_start=0.5)

        assert state_of(self.record(gone)) == "crashed"
        assert catalog.state(self.record(gone)) == "crashed"
        assert state_of(self.record(replace(this_process(), boot="earlier"))) == "crashed"

    def test_a_process_elsewhere_stays_running(self) -> None:
        """It cannot be known from here."""
        assert state_of(self.record(replace(this_process(), host="elsewhere"))) == "running"

    def test_a_run_that_ended_stays_as_it_ended(self) -> None:
        """Although its process is gone."""
        gone = replace(this_process(), pid_start=0.5)

        assert state_of(self.record(gone, "failed")) == "failed"
        assert state_of(RunRecord(id="r", project="p", created=CREATED)) == "running"
