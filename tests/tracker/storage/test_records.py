"""run.yaml: typed where we know it, kept where we do not, whole at every moment."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tracker.storage.build import layout
from tracker.storage import records
from tracker.storage.records import ForkPoint, LoggedVersion, RunFile, RunRecord, Session, Used
from vcs.errors import AlreadyExistsError, FormatError, LockedError, NotFoundError
from vcs.layout import RunLayout
from vcs.lock import file_lock

CREATED = "2026-11-23T07:30:00.123Z"


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """The files of a run that does not exist yet."""
    return layout(tmp_path)


def record() -> RunRecord:
    """A record with something in every part."""
    return RunRecord(
        id="run1",
        project="p",
        name="calm-otter-12",
        tags=["a", "1"],
        created=CREATED,
        forked_from=ForkPoint(run="aaaa1111", step=100),
        sessions=[
            Session(number=0, started=CREATED, state="failed", exit_code=1, error="ValueError: x", pid=7),
            Session(number=1, started=CREATED, argv=["python", "train.py"], seeds={"torch": 1.5}),
        ],
        used=[Used(artifact="p/mnist", version="v0", digest="d" * 64, as_="mnist:latest")],
        logged=[LoggedVersion(artifact="p/w", version="v1", digest="e" * 64, aliases=["best"], step=3)],
        files=[RunFile(path="history/0-0.jsonl", digest="f" * 64, size=12)],
        metrics=[{"name": "val/*", "summary": ["max"]}],
    )


def test_a_record_comes_back_equal(run: RunLayout) -> None:
    """Every field of every part."""
    records.create(run, record())

    assert records.load(run) == record()


def test_fields_have_the_documented_names_and_order(run: RunLayout) -> None:
    """People read this file; what is not known is not in it."""
    records.create(run, record())
    text = run.record.read_text()

    assert text.startswith("format: 1\nid: run1\nproject: p\nentity: ''\nname: calm-otter-12\n")
    assert "as: mnist:latest" in text
    assert "ended" not in text
    assert "extra" not in text
    assert "null" not in text


def test_unknown_fields_survive_a_rewrite_everywhere(run: RunLayout) -> None:
    """A newer version's additions and people's own notes."""
    records.create(run, record())
    text = run.record.read_text()
    text = text.replace("- number: 0\n", "- number: 0\n  weather: {sky: [grey]}\n")
    text = text.replace("  as: mnist:latest\n", "  as: mnist:latest\n  why: tests\n")
    text = text.replace("  step: 100\n", "  step: 100\n  reason: better\n")
    run.record.write_text(text + "favourite: true\n")

    records.update(run, lambda found: setattr(found, "notes", "changed"))

    rewritten = run.record.read_text()
    for kept in ("weather:", "why: tests", "reason: better", "favourite: true", "notes: changed"):
        assert kept in rewritten
    assert records.load(run).sessions[0].extra == {"weather": {"sky": ["grey"]}}


def test_of_two_that_create_a_run_one_learns_of_it(run: RunLayout) -> None:
    """The other record is not touched."""
    records.create(run, record())
    other = record()
    other.name = "other"

    with pytest.raises(AlreadyExistsError, match="run1"):
        records.create(run, other)

    assert records.load(run).name == "calm-otter-12"


def test_concurrent_updates_lose_nothing(run: RunLayout) -> None:
    """They come one after the other."""
    records.create(run, record())

    def work(name: int) -> None:
        for index in range(5):
            tag = f"{name}-{index}"
            records.update(run, lambda found, tag=tag: found.tags.append(tag))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(records.load(run).tags) == {"a", "1"} | {f"{n}-{i}" for n in range(4) for i in range(5)}


def test_a_change_that_fails_writes_nothing(run: RunLayout) -> None:
    """And gives the lock back."""
    records.create(run, record())
    before = run.record.read_bytes()

    def change(found: RunRecord) -> None:
        found.name = "half"
        raise KeyError("no")

    with pytest.raises(KeyError):
        records.update(run, change)

    assert run.record.read_bytes() == before
    records.update(run, lambda found: None)


def test_a_change_of_nothing_writes_nothing(run: RunLayout) -> None:
    """The file keeps its time, so caches stay valid."""
    records.create(run, record())
    before = run.record.stat().st_ino

    records.update(run, lambda found: None)

    assert run.record.stat().st_ino == before


def test_a_lock_that_is_never_given_back_is_an_error(run: RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, after a while."""
    records.create(run, record())
    monkeypatch.setattr(records, "LOCK_TIMEOUT_S", 0.05)

    with (
        file_lock(run.lock, timeout_s=1, what="test"),
        pytest.raises(LockedError, match="run1"),
    ):
        records.update(run, lambda found: None)


def test_the_lock_lies_outside_of_the_folder(run: RunLayout) -> None:
    """The folder holds what belongs to the run, and can be sent as it is."""
    records.create(run, record())
    records.update(run, lambda found: setattr(found, "notes", "x"))

    assert [path.name for path in run.folder.iterdir()] == ["run.yaml"]


def test_a_missing_run_is_not_found(run: RunLayout) -> None:
    """Nothing is created by looking or changing."""
    with pytest.raises(NotFoundError):
        records.load(run)
    with pytest.raises(NotFoundError):
        records.update(run, lambda found: None)

    assert not run.folder.exists()


def test_a_record_cut_at_any_byte_is_whole_or_an_error(run: RunLayout) -> None:
    """It is replaced atomically, but copies by hand can be cut."""
    records.create(run, record())
    whole = run.record.read_bytes()
    for length in range(0, len(whole), 7):
        run.record.write_bytes(whole[:length])
        with suppress(FormatError):
            assert records.load(run).id == "run1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1\n",
        "just text",
        "id: run1\n",
        "id: [run1]\nproject: p\ncreated: x\n",
        "format: 1\nid: run1\nproject: p\ncreated: 2026\n",
        "id: run1\nproject: p\ncreated: 'x'\nsessions: {}\n",
        "id: run1\nproject: p\ncreated: 'x'\nsessions: [1]\n",
        "id: run1\nproject: p\ncreated: 'x'\nsessions: [{number: zero, started: x}]\n",
        "id: run1\nproject: p\ncreated: 'x'\nstate: dancing\n",
        "id: run1\nproject: p\ncreated: 'x'\nforked_from: [1]\n",
        "id: run1\nproject: p\ncreated: 'x'\nfiles: [{path: ../../etc/passwd, digest: x, size: 1}]\n",
        "id: ../run2\nproject: p\ncreated: 'x'\n",
        "id: other\nproject: p\ncreated: 'x'\n",
        "id: run1\nproject: ..\ncreated: 'x'\n",
        "id: !!python/object/apply:os.system [ls]\n",
        "a: &a [1]\nb: *a\n",
        "{[: }",
        "\x00",
    ],
)
def test_a_hostile_or_wrong_record_is_refused_and_named(run: RunLayout, text: str) -> None:
    """Whoever wrote it; nothing in it is executed or followed."""
    run.folder.mkdir(parents=True)
    run.record.write_text(text)

    with pytest.raises(FormatError) as caught:
        records.load(run)
    assert "run.yaml" in caught.value.message or "unsafe path" in caught.value.message


def test_a_newer_format_is_refused_with_advice(run: RunLayout) -> None:
    """And the file is not touched."""
    run.folder.mkdir(parents=True)
    run.record.write_text("format: 2\nsomething: else\n")

    with pytest.raises(FormatError, match="newer version"):
        records.update(run, lambda found: None)

    assert run.record.read_text() == "format: 2\nsomething: else\n"


def test_times_may_be_written_without_quotes(run: RunLayout) -> None:
    """YAML would make dates of them; we keep the text."""
    run.folder.mkdir(parents=True)
    run.record.write_text(f"id: run1\nproject: p\ncreated: {CREATED}\n")

    assert records.load(run).created == CREATED


def test_sessions_are_found_by_number(run: RunLayout) -> None:
    """Whatever their order in the file."""
    found = record()
    found.sessions.reverse()

    assert found.session(0).exit_code == 1
    assert found.last_session is not None
    assert found.last_session.number == 1
    with pytest.raises(NotFoundError):
        found.session(2)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", 5), ("tags", [1]), ("sessions", [{}]), ("files", [RunFile(path="../x", digest="", size=1)])],
)
def test_a_record_that_could_not_be_read_again_is_not_written(
    run: RunLayout, field: str, value: object
) -> None:
    """The one that is there stays: a mistake costs the change, never the run."""
    records.create(run, record())

    with pytest.raises(FormatError):
        records.update(run, lambda record: setattr(record, field, value))

    assert records.load(run) == record()


def test_a_field_of_ours_that_yaml_cannot_hold_is_not_written(run: RunLayout) -> None:
    """Neither is a value of no plain type in a field of any type."""
    records.create(run, record())

    with pytest.raises(FormatError, match="cannot hold"):
        records.update(run, lambda record: record.metrics.append({"name": object()}))

    assert records.load(run) == record()
