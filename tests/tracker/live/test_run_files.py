"""run.save and run.restore."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tracker
from tests.tracker.live.conftest import written
from tracker.errors import NotFoundError, UsageError
from tracker.live import run_files


@pytest.fixture
def run(project: Path) -> tracker.Run:
    return tracker.init(project="p")


def kept(project: Path) -> dict[str, str]:
    files = written(project).files.files
    return {p.relative_to(files).as_posix(): p.read_text() for p in files.rglob("*") if p.is_file()}


def test_a_file_is_copied_under_its_relative_path(run: tracker.Run, project: Path) -> None:
    (project / "out").mkdir()
    (project / "out" / "a.txt").write_text("a")
    assert run.save("out/*.txt") == [os.path.join(run.dir, "out", "a.txt")]
    assert kept(project) == {"out/a.txt": "a"}


def test_an_absolute_path_below_the_folder_keeps_its_place_and_one_outside_its_name(
    run: tracker.Run, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "far.txt").write_text("far")
    run.save(str(project / "train.py"))
    run.save(tmp_path / "far.txt")
    assert set(kept(project)) == {"train.py", "far.txt"}


def test_a_base_path_says_where_the_path_begins(run: tracker.Run, project: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "x.txt").write_text("x")
    run.save(str(tmp_path / "deep" / "er" / "*"), base_path=str(tmp_path))
    assert kept(project) == {"deep/er/x.txt": "x"}
    with pytest.raises(UsageError, match="not below"):
        run.save(str(project / "train.py"), base_path=str(tmp_path / "deep"))


def test_nothing_that_matches_is_no_error(run: tracker.Run) -> None:
    assert run.save("*.nothing") == []
    assert run.save() == []


def test_a_star_can_be_meant_as_a_star(run: tracker.Run, project: Path) -> None:
    (project / "a*.txt").write_text("star")
    (project / "ab.txt").write_text("b")
    assert len(run.save("a*.txt", glob=False)) == 1


@pytest.mark.parametrize(("policy", "expected"), [("now", "one"), ("live", "two"), ("end", "two")])
def test_when_a_file_is_copied(run: tracker.Run, project: Path, policy: str, expected: str) -> None:
    (project / "a.txt").write_text("one")
    run.save("a.txt", policy=policy)
    assert kept(project) == ({} if policy == "end" else {"a.txt": "one"})
    (project / "a.txt").write_text("two")
    run.finish()
    assert kept(project) == {"a.txt": expected}


def test_a_file_that_is_gone_at_the_end_stays_as_it_was(run: tracker.Run, project: Path) -> None:
    (project / "a.txt").write_text("one")
    run.save("a.txt")
    (project / "a.txt").unlink()
    run.finish()
    assert kept(project) == {"a.txt": "one"}


def test_saving_a_file_that_lies_in_the_run_is_harmless(run: tracker.Run, project: Path) -> None:
    path = Path(run.dir) / "model.bin"
    path.write_text("weights")
    run.save(str(path), base_path=run.dir)
    run.finish()
    assert kept(project) == {"model.bin": "weights"}


def test_an_unknown_policy_and_a_url_are_refused(run: tracker.Run) -> None:
    with pytest.raises(UsageError, match="policy"):
        run.save("*", policy="later")
    with pytest.raises(UsageError, match="s3://"):
        run.save("s3://bucket/x")


def test_a_file_can_be_restored_from_this_run_and_from_another(run: tracker.Run, project: Path) -> None:
    (project / "a.txt").write_text("one")
    run.save("a.txt")
    (project / "a.txt").unlink()
    with run.restore("a.txt") as stream:
        assert stream.read() == "one"
    first = run.id
    run.finish()
    (project / "a.txt").unlink()
    with tracker.init(project="p") as other, other.restore("a.txt", run_path=f"p/{first}") as stream:
        assert (stream.read(), Path(stream.name)) == ("one", project / "a.txt")


def test_a_file_that_is_there_is_kept_unless_it_shall_be_replaced(run: tracker.Run, project: Path) -> None:
    (project / "a.txt").write_text("one")
    run.save("a.txt", policy="now")
    (project / "a.txt").write_text("mine")
    with run.restore("a.txt") as stream:
        assert stream.read() == "mine"
    with run.restore("a.txt", replace=True) as stream:
        assert stream.read() == "one"


def test_what_does_not_exist_or_leads_out_is_refused(run: tracker.Run, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing\.txt"):
        run.restore("nothing.txt")
    with pytest.raises(UsageError, match="leads out"):
        run.restore("../../../../../../etc/passwd", root=tmp_path)


def test_a_copy_appears_whole_or_not_at_all(
    run: tracker.Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a.txt").write_text("one")
    run.save("a.txt", policy="now")
    (project / "a.txt").write_text("two")

    def half(source: Path, target: Path) -> None:
        target.write_text("tw")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(run_files.shutil, "copy2", half)
        with pytest.raises(tracker.Error, match="disk is full"):
            run.save("a.txt", policy="now")
    assert kept(project) == {"a.txt": "one"}


def test_large_files_are_kept_when_the_script_just_ends(project: Path) -> None:
    """Without `finish` the run ends in `atexit`, where Python gives no threads any more."""
    script = (
        "import tracker\nrun = tracker.init(project='p', id='ends', settings={'x_disable_stats': True})\n"
        "open('large.bin', 'wb').write(bytes(9 << 20))\nrun.save('large.bin')\n"
        "version = tracker.Artifact('weights', type='model')\nversion.add_file('large.bin')\n"
        "run.log_artifact(version)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True)

    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    run = tracker.Api(root=project).run("p/ends")
    assert run.state == "finished"
    assert {file.path: file.size for file in run.record.files}["files/large.bin"] == 9 << 20
    assert [version.size for version in run.logged_artifacts()] == [9 << 20]


def test_large_media_are_kept_when_the_script_just_ends(project: Path, tmp_path: Path) -> None:
    """Their private copies stay until the run has ended, and no longer."""
    copies = tmp_path / "copies"
    copies.mkdir()
    script = (
        "import tracker\nrun = tracker.init(project='p', id='ends', settings={'x_disable_stats': True})\n"
        "for number in range(8):\n"
        "    open('film.mp4', 'wb').write(bytes([number]) * (5 << 20))\n"
        "    film = tracker.Video('film.mp4')\n"
        "    run.log({'film': film})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "TMPDIR": str(copies)},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    rows = tracker.Api(root=project).run("p/ends").history(pandas=False)
    assert len({row["film"]["digest"] for row in rows}) == 8
    assert list(copies.iterdir()) == []
