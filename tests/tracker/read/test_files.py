"""The files of a run, on disk or in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.read.conftest import Lab
from tracker.live.filing import list_files
from tracker.storage import records
from vcs.errors import IntegrityError, NotFoundError, UsageError


def keep(lab: Lab, name: str, data: bytes) -> None:
    """Put a file into `files/` as `run.save` does, and list it as the end of a run does."""
    run = lab.layout("abc")
    path = run.files / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    listed = list_files(run, lab.repo.store, lambda error: pytest.fail(str(error)))

    def change(record: records.RunRecord) -> None:
        record.files = listed

    records.update(run, change)


def test_files_are_named_as_the_script_named_them(lab: Lab) -> None:
    """Records of the run have their own names."""
    lab.add("abc", [{"x": 1}])
    keep(lab, "checkpoints/model.pt", b"weights")
    run = lab.api.run("abc")
    names = [file.name for file in run.files()]
    assert "checkpoints/model.pt" in names
    assert {"config.yaml", "run.yaml", "summary.yaml", "history/0-0.jsonl"} <= set(names)
    file = run.file("checkpoints/model.pt")
    assert (file.size, file.read_bytes(), file.path) == (7, b"weights", "files/checkpoints/model.pt")


def test_files_can_be_chosen(lab: Lab) -> None:
    """By name or by pattern, wandb's or the shell's."""
    lab.add("abc")
    keep(lab, "a.txt", b"a")
    keep(lab, "b.txt", b"b")
    run = lab.api.run("abc")
    assert [file.name for file in run.files(["a.txt", "nothing"])] == ["a.txt"]
    assert [file.name for file in run.files(pattern="%.txt")] == ["a.txt", "b.txt"]
    assert [file.name for file in run.files(pattern="b.*")] == ["b.txt"]


def test_a_file_is_downloaded_once(lab: Lab, tmp_path: Path) -> None:
    """Unless it may be replaced or kept."""
    lab.add("abc")
    keep(lab, "d/a.txt", b"first")
    run = lab.api.run("abc")
    with run.file("d/a.txt").download(str(tmp_path / "out")) as stream:
        assert stream.read() == "first"
    target = tmp_path / "out/d/a.txt"
    target.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        run.file("d/a.txt").download(tmp_path / "out")
    with run.file("d/a.txt").download(tmp_path / "out", exist_ok=True) as stream:
        assert stream.read() == "mine"
    with run.file("d/a.txt").download(tmp_path / "out", replace=True) as stream:
        assert stream.read() == "first"


def test_a_large_file_that_is_gone_comes_out_of_the_store(lab: Lab, tmp_path: Path) -> None:
    """`git clean -fdx` brings back what is small; the rest is an object."""
    lab.add("abc")
    data = bytes(2 << 20)
    keep(lab, "big.bin", data)
    (lab.layout("abc").files / "big.bin").unlink()
    file = lab.api.run("abc").file("big.bin")
    assert (file.size, file.local_path) == (2 << 20, None)
    file.download(tmp_path).close()
    assert (tmp_path / "big.bin").read_bytes() == data


def test_a_damaged_object_is_not_handed_out(lab: Lab) -> None:
    """The digest is looked at."""
    lab.add("abc")
    keep(lab, "big.bin", bytes(2 << 20))
    (lab.layout("abc").files / "big.bin").unlink()
    file = lab.api.run("abc").file("big.bin")
    assert file._kept is not None
    place = lab.repo.store.file_of(file._kept.digest)  # type: ignore[arg-type]
    assert place is not None
    place.chmod(0o644)
    place.write_bytes(b"\1" + bytes((2 << 20) - 1))
    with pytest.raises(IntegrityError):
        file.read_bytes()


def test_a_small_file_that_is_gone_everywhere_is_named(lab: Lab) -> None:
    """It is in the ledger at most."""
    lab.add("abc")
    keep(lab, "a.txt", b"a")
    (lab.layout("abc").files / "a.txt").unlink()
    with pytest.raises(NotFoundError):
        lab.api.run("abc").file("a.txt").read_bytes()


def test_an_unknown_file_has_near_names(lab: Lab) -> None:
    """The usual slip."""
    lab.add("abc")
    keep(lab, "model.pt", b"x")
    with pytest.raises(NotFoundError) as caught:
        lab.api.run("abc").file("modle.pt")
    assert caught.value.hint == "did you mean model.pt?"


def test_a_file_can_be_added_and_deleted_afterwards(lab: Lab, tmp_path: Path) -> None:
    """Records of the run cannot be deleted one by one."""
    run = lab.add("abc")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/a.txt").write_text("plot")
    file = run.upload_file("plots/a.txt", root=tmp_path)
    assert (file.name, file.read_bytes()) == ("plots/a.txt", b"plot")
    assert [kept.path for kept in records.load(lab.layout("abc")).files] == ["files/plots/a.txt"]
    file.delete()
    assert records.load(lab.layout("abc")).files == []
    assert not list(lab.layout("abc").files.rglob("*.txt"))
    with pytest.raises(UsageError, match="record"):
        run.file("run.yaml").delete()
    with pytest.raises(UsageError, match="not below"):
        run.upload_file(tmp_path / "plots/a.txt", root=tmp_path / "other")
    with pytest.raises(NotFoundError):
        run.upload_file("nothing.txt", root=tmp_path)
