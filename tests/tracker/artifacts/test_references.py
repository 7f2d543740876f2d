"""References: hashed where they are on this machine, recorded as they are elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracker.artifact import Artifact
from tracker.errors import ArtifactNotLoggedError, ConflictError, NotFoundError, UsageError
from tracker.live import term


@pytest.fixture
def here(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current directory, with data beside it."""
    monkeypatch.setattr(term, "_loudness", "normal")
    monkeypatch.chdir(git_repo)
    data = git_repo.parent / "data dir"
    (data / "sub").mkdir(parents=True)
    (data / "a.bin").write_bytes(b"aaa")
    (data / "sub" / "b.bin").write_bytes(b"bb")
    return git_repo


def draft() -> Artifact:
    return Artifact("mnist", "dataset")


def stored(here: Path) -> int:
    """The number of objects in the store."""
    return sum(len(files) for _, _, files in os.walk(here / ".git" / "tracker" / "objects"))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://bucket/folder/model.pt", "model.pt"),
        ("gs://bucket/folder/", "folder"),
        ("https://host/a%20b.zip?x=1", "a%20b.zip"),
        ("s3://bucket", "bucket"),
    ],
)
def test_a_remote_uri_is_recorded_as_it_is(here: Path, uri: str, name: str) -> None:
    """Without a connection, and named by its last part; its size is not known."""
    artifact = draft()
    (entry,) = artifact.add_reference(uri)
    assert (entry.path, entry.ref, entry.ref_target(), entry.size) == (name, uri, uri, None)
    (named,) = artifact.add_reference(uri, name="d/e")
    assert (named.path, named.digest) == ("d/e", entry.digest)


def test_another_uri_is_another_version(here: Path) -> None:
    """The URI is all that is known."""
    versions = []
    for uri in ("s3://b/1.pt", "s3://b/2.pt", "s3://b/1.pt"):
        artifact = draft()
        artifact.add_reference(uri, name="model.pt")
        artifact.save()
        versions.append(artifact.version)
    assert versions == ["v0", "v1", "v0"]


def test_an_unknown_scheme_needs_a_name(here: Path) -> None:
    """Nothing says which part would be one."""
    with pytest.raises(ValueError, match="needs a name"):
        draft().add_reference("lab:///x/y")
    draft().add_reference("lab:///x/y", name="y")


@pytest.mark.parametrize("uri", ["https://ann:geheim@host/x.zip", "s3://AKIAABCDEFGHIJKLMNOP@bucket/x"])
def test_credentials_in_a_uri_are_refused_and_not_repeated(here: Path, uri: str) -> None:
    """A manifest is shared."""
    with pytest.raises(UsageError) as caught:
        draft().add_reference(uri)
    assert "geheim" not in str(caught.value)
    assert "AKIA" not in str(caught.value)


@pytest.mark.parametrize("form", ["path", "string", "uri", "relative"])
def test_a_local_file_is_hashed_and_not_stored(here: Path, form: str) -> None:
    """Same digest as if it were added; nothing new in the store."""
    file = here.parent / "data dir" / "a.bin"
    given = {"path": file, "string": str(file), "uri": file.as_uri(), "relative": "../data dir/a.bin"}[form]
    artifact, copy = draft(), draft()
    (entry,) = artifact.add_reference(given)
    assert stored(here) == 0
    copy.add_file(file)
    assert (entry.digest, entry.size, entry.ref) == (copy.get_entry("a.bin").digest, 3, file.as_uri())


def test_a_folder_becomes_a_reference_for_each_file(here: Path) -> None:
    """What .trackerignore leaves out stays out; the number can be limited."""
    data = here.parent / "data dir"
    (data / "x.tmp").write_text("x")
    (data / ".trackerignore").write_text("*.tmp\n.trackerignore\n")
    artifact = draft()
    artifact.add_reference(data, name="raw")
    assert list(artifact.manifest.entries) == ["raw/a.bin", "raw/sub/b.bin"]
    artifact.add_reference(f"file://{data}".replace(" ", "%20"))
    assert artifact.file_count == 4
    with pytest.raises(ValueError, match="more than 1 files"):
        draft().add_reference(data, max_objects=1)


def test_a_missing_or_foreign_file_is_refused(here: Path) -> None:
    """file://host/ is another machine."""
    with pytest.raises(NotFoundError, match="nowhere"):
        draft().add_reference("nowhere")
    with pytest.raises(NotFoundError):
        draft().add_reference("file:///nowhere")
    with pytest.raises(UsageError, match="another machine"):
        draft().add_reference("file://host/x")


def test_a_changed_file_makes_another_version_unless_checksums_are_off(here: Path) -> None:
    """With checksum=False only the place counts."""
    file = here.parent / "data dir" / "a.bin"

    def log(checksum: bool) -> str:
        artifact = Artifact(f"mnist-{checksum}", "dataset")
        artifact.add_reference(file, checksum=checksum)
        artifact.save()
        return artifact.version

    assert (log(True), log(False)) == ("v0", "v0")
    file.write_bytes(b"new")
    assert (log(True), log(False)) == ("v1", "v0")


def test_a_download_copies_local_references_and_names_the_others(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Files of this machine come along; nothing is fetched from elsewhere."""
    artifact = draft()
    artifact.add_reference(here.parent / "data dir", name="raw")
    artifact.add_reference("s3://bucket/model.pt")
    artifact.add_file("train.py")
    artifact.save()
    out = tmp_path / "out"
    artifact.download(out)
    assert (out / "raw" / "sub" / "b.bin").read_bytes() == b"bb"
    assert sorted(path.name for path in out.iterdir()) == ["raw", "train.py"]
    assert "model.pt (s3://bucket/model.pt)" in capfd.readouterr().err
    inode = (out / "raw" / "a.bin").stat().st_ino
    artifact.download(out)
    assert (out / "raw" / "a.bin").stat().st_ino == inode
    artifact.verify(out)
    (out / "raw" / "a.bin").write_bytes(b"xxx")
    with pytest.raises(ValueError, match=r"raw/a\.bin: changed"):
        artifact.verify(out)
    artifact.checkout(out)
    artifact.verify(out)


def test_a_reference_whose_file_changed_is_not_copied(here: Path, tmp_path: Path) -> None:
    """The version promised other bytes; also if the size and the time are the same."""
    file = here.parent / "data dir" / "a.bin"
    artifact = draft()
    artifact.add_reference(file)
    artifact.save()
    before = file.stat()
    file.write_bytes(b"AAA")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ConflictError, match=r"a\.bin.*has changed"):
        artifact.download(tmp_path / "out")
    assert not (tmp_path / "out" / "a.bin").exists()


def test_a_reference_whose_file_is_gone_is_an_error_unless_allowed(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """allow_missing_references warns instead."""
    file = here.parent / "data dir" / "a.bin"
    artifact = draft()
    artifact.add_reference(file)
    artifact.save()
    file.unlink()
    with pytest.raises(NotFoundError, match=r"a\.bin"):
        artifact.download(tmp_path / "out")
    artifact.download(tmp_path / "out", allow_missing_references=True)
    assert "1 references were not fetched" in capfd.readouterr().err


def test_a_local_file_without_a_digest_is_not_copied(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Anybody's manifest could name any file of this machine."""
    artifact = draft()
    artifact.add_reference(here.parent / "data dir" / "a.bin", checksum=False)
    artifact.save()
    artifact.download(tmp_path / "out")
    assert not (tmp_path / "out" / "a.bin").exists()
    assert "a.bin (file:///" in capfd.readouterr().err


def test_a_copy_is_not_written_through_a_link(here: Path, tmp_path: Path) -> None:
    """A link in the target could lead anywhere."""
    artifact = draft()
    artifact.add_reference(here.parent / "data dir" / "a.bin", name="sub/a.bin")
    artifact.save()
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "sub").symlink_to(outside)
    with pytest.raises(ConflictError, match="link"):
        artifact.download(out)
    assert list(outside.iterdir()) == []


def test_an_entry_of_another_artifact_shares_its_content(here: Path, tmp_path: Path) -> None:
    """Also a reference, which stays one."""
    first = Artifact("first", "dataset")
    first.add_file("train.py")
    first.add_reference("s3://bucket/x")
    with pytest.raises(ArtifactNotLoggedError):
        first.get_entry("train.py").ref_url()
    first.save()
    before = stored(here)
    second = draft()
    second.add_reference(first.get_entry("train.py"), name="code.py")
    second.add_reference(first.get_entry("x"))
    second.save()
    assert stored(here) == before
    assert second.get_entry("x").ref == "s3://bucket/x"
    assert Path(second.get_entry("code.py").download(tmp_path)).read_text() == "print('training')\n"
    assert first.get_entry("train.py").ref_url() == "tracker-artifact://uncategorized/first:v0/train.py"
    with pytest.raises(UsageError, match="not a reference"):
        first.get_entry("train.py").ref_target()
