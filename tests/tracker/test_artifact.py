"""Drafts: what can be added, under which names, and what is refused."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.artifact import Artifact, ArtifactTTL
from tracker.errors import ArtifactFinalizedError, ArtifactNotLoggedError, NotFoundError, UsageError
from vcs.repo import Repo


@pytest.fixture
def here(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current directory."""
    monkeypatch.chdir(git_repo)
    return git_repo


def draft(name: str = "mnist") -> Artifact:
    return Artifact(name, "dataset")


def paths(artifact: Artifact) -> list[str]:
    return list(artifact.manifest.entries)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "ä", ".", "x" * 129])
def test_a_name_that_cannot_be_is_a_value_error(name: str) -> None:
    """Names become folders and are typed on command lines."""
    with pytest.raises(ValueError):
        Artifact(name, "dataset")


@pytest.mark.parametrize(
    ("name", "kind"), [("x", "job"), ("x", "wandb-history"), ("run-1-x", "run_table"), ("source-x", "code")]
)
def test_a_type_that_wandb_reserves_is_refused(name: str, kind: str) -> None:
    """So that what is logged here can be logged there."""
    with pytest.raises(ValueError, match="reserved"):
        Artifact(name, kind)


def test_a_draft_touches_nothing_before_something_is_added(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository is found at the first add."""
    monkeypatch.chdir(plain_dir)
    draft()
    assert list(plain_dir.iterdir()) == []


def test_a_draft_works_in_a_plain_folder(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, contents lie below .tracker."""
    monkeypatch.chdir(plain_dir)
    (plain_dir / "a.txt").write_text("a")
    artifact = draft()
    artifact.add_file("a.txt")
    artifact.save()
    assert artifact.name == "mnist:v0"


def test_add_file_takes_the_content_at_once(here: Path) -> None:
    """Later changes of the file do not matter, whatever the policy."""
    (here / "w.bin").write_bytes(b"one")
    artifact = draft()
    artifact.add_file("w.bin", policy="immutable")
    (here / "w.bin").write_bytes(b"two")
    artifact.save()

    assert Path(artifact.download(), "w.bin").read_bytes() == b"one"


def test_add_file_names_it_after_the_file(here: Path) -> None:
    """Or as asked, with folders."""
    artifact = draft()
    entry = artifact.add_file(here / "train.py")
    assert (entry.path, entry.size, entry.local_path) == ("train.py", 18, str(here / "train.py"))
    artifact.add_file("train.py", name="./code//main.py")
    assert paths(artifact) == ["code/main.py", "train.py"]


def test_add_file_follows_a_link(here: Path) -> None:
    """The name is that of the link, the content that of the file."""
    (here / "link.py").symlink_to("train.py")
    artifact = draft()
    artifact.add_file("link.py")
    assert artifact.get_entry("link.py").size == 18


@pytest.mark.parametrize("name", ["../x", "/x", "a/../b", "", ".", ".git/config"])
def test_a_name_that_leaves_the_artifact_is_refused(here: Path, name: str) -> None:
    """Paths of a manifest mean a file inside."""
    with pytest.raises(ValueError):
        draft().add_file("train.py", name=name)


def test_add_file_refuses_what_is_no_file(here: Path) -> None:
    """A folder, a missing file and a pipe are named."""
    os.mkfifo(here / "pipe")
    with pytest.raises(ValueError, match="folder"):
        draft().add_file(".")
    with pytest.raises(ValueError, match=r"nothing\.txt"):
        draft().add_file("nothing.txt")
    with pytest.raises(ValueError, match="pipe"):
        draft().add_file("pipe")


def test_the_same_path_twice_needs_the_same_content_or_overwrite(here: Path) -> None:
    """As wandb: a ValueError with its words."""
    artifact = draft()
    artifact.add_file("train.py")
    artifact.add_file("train.py")
    (here / "train.py").write_text("other")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        artifact.add_file("train.py")
    artifact.add_file("train.py", overwrite=True)
    assert artifact.get_entry("train.py").size == 5


def test_add_dir_puts_contents_at_the_top_or_below_a_name(here: Path) -> None:
    """Executable bits, links and empty folders included."""
    data = here / "data"
    (data / "sub").mkdir(parents=True)
    (data / "empty").mkdir()
    (data / "a.txt").write_text("a")
    (data / "run.sh").write_text("#!")
    (data / "run.sh").chmod(0o755)
    (data / "sub" / "to-a").symlink_to("../a.txt")
    artifact = draft()
    artifact.add_dir("data")
    artifact.add_dir("data", name="copy")
    assert paths(artifact) == [
        *("a.txt", "copy/a.txt", "copy/run.sh", "copy/sub/to-a", "run.sh", "sub/to-a"),
    ]
    artifact.save()
    back = Path(artifact.download())
    assert (back / "copy" / "empty").is_dir()
    assert os.access(back / "run.sh", os.X_OK)
    assert os.readlink(back / "sub" / "to-a") == "../a.txt"


def test_add_dir_of_a_missing_folder_or_a_file_is_refused(here: Path) -> None:
    """With its name."""
    with pytest.raises(NotFoundError, match="nowhere"):
        draft().add_dir("nowhere")
    with pytest.raises(UsageError, match=r"train\.py"):
        draft().add_dir("train.py")


def test_add_dir_respects_trackerignore_at_the_top_and_in_the_folder(here: Path) -> None:
    """gitignore rules; the deepest file decides."""
    data = here / "data" / "deep"
    data.mkdir(parents=True)
    (here / ".trackerignore").write_text("*.log\n/data/secret\n")
    (data / ".trackerignore").write_text("!keep.log\n")
    for name in ("data/a.log", "data/secret", "data/deep/keep.log", "data/deep/b.log", "data/x"):
        (here / name).write_text(name)
    artifact = draft()
    artifact.add_dir("data")
    assert paths(artifact) == ["deep/.trackerignore", "deep/keep.log", "x"]


def test_add_dir_that_fails_adds_nothing(here: Path) -> None:
    """All of a folder or none of it."""
    data = here / "data"
    data.mkdir()
    (data / "a.txt").write_text("a")
    (data / "out").symlink_to("/etc/passwd")
    artifact = draft()
    with pytest.raises(UsageError, match="out"):
        artifact.add_dir("data")
    (data / "out").unlink()
    artifact.add_file("train.py", name="a.txt")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        artifact.add_dir("data")
    assert paths(artifact) == ["a.txt"]
    artifact.add_dir("data", merge=True)
    assert artifact.get_entry("a.txt").size == 1


def test_a_file_and_a_folder_of_one_name_exclude_each_other(here: Path) -> None:
    """In either order."""
    artifact = draft()
    artifact.add_file("train.py", name="a")
    with pytest.raises(UsageError, match="'a' is a file"):
        artifact.add_file("train.py", name="a/b")
    artifact.add_file("train.py", name="c/d/e")
    with pytest.raises(UsageError, match="'c/d' is a folder"):
        artifact.add_file("train.py", name="c/d")
    artifact.remove("c")
    artifact.add_file("train.py", name="c")
    assert paths(artifact) == ["a", "c"]


def test_an_empty_folder_is_no_more_when_something_comes_into_it(here: Path) -> None:
    """An entry for it would contradict the file."""
    (here / "data" / "empty").mkdir(parents=True)
    artifact = draft()
    artifact.add_dir("data")
    artifact.add_file("train.py", name="empty/x")
    artifact.add_dir("data")
    assert [entry.path for entry in artifact._contents()] == ["empty/x"]


def test_paths_that_are_one_on_some_file_systems_are_refused_when_logged(here: Path) -> None:
    """Model.pt and model.pt cannot be checked out on a Mac; the draft can be mended."""
    artifact = draft()
    artifact.add_file("train.py", name="Model.pt")
    artifact.add_file("train.py", name="model.pt")
    with pytest.raises(ValueError, match=r"Model\.pt"):
        artifact.save()
    artifact.remove("Model.pt")
    artifact.save()
    assert artifact.version == "v0"


def test_new_file_is_added_at_the_end_of_the_block(here: Path) -> None:
    """Text with an encoding, or bytes; the name of the file is the last part."""
    artifact = draft()
    with artifact.new_file("notes/a.txt", encoding="utf-8") as stream:
        assert Path(stream.name).name == "a.txt"
        stream.write("ä")
        assert paths(artifact) == []
    with artifact.new_file("b.bin", mode="wb") as stream:
        stream.write(b"123")
        stream.close()
    assert [artifact.get_entry(path).size for path in ("notes/a.txt", "b.bin")] == [2, 3]
    with pytest.raises(ValueError, match=r"b\.bin"), artifact.new_file("b.bin"):
        pass
    with artifact.new_file("b.bin", mode="w") as stream:
        stream.write("1234")
    assert artifact.get_entry("b.bin").size == 4


def test_new_file_is_dropped_if_its_block_raises(here: Path) -> None:
    """And leaves no temporary file."""
    artifact = draft()

    def write_half() -> None:
        with artifact.new_file("a.txt") as stream:
            stream.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert paths(artifact) == []
    assert list(Repo.open().layout.store_tmp.iterdir()) == []


@pytest.mark.parametrize("mode", ["r", "a", "wx", "", "ww"])
def test_new_file_is_only_for_writing(here: Path, mode: str) -> None:
    """There is nothing to read in it."""
    with pytest.raises(ValueError, match="mode"), draft().new_file("a", mode=mode):
        pass


def test_remove_takes_a_file_an_entry_or_a_folder(here: Path) -> None:
    """And says what is not there, as the error that wandb raises."""
    artifact = draft()
    for name in ("a", "d/b", "d/e/c", "x"):
        artifact.add_file("train.py", name=name)
    artifact.remove("a")
    artifact.remove(artifact.get_entry("x"))
    artifact.remove("d")
    assert paths(artifact) == []
    with pytest.raises(FileNotFoundError, match="'a'"):
        artifact.remove("a")


def test_get_entry_of_a_missing_path_is_a_key_error_that_knows_near_names(here: Path) -> None:
    """Scripts catch KeyError."""
    artifact = draft()
    artifact.add_file("train.py")
    with pytest.raises(KeyError) as caught:
        artifact.get_entry("trian.py")
    assert "did you mean train.py?" in str(caught.value)


def test_a_final_draft_refuses_changes(here: Path) -> None:
    """After finalize nothing can be added or removed."""
    artifact = draft()
    artifact.add_file("train.py")
    artifact.finalize()
    for change in (
        lambda: artifact.add_file("train.py"),
        lambda: artifact.add_dir("."),
        lambda: artifact.remove("train.py"),
        lambda: artifact.add_reference("s3://bucket/key"),
        lambda: artifact.new_file("x").__enter__(),
    ):
        with pytest.raises(ArtifactFinalizedError):
            change()
    artifact.save()
    with pytest.raises(ArtifactFinalizedError, match="new_draft"):
        artifact.add_file("train.py")


@pytest.mark.parametrize(
    "what",
    ["version", "aliases", "tags", "qualified_name", "created_at", "source_name", "entity", "commit_hash"],
)
def test_a_draft_has_no(what: str) -> None:
    """wandb raises an AttributeError, so hasattr is False."""
    artifact = draft()
    assert not hasattr(artifact, what)
    with pytest.raises(ArtifactNotLoggedError):
        getattr(artifact, what)


@pytest.mark.parametrize(
    "verb", ["download", "checkout", "verify", "wait", "delete", "logged_by", "files", "new_draft"]
)
def test_a_draft_cannot(verb: str) -> None:
    """What only a version can."""
    with pytest.raises(ArtifactNotLoggedError):
        getattr(draft(), verb)()


def test_what_a_draft_knows_of_itself(here: Path) -> None:
    """Size, digest, count, state; no id."""
    artifact = draft()
    assert (artifact.id, artifact.state, artifact.size, artifact.file_count) == (None, "PENDING", 0, 0)
    artifact.add_file("train.py")
    assert (artifact.size, artifact.file_count, artifact.name) == (18, 1, "mnist")


def test_the_digest_is_that_of_contents_alone(here: Path) -> None:
    """Name, type, metadata, times and the order of adding do not enter it."""
    os.utime(here / "train.py", (1, 1))
    one = Artifact("a", "x", metadata={"k": 1}, description="d")
    one.add_file("train.py", name="p")
    one.add_file("train.py", name="q")
    (here / "copy").write_bytes((here / "train.py").read_bytes())
    two = Artifact("b", "y")
    two.add_file("copy", name="q")
    two.add_file("copy", name="p")
    assert one.digest == two.digest


def test_metadata_is_checked(here: Path) -> None:
    """At most 100 keys, all text; numpy and tuples become plain."""
    numpy = pytest.importorskip("numpy")
    artifact = Artifact("a", "x", metadata={"acc": numpy.float32(0.5), "shape": (1, 2), "inf": float("inf")})
    assert artifact.metadata == {"acc": 0.5, "shape": [1, 2], "inf": float("inf")}
    with pytest.raises(ValueError, match="101"):
        Artifact("a", "x", metadata={str(number): 1 for number in range(101)})
    with pytest.raises(TypeError):
        Artifact("a", "x", metadata=[1])  # type: ignore[arg-type]
    artifact.metadata[1] = 2  # type: ignore[index]
    with pytest.raises(ValueError, match="text"):
        artifact.save()


def test_a_lifetime_must_be_positive() -> None:
    """None and INHERIT: kept for ever."""
    from datetime import timedelta

    artifact = draft()
    artifact.ttl = timedelta(days=2)
    assert artifact.ttl == timedelta(days=2)
    artifact.ttl = ArtifactTTL.INHERIT
    assert artifact.ttl is None
    with pytest.raises(ValueError, match="positive"):
        artifact.ttl = timedelta(0)


def test_many_threads_may_add_to_one_draft(here: Path) -> None:
    """Nothing is lost."""
    artifact = draft()

    def add(number: int) -> None:
        for index in range(5):
            with artifact.new_file(f"{number}/{index}", "w") as stream:
                stream.write(f"{number} {index}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert artifact.file_count == 20


def test_a_draft_of_one_repository_can_be_logged_in_another(here: Path, tmp_path: Path) -> None:
    """Its contents come along, small and large."""
    from tracker.artifacts.home import Home
    from vcs.artifacts.manifest import Origin

    (here / "large").write_bytes(os.urandom(200_000))
    artifact = draft()
    artifact.add_file("train.py")
    artifact.add_file("large")
    other = tmp_path / "other"
    other.mkdir()
    repo = Repo.open(other)
    artifact.commit(Home(repo, "LeNet5"), origin=Origin())

    assert artifact.qualified_name == "LeNet5/mnist:v0"
    assert Path(artifact.download(tmp_path / "out"), "large").read_bytes() == (here / "large").read_bytes()


names = st.sampled_from(["a", "b", "a/b", "a/b/c", "a/d", "e", "e/f"])


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "put", "remove"]), names, st.integers(0, 2))))
def test_a_draft_is_always_a_listing_that_can_be_checked_out(
    here: Path, steps: list[tuple[str, str, int]]
) -> None:
    """Whatever is added and removed in whatever order: no path is a file and a folder at once."""
    artifact = draft()
    model: dict[str, int] = {}
    for what, name, content in steps:
        try:
            if what == "remove":
                artifact.remove(name)
                gone = [name] if name in model else [path for path in model if path.startswith(f"{name}/")]
                for path in gone:
                    del model[path]
            else:
                with artifact.new_file(name, "x" if what == "add" else "w") as stream:
                    stream.write("x" * content)
                model[name] = content
        except ValueError:
            continue
        except FileNotFoundError:
            assert name not in model
    assert {path: entry.size for path, entry in artifact.manifest.entries.items()} == model
    assert artifact._contents().digest == artifact.digest
