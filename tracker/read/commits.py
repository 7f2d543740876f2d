"""From a commit to what was recorded of it: runs, versions, tracked data.

A commit that a rebase or an amend rewrote is still the same to the records: what was said
of the old one holds for the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.records import RunRecord
from vcs.artifacts.manifest import Manifest
from vcs.errors import Error, FormatError, GitError, NotFoundError
from vcs.git import Git
from vcs.records.commit_log import CommitLog, read_commit_log
from vcs.repo import Repo
from vcs.tracked.pointer import Pointer, parse, tracked_path

# A pointer has ten lines; something larger of that name is none.
_MOST_POINTER_BYTES = 1 << 20
# The fields of a Commit; a message can hold everything but NUL.
_FORMAT = "%H%x00%an%x00%cI%x00%s"


@dataclass(frozen=True)
class Commit:
    """A commit of the user's, or a code commit of ours.

    Attributes:
        same: Itself, and all that were rewritten into it.
    """

    id: str
    author: str
    time: str
    subject: str
    same: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class CommitRecords:
    """What is recorded of a commit.

    Attributes:
        runs: That ran on its code, or that it speaks of in a trailer.
        versions: That were made on it, or came in with its pointers.
        pointers: The tracked paths in its tree.
        problems: What could not be read, a sentence each.
    """

    commit: Commit
    runs: tuple[RunEntry, ...]
    versions: tuple[Manifest, ...]
    pointers: tuple[tuple[str, Pointer], ...]
    problems: tuple[str, ...] = ()


def find_commit(repo: Repo, revision: str) -> Commit:
    """Return the commit that a revision of git names.

    Raises:
        GitError: There is no repository.
        NotFoundError: It names none.
    """
    if repo.git is None:
        raise GitError("there are no commits without a git repository", hint="git init")
    # What begins with a dash would be an option to git.
    commit = None if revision.startswith("-") else repo.git.resolve(revision)
    if commit is None:
        raise NotFoundError(f"git knows no commit {revision!r}", hint="list them: git log --oneline")
    (found,) = describe(repo.git, [commit])
    log = read_commit_log(repo.layout.commits)
    return replace(found, same=log.ancestry(commit))


def describe(git: Git, commits: Iterable[str]) -> list[Commit]:
    """Return author, time and subject of commits, in their order.

    Raises:
        GitError: One of them is not here.
    """
    listed = git.run(
        *("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", f"--format={_FORMAT}"),
        input="".join(f"{commit}\n" for commit in commits).encode(),
    )
    fields = listed.decode(errors="replace").split("\0")
    quarters = (fields[start : start + 4] for start in range(0, len(fields) - 3, 4))
    return [Commit(commit, author, time, subject) for commit, author, time, subject in quarters]


def runs_at(repo: Repo, commit: Commit, project: str | None = None) -> list[RunEntry]:
    """Return the runs that ran on a commit, or that it speaks of; damaged records are left out."""
    named = {(run.project, run.run) for run in read_commit_log(repo.layout.commits).runs_of(commit.id)}
    entries = Catalog(repo.layout).runs(project)
    return [
        entry
        for entry in entries
        if (entry.project, entry.id) in named or commits_of(entry.record) & commit.same
    ]


def commits_of(record: RunRecord) -> set[str]:
    """Return the commits that the sessions of a run started from, and those that hold what ran."""
    return {commit for one in record.sessions for commit in (one.commit, one.code_commit) if commit}


def records_of(repo: Repo, commit: Commit) -> CommitRecords:
    """Return everything that is recorded of a commit. Reads every run and every manifest.

    Raises:
        GitError: git fails.
    """
    problems: list[str] = []
    log = read_commit_log(repo.layout.commits)
    return CommitRecords(
        commit,
        tuple(runs_at(repo, commit)),
        tuple(_versions(repo, commit, log, problems)),
        tuple(pointers_at(repo, commit.id, problems)),
        tuple(problems),
    )


def pointers_at(repo: Repo, commit: str, problems: list[str]) -> Iterator[tuple[str, Pointer]]:
    """Yield the tracked paths of a commit with their pointers; why one cannot be read goes to `problems`."""
    git = repo.git
    if git is None:
        return
    listed = os.fsdecode(git.run("ls-tree", "-r", "-z", "--full-tree", commit))
    for line in listed.split("\0"):
        about, _, name = line.partition("\t")
        path = tracked_path(name)
        if path is None or " blob " not in about:
            continue
        digest = about.split()[2]
        if int(git.run("cat-file", "-s", digest)) > _MOST_POINTER_BYTES:
            continue
        try:
            text = git.run("cat-file", "blob", digest).decode()
            yield path, parse(text, f"pointer {name} of {commit[:10]}")
        except UnicodeDecodeError:
            problems.append(f"pointer {name} is no text")
        except FormatError as error:
            problems.append(error.message)


def _versions(repo: Repo, commit: Commit, log: CommitLog, problems: list[str]) -> Iterator[Manifest]:
    brought = {(one.artifact, one.version) for one in log.versions_of(commit.id)}
    for project, name in repo.collections.names():
        try:
            versions = repo.collections.versions(project, name)
        except Error as error:
            problems.append(error.message)
            continue
        problems += [f"{damaged.path}: {damaged.reason}" for damaged in versions.damaged]
        for manifest in versions:
            made_on = {manifest.origin.commit, manifest.origin.code_commit}
            if made_on & commit.same or (f"{project}/{name}", manifest.version) in brought:
                yield manifest
