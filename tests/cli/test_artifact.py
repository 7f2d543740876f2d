"""`tracker artifact …`: every command, its JSON, and what goes wrong."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker
from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run, store_texts
from tracker.artifact import Artifact
from tracker.storage.records import Used
from vcs.repo import Repo


@pytest.fixture
def data(git_repo: Path) -> Path:
    """A folder with two files and a folder in it."""
    return store_texts(git_repo.parent / "data", {"a.txt": "one\n", "sub/b.txt": "two\n"})


@pytest.fixture
def mnist(tracker: Tracker, data: Path) -> Path:
    """uncategorized/mnist v0 and v1; v1 has one more file and is `latest` and `best`."""
    assert tracker("artifact", "put", str(data), "--name", "mnist", "--type", "dataset").status == 0
    (data / "c.txt").write_text("three\n")
    words = ("--name", "mnist", "--type", "dataset", "--alias", "best", "--tag", "clean", "-m", "with c")
    assert tracker("artifact", "put", str(data), *words).status == 0
    return data


# put


def test_put_stores_the_contents_of_a_folder(tracker: Tracker, data: Path, git_repo: Path) -> None:
    """Under its own name; a second time nothing is new."""
    said = tracker("artifact", "put", str(data))
    assert said.out == "Stored uncategorized/data:v0 (2 files, 8 B).\n"
    said = tracker("artifact", "put", str(data))
    assert said.out == "Nothing new: these contents are uncategorized/data:v0 (2 files, 8 B).\n"
    assert [entry["path"] for entry in tracker("artifact", "files", "data", "--json").json] == [
        "a.txt",
        "sub/b.txt",
    ]


def test_put_keeps_the_names_of_several_paths(tracker: Tracker, data: Path) -> None:
    """A folder among them is a folder in it."""
    said = tracker("artifact", "put", str(data), str(data / "a.txt"), "--name", "LeNet5/both", "--json")
    assert (said.json["artifact"], said.json["new"], said.json["type"]) == ("LeNet5/both", True, "files")
    found = tracker("artifact", "files", "LeNet5/both", "--json").json
    assert [entry["path"] for entry in found] == ["a.txt", "data/a.txt", "data/sub/b.txt"]


def test_put_says_where_the_version_came_from(tracker: Tracker, data: Path, git_repo: Path) -> None:
    """The commit, and whether the code differed; the project of -p."""
    (git_repo / "train.py").write_text("changed\n")
    about = tracker("artifact", "put", str(data), "-p", "LeNet5", "--alias", "best", "--json").json
    assert about["commit"] == git(git_repo, "rev-parse", "HEAD").strip()
    assert (about["artifact"], about["dirty"], about["branch"]) == ("LeNet5/data", True, "main")
    assert set(about["aliases"]) == {"latest", "best"}


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["data", "data/a.txt"], 2, "several paths need a name"),
        (["data", "--name", "a b?"], 2, "'a b?'"),
        (["data", "--name", "mnist:v3"], 2, "names a version that is there already"),
        (["data", "--name", "x", "--alias", "v3"], 2, "v3"),
        (["data", "data/../data", "--name", "x"], 2, "would both be data"),
        (["nowhere"], 3, "nowhere"),
        (["data/pipe", "--name", "x"], 2, "pipe"),
    ],
)
def test_put_refuses_in_a_sentence(
    tracker: Tracker, data: Path, words: list[str], status: int, text: str
) -> None:
    """And stores nothing."""
    if "data/pipe" in words:
        os.mkfifo(data / "pipe")
    paths = [str(data.parent / word) if word.startswith(("data", "nowhere")) else word for word in words]
    said = tracker("artifact", "put", *paths)
    assert (said.status, said.out) == (status, "")
    assert text in said.err
    assert tracker("artifact", "ls", "--json").json == []


@pytest.mark.usefixtures("mnist")
def test_put_of_another_type_is_refused(tracker: Tracker, data: Path) -> None:
    """A collection has one for life."""
    (data / "d").write_text("d")
    said = tracker("artifact", "put", str(data), "--name", "mnist", "--type", "model")
    assert said.status == 2
    assert "dataset" in said.err


# get


@pytest.mark.usefixtures("mnist")
def test_get_brings_a_version_to_its_folder(tracker: Tracker, git_repo: Path) -> None:
    """A second time nothing is written."""
    said = tracker("artifact", "get", "mnist:v0")
    assert said.out == "Brought uncategorized/mnist:v0 to artifacts/mnist:v0 (2 added).\n"
    assert (git_repo / "artifacts/mnist:v0/sub/b.txt").read_text() == "two\n"
    said = tracker("artifact", "get", "mnist:v0")
    assert said.out == "Brought uncategorized/mnist:v0 to artifacts/mnist:v0 (2 kept).\n"


@pytest.mark.usefixtures("mnist")
def test_get_dry_run_says_the_same_and_does_nothing(tracker: Tracker, tmp_path: Path) -> None:
    """As JSON, too."""
    said = tracker("artifact", "get", "mnist:best", str(tmp_path / "out"), "-n", "--json")
    assert said.json == {
        "artifact": "uncategorized/mnist:v1",
        "path": str(tmp_path / "out"),
        "dry_run": True,
        "added": 3,
        "replaced": 0,
        "removed": 0,
        "kept": 0,
    }
    assert not (tmp_path / "out").exists()
    assert "Would bring" in tracker("artifact", "get", "mnist", str(tmp_path / "out"), "--dry-run").out


@pytest.mark.usefixtures("mnist")
def test_get_never_overwrites_what_was_changed_by_hand_without_force(
    tracker: Tracker, tmp_path: Path
) -> None:
    """The file is named."""
    out = store_texts(tmp_path / "out", {"a.txt": "mine\n", "other": "mine\n"})
    said = tracker("artifact", "get", "mnist", str(out))
    assert said.status == 5
    assert "a.txt" in said.err
    assert "--force" in said.err
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "other"]
    assert "(2 added, 1 replaced)" in tracker("artifact", "get", "mnist", str(out), "--force").out
    assert (out / "a.txt").read_text() == "one\n"
    assert (out / "other").read_text() == "mine\n"


@pytest.mark.usefixtures("mnist")
def test_get_exact_removes_what_the_version_does_not_have(
    tracker: Tracker, tmp_path: Path, git_repo: Path
) -> None:
    """By force only, and never the project."""
    out = store_texts(tmp_path / "out", {"other": "mine\n"})
    assert tracker("artifact", "get", "mnist", str(out), "--exact").status == 5
    said = tracker("artifact", "get", "mnist", str(out), "--exact", "--force")
    assert "(3 added, 1 removed)" in said.out
    assert not (out / "other").exists()
    said = tracker("artifact", "get", "mnist", str(git_repo), "--exact", "--force")
    assert said.status == 2
    assert "the project lies there" in said.err
    assert (git_repo / "train.py").exists()


@pytest.mark.usefixtures("mnist")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--path", "sub/"], ["sub/b.txt"]),
        (["--include", "b.txt", "--include", "/c.*"], ["c.txt", "sub/b.txt"]),
        (["--exclude", "sub/", "--exclude", "c.txt"], ["a.txt"]),
        (["--path", "sub", "--include", "*.txt"], ["sub/b.txt"]),
    ],
)
def test_get_brings_what_is_chosen_and_leaves_the_rest(
    tracker: Tracker, tmp_path: Path, words: list[str], found: list[str]
) -> None:
    """By the beginning of its path, or by patterns; what lies there already stays."""
    out = store_texts(tmp_path / "out", {"mine": "mine\n"})
    assert f"({len(found)} added)" in tracker("get", "mnist", str(out), *words).out
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert files == sorted([*found, "mine"])


@pytest.mark.usefixtures("mnist")
@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["--path", "test/"], 3, "tracker artifact files uncategorized/mnist:v1"),
        (["--include", "*.txt", "--exclude", "*"], 3, "nothing in uncategorized/mnist:v1 is chosen"),
        (["--path", "sub/", "--exact"], 2, "--exact takes the whole version"),
        (["--include", "!"], 2, "cannot understand the pattern"),
    ],
)
def test_get_of_a_part_refuses_in_a_sentence(
    tracker: Tracker, tmp_path: Path, words: list[str], status: int, text: str
) -> None:
    """A typing error brings nothing, and says so."""
    said = tracker("artifact", "get", "mnist", str(tmp_path / "out"), *words)
    assert said.status == status
    assert text in said.err
    assert not (tmp_path / "out").exists()


def test_get_brings_references_too(tracker: Tracker, git_repo: Path, tmp_path: Path) -> None:
    """Those of this machine; others are named."""
    raw = git_repo.parent / "raw.bin"
    raw.write_bytes(b"raw")
    artifact = Artifact("refs", "dataset")
    artifact.add_reference(raw)
    artifact.add_reference("s3://bucket/far.bin")
    artifact.save()
    out = tmp_path / "out"
    said = tracker("artifact", "get", "refs", str(out))
    assert "(1 added)" in said.out
    assert "1 references were not fetched: far.bin (s3://bucket/far.bin)" in said.err
    assert (out / "raw.bin").read_bytes() == b"raw"
    raw.unlink()
    assert "(1 kept)" in tracker("artifact", "get", "refs", str(out), "--exact").out
    (out / "raw.bin").write_bytes(b"mine")
    assert tracker("artifact", "get", "refs", str(out)).status == 5
    assert (out / "raw.bin").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("version", "status", "text", "hint"),
    [
        ("mnits", 3, "there is no artifact 'mnits'", "did you mean mnist?"),
        ("mnist:v7", 3, "v7", "Hint: "),
        ("mnist:bset", 3, "has no alias 'bset'; it has best, latest", "did you mean best?"),
        ("mnist@ffff", 3, "ffff", "Hint: "),
        ("mnist:", 2, "mnist:", "Hint: "),
        ("other/mnist", 3, "there is no artifact 'mnist'", "did you mean uncategorized/mnist?"),
    ],
)
@pytest.mark.parametrize("command", ["get", "show", "files", "verify", "ls", "rm"])
@pytest.mark.usefixtures("mnist")
def test_a_version_that_is_not_there_is_told_with_what_is(
    tracker: Tracker, command: str, version: str, status: int, text: str, hint: str
) -> None:
    """By every command."""
    said = tracker("artifact", command, version)
    assert (said.status, said.out) == (status, "")
    assert text in said.err
    assert hint in said.err


# ls, show, files


@pytest.mark.usefixtures("mnist")
def test_ls_lists_collections_and_versions(tracker: Tracker) -> None:
    """The newest version first."""
    lines = tracker("artifact", "ls").out.splitlines()
    assert lines[0].split() == ["artifact", "type", "newest", "versions", "size", "created"]
    assert lines[1].split()[:6] == ["uncategorized/mnist", "dataset", "v1", "2", "14", "B"]
    (about,) = tracker("artifact", "ls", "--json").json
    assert (about["artifact"], about["versions"], about["newest"]) == ("uncategorized/mnist", 2, "v1")
    rows = [line.split()[:2] for line in tracker("artifact", "ls", "mnist").out.splitlines()]
    assert rows == [["version", "aliases"], ["v1", "latest,"], ["v0", "2"]]
    versions = tracker("artifact", "ls", "mnist", "--json").json
    assert [(one["version"], one["files"]) for one in versions] == [("v0", 2), ("v1", 3)]


def test_ls_of_nothing_says_how_to_begin(tracker: Tracker) -> None:
    """On stderr; JSON is an empty list."""
    said = tracker("artifact", "ls")
    assert (said.status, said.out) == (0, "")
    assert "tracker artifact put PATH --name NAME" in said.err
    assert tracker("artifact", "ls", "--json").json == []


@pytest.mark.usefixtures("mnist")
def test_a_damaged_manifest_is_named_and_hides_no_other(tracker: Tracker, git_repo: Path) -> None:
    """ls goes on with the others; asking for it is an error with its path."""
    (git_repo / ".tracker/artifacts/uncategorized/mnist/v0.yaml").write_text("format: 1\nversion: [")
    said = tracker("artifact", "ls", "mnist")
    assert said.status == 0
    assert "v0.yaml cannot be read" in said.err
    assert "v1" in said.out
    said = tracker("artifact", "show", "mnist:v0", "--json")
    assert (said.status, said.json["error"]) == (8, "format")
    assert "v0.yaml" in said.err


@pytest.mark.usefixtures("mnist")
def test_a_manifest_of_a_newer_format_is_refused(tracker: Tracker, git_repo: Path) -> None:
    """With what to do."""
    path = git_repo / ".tracker/artifacts/uncategorized/mnist/v0.yaml"
    path.write_text(path.read_text().replace("format: 1", "format: 99"))
    said = tracker("artifact", "files", "mnist:v0")
    assert said.status == 8
    assert "newer" in said.err


@pytest.mark.usefixtures("mnist")
def test_show_prints_everything_about_a_version(tracker: Tracker, git_repo: Path) -> None:
    """And who used it."""
    about = tracker("artifact", "show", "mnist:best", "--json").json
    assert (about["version"], about["tags"], about["description"]) == ("v1", ["clean"], "with c")
    assert (about["used_by"], about["metadata"]) == ([], {})
    make_run(
        Repo.open(git_repo).layout,
        "run1",
        used=[Used(artifact="uncategorized/mnist", version="v1", digest=about["digest"])],
    )
    said = tracker("artifact", "show", "mnist")
    assert said.out.splitlines()[0] == "uncategorized/mnist:v1"
    assert "  size         14 B in 3 files\n" in said.out
    assert "  used by p/run1 (name-run1, finished)\n" in said.out
    assert said.out.endswith("Fetch it: tracker artifact get uncategorized/mnist:v1\n")
    assert tracker("artifact", "show", "mnist", "--json").json["used_by"] == ["p/run1"]


def test_what_a_teammate_wrote_does_not_drive_the_terminal(tracker: Tracker, data: Path) -> None:
    """Descriptions, tags and paths are text."""
    (data / "\x1b[2Jevil").write_text("x")
    tracker("artifact", "put", str(data), "--name", "mnist", "-m", "\x1b[2Jevil\nnew line")
    for words in (("show", "mnist"), ("files", "mnist"), ("ls", "mnist")):
        assert "\x1b" not in tracker("artifact", *words).out


@pytest.mark.usefixtures("mnist")
def test_files_lists_paths_sizes_and_digests(tracker: Tracker, data: Path) -> None:
    """Links with where they lead."""
    (data / "link").symlink_to("a.txt")
    tracker("artifact", "put", str(data), "--name", "mnist", "--type", "dataset")
    lines = tracker("artifact", "files", "mnist").out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["path", "a.txt", "c.txt", "link -> a.txt", "sub/b.txt"]
    entry = tracker("artifact", "files", "mnist", "--json").json[2]
    assert (entry["kind"], entry["target"], entry["size"]) == ("link", "a.txt", 0)


# alias


@pytest.mark.usefixtures("mnist")
def test_an_alias_is_moved_shown_and_removed(tracker: Tracker) -> None:
    """Each move says from where; all are kept."""
    assert (
        tracker("artifact", "alias", "mnist:v0", "best").out
        == "uncategorized/mnist:best is v0 now (was v1).\n"
    )
    assert tracker("artifact", "alias", "mnist:v0", "best").out == "Nothing to do: best is v0 already.\n"
    assert tracker("artifact", "alias", "mnist").out.splitlines()[1].split() == ["best", "v0"]
    assert tracker("artifact", "alias", "mnist", "--json").json == {"latest": "v1", "best": "v0"}
    said = tracker("artifact", "alias", "mnist", "best", "--remove")
    assert said.out == "uncategorized/mnist:best names nothing now (was v0).\n"
    assert (
        tracker("artifact", "alias", "mnist", "best", "--remove").out
        == "Nothing to do: best names nothing.\n"
    )
    moves = tracker("artifact", "alias", "mnist", "--log", "--json").json
    assert [move["version"] for move in moves if move["alias"] == "best"] == ["v1", "v0", None]
    assert "best" in tracker("artifact", "alias", "mnist", "--log").out


@pytest.mark.usefixtures("mnist")
def test_an_alias_as_json_and_one_that_cannot_be(tracker: Tracker) -> None:
    """A version's number is no alias."""
    moved = tracker("artifact", "alias", "mnist:v0", "stable", "--json").json
    assert moved == {"alias": "stable", "version": "v0", "moved": True}
    assert tracker("artifact", "alias", "mnist:v0", "stable", "--json").json["moved"] is False
    said = tracker("artifact", "alias", "mnist:v0", "v9")
    assert said.status == 2


# rm


@pytest.mark.usefixtures("mnist")
def test_rm_deletes_a_version_after_asking(
    tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number never comes back; --dry-run only says what would be."""
    assert (
        tracker("artifact", "rm", "mnist:v0", "-n").out
        == "Would delete uncategorized/mnist:v0 (2 files, 8 B).\n"
    )

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    said = tracker("artifact", "rm", "mnist:v0")
    assert (said.status, said.out) == (130, "")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    said = tracker("artifact", "rm", "mnist:v0")
    assert said.status == 2
    assert "--yes" in said.err
    assert len(tracker("artifact", "ls", "mnist", "--json").json) == 2
    assert tracker("artifact", "rm", "mnist:v0", "-y").out == "Deleted uncategorized/mnist:v0.\n"
    assert tracker("artifact", "show", "mnist:v0").status == 3


@pytest.mark.usefixtures("mnist")
def test_rm_of_a_version_that_aliases_name_wants_a_word_more(tracker: Tracker) -> None:
    """And says where the aliases are then."""
    said = tracker("artifact", "rm", "mnist:v1", "-y")
    assert said.status != 0
    assert "best" in said.err
    planned = tracker("artifact", "rm", "mnist:v1", "-n", "--json").json
    assert (planned["version"], planned["done"]) == ("uncategorized/mnist:v1", False)
    said = tracker("artifact", "rm", "mnist:v1", "-y", "--delete-aliases", "--json")
    assert said.json["done"] is True
    assert said.json["aliases"]["best"] is None


# verify


@pytest.mark.usefixtures("mnist")
def test_verify_reads_the_store_and_names_what_is_damaged(tracker: Tracker, git_repo: Path) -> None:
    """By its path in the version; status 1."""
    assert tracker("artifact", "verify", "mnist:v0").out == "uncategorized/mnist:v0 in the store: whole.\n"
    entry = tracker("artifact", "files", "mnist:v0", "--json").json[0]
    path = git_repo / ".git/tracker/objects" / entry["digest"][:2] / entry["digest"][2:]
    path.chmod(0o644)
    path.write_text("oen\n")
    said = tracker("artifact", "verify", "mnist:v0")
    assert said.status == 1
    assert "a.txt" in said.out
    assert said.out.endswith("uncategorized/mnist:v0 in the store: 1 problems.\n")
    (problem,) = tracker("artifact", "verify", "mnist:v0", "--json").json
    assert problem["what"] == "a.txt"
    said = tracker("artifact", "get", "mnist:v0")
    assert said.status == 7
    assert "a.txt" in said.err


@pytest.mark.usefixtures("mnist")
def test_verify_of_a_folder_names_missing_changed_and_extra_files(tracker: Tracker, tmp_path: Path) -> None:
    """Each by its kind."""
    out = tmp_path / "out"
    tracker("artifact", "get", "mnist", str(out))
    assert tracker("artifact", "verify", "mnist", str(out)).status == 0
    (out / "a.txt").unlink()
    store_texts(out, {"c.txt": "3", "new": "x"})
    said = tracker("artifact", "verify", "mnist", str(out), "--json")
    assert said.status == 1
    assert {(one["what"], one["problem"]) for one in said.json} == {
        ("a.txt", "missing"),
        ("c.txt", "changed"),
        ("new", "extra"),
    }


@pytest.mark.usefixtures("mnist")
def test_a_name_that_two_projects_have_must_say_which(tracker: Tracker, data: Path) -> None:
    """One that a single other project has is found there."""
    tracker("artifact", "put", str(data), "--name", "A/only")
    assert tracker("artifact", "show", "only").status == 0
    tracker("artifact", "put", str(data), "--name", "B/only")
    said = tracker("artifact", "show", "only")
    assert said.status == 2
    assert "several projects have 'only': A/only, B/only" in said.err
    assert tracker("artifact", "show", "only", "-p", "B").out.startswith("B/only:v0")
