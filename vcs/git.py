"""git, asked politely: the only file that runs it.

Every process gets an explicit `-C`, an environment in which no variable of a hook or
of another repository redirects it, and settings under which git runs no hook, signs
nothing, asks no file system monitor and takes no optional lock. What it prints is
read with `-z`. Leaves to others: what to ask, and which refs and files are ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vcs.atomic import disk_error
from vcs.errors import GitError
from vcs.secrets import without_credentials

if TYPE_CHECKING:
    import git as gitpython

OLDEST = (2, 20)
STALE_LOCK_S = 2.0

# `git rev-parse --local-env-vars`, without GIT_CONFIG_PARAMETERS and GIT_CONFIG_COUNT: those hold
# settings (`git -c`, safe.directory in containers), and git itself keeps them for submodules.
LOCATING_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

# Settings of the user that would run a program of theirs, or write where we do not want it.
_POLITE = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor="),
    *("-c", "core.splitIndex=false"),
    *("-c", "core.logAllRefUpdates=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "advice.detachedHead=false"),
)

_CONFIG_KEYS = r"^(user\.(name|email)|remote\..*\.url|branch\..*\.remote|url\..*\.insteadof)$"
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Identity:
    """Who made a commit."""

    name: str
    email: str

    def __str__(self) -> str:
        """As in a commit object, with what would end the field taken out."""
        return f"{_plain(self.name)} <{_plain(self.email)}>"


TRACKER = Identity("tracker", "tracker@localhost")


class Git:
    """One working tree, through git processes of about 1.6 ms each.

    Nothing is read before it is asked for. `config` is read once and kept, so a
    process that outlives a change of the user's name keeps the old one.
    """

    def __init__(self, worktree: Path) -> None:
        self.worktree = worktree

    def run(
        self,
        *arguments: str | bytes | Path,
        input: bytes | Iterable[bytes] | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> bytes:
        """Run git and return what it prints to standard output.

        An iterable as input is written piece by piece, and suits commands that print
        less than a pipe holds (64 KiB) before they have read everything. With `check`
        false a failure returns what was printed up to then.

        Raises:
            GitError: git is missing, too old, or fails; with git's own message.
            StoreError: It cannot be started, or fed: too many open files, a full disk.
        """
        done = self.call(*arguments, input=input, env=env)
        if done.code and check:
            raise failure(arguments, done)
        return done.output

    def call(
        self,
        *arguments: str | bytes | Path,
        input: bytes | Iterable[bytes] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run git as `run` does, and return how it ended; only one that cannot be started is an error."""
        return run_git(["git", "-C", str(self.worktree), *_POLITE, *arguments], input=input, env=env)

    def text(self, *arguments: str | bytes | Path, check: bool = True) -> str:
        """Run git and return its output as text, without the newline at the end."""
        return os.fsdecode(self.run(*arguments, check=check)).removesuffix("\n")

    # where

    @cached_property
    def git_dir(self) -> Path:
        """The git directory of this working tree; no process for the usual forms."""
        entry = self.worktree / ".git"
        if entry.is_dir():
            return entry
        try:
            pointer = os.fsdecode(entry.read_bytes())
        except OSError:
            pointer = ""
        if pointer.startswith("gitdir: "):
            return Path(os.path.normpath(self.worktree / pointer[len("gitdir: ") :].rstrip("\n")))
        return Path(self.text("rev-parse", "--absolute-git-dir"))

    @cached_property
    def common_dir(self) -> Path:
        """The git directory that all working trees of the repository share."""
        try:
            pointer = os.fsdecode((self.git_dir / "commondir").read_bytes())
        except FileNotFoundError:
            return self.git_dir
        return Path(os.path.normpath(self.git_dir / pointer.rstrip("\n")))

    # what

    def head(self) -> str | None:
        """Return the commit that is checked out; None before the first one."""
        return self.resolve("HEAD")

    def branch(self) -> str | None:
        """Return the branch that is checked out, also before its first commit; None when detached."""
        return self.text("symbolic-ref", "--quiet", "--short", "HEAD", check=False) or None

    def resolve(self, revision: str) -> str | None:
        """Return the commit that `revision` names; None when it names none."""
        return self.text("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", check=False) or None

    def resolve_ref(self, ref: str) -> str | None:
        """Return what a full ref name points to; None when there is no such ref.

        Reads the ref's own file where there is one, which always wins over packed
        refs; asks git otherwise.
        """
        try:
            content = (self.common_dir / ref).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            content = ""
        if _OBJECT_ID.fullmatch(content):
            return content
        return self.text("rev-parse", "--verify", "--quiet", ref, check=False) or None

    @cached_property
    def config(self) -> dict[str, str]:
        """The user's settings that we read: identity, remotes, and rewritten addresses.

        The last value of a key wins; section and name are in lower case.
        """
        listed = self.run("config", "-z", "--get-regexp", _CONFIG_KEYS, check=False)
        pairs = (item.partition("\n") for item in os.fsdecode(listed).split("\0") if item)
        return {key: value for key, _, value in pairs}

    def identity(self) -> Identity:
        """Return who the user is to git; `tracker` where they have not said."""
        return Identity(
            self.config.get("user.name", "").strip() or TRACKER.name,
            self.config.get("user.email", "").strip() or TRACKER.email,
        )

    def remote_name(self, branch: str | None = None) -> str | None:
        """Return the name of the branch's remote, else `origin`, else the only one; None without."""
        names = [k[len("remote.") : -len(".url")] for k in self.config if k.startswith("remote.")]
        own = self.config.get(f"branch.{branch}.remote", "")
        return next((n for n in (own, "origin") if n in names), names[0] if len(names) == 1 else None)

    def remote_url(self, branch: str | None = None) -> str | None:
        """Return the address of the branch's remote, else of `origin`, else of the only one.

        Rewritten by `url.*.insteadOf` as git would; user name and password are taken
        out. None without a remote.
        """
        name = self.remote_name(branch)
        if name is None:
            return None
        return without_credentials(self._rewritten(self.config[f"remote.{name}.url"]))

    def _rewritten(self, url: str) -> str:
        rules = [
            (value, key[len("url.") : -len(".insteadof")])
            for key, value in self.config.items()
            if key.startswith("url.") and key.endswith(".insteadof") and url.startswith(value)
        ]
        if not rules:
            return url
        old, new = max(rules, key=lambda rule: len(rule[0]))
        return new + url[len(old) :]

    # refs of ours

    def update_ref(self, ref: str, commit: str) -> None:
        """Point a ref of ours to a commit; durable as far as git makes it so.

        A lock file that a killed git left behind is taken away after STALE_LOCK_S.

        Raises:
            GitError: git refuses.
        """
        try:
            self.run("update-ref", ref, commit)
        except GitError as error:
            if f"{ref}.lock" not in error.message:
                raise
            self.clear_stale_lock(ref)
            self.run("update-ref", ref, commit)

    def clear_stale_lock(self, ref: str) -> None:
        """Remove the lock file of a ref of ours once it is STALE_LOCK_S old, and wait until then.

        git holds one for milliseconds and removes it on every end but SIGKILL.
        """
        lock = self.common_dir / f"{ref}.lock"
        with suppress(FileNotFoundError):
            age_s = time.time() - lock.stat().st_mtime
            time.sleep(min(max(STALE_LOCK_S - age_s, 0.0), STALE_LOCK_S))
            if time.time() - lock.stat().st_mtime >= STALE_LOCK_S:
                lock.unlink()

    def repository(self) -> gitpython.Repo:
        """Return GitPython's repository, for reading configuration and history at leisure.

        Its import costs 0.2 s: for the command line, never for a run.
        """
        import git as gitpython

        repository = gitpython.Repo(self.worktree)
        # GitPython's processes inherit the variables of a hook; naming the places outdoes them.
        repository.git.update_environment(
            GIT_DIR=str(self.git_dir),
            GIT_INDEX_FILE=str(self.git_dir / "index"),
            GIT_OPTIONAL_LOCKS="0",
        )
        return repository


@dataclass(frozen=True)
class Done:
    """How a git process ended."""

    code: int
    output: bytes
    errors: str


def run_git(
    command: Sequence[str | bytes | Path],
    *,
    input: bytes | Iterable[bytes] | None = None,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run a whole command line that begins with `git`; for callers without a working tree.

    Raises:
        GitError: git is not installed.
        StoreError: The system has no room for it: too many open files or processes, a full disk.
    """
    environment = {**scrubbed(os.environ), "GIT_OPTIONAL_LOCKS": "0", "LANGUAGE": "C", **(env or {})}
    try:
        if input is None or isinstance(input, bytes):
            done = subprocess.run(
                command, input=input or b"", capture_output=True, env=environment, check=False
            )
            return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        return _run_fed(command, input, environment)
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on PATH", hint="install git, then try again") from error
    except OSError as error:
        raise disk_error(error, "cannot run git") from error


def clone(url: str, folder: Path | None) -> Path:
    """Run `git clone`, with its progress and its questions on the terminal; return the new folder.

    Raises:
        GitError: git failed, and said why on stderr.
    """
    target = folder or Path(re.split(r"[/:]", url.rstrip("/").removesuffix("/.git"))[-1].removesuffix(".git"))
    environment = {**scrubbed(os.environ), "LANGUAGE": "C"}
    command = ["git", "clone", "--", url, str(target)]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on PATH", hint="install git, then try again") from error
    if done.returncode:
        raise GitError(f"git could not clone {without_credentials(url)}")
    return target


def _run_fed(
    command: Sequence[str | bytes | Path], pieces: Iterable[bytes], environment: Mapping[str, str]
) -> Done:
    import tempfile  # 5 ms, for those who write only.

    # A file takes the messages: a full pipe of them would stop git, and with it our writing.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                with suppress(BrokenPipeError):
                    for piece in pieces:
                        process.stdin.write(piece)
                    process.stdin.flush()
            except BaseException:
                process.kill()
                raise
            finally:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            output = process.stdout.read()
        errors.seek(0)
        return Done(process.returncode, output, errors.read().decode(errors="replace"))


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what names another repository; the rest is the user's wish."""
    return {key: value for key, value in environment.items() if key not in LOCATING_VARIABLES}


def failure(arguments: Sequence[str | bytes | Path], done: Done) -> GitError:
    """Return the error for a git process that failed, in git's words, without credentials."""
    name = _command_name(arguments)
    if done.code < 0:
        return GitError(f"git {name} was killed by signal {-done.code}", hint="run this again")
    said = [line for line in done.errors.splitlines() if line.strip()]
    if "dubious ownership" in done.errors or "safe.directory" in done.errors:
        command = next((line.strip() for line in said if "--add safe.directory" in line), "")
        return GitError(
            "the repository belongs to another user, so git refuses to work in it",
            hint=f"if you trust it: {command or 'see git help config, safe.directory'}",
        )
    old = too_old(git_version())
    if old is not None:
        return old
    first = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1] if said else "")
    message = first.removeprefix("fatal: ").removeprefix("error: ") or f"exit status {done.code}"
    return GitError(f"git {name} failed: {without_credentials(message)}")


def _command_name(arguments: Sequence[str | bytes | Path]) -> str:
    words = iter(str(argument) for argument in arguments)
    for word in words:
        if word == "-c":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def too_old(version: tuple[int, ...]) -> GitError | None:
    """Return what to say of a version of git; None if it will do."""
    if version >= OLDEST:
        return None
    return GitError(
        f"git {'.'.join(map(str, version))} is too old",
        hint=f"install git {'.'.join(map(str, OLDEST))} or newer",
    )


def git_version() -> tuple[int, ...]:
    """Return the version of git, for example (2, 39, 5).

    Raises:
        GitError: git is not installed, or does not even answer that.
    """
    done = run_git(["git", "version"])
    found = re.search(r"\d+(?:\.\d+)+", done.output.decode(errors="replace"))
    if found is None:
        said = (done.errors.strip().splitlines() or [f"exit status {done.code}"])[-1]
        raise GitError(f"git does not work: {said}", hint="try it: git version")
    return tuple(int(part) for part in found[0].split("."))


def _plain(text: str) -> str:
    return re.sub(r"[<>\x00-\x20\x7f]+", " ", text).strip()
