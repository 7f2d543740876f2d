"""Several clones and what is kept: conflicts, garbage here and on the remote, damage mended from it."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.servers.githttp import GitHttpServer
from tests.servers.ssh import SshServer
from tests.sharing.clones import Clone, clone_of, first_clone, make_hub, python
from tests.vcs.retention.test_gc import age
from tests.vcs.retention.test_repair import flip
from vcs.digest import digest_bytes
from vcs.repo import Repo
from vcs.retention.reachability import deleted_since

Capture = pytest.CaptureFixture[str]
LARGE = [random.Random(seed).randbytes(1_500_000) for seed in range(2)]


def with_folder(clone: Clone, folder: Path) -> Clone:
    """Let a clone share contents in a folder."""
    clone.tracker("remote", "add", "nas", str(folder))
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "remote")
    clone.git("push", "-q", "origin", "main")
    return clone


@pytest.fixture
def ann(tmp_path: Path, capfd: Capture) -> Clone:
    clone = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    return with_folder(clone, tmp_path / "nas")


def versions(clone: Clone) -> dict[str, str]:
    found = clone.tracker("artifact", "ls", "data", "--json").json
    return {one["version"]: one["digest"] for one in found}


def ledger(clone: Clone) -> str:
    return clone.git("rev-parse", "refs/tracker/ledger").strip()


def test_a_remote_forgets_what_was_deleted_and_nothing_else(ann: Clone, tmp_path: Path) -> None:
    ann.put("data", {"a": b"one", "large": LARGE[0]})
    ann.put("data", {"a": b"two", "large": LARGE[1]})
    ann.tracker("push")
    ann.tracker("artifact", "rm", "data:v0", "--yes")
    said = ann.tracker("gc", "--remote", "nas", "--grace", "0")
    assert said.out == "There is no garbage on nas.\n"  # The ledger of the git server names it still.
    ann.tracker("push")
    said = ann.tracker("gc", "--remote", "nas", "--grace", "0s", "--json")
    assert said.json["objects"] == 2
    said = ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes")
    assert said.out.startswith("Removed 2 objects (1.5 MB) from nas.")
    bob = clone_of(ann, "bob", "--all")
    bob.tracker("artifact", "get", "data:v1", "out")
    assert (bob.folder / "out" / "large").read_bytes() == LARGE[1]
    assert sum(path.stat().st_size for path in (tmp_path / "nas").rglob("*") if path.is_file()) < 2_000_000


def make_old(folder: Path) -> None:
    """Let everything on a remote look as if it had been there for long."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (path.stat().st_mtime - 1e7,) * 2)


@pytest.mark.slow
def test_a_deletion_has_its_own_grace_on_a_remote(ann: Clone, tmp_path: Path) -> None:
    """However old the contents are; who made room may need them."""
    ann.put("data", {"a": b"one", "large": LARGE[0]})
    ann.put("data", {"a": b"two"})
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    ann.tracker("artifact", "rm", "data:v0", "--yes")
    ann.tracker("push")
    make_old(tmp_path / "nas")

    said = ann.tracker("gc", "--remote", "nas", "--yes")
    assert said.out == "There is no garbage on nas.\n"
    assert "2 objects stay: what named them was deleted lately (--grace)." in said.err
    bob.tracker("artifact", "get", "data:v0", "out")
    git = Repo.open(ann.folder).git
    assert git is not None
    assert [*deleted_since(git, time.time() + 60, lambda _, data: data)] == []
    said = ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes", "--json")
    assert (said.json["objects"], said.json["deleted_lately"]) == (2, 0)


@pytest.mark.slow
def test_a_deletion_made_long_ago_has_its_grace_when_it_is_pushed(
    ann: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version and a run, deleted on a train; whoever made room meanwhile may need them."""
    script = (
        "import tracker\n"
        "run = tracker.init(project='p', id='lost1234', settings={'console': 'off'})\n"
        "run.log({'page': tracker.Html('<p>' + 'x' * 2_000_000 + '</p>')}); run.finish()\n"
    )
    python(ann.folder, script)
    ann.put("data", {"a": b"one", "large": LARGE[0]})
    ann.put("data", {"a": b"two"})
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    now = time.time
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now() - 1e7)
        ann.tracker("artifact", "rm", "data:v0", "--yes")
        ann.tracker("run", "rm", "lost1234", "--yes")
    ann.tracker("push")
    make_old(tmp_path / "nas")

    said = ann.tracker("gc", "--remote", "nas", "--yes")
    assert said.out == "There is no garbage on nas.\n"
    assert "3 objects stay: what named them was deleted lately (--grace)." in said.err
    bob.tracker("artifact", "get", "data:v0", "out")
    assert (bob.folder / "out" / "large").read_bytes() == LARGE[0]
    said = ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes", "--json")
    assert said.json["deleted_lately"] == 0


@pytest.mark.slow
def test_a_pointer_in_a_branch_that_is_not_here_keeps_its_contents_on_a_remote(ann: Clone) -> None:
    """Another clone pushed the branch; who collects has never fetched it, and has no ref of it afterwards."""
    ann.put("other", {"a": b"x"})
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    (bob.folder / "data.bin").write_bytes(LARGE[0])
    bob.tracker("track", "data.bin", "--name", "data")
    bob.git("checkout", "-q", "-b", "feature")
    bob.git("add", "data.bin.tracker", ".gitignore")
    bob.git("commit", "-q", "-m", "data")
    bob.git("push", "-q", "origin", "feature")
    bob.tracker("push")
    ann.tracker("pull")
    ann.tracker("artifact", "rm", "data:v0", "--yes", "--delete-aliases")
    ann.tracker("push")

    said = ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes")
    assert said.out == "There is no garbage on nas.\n"
    assert ann.git("for-each-ref", "refs/tracker/branches") == ""
    ann.git("push", "-q", "origin", ":feature")
    assert ann.tracker("gc", "--remote", "nas", "--grace", "0", "--yes").out.startswith("Removed 1 object")


@pytest.mark.slow
def test_a_remote_that_another_project_uses_keeps_everything(
    ann: Clone, tmp_path: Path, capfd: Capture
) -> None:
    ann.put("data", {"a": b"one"})
    ann.tracker("push")
    other = first_clone(tmp_path / "other", str(make_hub(tmp_path / "other.git")), capfd)
    with_folder(other, tmp_path / "nas")
    other.put("data", {"a": b"two"})
    other.tracker("push")
    for clone in (ann, other):
        said = clone.tracker("gc", "--remote", "nas", "--grace", "0", "--yes", fails=True)
        assert "used by another project" in said.err


def test_damage_is_mended_from_the_remote(ann: Clone) -> None:
    ann.put("data", {"a": b"one", "large": LARGE[0]})
    ann.tracker("push")
    store = Repo.open(ann.folder).here
    for content in (b"one", LARGE[0]):
        flip(Path(store.loose_path(digest_bytes(content))))
    assert "large" in ann.tracker("verify", fails=True).out
    assert ann.tracker("verify", "--repair").out.endswith("0 are not to be had.\n")
    assert ann.tracker("verify").out == "Read 2 objects: 0 problems.\n"


def test_what_was_damaged_before_and_is_nowhere_is_called_so(ann: Clone) -> None:
    """There is a remote, but it does not have it; adding the file again mends it."""
    ann.put("data", {"a": b"one"})
    flip(Path(Repo.open(ann.folder).here.loose_path(digest_bytes(b"one"))))
    assert ann.tracker("verify", "--repair", fails=True).out.endswith("1 are not to be had.\n")
    said = ann.tracker("verify", fails=True)
    assert "1 object of versions is not here, because of damage: tracker verify --repair" in said.err
    assert "no remote" not in said.err
    ann.put("data", {"a": b"one"})
    ann.tracker("verify")


def test_what_the_remotes_ledger_names_stays_here(ann: Clone) -> None:
    """A colleague may be about to use it; after the deletion was pushed it goes."""
    ann.put("data", {"a": b"one"})
    ann.put("data", {"a": b"two"})
    ann.tracker("push")
    ann.tracker("artifact", "rm", "data:v0", "--yes")
    age(Repo.open(ann.folder))
    assert ann.tracker("gc", "--grace", "0", "--json").json["objects"] == 0
    ann.tracker("push")
    assert ann.tracker("gc", "--grace", "0", "--yes", "--json").json["objects"] == 1


def test_what_the_remote_has_makes_room_here_and_comes_back(ann: Clone) -> None:
    """The last known copy stays: what was not pushed, and what another version needs."""
    ann.put("data", {"a": b"one", "large": LARGE[0]})
    ann.put("other", {"a": b"one", "b": b"two"})
    ann.tracker("push")
    ann.put("new", {"c": b"three"})
    age(Repo.open(ann.folder))
    said = ann.tracker("gc", "--pushed", "--artifact", "data", "--grace", "0", "--json").json
    assert (said["objects"], said["size_bytes"], said["done"]) == (1, len(LARGE[0]), False)
    said = ann.tracker("gc", "--pushed", "--grace", "0", "--yes")
    assert said.out.startswith("Moved 3 objects (1.5 MB) to the trash: nas has them")
    assert "1 object stays: this is the last known copy" in said.err
    store = Repo.open(ann.folder).here
    assert set(store.list()) == {digest_bytes(b"three")}
    ann.tracker("verify")
    ann.tracker("gc", "--empty-trash", "--yes")
    ann.tracker("artifact", "get", "data:v0", "out/back")
    assert (ann.folder / "out" / "back" / "large").read_bytes() == LARGE[0]


def test_what_another_repository_in_the_store_needs_stays(ann: Clone, tmp_path: Path, capfd: Capture) -> None:
    """It may have no remote at all."""
    eve = first_clone(tmp_path / "eve", str(make_hub(tmp_path / "eve.git")), capfd)
    for clone in (ann, eve):
        with (clone.folder / "tracker.yaml").open("a") as settings:
            settings.write(f"store: {tmp_path / 'store'}\n")
    ann.put("data", {"a": b"both", "b": b"ann's"})
    eve.put("other", {"a": b"both"})
    ann.tracker("push")
    age(Repo.open(ann.folder))
    ann.tracker("gc", "--pushed", "--grace", "0", "--yes")
    assert set(Repo.open(ann.folder).here.list()) == {digest_bytes(b"both")}


@pytest.mark.slow
def test_what_only_seems_to_be_on_the_remote_stays(ann: Clone, tmp_path: Path) -> None:
    """Its files are looked for there, and the git server has to name it."""
    ann.put("data", {"large": LARGE[0]})
    ann.tracker("push")
    age(Repo.open(ann.folder))
    part = next(path for path in (tmp_path / "nas" / "parts").rglob("*") if path.is_file())
    part.rename(tmp_path / "gone")
    assert ann.tracker("gc", "--pushed", "--grace", "0", "--json").json["only_here"] == 1
    (tmp_path / "gone").rename(part)
    ann.tracker("artifact", "rm", "data:v0", "--yes", "--delete-aliases")
    ann.tracker("push")
    ann.put("again", {"large": LARGE[0]})  # On the remote still, until garbage is collected there.
    age(Repo.open(ann.folder))
    assert ann.tracker("gc", "--pushed", "--grace", "0", "--json").json["only_here"] == 1


def conflict(ann: Clone, names: list[str], url: str | None = None) -> None:
    """Let clones make the same number, push, pull, and agree."""
    others = [clone_of(ann, name, url=url) for name in names]
    everybody = [ann, *others]
    for clone in everybody:
        clone.put("data", {"a": clone.folder.name.encode()})
    for number, clone in enumerate(everybody):
        said = clone.tracker("push")
        assert (f"data:v0 is now v{number}" in said.out + said.err) == (number > 0)
    for clone in everybody:
        clone.tracker("pull")
    assert len({ledger(clone) for clone in everybody}) == 1
    assert set(versions(ann)) == {f"v{number}" for number in range(len(everybody))}
    assert all(versions(clone) == versions(ann) for clone in everybody)
    for clone in everybody:
        for number, other in enumerate(everybody):
            clone.tracker("artifact", "get", f"data:v{number}", f"out/{number}")
            assert (clone.folder / "out" / str(number) / "a").read_text() == other.folder.name


@pytest.mark.slow
def test_three_clones_with_one_number_agree(ann: Clone) -> None:
    conflict(ann, ["bob", "eve"])


@pytest.mark.slow
def test_clones_agree_over_ssh(sshd: SshServer, tmp_path: Path, capfd: Capture) -> None:
    url = f"testhost:{make_hub(tmp_path / 'hub.git')}"
    ann = first_clone(tmp_path / "ann", url, capfd, sshd.environment)
    with_folder(ann, tmp_path / "nas")
    conflict(ann, ["bob", "eve"], url)


@pytest.mark.slow
def test_clones_agree_over_http(githttp: GitHttpServer, tmp_path: Path, capfd: Capture) -> None:
    url = githttp.with_password(githttp.make_repository(f"{tmp_path.name}.git"))
    ann = first_clone(tmp_path / "ann", url, capfd)
    with_folder(ann, tmp_path / "nas")
    conflict(ann, ["bob", "eve"], url)
