"""What a folder without git kept, taken over when it has become a repository.

Without git, objects lie in `.tracker/store`, where `git clean -fdx` would take them, and
nothing is in the ledger. So the first command after `git init` moves the objects to
where git's other data are, and then records everything in the ledger. Killed in between,
the next command goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vcs.atomic import disk_error, fsync_directory, make_folder, remove_quietly, temporary_name
from vcs.layout import Layout
from vcs.lock import file_lock

if TYPE_CHECKING:
    from vcs.records.ledger import Ledger

# What others refer to comes first. The rest (caches, locks, temporary files) is made anew.
_OF_THE_STORE = ("objects", "extents", "packs", "recipes")
_OF_THE_MACHINERY = ("live", "saved")
_TIMEOUT_S = 60.0


def is_due(layout: Layout) -> bool:
    """Whether there is anything to take over; one stat."""
    return layout.git_dir is not None and layout.plain_machinery.is_dir()


def adopt(layout: Layout, ledger: Ledger) -> None:
    """Take over what was kept without git.

    Safe from several processes at once. A run that goes on from before goes on writing to
    the old place; the next call takes that over, too.

    Raises:
        StoreError, LockedError, GitError: Not all of it is taken over; nothing is lost,
            and calling it again goes on.
    """
    old = layout.plain_machinery
    with file_lock(layout.locks / "adoption", timeout_s=_TIMEOUT_S, what="what was kept without git"):
        for names, target in (
            (_OF_THE_STORE, layout.objects_root),
            (_OF_THE_MACHINERY, layout.machinery),
        ):
            for name in names:
                _move_files(old / name, target / name)
        ledger.commit([layout.records], "records from before git init")
        shutil.rmtree(old, ignore_errors=True)


def _move_files(source: Path, target: Path) -> None:
    """Move each file to the same place below `target`; one that is there has the same content."""
    try:
        children = [*os.scandir(source)]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise disk_error(error, f"cannot read {source}") from error
    for child in children:
        if child.is_dir(follow_symlinks=False):
            _move_files(Path(child.path), target / child.name)
        elif child.is_file(follow_symlinks=False):
            _move(Path(child.path), target / child.name)
    if target.is_dir():
        fsync_directory(target)


def _move(source: Path, target: Path) -> None:
    make_folder(target.parent)
    try:
        os.rename(source, target)
    except FileNotFoundError:
        return  # its process has removed it
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise disk_error(error, f"cannot move {source} to {target}") from error
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    """Move over to another file system: copy, make durable, remove."""
    temporary = target.parent / temporary_name(target.name)
    try:
        shutil.copy2(source, temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, target)
        os.unlink(source)
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error(error, f"cannot move {source} to {target}") from error
    finally:
        remove_quietly(temporary)
