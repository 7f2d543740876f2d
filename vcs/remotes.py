"""Remotes: names for the places where contents are shared, and how to open one.

They stand in `tracker.yaml`, which is committed, so that a clone has them:

```yaml
remotes:
  lab: s3://bucket/path
  nas: {url: /mnt/nas/team}
  minio: {url: s3://models, endpoint: https://minio.lab:9000, region: eu-west-1}
remote: lab      # the default; a URL is fine too
```

No credential stands there: see `vcs.sharing.credentials`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vcs.errors import NotFoundError, UsageError
from vcs.names import near
from vcs.secrets import without_credentials

if TYPE_CHECKING:
    from vcs.buckets.base import Bucket

SCHEMES = ("s3", "gs", "az", "http", "https", "ssh", "sftp", "file")
OPTIONS = {
    "s3": ("endpoint", "region", "profile"),
    "gs": ("endpoint",),
    "az": ("account", "endpoint"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Remote:
    """A place for contents.

    Attributes:
        name: None where the settings give the address alone.
        url: Without credentials.
        options: What else is needed to connect: endpoint, region, profile, account.
    """

    name: str | None
    url: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return self.name or self.url

    @property
    def scheme(self) -> str:
        """That of the URL; `file` for a folder."""
        return urlsplit(self.url).scheme if "://" in self.url else "file"

    @property
    def address(self) -> str:
        """What identifies the place, for credentials: they are never sent anywhere else."""
        endpoint = self.options.get("endpoint", "")
        return f"{self.url.rstrip('/')} at {endpoint}" if endpoint else self.url.rstrip("/")


def check_remote_name(text: object) -> str:
    """Return `text` as the name of a remote.

    Raises:
        UsageError: It is not one word of letters, digits, `.`, `_` and `-`.
    """
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise UsageError(f"{text!r} cannot be the name of a remote", hint="use letters, digits, `-` and `_`")
    return text


def make_remote(name: str | None, url: object, options: Mapping[str, object] | None = None) -> Remote:
    """Return a remote after a look at its address.

    Raises:
        UsageError: An address that nothing here can open, that holds a password, or an
            option that its kind does not have.
    """
    if not isinstance(url, str) or not url.strip():
        raise UsageError(f"an address is text such as s3://bucket/path, not {url!r}")
    if "://" in url:
        _check_url(url)
    remote = Remote(name, url)
    given = {key: value for key, value in (options or {}).items() if value is not None}
    known = OPTIONS.get(remote.scheme, ())
    for key, value in given.items():
        if key not in known:
            hint = near(key, known) or (f"it may have {', '.join(known)}" if known else "it has no options")
            raise UsageError(f"a remote at {remote.scheme}:// has no option {key!r}", hint=hint)
        if not isinstance(value, str) or not value:
            raise UsageError(f"the option {key!r} of a remote is text, not {value!r}")
        if without_credentials(value) != value:
            raise UsageError(f"the option {key!r} holds a password", hint="leave it out, and: tracker login")
    return Remote(name, url, {key: str(value) for key, value in given.items()})


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"cannot understand {url!r}: {error}") from error
    if parts.scheme not in SCHEMES:
        hint = (
            near(parts.scheme, SCHEMES) or f"one of {', '.join(f'{one}://' for one in SCHEMES)}, or a folder"
        )
        raise UsageError(f"cannot open addresses of the form {parts.scheme}://", hint=hint)
    if parts.password or (parts.username and parts.scheme not in ("ssh", "sftp")) or parts.query:
        raise UsageError(
            f"the address {without_credentials(url).partition('?')[0]} is given with credentials or a query, "
            "and tracker.yaml is committed",
            hint="leave them out of it, and keep them with: tracker login NAME",
        )
    if parts.scheme != "file" and not parts.netloc:
        raise UsageError(
            f"{url!r} names no {'host' if parts.scheme in ('ssh', 'sftp', 'http', 'https') else 'bucket'}"
        )


def find_remote(remotes: Mapping[str, Remote], default: str | None, name: str | None) -> Remote | None:
    """Return the remote with that name or address, else the default; None if there is no default.

    Raises:
        NotFoundError: There is no remote with that name.
        UsageError: An address that cannot be.
    """
    wanted = name if name is not None else default
    if wanted is None:
        return next(iter(remotes.values())) if len(remotes) == 1 else None
    if wanted in remotes:
        return remotes[wanted]
    if "://" in wanted or "/" in wanted:
        return make_remote(None, wanted)
    hint = near(wanted, remotes) or (
        f"there is {', '.join(remotes)}"
        if remotes
        else f"add it: tracker remote add {wanted} s3://bucket/path"
    )
    named = "" if name is not None else ", which tracker.yaml names as the default"
    raise NotFoundError(f"there is no remote {wanted!r}{named}", hint=hint)


def open_bucket(
    remote: Remote,
    root: Path,
    *,
    credentials: Mapping[str, str],
    ssh: Sequence[str] = ("ssh",),
    apart: bool = False,
) -> Bucket:
    """Return the bucket behind a remote; nothing is sent yet. A relative folder is relative to `root`.

    With `apart`, what does not survive a fork runs in a process of its own.

    Raises:
        UsageError: The address cannot be used.
    """
    scheme = remote.scheme
    if scheme == "file":
        from vcs.buckets.folder import FolderBucket

        path = urlsplit(remote.url).path if remote.url.startswith("file://") else remote.url
        return FolderBucket(root / Path(path).expanduser())
    if scheme in ("ssh", "sftp"):
        from vcs.buckets.sftp import SftpBucket

        return SftpBucket(remote.url, ssh)
    if apart:
        from vcs.buckets.apart import ApartBucket

        return ApartBucket(remote.url, remote.options, credentials, title=remote.title)
    from vcs.buckets.objectstore import ObjectStoreBucket

    return ObjectStoreBucket(remote.url, remote.options, credentials, title=remote.title)
