"""The ledger and the code commits, through the git server that a team has.

`pull` fetches the ledger of a remote into a ref of its own, merges, and brings the
records on disk along. `push` sends code refs and ledger in one transaction, so that what
a remote's ledger names is there; when another clone was quicker, it pulls and tries
again. Pulling needs no right to write. Only refs of ours are read and written: branches,
tags and remote-tracking branches of the user stay as they are.

Leaves to others: contents (they go before a push and come after a pull), and which
remote to use.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vcs.errors import ConflictError, GitError, UsageError
from vcs.git import Done, Git, failure, git_version
from vcs.layout import BRANCH_REFS, CODE_REFS, LEDGER_REF, Layout, remote_ledger
from vcs.ledger_paths import to_record
from vcs.lock import file_lock
from vcs.records.deletions import date_deletions
from vcs.records.ledger import Ledger
from vcs.records.ledger_tree import changes_between
from vcs.records.merge import Merge, Renumbered, merge_ledgers, unit_of

_TRIES = 200
_LOCK_TIMEOUT_S = 600.0
_LONGEST_WAIT_S = 1.0
_CODE = f"{CODE_REFS}*:{CODE_REFS}*"
# What git says when another push came first, or is being made.
_TOO_LATE = (
    *("fetch first", "non-fast-forward", "stale info", "cannot lock ref", "failed to lock"),
    *("failed to update ref", "incorrect old value", "unable to update"),
)
# So often may a push fail with nothing new on the other side, before that is no race any more.
_IN_VAIN = 5
_NOT_THERE = ("couldn't find remote ref", "could not find remote ref")
_NO_ATOMIC = "does not support --atomic"


@dataclass(frozen=True)
class Synced:
    """What a pull or a push came to.

    Attributes:
        commit: The ledger now; None while there is none.
        before: The ledger before.
        files: How many records changed on disk.
        renumbered: Versions of this clone that have other numbers now.
        sent: Whether the remote got anything. False for a pull.
        tries: How often the remote was asked to take it.
    """

    commit: str | None
    before: str | None
    files: int = 0
    renumbered: tuple[Renumbered, ...] = ()
    sent: bool = False
    tries: int = 0


def default_remote(git: Git) -> str | None:
    """Return the git remote of the branch, else `origin`, else the only one; None if there is no such."""
    return git.remote_name(git.branch())


class LedgerSync:
    """Exchanges the ledger of one clone with git remotes. One exchange at a time in a clone."""

    def __init__(self, git: Git, layout: Layout, ledger: Ledger, *, prompt: bool = True) -> None:
        """Without `prompt`, git asks nobody for a name or a password, and fails instead."""
        self._git = git
        self._layout = layout
        self._ledger = ledger
        self._env = {} if prompt else {"GIT_TERMINAL_PROMPT": "0"}

    def fetch(self, remote: str) -> str | None:
        """Fetch ledger and code commits of a remote; return its ledger, None if it has none.

        Nothing of ours changes but the ref that remembers the remote's ledger. `remote` is
        a name that git knows, or an address.

        Raises:
            GitError: The remote cannot be reached or read.
        """
        done = self._fetch(remote, f"+{LEDGER_REF}:{remote_ledger(remote)}", _CODE)
        if done.code and any(text in done.errors for text in _NOT_THERE):
            self._git.run("update-ref", "-d", remote_ledger(remote))
            return None
        if done.code:
            raise self._explained(remote, ["fetch"], done)
        return self._git.resolve_ref(remote_ledger(remote))

    @contextmanager
    def branches(self, remote: str) -> Iterator[None]:
        """Have the commits of all branches and tags of a remote here for the block, under refs of ours.

        Raises:
            GitError: The remote cannot be reached or read.
        """
        try:
            done = self._fetch(
                remote, f"+refs/heads/*:{BRANCH_REFS}heads/*", f"+refs/tags/*:{BRANCH_REFS}tags/*"
            )
            if done.code:
                raise self._explained(remote, ["fetch"], done)
            yield
        finally:
            refs = self._git.run("for-each-ref", "--format=delete %(refname)", BRANCH_REFS.rstrip("/"))
            self._git.run("update-ref", "--stdin", input=refs)

    def pull(self, remote: str) -> Synced:
        """Fetch the ledger of a remote, merge it with ours, bring the records along.

        Calling it again, also after it was killed, goes on.

        Raises:
            GitError: The remote cannot be reached or read.
            LockedError, StoreError: The records could not all be written yet.
        """
        with self._turn():
            return self._merge(self.fetch(remote))

    def push(self, remote: str, *, before_ledger: Callable[[str], None] | None = None) -> Synced:
        """Give a remote the code commits and the ledger, merged with what it has.

        All records are committed first as they are now. Of many clones that push at once
        all get through. `before_ledger` gets, before each try, the ledger commit that is about
        to be sent: contents that it names must be with the remote when it returns.

        Raises:
            GitError: The remote cannot be reached, or does not let us write.
            ConflictError: Others were quicker two hundred times.
        """
        with self._turn():
            self._ledger.commit([self._layout.records], "records, before they were shared")
            tip = before = self._ledger.tip()
            result = Synced(tip, before)
            in_vain = 0
            for number in range(1, _TRIES + 1):
                if tip is None:
                    return result
                tip, seen = self._with_dated_deletions(remote, tip)
                if before_ledger is not None:
                    before_ledger(tip)
                sent, done = self._send(remote, tip, seen)
                if done is None:
                    return replace(result, commit=tip, before=before, sent=sent, tries=number)
                # Not all at the same moment again.
                time.sleep(random.uniform(0, min(0.05 * number, _LONGEST_WAIT_S)))
                merged = self._merge(self.fetch(remote))
                in_vain = in_vain + 1 if merged.commit == tip else 0
                if in_vain == _IN_VAIN:
                    raise self._explained(remote, ["push"], done)
                tip = merged.commit
                result = replace(
                    merged,
                    files=result.files + merged.files,
                    renumbered=(*result.renumbered, *merged.renumbered),
                )
            raise ConflictError(
                f"other clones pushed to {remote} first, {_TRIES} times", hint="run it again: tracker push"
            )

    # helpers

    def _turn(self) -> AbstractContextManager[None]:
        return file_lock(
            self._layout.locks / "ledger-sync", timeout_s=_LOCK_TIMEOUT_S, what="the exchange of records"
        )

    def _merge(self, theirs: str | None) -> Synced:
        before = self._ledger.tip()
        renumbered: list[Renumbered] = []
        while True:
            tip = self._ledger.tip()
            if theirs is None or tip == theirs:
                return Synced(tip, before)
            if tip is not None:
                # What is on disk only would not be renumbered along with the rest.
                self._ledger.commit(self._touched(tip, theirs), "records, before a merge")
                tip = self._ledger.tip()
            merge = merge_ledgers(self._git, theirs, tip) if tip is not None else Merge(theirs)
            files = self._ledger.step_to(merge.commit, expected=tip)
            if files is not None:
                renumbered += merge.renumbered
                return Synced(merge.commit, before, files, tuple(renumbered))

    def _with_dated_deletions(self, remote: str, tip: str) -> tuple[str, str | None]:
        """Let old deletions that the remote does not know of count from now.

        Returns the ledger then, and the remote's, which it holds; None if that is not known.
        """
        while (seen := self._seen(remote, tip)) is not None and seen != tip:
            dated = date_deletions(self._git, tip, seen, time.time())
            if dated == tip or self._ledger.step_to(dated, expected=tip) is not None:
                return dated, seen
            tip = self._ledger.tip() or tip
        return tip, seen

    def _seen(self, remote: str, tip: str) -> str | None:
        """The ledger of the remote as it was last seen, if `tip` holds it; looks if it never was."""
        seen = self._git.resolve_ref(remote_ledger(remote)) or self.fetch(remote)
        if seen is None or seen == tip:
            return seen
        return seen if self._git.call("merge-base", "--is-ancestor", seen, tip).code == 0 else None

    def _touched(self, ours: str, theirs: str) -> Iterable[Path]:
        """The collections, runs and other records here that a merge may change."""
        records = self._layout.records
        relatives = (to_record(path) for path in changes_between(self._git, ours, theirs))
        units = {unit_of(relative) for relative in relatives if relative is not None}
        return [records / unit for unit in sorted(units) if (records / unit).exists()]

    def _fetch(self, remote: str, *refspecs: str) -> Done:
        _check_remote(remote)
        quiet = ["--no-write-fetch-head"] if git_version() >= (2, 29) else []
        return self._git.call(
            *("fetch", "--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--refmap=", *quiet),
            *(remote, *refspecs),
            env=self._env,
        )

    def _send(self, remote: str, tip: str, seen: str | None) -> tuple[bool, Done | None]:
        """Push once: whether anything was new to the remote, and what git said if others came first.

        They did, too, if the remote is not at `seen`, which `tip` holds: what it has since may
        have been deleted here, and that was not dated.
        """
        _check_remote(remote)
        refs = [f"{tip}:{LEDGER_REF}"]
        if self._git.run("for-each-ref", "--count=1", CODE_REFS):
            refs.insert(0, _CODE)
        push = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"]
        if seen is not None:
            push.append(f"--force-with-lease={LEDGER_REF}:{seen}")
        done = self._git.call(*push, "--atomic", remote, *refs, env=self._env)
        if done.code and _NO_ATOMIC in done.errors:
            for ref in refs:  # the ledger comes last
                done = self._git.call(*push, remote, ref, env=self._env)
                if done.code:
                    break
        said = done.output.decode(errors="replace")
        if done.code:
            if any(text in said or text in done.errors for text in _TOO_LATE):
                return False, done
            raise self._explained(remote, ["push"], done)
        self._git.update_ref(remote_ledger(remote), tip)
        return any(line[:1] in ("*", " ", "+") for line in said.splitlines()), None

    def _explained(self, remote: str, command: list[str], done: Done) -> GitError:
        said = done.output.decode(errors="replace").splitlines()
        rejected = [line.split("\t")[-1] for line in said if line.startswith("!")]
        if rejected:
            return GitError(
                f"{remote} does not take the records: {rejected[0]}",
                hint="pulling needs no right to write: tracker pull",
            )
        error = failure(command, done)
        return GitError(error.message, hint=error.hint or f"try it with git alone: git ls-remote {remote}")


def _check_remote(remote: str) -> None:
    if remote.startswith("-") or not remote:
        raise UsageError(f"{remote!r} is not the name or address of a git remote")
