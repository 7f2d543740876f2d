"""What a run read, brought back to where it had it; nothing of the user's overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.errors import NotFoundError
from tracker.revive.inputs import InputPlan, copy_into, plan_inputs, unknown_inputs, unknown_text
from tracker.storage.records import LoggedVersion, RunRecord, Used
from vcs.repo import Repo


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def used(repo: Repo, tmp_path: Path, text: str = "x", path: str | None = "./artifacts/mnist:v0") -> Used:
    """Log a version of p/mnist with one file, and return how a run used it."""
    folder = tmp_path / f"source-{text}"
    folder.mkdir(exist_ok=True)
    (folder / "x.txt").write_text(text)
    manifest = repo.log_artifact("p", "mnist", "dataset", repo.add_tree(folder)).manifest
    return Used(
        artifact="p/mnist", version=manifest.version, digest=manifest.digest, as_="mnist:latest", path=path
    )


def plans(
    repo: Repo, tree: Path, *inputs: Used, logged: tuple[str, ...] = (), cwd: str = "."
) -> list[InputPlan]:
    versions = [LoggedVersion(artifact=name, version="v0", digest="a" * 64) for name in logged]
    record = RunRecord(id="r", project="p", created="", used=list(inputs), logged=versions)
    return plan_inputs(repo, record, tree=tree, folder=tree / cwd)


def test_an_input_comes_to_where_the_run_had_it(repo: Repo, tree: Path, tmp_path: Path) -> None:
    (plan,) = plans(repo, tree, used(repo, tmp_path), cwd="examples")
    assert plan.state == "to bring"
    plan.apply()
    assert (tree / "examples/artifacts/mnist:v0/x.txt").read_text() == "x"
    (again,) = plans(repo, tree, used(repo, tmp_path), cwd="examples")
    assert again.state == "in place"
    again.apply()


def test_a_file_that_was_changed_there_is_left_and_said(repo: Repo, tree: Path, tmp_path: Path) -> None:
    plans(repo, tree, used(repo, tmp_path))[0].apply()
    file = tree / "artifacts/mnist:v0/x.txt"
    file.write_text("by hand")
    (plan,) = plans(repo, tree, used(repo, tmp_path))
    assert plan.state == "changed"
    assert plan.problem is not None
    assert "x.txt" in plan.problem
    plan.apply()
    assert file.read_text() == "by hand"


@pytest.mark.parametrize("path", ["../../elsewhere", "/data/mnist"])
def test_nothing_is_written_outside_of_the_tree(repo: Repo, tree: Path, tmp_path: Path, path: str) -> None:
    (plan,) = plans(repo, tree, used(repo, tmp_path, path=path))
    assert plan.state == "elsewhere"
    plan.apply()
    assert not (tree / path).exists()


def test_a_version_that_is_gone_is_named(repo: Repo, tree: Path, tmp_path: Path) -> None:
    gone = used(repo, tmp_path)
    repo.delete_artifact(repo.resolve("p/mnist:v0", project="p"), delete_aliases=True)
    (plan,) = plans(repo, tree, gone)
    assert plan.state == "missing"
    with pytest.raises(NotFoundError, match="p/mnist:v0 is gone"):
        plan.apply()


def test_objects_that_the_store_lacks_are_noticed(repo: Repo, tree: Path, tmp_path: Path) -> None:
    import shutil

    lost = used(repo, tmp_path)
    shutil.rmtree(repo.layout.objects)
    (plan,) = plans(Repo.open(repo.layout.root), tree, lost)
    assert plan.state == "missing"
    assert plan.problem is not None
    assert "1 object missing" in plan.problem


def test_a_version_is_found_by_its_contents_whatever_its_number(
    repo: Repo, tree: Path, tmp_path: Path
) -> None:
    """Ledgers of two clones may have dealt the numbers anew."""
    first, second = used(repo, tmp_path, "one"), used(repo, tmp_path, "two")
    first.version, second.version = second.version, first.version
    (plan,) = plans(repo, tree, first)
    plan.apply()
    assert (tree / "artifacts/mnist:v0/x.txt").read_text() == "one"


def test_what_was_not_downloaded_or_is_the_runs_own_is_not_brought(
    repo: Repo, tree: Path, tmp_path: Path
) -> None:
    (plan,) = plans(repo, tree, used(repo, tmp_path, path=None))
    assert plan.state == "not downloaded"
    assert plans(repo, tree, used(repo, tmp_path), logged=("p/mnist",)) == []


# what git does not have


def test_ignored_paths_that_may_have_been_read_are_found() -> None:
    ignored = [
        "MNIST/",
        ".venv/",
        "__pycache__/",
        "src/__pycache__/",
        "a.pyc",
        ".tracker/",
        "raw.bin",
        "data/x/",
    ]
    assert unknown_inputs(ignored, [], []) == ["MNIST/", "raw.bin", "data/x/"]
    assert unknown_inputs(ignored, ["MNIST"], ["data/x/artifacts"]) == ["raw.bin"]
    assert unknown_inputs(["artifacts/"], [], ["artifacts/mnist:v0"]) == []


def test_many_of_them_are_counted() -> None:
    assert unknown_text(["my data/"]).endswith("--with 'my data')")
    text = unknown_text([f"d{i}/" for i in range(20)])
    assert "d7/ and 12 more" in text


def test_a_copy_has_everything_and_spares_what_is_there(tmp_path: Path) -> None:
    source = tmp_path / "raw"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("a")
    (source / "b").write_text("b")
    (source / "b").chmod(0o755)
    (source / "link").symlink_to("b")
    target = tmp_path / "tree" / "raw"
    target.mkdir(parents=True)
    (target / "b").write_text("by hand")
    copy_into(source, target)
    assert (target / "deep" / "a").read_text() == "a"
    assert (target / "b").read_text() == "by hand"
    assert (target / "link").readlink() == Path("b")
    copy_into(source, tmp_path / "second")
    assert (tmp_path / "second" / "b").stat().st_mode & 0o111
    copy_into(source / "b", tmp_path / "third" / "b")
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_path_to_copy_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no"):
        copy_into(tmp_path / "none", tmp_path / "x")
