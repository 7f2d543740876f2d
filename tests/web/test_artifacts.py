"""What the page is told of artifacts: versions, files and a look into them, aliases, lineage, differences."""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import tracker
from tests.web.conftest import Client, Serve
from tracker.web.whole_version import zipped
from vcs.digest import Digest, digest_bytes
from vcs.errors import IntegrityError
from vcs.files.listing import Entry
from vcs.stores.memory import MemoryStore

numpy = pytest.importorskip("numpy")


@pytest.fixture
def lab(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data, a run that made weights from it twice, and a run that used them."""
    monkeypatch.chdir(plain_dir)
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    data = plain_dir / "data"
    (data / "deep" / "er").mkdir(parents=True)
    (data / "table.csv").write_text("a,b\n1,2\n3,<script>alert(1)</script>\n")
    (data / "deep" / "er" / "note.txt").write_text("hello")
    (data / "page.html").write_text("<script>parent.broken = 1</script>")
    (data / "raw.bin").write_bytes(b"\0\1\2\3")
    picture = b"<svg xmlns='http://www.w3.org/2000/svg'><script>window.broken=1</script></svg>"
    (data / "picture.svg").write_bytes(picture)
    with tracker.init(project="p", id="train", name="trained") as run:
        dataset = tracker.Artifact("data", "dataset", metadata={"rows": 2})
        dataset.add_dir(data)
        run.use_artifact(run.log_artifact(dataset))
        for step in range(2):
            weights = tracker.Artifact("weights", "model", metadata={"acc": step})
            with weights.new_file("w.npz", "wb") as stream:
                numpy.savez(stream, layer=numpy.full((2, 3), step, dtype="float32"))
            with weights.new_file("same.txt") as text:
                text.write("the same in both")
            run.log_artifact(weights, aliases=["best"] if not step else [])
    with tracker.init(project="p", id="test") as run:
        run.use_artifact("weights:v0")
        report = tracker.Artifact("report", "report")
        with report.new_file("r.txt") as text:
            text.write("good")
        run.log_artifact(report)
    return plain_dir


@pytest.fixture
def client(lab: Path, serve: Serve) -> Client:
    return serve(lab)


def preview(client: Client, path: str, artifact: str = "p/data/v0") -> Any:
    return client.get(f"/api/artifact/{artifact}/preview?path={quote(path)}").json


def test_collections_are_listed_with_what_is_newest(client: Client) -> None:
    found = {each["name"]: each for each in client.get("/api/artifacts").json["collections"]}
    assert set(found) == {"data", "weights", "report"}
    assert (found["weights"]["type"], found["weights"]["versions"], found["weights"]["newest"]) == (
        "model",
        2,
        "v1",
    )
    assert found["weights"]["aliases"] == ["best", "latest"]


def test_versions_say_how_much_of_them_others_have(client: Client) -> None:
    newest, oldest = client.get("/api/artifact/p/weights").json["versions"]
    assert [newest["version"], newest["aliases"], newest["metadata"]] == ["v1", ["latest"], {"acc": 1}]
    assert (oldest["aliases"], oldest["run"]) == (["best"], "train")
    assert newest["shared_bytes"] == oldest["shared_bytes"] == len("the same in both")


def test_what_a_large_file_shares_with_the_version_before_is_counted(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    monkeypatch.chdir(plain_dir)
    data = bytearray(numpy.random.default_rng(0).bytes(4_000_000))
    with tracker.init(project="p") as run:
        for number in range(2):
            data[2_000_000:2_000_004] = bytes([number] * 4)
            (plain_dir / "raw.bin").write_bytes(data)
            artifact = tracker.Artifact("raw", "dataset")
            artifact.add_file("raw.bin")
            run.log_artifact(artifact).wait()
    newest, oldest = serve(plain_dir).get("/api/artifact/p/raw").json["versions"]

    assert 3_900_000 < newest["shared_bytes"] == oldest["shared_bytes"] < 4_000_000


def test_an_alias_is_moved_made_and_removed(client: Client) -> None:
    def aliases() -> dict[str, str]:
        found = client.get("/api/artifact/p/weights").json["versions"]
        return {alias: each["version"] for each in found for alias in each["aliases"]}

    def move(alias: str, version: str | None) -> int:
        return client.ask("PATCH", "/api/artifact/p/weights", {"alias": alias, "version": version}).status

    assert move("best", "v1") == move("mine", "v0") == 200
    assert aliases() == {"latest": "v1", "best": "v1", "mine": "v0"}
    assert move("mine", None) == 200
    assert "mine" not in aliases()
    assert move("best", "v9") == 404
    assert move("v3", "v0") == 400
    assert client.ask("PATCH", "/api/artifact/p/weights", {"alias": 3}).status == 400


def test_nothing_is_moved_where_nothing_may_be_changed(lab: Path, serve: Serve) -> None:
    client = serve(lab, read_only=True)
    assert client.ask("PATCH", "/api/artifact/p/weights", {"alias": "x", "version": "v0"}).status == 403


def test_a_version_says_what_is_known_of_it_and_where_it_comes_from(client: Client) -> None:
    found = client.get("/api/artifact/p/weights/best").json
    assert (found["version"], found["run"], found["made_by"]["name"]) == ("v0", "train", "trained")
    assert [entry["path"] for entry in found["entries"]] == ["same.txt", "w.npz"]
    edges = {tuple(edge) for edge in found["graph"]["edges"]}
    assert {
        ("version p/data:v0", "run p/train"),
        ("run p/train", "version p/weights:v0"),
        ("version p/weights:v0", "run p/test"),
        ("run p/test", "version p/report:v0"),
    } <= edges
    assert found["graph"]["here"] == "version p/weights:v0"
    assert client.get("/api/artifact/p/data/v0?search=NOTE").json["entries_total"] == 1
    assert client.get("/api/artifact/p/weights/v7").status == 404
    assert client.get("/api/artifact/p/nothing").status == 404


def test_a_look_into_files_of_every_kind(client: Client) -> None:
    assert preview(client, "table.csv") == {
        "kind": "table",
        "columns": ["a", "b"],
        "rows": [["1", "2"], ["3", "<script>alert(1)</script>"]],
        "cut": False,
    }
    assert preview(client, "deep/er/note.txt") == {"kind": "text", "text": "hello", "cut": False}
    assert preview(client, "raw.bin") == {"kind": "none", "note": "binary"}
    assert preview(client, "picture.svg") == {"kind": "image"}
    found = preview(client, "w.npz", "p/weights/v1")
    assert found["kind"] == "tensors"
    assert found["tensors"] == [
        {
            "name": "layer",
            "dtype": "float32",
            "shape": [2, 3],
            "count": 6,
            "min": 1.0,
            "max": 1.0,
            "mean": 1.0,
            "std": 0.0,
            "not_finite": 0,
        }
    ]


def test_a_look_into_parquet_and_into_what_only_has_its_name(
    lab: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(arrow.table({"x": [1, None], "y": ["a", "b"]}), buffer)
    with tracker.init(project="p") as run:
        artifact = tracker.Artifact("tables", "dataset")
        for name, data in (
            ("good.parquet", buffer.getvalue()),
            ("bad.parquet", b"PAR1?"),
            ("bad.npz", b"PK?"),
        ):
            with artifact.new_file(name, "wb") as stream:
                stream.write(data)
        run.log_artifact(artifact)
    client = serve(lab)
    good = preview(client, "good.parquet", "p/tables/v0")
    assert (good["columns"], good["rows"]) == (["x: int64", "y: string"], [[1, "a"], [None, "b"]])
    assert preview(client, "bad.parquet", "p/tables/v0")["kind"] == "none"
    assert preview(client, "bad.npz", "p/tables/v0")["kind"] == "none"


def test_bytes_come_under_a_policy_in_which_nothing_runs(client: Client) -> None:
    page = client.get("/api/artifact/p/data/v0/file?path=page.html")
    assert page.body == b"<script>parent.broken = 1</script>"
    assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    saved = client.get("/api/artifact/p/data/v0/file?path=deep/er/note.txt&download=1")
    assert (saved.body, saved.headers["content-disposition"]) == (
        b"hello",
        "attachment; filename*=UTF-8''note.txt",
    )


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "deep", "nothing.txt", ""])
def test_only_files_of_the_version_are_sent(client: Client, path: str) -> None:
    assert client.get(f"/api/artifact/p/data/v0/file?path={quote(path)}").status == 404


def test_two_versions_are_compared(client: Client) -> None:
    found = client.get("/api/artifact-diff?old=p/weights:v0&new=p/weights:v1").json
    assert not found["same"]
    titles = [section["title"] for section in found["sections"]]
    assert "Paths" in titles
    assert "w.npz" in titles
    assert {block["kind"] for section in found["sections"] for block in section["blocks"]} <= {
        "Table",
        "Patch",
        "Sentences",
    }
    assert client.get("/api/artifact-diff?old=p/weights:v0&new=p/weights:v0").json["same"]


def test_a_version_is_downloaded_whole(lab: Path, client: Client) -> None:
    """Every file with its bytes; nothing is compressed."""
    answer = client.get("/api/artifact/p/data/v0/zip")

    assert answer.headers["content-type"] == "application/zip"
    assert "attachment; filename*=UTF-8''data-v0.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        files = {about.filename: archive.read(about) for about in archive.infolist()}
        assert {about.compress_type for about in archive.infolist()} == {zipfile.ZIP_STORED}
    assert files == {
        path.relative_to(lab / "data").as_posix(): path.read_bytes()
        for path in (lab / "data").rglob("*")
        if path.is_file()
    }


def test_a_download_of_what_is_not_here_says_so(lab: Path, client: Client) -> None:
    shutil.rmtree(lab / ".tracker/store/objects", ignore_errors=True)
    shutil.rmtree(lab / ".tracker/store/packs", ignore_errors=True)
    fresh = client.get("/api/artifact/p/weights/v0/zip")

    assert fresh.status == 404
    assert "not on this machine" in fresh.json["message"]


def test_a_zip_keeps_links_folders_and_modes_and_breaks_off_at_damage() -> None:
    data = b"x" * 3_000_000
    store = MemoryStore()
    digest = store.put_bytes(data)
    entries = [
        Entry("empty", digest_bytes(b""), 0, kind="dir"),
        Entry("run.sh", digest, len(data), executable=True),
        Entry("to", digest_bytes(b"run.sh"), 0, kind="link", target="run.sh"),
        Entry("web", digest_bytes(b"web"), 0, kind="ref", target="https://example.org/x"),
    ]
    pieces = list(zipped(entries, store))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        modes = {about.filename: about.external_attr >> 16 for about in archive.infolist()}
        assert archive.read("run.sh") == data
        assert archive.read("to") == b"run.sh"
        assert b"web https://example.org/x" in archive.comment
    assert {name: stat.filemode(mode) for name, mode in modes.items()} == {
        "empty/": "drwxr-xr-x",
        "run.sh": "-rwxr-xr-x",
        "to": "lrwxrwxrwx",
    }
    assert max(map(len, pieces)) < 2_000_000

    class Damaged(MemoryStore):
        def open(self, digest: Digest) -> Any:
            return io.BytesIO(data[:-1] + b"y")

    with pytest.raises(IntegrityError):
        list(zipped(entries, Damaged()))
