"""Where artifacts live: the repository, the project, and who can open a run.

While a run is live, it is the home of every artifact that the script makes. Without a
run, the repository is found from the current directory, when it is first needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tracker.settings import load_settings
from tracker.storage.catalog import RunEntry
from vcs.names import check_project
from vcs.repo import Repo

DEFAULT_PROJECT = "uncategorized"


def _same_entry(entry: RunEntry) -> Any:
    return entry


@dataclass(frozen=True)
class Home:
    """The surroundings of an artifact.

    Attributes:
        repo: Keeps its contents and its versions.
        project: Of versions that are logged from here, and of names without a project.
        entity: What `artifact.entity` says; selects nothing.
        open_run: Makes of a found run what `logged_by` and `used_by` return.
        log_draft: Logs a draft through the live run; None without one.
    """

    repo: Repo
    project: str = DEFAULT_PROJECT
    entity: str = ""
    open_run: Callable[[RunEntry], Any] = field(default=_same_entry, compare=False)
    log_draft: Callable[[Any], Any] | None = field(default=None, compare=False)

    def in_project(self, project: str) -> Home:
        """Return the same surroundings with another project, outside of any run."""
        return replace(self, project=check_project(project), log_draft=None)


_lock = threading.Lock()
_current: list[Home] = []


def enter_home(home: Home) -> None:
    """Let drafts that have no home yet live here, until `leave_home`; the newest one counts."""
    with _lock:
        _current.append(home)


def leave_home(home: Home) -> None:
    """Undo `enter_home`; harmless if that never happened."""
    with _lock:
        if home in _current:
            _current.remove(home)


def find_home() -> Home:
    """Return the home of the live run, or else that of the current directory.

    Raises:
        GitError, FormatError, StoreError: See `Repo.open`.
    """
    with _lock:
        if _current:
            return _current[-1]
    repo = Repo.open()
    options = load_settings({})
    project = options.project or repo.settings.project or DEFAULT_PROJECT
    return Home(repo, project, options.entity or repo.settings.entity or "")
