"""What a store lacks, brought from the project's remotes when it is wanted.

The remote for contents that the project names first is asked first, then the others.
Opening a remote waits until something is lacking, so a project with everything here
never knows of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from vcs.digest import Digest
from vcs.errors import IntegrityError, NotFoundError, UsageError

if TYPE_CHECKING:
    from vcs.layout import Layout
    from vcs.progress import Progress
    from vcs.remotes import Remote
    from vcs.settings import VcsSettings
    from vcs.sharing.contents import RemoteContents
    from vcs.stores.local import LocalStore


class RemoteSource:
    """The remotes of a project, for a store to take from; see `vcs.stores.local.Source`."""

    def __init__(self, layout: Layout, settings: VcsSettings) -> None:
        self._layout = layout
        self._settings = settings

    def bring(self, store: LocalStore, digests: set[Digest], progress: Progress | None) -> None:
        """Put those that a remote has into the store.

        Raises:
            IntegrityError: No remote has an undamaged copy of one that some have.
            StoreError: A remote that might have the rest cannot be reached.
        """
        from vcs.sharing.download import fetch

        wanted, damaged, where = digests, set[Digest](), ""
        for remote in self.remotes():
            with self.opened(remote) as contents:
                fetched = fetch(store, contents, wanted, progress=progress)
            where = where or (remote.title if fetched.damaged else "")
            damaged = damaged.intersection(fetched.missing).union(fetched.damaged)
            wanted = {*fetched.missing, *fetched.damaged}
            if not wanted:
                return
        for digest in sorted(damaged):
            raise IntegrityError(
                f"object {digest[:12]} is damaged on {where}, and was not taken",
                hint=f"a clone that has it can mend it: tracker verify --remote {where} --repair",
            )

    def has(self, digests: set[Digest]) -> set[Digest]:
        """Return those that a remote has; one whose index lacks some is asked for news.

        Raises:
            StoreError: A remote that might have the rest cannot be reached.
        """
        found: set[Digest] = set()
        for remote in self.remotes():
            left = digests - found
            if not left:
                break
            with self.opened(remote) as contents:
                index = contents.index()
                if any(bytes.fromhex(digest) not in index for digest in left):
                    index = contents.refresh()
                found.update(digest for digest in left if bytes.fromhex(digest) in index)
        return found

    def open(self, digest: Digest) -> BinaryIO | None:
        """Open a large object where it lies, to read parts of it; None if no remote has it as one.

        Raises:
            StoreError: A remote that might have it cannot be reached.
        """
        from vcs.sharing.reader import RemoteFile

        raw = bytes.fromhex(digest)
        for remote in self.remotes():
            with self.opened(remote, close=False) as contents:
                entry = contents.index().large(raw) or contents.refresh().large(raw)
                if entry is not None:
                    return io.BufferedReader(RemoteFile(contents.bucket, contents.index(), entry))
                contents.bucket.close()
        return None

    def remotes(self) -> list[Remote]:
        """Return the remotes, the default one first; none if the settings name one that does not exist."""
        from vcs.sharing.opened import choose_remote

        try:
            default = choose_remote(self._settings)
        except (NotFoundError, UsageError):
            default = None
        others = self._settings.remotes.values()
        if default is None:
            return [*others]
        return [default, *(remote for remote in others if remote.address != default.address)]

    @contextmanager
    def opened(self, remote: Remote, *, close: bool = True) -> Iterator[RemoteContents]:
        """Open a remote for the block; in a helper where this process could not fork otherwise."""
        from vcs.sharing.opened import open_contents

        contents = open_contents(self._layout, remote, apart=True)
        try:
            yield contents
        except BaseException:
            contents.bucket.close()
            raise
        if close:
            contents.bucket.close()
