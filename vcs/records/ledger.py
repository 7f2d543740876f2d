"""The records' own git history: `refs/tracker/ledger`.

`.tracker/` is its working copy. A commit takes the files at some paths as they are and
leaves the rest as it was, by one `git fast-import` on a tree in which runs lie in 256
shards, so its cost grows with what is committed and not with what is there. The
user's index, branches and working tree are never involved.

A mark in the records names the commit that they are in step with. `git clean -fdx`
takes it away with everything else: that is how a loss is seen, and the ledger brings
all of it back. Leaves to others: when to commit, merging two ledgers, files that are
too large for git.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vcs.atomic import create_exclusive, disk_error, temporary_name, write_atomic
from vcs.clock import iso_time
from vcs.errors import GitError, UsageError
from vcs.git import Done, Git, Identity, failure
from vcs.layout import LEDGER_REF, Layout
from vcs.ledger_paths import to_ledger, to_record
from vcs.lock import file_lock
from vcs.records.ledger_repair import go_back, is_whole, remember
from vcs.records.ledger_tree import (
    EXECUTABLE,
    FAST_IMPORT,
    compare,
    entries_of,
    files_at,
    is_within,
    read_objects,
)

TRIES = 3  # A foreign process (git fetch) may move the ref, or a killed one have left its lock file.
_BATCH = 256  # Objects that are read at once when records come back: at most 256 MiB.


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the diary."""

    commit: str
    time: str
    message: str
    author: str


class Ledger:
    """The history of one project's records; does nothing without git.

    Safe from any number of processes: each change is made under one lock. A process
    killed at any moment leaves the ledger as it was before or after the commit. After a
    power cut, which can take git's newest objects, the next commit goes back to where
    the ledger is whole and takes all records along.
    """

    def __init__(
        self,
        git: Git | None,
        layout: Layout,
        *,
        timeout_s: float = 10.0,
        complete: Callable[[], int] = lambda: 0,
    ) -> None:
        """`timeout_s` is how long a commit waits for other processes that commit.

        `complete` brings back what belongs to records and is not in the ledger, and
        returns how many files that were. It is called when records came back.
        """
        self._complete = complete
        self._git = git
        self._layout = layout
        self._timeout_s = timeout_s
        self._lock = layout.locks / "ledger"

    def prepare(self) -> None:
        """Make `.tracker/` and the file in it that hides it from git; one stat when done.

        Must come before the first record, so that `git status` never shows one.
        """
        ignore = self._layout.records / ".gitignore"
        if not ignore.exists():
            create_exclusive(ignore, "*\n")

    def tip(self) -> str | None:
        """Return the newest ledger commit; None before the first one and without git."""
        return self._git.resolve_ref(LEDGER_REF) if self._git else None

    def commit(
        self,
        paths: Iterable[Path],
        message: str,
        *,
        author: Identity | None = None,
        now_s: float | None = None,
    ) -> str | None:
        """Record the files at `paths` (files or folders of records) as they are now.

        What the ledger has there and the disk has not is removed from it; so are files
        of a run above 1 MiB. Symbolic links are followed to files, and not followed to
        folders. Returns the ledger commit that holds the files: the present one if
        nothing has changed, None without git. A call that failed is made up for by the
        next one for the same paths.

        If the records were lost since the last commit, they are brought back first: what
        is missing on disk is then no removal.

        Raises:
            UsageError: A path is not below the records.
            LockedError: Other processes held the ledger for `timeout_s`.
            GitError, StoreError: git or the disk failed; the ledger is as it was.
        """
        relatives = [self._relative(path) for path in paths]
        git = self._git
        if git is None:
            return None
        if not relatives:
            return self.tip()
        self.prepare()
        when_s = int(time.time() if now_s is None else now_s)
        who_and_when = f"{author or git.identity()} {when_s} +0000"
        with file_lock(self._lock, timeout_s=self._timeout_s, what="the ledger"):
            try:
                return self._commit(git, relatives, who_and_when, message)
            except GitError:
                if self._repair(git, who_and_when) is None:
                    raise
                return self._commit(git, relatives, who_and_when, message)

    def restore_if_lost(self) -> int:
        """Bring the records back if they are gone (`git clean -fdx`, a fresh clone).

        Writes every file that the ledger has and the disk has not, overwrites none, and
        returns how many. Costs one stat when nothing is lost. An interrupted call goes
        on when repeated.

        Raises:
            LockedError, GitError, StoreError: Not everything is back; what can be is.
        """
        git = self._git
        if git is None or self._layout.ledger_mark.exists():
            return 0
        if git.resolve_ref(LEDGER_REF) is None:
            return 0
        with file_lock(self._lock, timeout_s=self._timeout_s, what="the ledger"):
            if self._layout.ledger_mark.exists():
                return 0
            try:
                self._complete_step(git)
                tip = git.resolve_ref(LEDGER_REF)
                return self._restore(git, tip) if tip else 0
            except GitError as error:
                lost = self._repair(git, f"{git.identity()} {int(time.time())} +0000")
                if lost is None:
                    raise
                if lost:
                    raise GitError(
                        f"the ledger was damaged, and {len(lost)} records are lost, among them {lost[0]}",
                        hint="they may be in a clone of the repository, or in a backup",
                    ) from error
                return sum(1 for _ in files_at(self._layout.records, ""))

    def step_to(self, commit: str, *, expected: str | None) -> int | None:
        """Bring the ledger and the records on disk to a commit that holds all of the present one.

        Returns how many files were written or removed; None, and nothing is changed, if the
        ledger is not at `expected` any more. The step is written down first: whatever ends
        this call in between, the next change of the ledger completes it. See `ledger_step`
        for records that are being written to.

        Raises:
            LockedError, GitError, StoreError: Not complete; the next change goes on with it.
        """
        git = self._git
        if git is None:
            return None
        self.prepare()
        with file_lock(self._lock, timeout_s=self._timeout_s, what="the ledger"):
            self._complete_step(git)
            tip = git.resolve_ref(LEDGER_REF)
            if tip != expected:
                return None
            if tip == commit:
                return 0
            self._catch_up(git, tip, ())
            write_atomic(self._layout.ledger_step, f"{tip or '-'} {commit}\n")
            return self._complete_step(git)

    def log(self, *, path: Path | None = None, limit: int | None = None) -> Iterator[LedgerEntry]:
        """Yield the commits, newest first; of one record or folder of records if `path` is given.

        Raises:
            UsageError: The path is not below the records.
            GitError: git fails.
        """
        if self._git is None or (tip := self.tip()) is None:
            return
        options = [] if limit is None else [f"--max-count={limit}"]
        scope = "" if path is None else to_ledger(self._relative(path))
        only = ["--", scope] if scope else []
        printed = self._git.run(
            *("--literal-pathspecs", "log", "-z", "--no-show-signature", "--encoding=UTF-8"),
            *("--format=%H %ct%x00%an%x00%B", *options, tip, *only),
        )
        fields = printed.decode(errors="replace").split("\0")
        for place, author, message in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
            commit, _, seconds = place.partition(" ")
            yield LedgerEntry(commit, iso_time(int(seconds)), message.strip("\n"), author)

    # helpers

    def _complete_step(self, git: Git) -> int:
        """Do the step that is written down, if there is one; under the lock."""
        note = self._layout.ledger_step
        step = _read_step(note)
        count = 0
        if step is not None:
            old, new = step
            if git.resolve_ref(LEDGER_REF) == old:
                # Merging has much to load, which a run that only records has no use for.
                from vcs.records.ledger_step import bring_records

                try:
                    count = bring_records(git, self._layout, old, new)
                except GitError:
                    if is_whole(git, new):
                        raise
                    # A power cut took the merge, not the records: the next pull merges again.
                    _forget(note)
                    return 0
                # The ref says that all is here: it must not outlive the files in a power cut.
                os.sync()
                git.update_ref(LEDGER_REF, new)
                self._set_mark(new)
                remember(self._layout, new)
                self._complete()
            _forget(note)
        return count

    def _commit(self, git: Git, scopes: Sequence[str], who_and_when: str, message: str) -> str | None:
        """Commit under the lock."""
        self._complete_step(git)
        tip = git.resolve_ref(LEDGER_REF)
        self._catch_up(git, tip, scopes)
        for tries_left in reversed(range(TRIES)):
            change = compare(git, tip, self._layout.records, scopes)
            if not change.puts and not change.removals:
                break
            done = git.call(*FAST_IMPORT, input=change.stream(who_and_when, message))
            if done.code == 0:
                tip = done.output.decode().strip()
                break
            if not tries_left or not _worth_another_try(git, done):
                raise failure(["fast-import"], done)
            tip = git.resolve_ref(LEDGER_REF)
        if tip is not None:
            self._set_mark(tip)
            remember(self._layout, tip)
        return tip

    def _repair(self, git: Git, who_and_when: str) -> list[str] | None:
        """If the ledger is damaged, go back to where it is whole and commit all records on top.

        Returns the records that are neither on disk nor in the ledger any more; None if
        the ledger is not damaged.
        """
        mark = self._layout.ledger_mark
        damaged, was_lost = self.tip(), not mark.exists()
        try:
            known = [to_record(path) for path in entries_of(git, damaged, ())] if damaged else []
        except GitError:
            known = ["what was recorded last"] if was_lost else []
        if not go_back(git, self._layout):
            return None
        _forget(mark)  # It may name what is gone; all is looked at now.
        base = git.resolve_ref(LEDGER_REF)
        if base is not None:
            self._restore(git, base)
        lost = [path for path in known if path and not os.path.lexists(self._layout.records / path)]
        message = "ledger repaired: its newest commits were damaged"
        self._commit(git, [""], who_and_when, "\n".join([message, *(f"lost: {path}" for path in lost)]))
        return lost

    def _relative(self, path: Path) -> str:
        """The path below the records, with `/`; empty for all records."""
        try:
            relative = Path(os.path.abspath(path)).relative_to(self._layout.records)
        except ValueError:
            raise UsageError(f"{path} is not a record: it lies outside {self._layout.records}") from None
        return "" if relative == Path() else relative.as_posix()

    def _catch_up(self, git: Git, tip: str | None, scopes: Sequence[str]) -> None:
        """Bring back what the records lack, if they are not in step with the ledger.

        A mark that is there but old (a crash between commit and mark, a `git fetch` into
        the ref) says nothing about `scopes`: what is missing there was removed.
        """
        mark = _read_mark(self._layout.ledger_mark)
        if tip is not None and mark != tip:
            self._restore(git, tip, without=scopes if mark else ())

    def _restore(self, git: Git, tip: str, *, without: Sequence[str] = ()) -> int:
        """Bring back what the disk lacks, and then fail if some of it cannot be read."""
        self.prepare()
        missing: dict[Path, tuple[str, str]] = {}
        for path, blob in entries_of(git, tip, ()).items():
            relative = to_record(path)
            if relative is None or is_within(relative, without):
                continue
            target = self._layout.records / relative
            if not os.path.lexists(target):
                missing[target] = blob
        count = 0
        unreadable = []
        names = list(missing)
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            contents = read_objects(git, [missing[target][1] for target in batch])
            for target, content in zip(batch, contents, strict=True):
                if content is None:
                    unreadable.append(target)
                else:
                    count += _place(target, content, executable=missing[target][0] == EXECUTABLE)
        count += self._complete()
        if count:
            # The mark says that all is here: it must not outlive the files in a power cut.
            os.sync()
        if unreadable:
            raise GitError(f"{len(unreadable)} records are damaged in the ledger, such as {unreadable[0]}")
        self._set_mark(tip)
        return count

    def _set_mark(self, tip: str) -> None:
        mark = self._layout.ledger_mark
        if _read_mark(mark) != tip:
            write_atomic(mark, f"{tip}\n", durable=False)


def _place(target: Path, content: bytes, *, executable: bool) -> bool:
    """Create a file, whole, unless there is one; not durable by itself."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / temporary_name(target.name)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if executable else 0o666)
        try:
            with os.fdopen(fd, "wb") as stream:
                stream.write(content)
            os.link(temporary, target)
        finally:
            os.unlink(temporary)
    except FileExistsError:
        return False
    except OSError as error:
        raise disk_error(error, f"cannot bring back {target}") from error
    return True


def _read_mark(mark: Path) -> str | None:
    try:
        return mark.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return "damaged"
    except OSError as error:
        raise disk_error(error, f"cannot read {mark}") from error


def _forget(file: Path) -> None:
    """Remove a file of the machinery; one that is gone is fine."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot remove {file}") from error


def _read_step(note: Path) -> tuple[str | None, str] | None:
    """Return the commits from and to which the records are being brought."""
    try:
        words = note.read_text("ascii", errors="replace").split()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, f"cannot read {note}") from error
    if len(words) != 2:
        return None
    return None if words[0] == "-" else words[0], words[1]


def _worth_another_try(git: Git, done: Done) -> bool:
    """Clean up after a fast-import that failed, and say whether the cause may be gone."""
    report = re.search(r"crash report to (.*fast_import_crash_\d+)", done.errors)
    if report:
        with suppress(OSError):
            os.unlink(git.worktree / report[1])
    if f"{LEDGER_REF}.lock" in done.errors:
        git.clear_stale_lock(LEDGER_REF)
        return True
    return "Not updating" in done.errors
