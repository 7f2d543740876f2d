"""Remotes of a project, opened: the one place where settings, credentials and buckets meet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vcs.buckets.around import TRIES, Counted, Limited, Retrying
from vcs.digest import digest_bytes
from vcs.errors import NotFoundError
from vcs.layout import Layout
from vcs.remotes import Remote, find_remote, open_bucket
from vcs.settings import VcsSettings, ssh_command, transfer_environment, user_folder
from vcs.sharing.contents import RemoteContents
from vcs.sharing.credentials import find_credentials
from vcs.sharing.upload import JOBS, PIECE_BYTES, Pace

_KEY_LENGTH = 16
_SECONDS_A_PIECE = 2
# More would only wait for each other.
_JOBS_WITH_A_LIMIT = 2
_SMALLEST_PIECE = 256 << 10


@dataclass(frozen=True)
class Limits:
    """What the user allows a transfer: requests at once, and bytes a second, both ways together."""

    jobs: int = JOBS
    bytes_per_s: float | None = None

    @property
    def pace(self) -> Pace:
        """Fetch in pieces small enough that a slow rate comes evenly; what is sent has one size for all."""
        if self.bytes_per_s is None:
            return Pace(self.jobs)
        piece = int(self.bytes_per_s * _SECONDS_A_PIECE / _JOBS_WITH_A_LIMIT) >> 20 << 20
        return Pace(
            min(self.jobs, _JOBS_WITH_A_LIMIT), fetch_bytes=min(PIECE_BYTES, max(_SMALLEST_PIECE, piece))
        )


def choose_remote(settings: VcsSettings, name: str | None = None) -> Remote | None:
    """Return the remote with that name or address, else the project's; None if it has none.

    Raises:
        NotFoundError, UsageError: See `vcs.remotes.find_remote`.
    """
    return find_remote(settings.remotes, settings.remote, name)


def need_remote(settings: VcsSettings, name: str | None = None) -> Remote:
    """Return the remote with that name or address, else the project's.

    Raises:
        NotFoundError: There is none, or the project has several and no default.
        UsageError: An address that cannot be.
    """
    remote = choose_remote(settings, name)
    if remote is not None:
        return remote
    if settings.remotes:
        raise NotFoundError(
            f"the project has several remotes and no default: {', '.join(settings.remotes)}",
            hint=f"say which, or `remote: {next(iter(settings.remotes))}` in tracker.yaml",
        )
    raise NotFoundError(
        "the project has no remote for contents", hint="tracker remote add lab s3://bucket/path"
    )


def open_contents(
    layout: Layout,
    remote: Remote,
    *,
    limits: Limits = Limits(),
    tries: int = TRIES,
    apart: bool = False,
) -> RemoteContents:
    """Open a remote; nothing is sent yet. `apart`: so that this process may be forked.

    Raises:
        UsageError, FormatError, StoreError: Its address or the kept keys cannot be used.
    """
    environment = transfer_environment()
    credentials = find_credentials(remote, user_folder(environment), environment)
    bucket = open_bucket(
        remote, layout.root, credentials=credentials, ssh=ssh_command(environment), apart=apart
    )
    around = Retrying(Counted(bucket), tries=tries)
    limited = Limited(around, limits.bytes_per_s) if limits.bytes_per_s else around
    return RemoteContents(limited, layout.remote_cache(cache_key(layout, remote)), remote.title)


def cache_key(layout: Layout, remote: Remote) -> str:
    """Return a name for what is remembered of a place; a folder of another project is another place."""
    where = str(layout.root / Path(remote.url)) if remote.scheme == "file" else remote.address
    return digest_bytes(where.encode())[:_KEY_LENGTH]
