"""A team at work: what one clone pushes, another pulls, fetches and uses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers.githttp import PASSWORD, GitHttpServer
from tests.servers.ssh import SshServer
from tests.sharing.clones import BYTES, FILES, Clone, clone_of, files_in, first_clone, make_hub
from vcs.repo import Repo
from vcs.sharing import exchange
from vcs.sharing.exchange import Pushed

Capture = pytest.CaptureFixture[str]


def test_what_one_pushes_another_gets_when_it_is_used(ann: Clone) -> None:
    """Records come with the clone; contents with the first use."""
    ann.put("mnist", FILES)
    pushed = ann.tracker("push", "--json").json
    assert pushed["contents"]["objects"] == 2
    assert pushed["records"]["sent"] is True

    bob = clone_of(ann, "bob")

    assert bob.tracker("artifact", "ls", "--json").json[0]["versions"] == 1
    assert not (bob.folder / ".git/tracker/objects").exists()
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == FILES


def test_tracked_data_comes_with_a_clone(ann: Clone) -> None:
    """As git's own files do; `git status` is clean afterwards."""
    data = ann.folder / "data"
    data.mkdir()
    (data / "x.bin").write_bytes(BYTES)
    ann.tracker("track", "data")
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "data")
    ann.git("push", "-q", "origin", "main")
    ann.tracker("push")

    bob = clone_of(ann, "bob")
    assert (bob.folder / "data/x.bin").read_bytes() == BYTES
    assert bob.git("status", "--porcelain") == ""

    eve = clone_of(ann, "eve", "--no-data")
    assert not (eve.folder / "data").exists()
    eve.tracker("checkout")
    assert (eve.folder / "data/x.bin").read_bytes() == BYTES


def test_a_clone_that_lacks_something_says_where_to_go_on(ann: Clone, tmp_path: Path) -> None:
    """The remote is away: the code is there all the same, and the rest comes later."""
    (ann.folder / "x.bin").write_bytes(BYTES)
    ann.tracker("track", "x.bin")
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "data")
    ann.git("push", "-q", "origin", "main")
    ann.tracker("push")
    (tmp_path / "nas").rename(tmp_path / "away")
    said = Clone(tmp_path, ann.capture).tracker("clone", str(tmp_path / "hub.git"), "bob", fails=True)
    assert "Then: cd bob; tracker pull; tracker checkout" in said.err
    (tmp_path / "away").rename(tmp_path / "nas")
    bob = Clone(tmp_path / "bob", ann.capture)
    bob.tracker("pull")
    bob.tracker("checkout")
    assert (bob.folder / "x.bin").read_bytes() == BYTES


@pytest.mark.slow
def test_a_clone_with_everything_needs_the_remote_no_more(ann: Clone, tmp_path: Path) -> None:
    """`--all` fetches; the remote may then be gone."""
    ann.put("mnist", FILES)
    ann.put("many", {f"f{number}": str(number).encode() for number in range(1500)})
    ann.tracker("push")
    bob = clone_of(ann, "bob", "--all")
    (tmp_path / "nas").rename(tmp_path / "gone")

    bob.tracker("get", "many", "out")
    assert len(files_in(bob.folder / "out")) == 1500


@pytest.mark.slow
def test_a_long_listing_comes_by_itself(ann: Clone) -> None:
    """It is an object, which names the others."""
    ann.put("many", {f"f{number}": str(number).encode() for number in range(1500)})
    ann.tracker("push")
    bob = clone_of(ann, "bob")

    bob.tracker("get", "many", "out")
    assert len(files_in(bob.folder / "out")) == 1500


def test_two_who_made_the_same_number_both_keep_what_they_made(ann: Clone) -> None:
    """Who pushed first keeps the number; both clones end with the same records."""
    ann.put("mnist", FILES)
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    ann.put("mnist", {"a.txt": b"ann's"})
    bob.put("mnist", {"a.txt": b"bob's"})
    ann.tracker("push")

    said = bob.tracker("push")
    assert "mnist:v1 is now v2" in said.out
    assert "merge of ledgers; renumbered: " in bob.tracker("log").out
    ann.tracker("pull")
    assert ann.git("rev-parse", "refs/tracker/ledger") == bob.git("rev-parse", "refs/tracker/ledger")
    for clone in (ann, bob):
        clone.tracker("get", "mnist:v1", "out/1")
        clone.tracker("get", "mnist:v2", "out/2")
        assert files_in(clone.folder / "out/1") == {"a.txt": b"ann's"}
        assert files_in(clone.folder / "out/2") == {"a.txt": b"bob's"}


def test_a_remote_that_is_not_committed_is_mentioned(ann: Clone, tmp_path: Path) -> None:
    """To who pushes, and to who has cloned what lacks it."""
    ann.put("mnist", FILES)
    ann.tracker("remote", "add", "box", str(tmp_path / "box"))
    assert "Others cannot know nas yet: git add tracker.yaml" in ann.tracker("push").err
    ann.git("commit", "-q", "-a", "-m", "box")
    assert "Others" not in ann.tracker("push").err
    ann.git("rm", "-q", "tracker.yaml")
    ann.git("commit", "-q", "-m", "none")
    ann.git("push", "-q", "origin", "main")
    parent = Clone(ann.folder.parent, ann.capture)
    said = parent.tracker("clone", str(tmp_path / "hub.git"), "bob", "--json")
    assert said.json["records"]["files"] > 0
    assert said.json["contents"] is None
    assert "tracker.yaml" in Clone(tmp_path / "bob", ann.capture).tracker("pull").err


def test_what_is_not_set_up_is_said_with_the_way_there(ann: Clone, tmp_path: Path) -> None:
    """Without git, and with a default that names nothing."""
    (tmp_path / "plain").mkdir()
    plain = Clone(tmp_path / "plain", ann.capture)
    assert "git init; git remote add origin URL" in plain.tracker("pull", fails=True).err
    (ann.folder / "tracker.yaml").write_text("remotes: {nas: ../nas}\nremote: nass\n")
    said = ann.tracker("push", fails=True)
    assert said.err.startswith("Error: there is no remote 'nass', which tracker.yaml names as the default\n")


def test_a_selection_of_nothing_is_said(ann: Clone) -> None:
    """A project that does not exist, maybe."""
    ann.put("mnist", FILES)
    assert "There are no new contents to push." in ann.tracker("push", "-p", "nope").out


def test_selection_chooses_contents_and_records_travel_whole(ann: Clone) -> None:
    """What was left out is reported when it is wanted, and can be pushed later."""
    ann.put("small", {"a": b"1"})
    ann.put("large", FILES)
    pushed = ann.tracker("push", "--artifact", "small", "--json").json
    assert pushed["contents"]["objects"] == 1

    bob = clone_of(ann, "bob")
    bob.tracker("get", "small", "out/small")
    said = bob.tracker("get", "large", "out/large", fails=True)
    assert "tracker push" in said.err
    assert not (bob.folder / "out/large").exists()
    assert bob.tracker("fetch", "--artifact", "large:v0", fails=True).status == 1
    assert "are not on" in bob.tracker("fetch").err
    ann.tracker("push", "--since", "1h")
    assert bob.tracker("fetch", "--artifact", "large:v0", "--json").json["objects"] == 2


def test_a_dry_run_says_what_would_go_and_sends_nothing(ann: Clone, tmp_path: Path) -> None:
    """With names."""
    ann.put("mnist", FILES)
    told = ann.tracker("push", "--dry-run", "--json").json

    assert told == {"remote": "nas", "objects": 2, "bytes": 3 + len(BYTES)}
    assert "deep/b.bin" in ann.tracker("push", "-n").out
    assert not (tmp_path / "nas").exists()


@pytest.mark.slow
def test_what_was_lost_on_the_remote_is_sent_again_with_check(ann: Clone, tmp_path: Path) -> None:
    """Somebody removed files there by hand."""
    ann.put("mnist", FILES)
    ann.tracker("push")
    for path in (tmp_path / "nas" / "parts").rglob("*"):
        if path.is_file():
            path.unlink()
    bob = clone_of(ann, "bob")
    bob.tracker("get", "mnist", "out", fails=True)

    assert ann.tracker("push", "--json").json["contents"]["objects"] == 0
    assert ann.tracker("push", "--check", "--json").json["contents"]["objects"] == 1
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == FILES


def pushed(clone: Clone, **more: Any) -> Pushed:
    """Push, and say what was read and sent for it."""
    with clone.entered():
        return exchange.push(Repo.open(), exchange.Request(prompt=False), **more)


@pytest.mark.slow
def test_a_push_reads_the_versions_that_are_new_since_the_last_one(ann: Clone, tmp_path: Path) -> None:
    """What a ledger commit names was there once, and is as long as the inventories are."""
    for number in range(20):
        ann.put("mnist", {"a.txt": b"%d" % number, "same.txt": b"same"})
    assert pushed(ann).versions_read == 20
    assert pushed(ann).versions_read == 0

    ann.put("mnist", {"new.txt": b"new", "a.txt": b"7"})
    done = pushed(ann)
    assert done.sent is not None
    assert (done.versions_read, done.sent.objects) == (1, 1)
    ann.tracker("artifact", "rm", "mnist:v3", "--yes")
    ann.tracker("artifact", "alias", "mnist:v4", "best")
    assert pushed(ann).versions_read == 0

    assert pushed(ann, check=True).versions_read == 20
    shutil.rmtree(tmp_path / "nas")
    done = pushed(ann)
    assert done.sent is not None
    assert (done.versions_read, done.sent.objects) == (20, 21)


@pytest.mark.slow
def test_a_push_that_cannot_know_what_is_new_reads_all_versions(ann: Clone, tmp_path: Path) -> None:
    """Garbage was collected on the remote; the commit of the last push is gone; the note is damaged."""
    for text in ("one", "two"):
        ann.put("mnist", {"a.txt": text.encode() * 400_000})
    ann.tracker("push")
    ann.tracker("artifact", "rm", "mnist:v0", "--yes")
    ann.tracker("push")
    assert ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes").out.startswith("Removed 1 object")
    assert pushed(ann).versions_read == 1

    note = next((ann.folder / ".git/tracker/remotes").glob("*/whole"))
    known = json.loads(note.read_text())
    for content in (json.dumps({**known, "ledger": "1" * 40}), "{", "[]"):
        note.write_text(content)
        ann.put("mnist", {"a.txt": content.encode()})
        done = pushed(ann)
        assert done.sent is not None
        assert done.sent.objects == 1
        assert done.versions_read > 1


@pytest.mark.slow
def test_what_another_clone_shared_is_read_once_and_what_is_nowhere_is_told_again(ann: Clone) -> None:
    """Until it is somewhere."""
    ann.put("mnist", {"a.txt": b"one"})
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    bob.put("mnist", {"a.txt": b"two"})
    bob.tracker("push")
    ann.put("other", {"b.txt": b"here"})
    done = pushed(ann)  # Its ledger is merged with bob's on the way.
    assert done.sent is not None
    assert (done.versions_read, done.sent.missing, done.sent.objects) == (1, [], 1)

    bob.put("mnist", {"a.txt": b"three"})
    shutil.rmtree(bob.folder / ".git/tracker/objects")
    shutil.rmtree(bob.folder / ".git/tracker/packs", ignore_errors=True)
    for _ in range(2):
        done = pushed(bob)
        assert done.sent is not None
        assert len(done.sent.missing) == 1
    bob.put("mnist", {"again.txt": b"three"})
    assert pushed(bob).names == {}


def test_damage_on_the_remote_is_an_error_that_names_the_file(ann: Clone, tmp_path: Path) -> None:
    """Nothing of it is written."""
    ann.put("mnist", FILES)
    ann.tracker("push")
    for path in (tmp_path / "nas" / "parts").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            path.write_bytes(data[:1000] + b"!" + data[1001:])
    bob = clone_of(ann, "bob")

    said = bob.tracker("fetch", fails=True)
    assert said.status == 7
    assert "deep/b.bin" in said.err
    bob.tracker("get", "mnist", "out", fails=True)
    assert not (bob.folder / "out").exists()


def test_without_a_remote_for_contents_records_go_and_it_says_so(tmp_path: Path, capfd: Capture) -> None:
    """A team with a git server only shares runs and manifests already."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    ann.put("mnist", FILES)
    said = ann.tracker("push")

    assert "only records" in said.err
    bob = clone_of(ann, "bob")
    assert bob.tracker("artifact", "ls", "--json").json[0]["artifact"] == "uncategorized/mnist"


def test_without_anywhere_to_push_the_error_says_both_ways_out(tmp_path: Path, capfd: Capture) -> None:
    """Neither git remote nor remote for contents."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    ann.git("remote", "remove", "origin")
    said = ann.tracker("push", fails=True)

    assert "tracker remote add" in said.err
    assert "git remote add" in said.err


def test_a_remote_that_is_away_is_a_sentence_and_not_a_hang(ann: Clone) -> None:
    """Nobody listens at that port."""
    ann.tracker("remote", "add", "away", "s3://bucket/x", "--endpoint", "http://127.0.0.1:1", "--default")
    said = ann.tracker("remote", "test", fails=True)

    assert said.status == 9
    assert said.err.count("\n") <= 2


# tracker.yaml


def test_remotes_are_written_where_people_wrote(tmp_path: Path, capfd: Capture) -> None:
    """Comments and order stay; the first remote is the default."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    settings = ann.folder / "tracker.yaml"
    theirs = "# ours\nproject: LeNet5   # the paper\n\nhooks:\n  max_file: 1MiB\n"
    settings.write_text(theirs)
    ann.tracker("remote", "add", "lab", "s3://bucket/path", "--region", "eu-west-1")
    ann.tracker("remote", "add", "nas", "/mnt/nas/team")
    ann.tracker("remote", "add", "box", "ssh://ann@box:2222/~/shared")
    for name in ("no", "1"):  # As YAML has it, these would be no text.
        ann.tracker("remote", "add", name, "/mnt/nas/other")
        ann.tracker("remote", "rm", name)

    assert settings.read_text().startswith(
        "# ours\nproject: LeNet5   # the paper\n\nhooks:\n  max_file: 1MiB\n"
    )
    listed = ann.tracker("remote", "ls", "--json").json
    assert [(one["name"], one["default"]) for one in listed] == [
        ("lab", True),
        ("nas", False),
        ("box", False),
    ]
    assert listed[0]["region"] == "eu-west-1"
    ann.tracker("remote", "rm", "lab")
    ann.tracker("remote", "rm", "nas")
    ann.tracker("remote", "rm", "box")
    assert settings.read_text() == theirs
    assert ann.tracker("remote", "add", "lab", "s3://user:secret@bucket/path", fails=True).status == 2
    assert "secret" not in settings.read_text()


@pytest.mark.parametrize(
    "url", ["s3:/x", "ftp://host/x", "s3://", "https://user:pw@host/x", "s3://bucket/x?token=1", "ssh://"]
)
def test_addresses_that_cannot_be_are_refused(ann: Clone, url: str) -> None:
    """Before anything is written; an address with a password in it most of all."""
    before = (ann.folder / "tracker.yaml").read_text()
    said = ann.tracker("remote", "add", "new", url, fails=url != "s3:/x")

    if url != "s3:/x":
        assert said.status == 2
        assert (ann.folder / "tracker.yaml").read_text() == before
        assert "pw" not in said.err


# real servers


@pytest.mark.slow
def test_git_and_contents_over_ssh(sshd: SshServer, tmp_path: Path, capfd: Capture) -> None:
    """One machine for both, with nothing on it but sshd and git."""
    hub = make_hub(tmp_path / "hub.git")
    ann = first_clone(tmp_path / "ann", f"ssh://testhost{hub}", capfd, sshd.environment)
    ann.tracker("remote", "add", "box", f"ssh://testhost{tmp_path}/shared")
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    assert "works" in ann.tracker("remote", "test").out
    ann.put("mnist", FILES)
    ann.tracker("push")

    bob = clone_of(ann, "bob")
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == FILES
    bob.put("mnist", {"a.txt": b"more"})
    bob.tracker("push")
    ann.tracker("pull", "--all")
    ann.tracker("get", "mnist:v1", "out")
    assert files_in(ann.folder / "out") == {"a.txt": b"more"}


@pytest.mark.slow
def test_git_over_http_with_a_password(githttp: GitHttpServer, tmp_path: Path, capfd: Capture) -> None:
    """The password is git's business, and in no record; a reader pulls without the right to push."""
    url = githttp.make_repository(f"r{os.getpid()}-{tmp_path.name}")
    ann = first_clone(tmp_path / "ann", githttp.with_password(url), capfd)
    ann.tracker("remote", "add", "nas", str(tmp_path / "nas"))
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    ann.put("mnist", FILES)
    ann.tracker("push")
    bob = clone_of(ann, "bob", url=githttp.with_password(url))

    bare = githttp.folder / "repositories" / url.rpartition("/")[2]
    subprocess.run(["git", "-C", bare, "config", "http.receivepack", "false"], check=True)
    for path in (tmp_path / "nas").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    bob.tracker("pull")
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == FILES
    bob.put("mnist", {"a.txt": b"more"})
    said = bob.tracker("push", fails=True)
    assert "Error:" in said.err
    assert PASSWORD not in said.err + said.out


@pytest.mark.slow
def test_a_run_travels_with_its_rows_and_its_artifact(ann: Clone) -> None:
    """A script logs; another clone reads the rows, and downloads through use_artifact."""
    script = (
        "import tracker, pathlib\n"
        "run = tracker.init(project='p', id='abcd1234', settings={'console': 'off'})\n"
        "for step in range(50): run.log({'loss': 1 / (step + 1)})\n"
        "pathlib.Path('made').mkdir(exist_ok=True)\n"
        "pathlib.Path('made/w.bin').write_bytes(b'w' * 2000000)\n"
        "a = tracker.Artifact('weights', type='model'); a.add_file('made/w.bin'); run.log_artifact(a)\n"
        "run.finish()\n"
    )
    _python(ann.folder, script)
    ann.tracker("push", "--run", "abcd1234")
    bob = clone_of(ann, "bob")
    reading = (
        "import tracker, json\n"
        "rows = tracker.Api().run('p/abcd1234').history(pandas=False)\n"
        "run = tracker.init(project='p', settings={'console': 'off'})\n"
        "folder = run.use_artifact('weights:latest').download()\n"
        "run.finish()\n"
        "print('RESULT', json.dumps([len([*rows]), folder]))\n"
    )
    told = _python(bob.folder, reading)
    count, folder = json.loads(told.rpartition("RESULT")[2])

    assert count == 50
    assert (bob.folder / folder / "w.bin").read_bytes() == b"w" * 2_000_000


def _python(folder: Path, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
