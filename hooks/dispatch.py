"""From a hook's name to what it does, and from what goes wrong to what git is told.

A failure is told in one line and stops nothing, with two exceptions: before a commit,
tracked data that could not be stored; before a push, objects that are missing. Imports
happen when the hook is known: every commit pays for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hooks.call import Call, Outside
from vcs.errors import Error, UsageError
from vcs.repo import Repo
from vcs.tracked.pointer import find_pointers

REFUSED = 20
"""The exit status of a hook that stops git on purpose; every other one but 0 is a failure of ours."""

WITH_INPUT = frozenset({"pre-push", "post-rewrite"})

_HOOKS: dict[str, tuple[str, str]] = {
    "pre-commit": ("hooks.pre_commit", "run"),
    "prepare-commit-msg": ("hooks.prepare_commit_msg", "run"),
    "commit-msg": ("hooks.commit_msg", "run"),
    "post-commit": ("hooks.post_commit", "run"),
    "post-checkout": ("hooks.post_checkout", "checkout"),
    "post-merge": ("hooks.post_checkout", "merge"),
    "post-rewrite": ("hooks.post_checkout", "rewrite"),
    "pre-push": ("hooks.pre_push", "run"),
}

HOOKS = tuple(_HOOKS)
"""The hooks that we have, in the order in which git may call them."""


def run_hook(
    name: str,
    arguments: Sequence[str],
    *,
    folder: Path,
    index: Path | None,
    input: str,
    outside: Outside,
) -> int:
    """Do what a hook does, and return the exit status.

    `folder` is where git called it, the top of the working tree; `index` what it has in
    GIT_INDEX_FILE. Safe to call again for the same event.

    Raises:
        UsageError: There is no such hook.
    """
    if name not in _HOOKS:
        raise UsageError(f"no hook {name!r}", hint=f"the hooks are {', '.join(HOOKS)}")
    try:
        repo = Repo.open(folder, create=False)
        if repo.git is None:
            return 0  # Called by hand, outside of a repository.
        call = Call(name, tuple(arguments), input, index, repo, repo.git, outside)
    except (Error, OSError) as error:
        return _failed(name, error, outside.say, protects=name == "pre-commit")
    for warning in repo.warnings:
        outside.say(warning)
    module, attribute = _HOOKS[name]
    hook: Callable[[Call], bool] = getattr(importlib.import_module(module), attribute)
    try:
        return 0 if hook(call) else REFUSED
    except (Error, OSError) as error:
        return _failed(name, error, outside.say, protects=name == "pre-commit" and _has_pointers(call))


def _failed(name: str, error: Error | OSError, say: Callable[[str], None], *, protects: bool) -> int:
    text = f"{error.message}; {error.hint}" if isinstance(error, Error) and error.hint else str(error)
    if protects:
        say(f"not committed, because tracked data cannot be looked at: {text}")
        say("to commit without it: git commit --no-verify")
        return REFUSED
    say(f"{name}: {text}")
    return 0


def _has_pointers(call: Call) -> bool:
    try:
        return bool(find_pointers(call.git))
    except Error:
        return True
