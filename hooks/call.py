"""One call of git: which hook, with what, in which repository, and what hooks leave for each other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hooks.auto_run import AutoRun
from vcs.atomic import make_folder
from vcs.clock import iso_now
from vcs.git import Git
from vcs.layout import hook_state
from vcs.progress import Progress
from vcs.records.commit_log import Entry, append_entries
from vcs.repo import Repo

INSTALLED = "installed"
"""Name of the file that lets the shims work; see `hooks.install`."""

WriteRun = Callable[[AutoRun], tuple[str, str]]
"""Makes a run of it and returns the run's project and id. Runs are above this package, so it is passed in."""


ShowProgress = Callable[[str], AbstractContextManager[Progress | None]]
"""Shows the progress of something with a title, while the block lasts."""


@dataclass(frozen=True)
class Outside:
    """What hooks cannot do themselves.

    Attributes:
        say: Tells the user one line.
    """

    say: Callable[[str], None]
    show_progress: ShowProgress
    write_run: WriteRun


@dataclass(frozen=True)
class State:
    """The small files by which the hooks of one working tree speak to each other and to the shim.

    Attributes:
        folder: In the git directory of the working tree, so that git removes it with that.
    """

    folder: Path

    @property
    def verify(self) -> Path:
        """There while a commit is made whose commit-msg hook will be called."""
        return self.folder / "verify"

    @property
    def added(self) -> Path:
        """The trailers that were added to the message of the commit that is being made."""
        return self.folder / "added"

    @property
    def seen(self) -> Path:
        """Its time is when tracked data was last known to be stored; the shim compares files with it."""
        return self.folder / "seen"

    @property
    def auto_log(self) -> Path:
        """The digest of what auto_log logged last."""
        return self.folder / "auto-log"

    def mark_seen(self, at_s: float | None = None) -> None:
        """Say that tracked data is stored as it was at that time, or is now.

        Raises:
            StoreError, OSError: The disk refuses.
        """
        make_folder(self.folder)
        self.seen.touch()
        moment = time.time() if at_s is None else at_s
        os.utime(self.seen, (moment, moment))


@dataclass(frozen=True)
class Call:
    """What git asks of a hook.

    Attributes:
        arguments: As git gave them.
        input: What git wrote to the standard input of pre-push and post-rewrite.
        index: The index that a commit is made from; not always that of the working tree.
            None: git named none.
    """

    name: str
    arguments: tuple[str, ...]
    input: str
    index: Path | None
    repo: Repo
    git: Git
    outside: Outside

    def say(self, text: str) -> None:
        """Tell the user one line."""
        self.outside.say(text)

    @cached_property
    def state(self) -> State:
        return State(hook_state(self.git.git_dir))

    @property
    def index_env(self) -> dict[str, str]:
        """The environment in which git reads and writes the index that is committed."""
        return {"GIT_INDEX_FILE": str(self.index)} if self.index is not None else {}

    @property
    def is_rebasing(self) -> bool:
        """Whether git rebases, or applies mails."""
        return any((self.git.git_dir / name).is_dir() for name in ("rebase-merge", "rebase-apply"))

    @property
    def is_replaying(self) -> bool:
        """Whether the commit in the making is, at least in part, one of others."""
        names = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer")
        return self.is_rebasing or any((self.git.git_dir / name).exists() for name in names)

    def argument(self, position: int) -> str:
        """Return an argument; empty if git gave fewer."""
        return self.arguments[position] if position < len(self.arguments) else ""

    def append(self, entries: list[Entry], message: str) -> None:
        """Append to the commit log and record that in the ledger; the ledger failing is only told.

        Raises:
            StoreError: The disk refuses.
        """
        if not entries:
            return
        path = self.repo.layout.commits
        self.repo.ledger.prepare()
        append_entries(path, entries, iso_now())
        for warning in self.repo.record([path], message):
            self.say(warning)
