"""A virtual environment with the packages that a run had.

Built once for each list of packages, in `.git/tracker/envs/`, with uv where there is one
and pip otherwise; it may be deleted at any time. The packages come from where the user's
pip or uv finds packages. Ours come from the tracker that is running: what is compared is
the training, and not how it is recorded.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.compare.environment import normalised
from tracker.errors import NotFoundError, StoreError
from tracker.live.term import say
from tracker.revive.python_facts import ask
from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.digest import digest_bytes
from vcs.layout import Layout
from vcs.lock import file_lock

_OURS = ("tracker", "vcs", "hooks")
# Those that build environments, rather than being of use in one.
_TOOLS = frozenset({"pip", "uv", "wheel"})
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)(?:\s+#\s*(\S+))?")
_COMMIT = re.compile(r"(.+)@([0-9a-f]{40})")
_COMPLETE = "complete.json"
_SHOWN_LINES = 5


@dataclass(frozen=True)
class Wanted:
    """What an environment is to have.

    Attributes:
        python: Its version, `3.11.7`.
        lines: Requirements as pip reads them.
        notes: Packages that cannot be had again, a sentence each.
    """

    python: str
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal environments."""
        return digest_bytes(json.dumps([self.python, self.lines]).encode())[:16]


def wanted(requirements: str, python: str, *, project: Path) -> Wanted:
    """Read a run's requirements.txt.

    What came from a repository is wanted at its commit. What came from a folder is wanted
    from there as it is now, if that is not the project itself, whose code is in the
    worktree.
    """
    lines: list[str] = []
    notes: list[str] = []
    names = set()
    for text in requirements.splitlines():
        match = _LINE.fullmatch(text.strip())
        if match is None or normalised(match[1]) in {*_TOOLS, _OURS[0]}:
            continue
        name, version, origin = match.groups()
        names.add(normalised(name))
        if origin is None:
            lines.append(f"{name}=={version}")
        elif origin.startswith("file://"):
            folder = Path(origin.removeprefix("file://"))
            if folder.exists() and not project.is_relative_to(folder):
                lines.append(f"{name} @ {origin}")
                notes.append(f"{name} {version} was installed from {folder}, and is as it is there now")
            elif not folder.exists():
                notes.append(f"{name} {version} was installed from {folder}, which is gone")
        else:
            commit = _COMMIT.fullmatch(origin)
            lines.append(f"{name} @ git+{commit[1]}@{commit[2]}" if commit else f"{name} @ {origin}")
    lines += [line for name, line in _our_requirements().items() if name not in names]
    return Wanted(python, tuple(sorted(lines)), tuple(notes))


def build(layout: Layout, want: Wanted, *, candidates: Sequence[str] = ()) -> str:
    """Return the Python of an environment that has what is wanted; build it if need be.

    Of two processes the second waits for the first. Interrupted, it is built anew the
    next time. `candidates` are interpreters, of which one of the right version is used.

    Raises:
        NotFoundError: There is no Python of that version, or a package cannot be had.
        StoreError: The disk failed.
        LockedError: Another process builds it for more than an hour.
    """
    folder = layout.environments / want.digest
    python = folder / "bin" / "python"
    with file_lock(layout.locks / f"env-{want.digest}", timeout_s=3600.0, what="the environment"):
        if not (folder / _COMPLETE).exists():
            say(f"building an environment with {len(want.lines)} packages of then in {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder.parent)
            _make(folder, want, candidates)
            _install(folder, python, want)
            write_atomic(folder / _COMPLETE, json.dumps({"python": want.python, "lines": want.lines}))
        _offer_ours(folder, python)
    return str(python)


def _make(folder: Path, want: Wanted, candidates: Sequence[str]) -> None:
    uv = _uv()
    fitting = _fitting(want.python, candidates)
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", fitting or want.python, str(folder)], folder, "make it")
    elif fitting is not None:
        _run([fitting, "-m", "venv", str(folder)], folder, "make it")
    else:
        raise NotFoundError(
            f"there is no Python {want.python} here", hint="uv brings one: pip install uv; then try again"
        )


def _fitting(version: str, candidates: Sequence[str]) -> str | None:
    """Return an interpreter of that version, or else one that differs in the last number."""
    short = ".".join(version.split(".")[:2])
    named = shutil.which(f"python{short}")
    found = {}
    for python in dict.fromkeys([*candidates, sys.executable, *([named] if named else [])]):
        try:
            found[python] = ask(python, folder=Path.cwd()).version
        except (NotFoundError, StoreError):
            continue
    exact = [python for python, own in found.items() if own == version]
    near = [python for python, own in found.items() if own.startswith(f"{short}.")]
    return next(iter([*exact, *near]), None)


def _install(folder: Path, python: Path, want: Wanted) -> None:
    if not want.lines:
        return
    listed = folder / "requirements.txt"
    write_atomic(listed, "".join(f"{line}\n" for line in want.lines))
    uv = _uv()
    # The list is complete, so nothing is resolved that was not there then.
    if uv is not None:
        words = [uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", "-r", str(listed)]
    else:
        words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        words += ["-r", str(listed)]
    _run(words, folder, "install the packages of then")


def _run(words: list[str], folder: Path, doing: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise disk_error(error, f"cannot start {words[0]}") from error
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise NotFoundError(
            f"the environment {folder} cannot be built: could not {doing}: " + " ".join(said[-_SHOWN_LINES:]),
            hint="without --env the packages of now are used, and compared",
        )


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")


def _offer_ours(folder: Path, python: Path) -> None:
    """Let the environment import this very tracker, and nothing else from where it lies."""
    ours = folder / "ours"
    make_folder(ours)
    top = Path(__file__).resolve().parents[2]
    for name in _OURS:
        link = ours / name
        if not link.is_symlink() or Path(os.readlink(link)) != top / name:
            link.unlink(missing_ok=True)
            os.symlink(top / name, link)
    question = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False).stdout
    write_atomic(Path(site.strip()) / "tracker-ours.pth", f"{ours}\n")


def _our_requirements() -> dict[str, str]:
    """Return what the running tracker needs, in the versions that it has now, by name."""
    try:
        needed = importlib.metadata.requires("tracker") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    lines = {}
    for text in needed:
        name = re.match(r"[A-Za-z0-9._-]+", text)
        if name is not None and "extra ==" not in text:
            lines[normalised(name[0])] = f"{name[0]}=={importlib.metadata.version(name[0])}"
    return lines
