"""After a commit: which versions and runs are its own, and the run that auto_log makes of it."""

from __future__ import annotations

from hooks.auto_log import log_commit
from hooks.call import Call
from hooks.changes import changed_pointers, empty_tree, own_pointers
from hooks.prepare_commit_msg import read_added
from hooks.sync import follow_pointers
from vcs.records.commit_log import CommitRun, CommitVersion, Entry


def run(call: Call) -> bool:
    """Do it. In a rebase nothing: post-rewrite comes at its end."""
    head = call.git.head()
    if call.is_rebasing or head is None:
        return True
    _name_runs(call, head)
    stamp(call, head)
    parent = call.git.resolve(f"{head}^1") or empty_tree(call.git)
    # What a cherry-pick, a merge or `git checkout OLD -- x.tracker` brought in is not there yet.
    if changed_pointers(call.git, parent, head):
        follow_pointers(call)
    if call.repo.settings.auto_log:
        log_commit(call, head)
    return True


def stamp(call: Call, commit: str) -> None:
    """Record which versions a commit brought in: of a merge, those that no parent has.

    Manifests never change, so this goes into the commit log (`vcs.records.commit_log`).

    Raises:
        GitError, StoreError: Nothing was recorded.
    """
    branch = call.git.branch()
    entries: list[Entry] = [
        CommitVersion(commit, pointer.artifact, pointer.version, pointer.digest, path, branch)
        for path, pointer in own_pointers(call.git, commit)
    ]
    names = ", ".join(f"{one.artifact}:{one.version}" for one in entries if isinstance(one, CommitVersion))
    call.append(entries, f"commit {commit[:10]} has {names}")


def _name_runs(call: Call, commit: str) -> None:
    """Record the runs that the message names; the user may have taken some out."""
    added = read_added(call.state.added)
    call.state.added.unlink(missing_ok=True)
    if added is None:
        return
    message = call.git.text("show", "-s", "--no-show-signature", "--format=%B", commit)
    lines = set(message.splitlines())
    if not lines & set(added.trailers):
        return
    entries: list[Entry] = [
        CommitRun(commit, project, run) for project, run, line in added.runs if not line or line in lines
    ]
    call.append(entries, f"commit {commit[:10]} follows {len(entries)} run{'s' * (len(entries) != 1)}")
