"""What a run read, brought back to where it had it: by digest, never over what differs.

Three kinds: artifacts that the run used and downloaded; paths that the code commit tracks
by pointers; and paths that git ignores, of which nothing is known but that they exist now.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tracker.errors import ConflictError, Error, NotFoundError, UsageError
from tracker.storage.records import RunRecord, Used
from vcs.artifacts.manifest import Manifest
from vcs.atomic import disk_error, make_folder
from vcs.digest import Digest
from vcs.elsewhere import BRING_OBJECTS
from vcs.files.checkout import CheckoutPlan, plan_checkout
from vcs.layout import POINTER_SUFFIX
from vcs.repo import Repo
from vcs.stores.copying import clone_file
from vcs.tracked.verbs import plan_checkout as plan_tracked

State = Literal["in place", "to bring", "not downloaded", "missing", "elsewhere", "changed"]
"""There as it should be; to be brought; used by name only; not in the store, or deleted;
at a place outside of the tree, which is the script's to fill; there, but changed."""

# Ignored, and not read by a training.
_MACHINERY = frozenset(
    {
        ".tracker", ".git", "__pycache__", ".venv", "venv", "env", ".env", "node_modules", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".idea", ".vscode", ".DS_Store", "wandb",
        "build", "dist", ".tox", ".nox", ".cache",
    }
)  # fmt: skip
_MOST_NAMED = 8


@dataclass(frozen=True)
class InputPlan:
    """One version that a run used.

    Attributes:
        version: `project/name:vN`.
        asked: What the script asked for, such as `mnist:latest`.
        target: Where the run had it; None if it was not downloaded.
        problem: A sentence, where it will not be as it was.
    """

    version: str
    asked: str
    state: State
    target: Path | None = None
    problem: str | None = None
    _checkout: CheckoutPlan | None = field(default=None, repr=False)

    def apply(self) -> None:
        """Bring it there, verified by its digest; nothing that is there is overwritten.

        Raises:
            NotFoundError: It is missing.
            ConflictError, IntegrityError, StoreError: See `CheckoutPlan.apply`.
        """
        if self.state == "missing":
            raise NotFoundError(self.problem or f"{self.version} is missing", hint=BRING_OBJECTS)
        if self.state == "to bring" and self._checkout is not None:
            self._checkout.apply(overwrite=False)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        target = None if self.target is None else str(self.target)
        return {
            "version": self.version,
            "asked": self.asked,
            "state": self.state,
            "target": target,
            "problem": self.problem,
        }


def plan_inputs(repo: Repo, record: RunRecord, *, tree: Path, folder: Path) -> list[InputPlan]:
    """Plan to bring what a run used to where it had it: `folder` is its working directory in `tree`.

    What the run logged itself, its checkpoints for example, is no input.
    """
    own = {logged.artifact for logged in record.logged}
    planned: dict[tuple[str, str | None], InputPlan] = {}
    for used in record.used:
        if used.artifact not in own:
            planned[used.digest, used.path] = _plan(repo, used, tree, folder)
    return list(planned.values())


def _plan(repo: Repo, used: Used, tree: Path, folder: Path) -> InputPlan:
    version, asked = f"{used.artifact}:{used.version}", used.as_ or used.artifact
    try:
        manifest = repo.collections.resolve(f"{used.artifact}@{used.digest}", project="")
        lacking = missing_objects(repo, manifest)
    except Error as error:
        return InputPlan(version, asked, "missing", problem=f"the input {version} is gone: {error.message}")
    if lacking:
        problem = f"the input {version} is not in {repo.store.name}: {_count(len(lacking), 'object')} missing"
        return InputPlan(version, asked, "missing", problem=problem)
    if used.path is None:
        return InputPlan(version, asked, "not downloaded")
    target = Path(os.path.normpath(folder / used.path))
    if not target.is_relative_to(tree):
        problem = f"the run had {version} at {target}, outside of the code; the script has to bring it"
        return InputPlan(version, asked, "elsewhere", target, problem)
    listing = repo.collections.listing(manifest)
    try:
        plan = plan_checkout(listing, target, repo.store, stat_cache=repo.stat_cache)
    except (ConflictError, UsageError) as error:
        return InputPlan(version, asked, "changed", target, f"{version} is not brought: {error.message}")
    if plan.conflicts:
        names = ", ".join(plan.conflicts[:3])
        problem = f"{target} was changed since {version} was brought there ({names}), and is left so"
        return InputPlan(version, asked, "changed", target, problem)
    return InputPlan(version, asked, "in place" if plan.changes_nothing else "to bring", target, None, plan)


def missing_objects(repo: Repo, manifest: Manifest) -> set[Digest]:
    """Return the objects of a version that are neither here nor with a remote."""
    listing = repo.collections.listing(manifest)
    lacking = repo.store.missing({Digest(entry.digest) for entry in listing if entry.kind == "file"})
    return lacking - repo.store.obtainable(lacking) if lacking else set()


def bring_tracked(tree: Path) -> list[str]:
    """Bring the tracked paths of a working tree to its pointers; return what cannot be, a sentence each.

    Raises:
        GitError, LockedError, StoreError: See `vcs.tracked.verbs`.
    """
    repo = Repo.open(tree)
    plan = plan_tracked(repo)
    applied = plan.apply()
    failed = [(blocked.path, blocked.problem) for blocked in plan.blocked]
    failed += [(one.path, error) for one, error in applied.failed]
    return [f"the tracked path {path} is not as then: {error}" for path, error in failed]


# what git does not have


def unknown_inputs(ignored: Sequence[str], pointers: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Return the ignored paths that a run may have read, of which nothing was recorded.

    `pointers` are the tracked paths, `inputs` where used artifacts lie; both relative to the
    working tree, like `ignored`.
    """
    brought = {path.rstrip("/") for path in (*pointers, *inputs)}
    found = []
    for path in ignored:
        plain = path.rstrip("/")
        parts = plain.split("/")
        if _MACHINERY.intersection(parts) or plain.endswith((".pyc", ".egg-info", ".swp", "~")):
            continue
        if plain in brought or any(one.startswith(f"{plain}/") for one in brought):
            continue
        if not any(plain.startswith(f"{one}/") for one in brought):
            found.append(path)
    return found


def unknown_text(paths: Sequence[str]) -> str:
    """Return the sentence about them."""
    more = len(paths) - _MOST_NAMED
    shown = ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    first = shlex.quote(paths[0].rstrip("/"))
    return (
        f"not in the recorded code, because git ignores it: {shown}; whether the run read it was not "
        f"recorded (to copy it as it is now: --with {first})"
    )


def pointed_paths(paths: Sequence[str]) -> list[str]:
    """Return the tracked paths among the files of a commit."""
    return [path.removesuffix(POINTER_SUFFIX) for path in paths if path.endswith(POINTER_SUFFIX)]


def copy_into(source: Path, target: Path) -> None:
    """Copy a file or folder as it is now; what is there stays, an interrupted copy is completed.

    Where the file system can, the copy shares the blocks of the source.

    Raises:
        NotFoundError: There is no such path.
        StoreError: The disk failed.
    """
    if not source.exists():
        raise NotFoundError(f"there is no {source}")
    try:
        make_folder(target.parent)
        if source.is_file():
            _copy_file(source, target)
        else:
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=_copy_file)
    except OSError as error:
        raise disk_error(error, f"cannot copy {source} to {target}") from error
    except shutil.Error as error:
        raise disk_error(OSError(str(error)), f"cannot copy {source} to {target}") from error


def _copy_file(source: str | Path, target: str | Path) -> None:
    if os.path.lexists(target):
        return
    unfinished = f"{target}.{os.getpid()}.tmp"
    try:
        with open(source, "rb") as reader, open(unfinished, "xb") as writer:
            if not clone_file(reader.fileno(), writer.fileno()):
                shutil.copyfileobj(reader, writer, 1 << 20)
        shutil.copystat(source, unfinished)
        os.rename(unfinished, target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
