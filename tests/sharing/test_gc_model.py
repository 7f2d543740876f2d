"""Whatever two clones and a remote do, in whatever order, no object that anything names is lost.

What is live is worked out here anew, from what the test did and what the records say: not by
the code that finds garbage.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import tracker as api
from tests.conftest import git
from tests.sharing.two_clones import SETTINGS, call, content, made, template
from tracker.live import session
from tracker.storage.record_text import expand_record
from vcs.artifacts.manifest import Manifest
from vcs.buckets.folder import FolderBucket
from vcs.digest import Digest, digest_bytes
from vcs.errors import NotFoundError
from vcs.files.listing import Entry, Listing
from vcs.git import Git
from vcs.ledger_paths import to_record
from vcs.records.ledger_tree import entries_of, read_objects
from vcs.repo import Repo
from vcs.retention.gc import GcPlan, collect, plan_gc
from vcs.retention.repair import verify_everything
from vcs.sharing import exchange
from vcs.sharing.contents import LEASE_S, RemoteContents
from vcs.sharing.inventory import RemoteIndex

NAMES = st.sampled_from(["data", "model"])
CLONES = st.integers(0, 1)
PICK = st.integers(0, 1 << 16)
fork = multiprocessing.get_context("fork")


@dataclass
class Helper:
    """A process that is in the middle of something, and goes on when it is told to."""

    process: Any
    line: Connection
    where: int
    keeps: set[str] = field(default_factory=set)
    ended: bool = False

    def go_on(self) -> str:
        """Let it finish; return what it came to."""
        self.line.send("go")
        said: str = self.line.recv()
        self.process.join()
        return said

    def kill(self) -> None:
        """End it where it stands."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


class Clones(RuleBasedStateMachine):
    """Two clones, a git server and a remote for contents."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gc-model-"))
        shutil.copytree(template(), self.folder, dirs_exist_ok=True, symlinks=True)
        self.pointers: list[set[str]] = [set(), set()]
        self.had: list[set[str]] = [set(), set()]
        self.drafts: list[Helper] = []
        self.pushes: list[Helper] = []
        self.plans: list[tuple[int, GcPlan]] = []
        self.count = 0

    def teardown(self) -> None:
        """Once more all garbage goes; then what is at work goes on to its end, and all still holds."""
        try:
            for which in (0, 1):
                self.call(which, "gc", "--yes", "--grace", "0")
            # A push may merge records in that name what has just gone here, and is with the remote.
            self.nothing_that_is_named_is_lost()
            while self.pushes:
                assert self.pushes.pop().go_on() == "pushed"
            while self.drafts:
                self.log_draft(self.drafts.pop())
            self.nothing_that_is_named_is_lost()
            self.what_the_git_server_names_is_on_the_remote()
        finally:
            for helper in (*self.drafts, *self.pushes):
                helper.kill()
            shutil.rmtree(self.folder)

    # what the rules are made of

    def repo(self, which: int) -> Repo:
        """A clone, opened anew as by another process."""
        return Repo.open(self.folder / str(which))

    def call(self, which: int, *words: str, may: tuple[int, ...] = ()) -> int:
        """Call the command line in a clone."""
        return call(self.folder / str(which), *words, may=may)

    def versions(self, which: int) -> list[Manifest]:
        """All versions of a clone."""
        found = self.repo(which).collections
        return [one for project, name in found.names() for one in found.versions(project, name)]

    def begin(self, which: int, work: Callable[[Repo, Callable[[], None]], str], keeps: set[str]) -> Helper:
        """Fork a process that works up to a point, says so, and waits there."""
        ours, theirs = fork.Pipe()

        def run() -> None:
            def pause() -> None:
                theirs.send("there")
                theirs.recv()

            # What this process leaves behind must not be the test's: no handlers of its end.
            said = "failed"
            try:
                said = work(self.repo(which), pause)
            except BaseException as error:  # noqa: BLE001
                said = repr(error)
            theirs.send(said)
            os._exit(0)

        process = fork.Process(target=run)
        process.start()
        theirs.close()  # So that it is noticed here if the process ends without a word.
        first = ours.recv()
        assert first in ("there", "pushed"), first
        return Helper(process, ours, which, keeps, ended=first == "pushed")

    # versions

    @rule(which=CLONES, name=NAMES, seed=PICK)
    def add(self, which: int, name: str, seed: int) -> None:
        """A version."""
        self.call(which, "artifact", "put", str(made(self.folder / str(which), seed)), "--name", name)

    @rule(which=CLONES, pick=PICK, everything=st.booleans())
    def delete(self, which: int, pick: int, everything: bool) -> None:
        """One of the versions, or all."""
        found = self.versions(which)
        for one in found if everything or not found else [found[pick % len(found)]]:
            self.call(which, "artifact", "rm", one.qualified_name, "--yes", "--delete-aliases")

    @rule(which=CLONES, pick=PICK, alias=st.sampled_from(["best", "latest"]))
    def alias(self, which: int, pick: int, alias: str) -> None:
        """A name for one of the versions."""
        found = self.versions(which)
        if found:
            self.call(which, "artifact", "alias", found[pick % len(found)].qualified_name, alias)

    @rule(which=CLONES, rule=st.sampled_from(["", "keep: last 1\n", "keep: every 2\n"]))
    def keep(self, which: int, rule: str) -> None:
        """What is deleted by itself from now on."""
        (self.folder / str(which) / "tracker.yaml").write_text(f"{SETTINGS}{rule}")

    @rule(which=CLONES, seed=PICK, ending=st.sampled_from(["finish", "kill"]))
    def run_something(self, which: int, seed: int, ending: str) -> None:
        """A run that logs a version, a picture's worth of bytes and a row, and ends or is killed."""

        def work(repo: Repo, pause: Callable[[], None]) -> str:
            os.chdir(repo.layout.root)
            os.environ |= {"TRACKER_CONSOLE": "off", "TRACKER_QUIET": "true"}
            session._process_settings = api.Settings(quiet=True)
            run = api.init(project="p")
            run.log({"page": api.Html(f"<p>{seed}</p>")})
            artifact = api.Artifact("logged", "model")
            with artifact.new_file("w", "w") as stream:
                stream.write(f"weights {seed % 7}")
            run.log_artifact(artifact)
            pause()
            run.finish()
            return "done"

        live = self.begin(which, work, set())
        if ending == "finish":
            assert live.go_on() == "done"
        else:
            live.kill()

    @rule(which=CLONES, pick=PICK)
    def delete_run(self, which: int, pick: int) -> None:
        """A run, with what it logged."""
        runs = sorted((self.folder / str(which) / ".tracker" / "runs").glob("p/*/run.yaml"))
        if runs:
            run = runs[pick % len(runs)].parent.name
            self.call(which, "run", "rm", run, "--delete-artifacts", "--yes")

    # drafts

    @precondition(lambda self: len(self.drafts) < 2)
    @rule(which=CLONES, seed=PICK, pick=PICK, on=st.sampled_from(["nothing", "a version", "a deleted one"]))
    def draft(self, which: int, seed: int, pick: int, on: str) -> None:
        """Another process adds files, to those of a version maybe, and logs them later."""
        files = content(seed)
        if on == "a deleted one":
            self.count += 1
            path = self.folder / str(which) / "made"
            shutil.rmtree(path, ignore_errors=True)
            path.write_text(f"only here {self.count}")
            self.call(which, "artifact", "put", str(path), "--name", f"only{self.count}")
            path.unlink()
        found = self.versions(which) if on != "nothing" else []
        own = [one for one in found if one.name == f"only{self.count}"]
        base = own[0] if own else found[pick % len(found)] if found else None

        def work(repo: Repo, pause: Callable[[], None]) -> str:
            entries = {entry.path: entry for entry in repo.collections.listing(base)} if base else {}
            with repo.here.batch() as batch:
                for path, data in files.items():
                    entries[path] = Entry(path, batch.put_bytes(data), len(data))
            pause()
            try:
                logged = repo.log_artifact("uncategorized", "drafted", "dataset", Listing(entries.values()))
            except NotFoundError:
                return "contents are gone"
            return logged.manifest.qualified_name

        keeps = {str(digest_bytes(data)) for data in files.values()}
        self.drafts.append(self.begin(which, work, keeps))
        if own:
            self.call(which, "artifact", "rm", own[0].qualified_name, "--yes", "--delete-aliases")

    @precondition(lambda self: self.drafts)
    @rule(pick=PICK, killed=st.sampled_from([False, False, True]))
    def end_draft(self, pick: int, killed: bool) -> None:
        """A version is made; or what a killed process added is garbage."""
        draft = self.drafts.pop(pick % len(self.drafts))
        if killed:
            draft.kill()
        else:
            self.log_draft(draft)

    def log_draft(self, draft: Helper) -> None:
        """Either the version is whole, or it is refused."""
        said = draft.go_on()
        if said != "contents are gone":
            repo = self.repo(draft.where)
            manifest = repo.resolve(said, project="uncategorized")
            wanted = {Digest(one.digest) for one in repo.collections.listing(manifest) if one.kind == "file"}
            absent = repo.here.missing(wanted)
            assert not absent - repo.store.obtainable(absent)

    # pointers

    @rule(which=CLONES, seed=PICK, then=st.sampled_from(["stay", "reset", "stash", "uncommitted"]))
    def track(self, which: int, seed: int, then: str) -> None:
        """A path whose contents a pointer names: in a commit, in the reflog, in the stash, on disk."""
        self.count += 1
        clone, name = self.folder / str(which), f"tracked{self.count}"
        shutil.copytree(made(clone, seed), clone / name)
        self.call(which, "track", name)
        paths = [f"{name}.tracker", ".gitignore"]
        if then != "uncommitted":
            git(clone, "add", *paths)
            if then == "stash":
                git(clone, "stash", "-q")
            else:
                git(clone, "commit", "-q", "-m", name)
            if then == "reset":
                git(clone, "reset", "-q", "--hard", "HEAD~1")
        self.pointers[which] |= {str(digest_bytes(data)) for data in content(seed).values()}
        shutil.rmtree(clone / name)

    # garbage

    @rule(which=CLONES, grace=st.sampled_from(["0", "1d"]))
    def gc(self, which: int, grace: str) -> None:
        """Now, or when the grace period is over."""
        self.call(which, "gc", "--yes", "--grace", grace)

    @rule(which=CLONES)
    def make_room(self, which: int) -> None:
        """What the remote has goes from here, and nothing else."""
        before = {*map(str, self.repo(which).here.list())}
        self.call(which, "gc", "--pushed", "--yes", "--grace", "0")
        gone = before - {*map(str, self.repo(which).here.list())}
        assert gone <= {*map(str, self.remote().digests())}
        self.had[which] -= gone

    @rule(which=CLONES, what=st.sampled_from([["--undo"], ["--empty-trash", "--yes"]]))
    def trash(self, which: int, what: list[str]) -> None:
        """Bring back what went last, or remove everything for good."""
        self.call(which, "gc", *what, may=(3,))

    @rule(which=CLONES)
    def plan(self, which: int) -> None:
        """Look for garbage, and let others work before it is taken out."""
        repo = self.repo(which)
        found = plan_gc(
            repo.layout, repo.git, repo.here, expand=expand_record, grace_s=0.0, listings=repo.store
        )
        self.plans.append((which, found))

    @precondition(lambda self: self.plans)
    @rule()
    def collect_what_was_planned(self) -> None:
        """As if the process that found it had been slow."""
        which, found = self.plans.pop(0)
        collect(self.repo(which).here, found)

    # sharing

    @rule(which=CLONES, words=st.sampled_from([["push"], ["pull"], ["pull", "--all"]]))
    def share(self, which: int, words: list[str]) -> None:
        """Contents and records."""
        if not any(one.where == which for one in self.pushes):  # It holds the exchange of records.
            self.call(which, *words)

    @precondition(lambda self: not self.pushes)
    @rule(which=CLONES)
    def begin_push(self, which: int) -> None:
        """Contents are sent, and the records not yet."""

        def work(repo: Repo, pause: Callable[[], None]) -> str:
            real = exchange.send

            def send(*words: Any, **more: Any) -> Any:
                sent = real(*words, **more)
                if paused:
                    paused.clear()
                    pause()
                return sent

            paused = [True]
            exchange.send = send
            exchange.push(repo, exchange.Request(prompt=False))
            return "pushed"

        helper = self.begin(which, work, set())
        if helper.ended:  # There was nothing to send.
            helper.process.join()
        else:
            self.pushes.append(helper)

    @precondition(lambda self: self.pushes)
    @rule(killed=st.booleans())
    def end_push(self, killed: bool) -> None:
        """Records follow, merged with what others sent meanwhile; or a lease stays, until it is old."""
        push = self.pushes.pop()
        if not killed:
            assert push.go_on() == "pushed"
            return
        push.kill()
        for lease in (self.folder / "nas" / "state").glob("*.lease"):
            when = lease.stat().st_mtime - 2 * LEASE_S
            os.utime(lease, (when, when))

    @rule(which=CLONES)
    def gc_remote(self, which: int) -> None:
        """Without any grace; refused while somebody pushes, or before the clones know each other."""
        status = self.call(which, "gc", "--remote", "nas", "--grace", "0", "--yes", may=(3, 5, 6))
        assert status != 0 or not self.pushes

    # what always holds

    @invariant()
    def nothing_that_is_named_is_lost(self) -> None:
        """What a clone had, and what anything there names, it still has."""
        for which in (0, 1):
            repo = self.repo(which)
            there = {*map(str, repo.here.list())}
            lost = (self.had[which] & self.live(which, repo)) - there
            assert not lost, f"clone {which} lost {lost}"
            self.had[which] = there

    def live(self, which: int, repo: Repo) -> set[str]:
        """What must stay in a clone."""
        found = set(self.pointers[which])
        for draft in self.drafts:
            if draft.where == which:
                found |= draft.keeps
        for one in self.versions(which):
            with contextlib.suppress(NotFoundError):
                found |= {entry.digest for entry in repo.collections.listing(one)}
        for record in (repo.layout.records / "runs").glob("p/*/run.yaml"):
            run, finished = record.parent, "\nstate: finished\n" in record.read_text()
            rows = "".join(path.read_text() for path in run.glob("history/*.jsonl"))
            for path in run.rglob("media/**/*"):
                digest = str(digest_bytes(path.read_bytes())) if path.is_file() else ""
                # A run that was killed may have written a file, and not yet the row that names it.
                if finished or digest in rows:
                    found.add(digest)
        return found - {""}

    @invariant()
    def what_the_git_server_names_is_on_the_remote(self) -> None:
        """All contents of all versions in its ledger."""
        wanted = {*self.shared()}
        if wanted:
            lacking = wanted - {*map(str, self.remote().digests())}
            assert not lacking, f"the remote lost {lacking}"

    def remote(self) -> RemoteIndex:
        """What the remote has, as a clone finds it that knows nothing yet; all files of it are there."""
        cache_folder = Path(tempfile.mkdtemp(dir=self.folder))
        remote = RemoteContents(FolderBucket(self.folder / "nas"), cache_folder, "nas")
        index = remote.refresh()
        files = {item.key for prefix in ("packs/", "parts/") for item in remote.bucket.list(prefix)}
        assert all(pack.key in files for pack in index.packs)
        assert all(part.key in files for part in index.parts.values())
        return index

    def shared(self) -> Iterator[str]:
        """The digests of all files of all versions that the ledger of the git server has."""
        hub = Git(self.folder / "hub.git")
        if hub.resolve_ref("refs/tracker/ledger") is None:
            return
        entries = entries_of(hub, "refs/tracker/ledger", ()).items()
        ids = [i for path, (_, i) in entries if "/v" in (to_record(path) or "") and path.startswith("artif")]
        for text in read_objects(hub, ids):
            for line in (text or b"").decode().splitlines():
                if line.startswith('- {"path"') and '"kind"' not in line:
                    yield line.partition('"digest":"')[2][:64]

    @invariant()
    def everything_verifies(self) -> None:
        """No object and no record is damaged."""
        for which in (0, 1):
            repo = self.repo(which)
            assert verify_everything(repo.collections, repo.here).findings == ()


class TestClones(Clones.TestCase):
    """Some orders, each time the same ones."""

    settings = settings(max_examples=3, stateful_step_count=12, deadline=None)


@pytest.mark.slow
class TestManyClones(Clones.TestCase):
    """Many orders."""

    settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
