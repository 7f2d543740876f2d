"""Keys for remotes: where they are looked for, and those that `tracker login` keeps.

Kept keys lie in one file in the user's configuration folder, readable by the user only,
never in a repository. They are kept for an address, not for a name: a `tracker.yaml`
that gives a known name another address gets nothing sent there. Without a kept key the
platform's own ways hold: environment, profiles of AWS (keys, `credential_process`, SSO, roles),
netrc, roles of the machine.
"""

from __future__ import annotations

import configparser
import json
import netrc
import os
import shlex
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from vcs.atomic import disk_error, write_atomic
from vcs.errors import FormatError, UsageError
from vcs.lock import file_lock
from vcs.remotes import Remote

FILE = "credentials.json"
_FORMAT = 1
_LOCK_TIMEOUT_S = 10.0
# What gives the keys of a profile that this does not read itself: SSO, roles.
_AWS_EXPORT = ("aws", "configure", "export-credentials", "--format", "process", "--profile")

# What a key consists of, and what obstore calls it; the last is the secret.
FIELDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "s3": (("access key id", "access_key_id"), ("secret access key", "secret_access_key")),
    "gs": (("service account key (JSON)", "service_account_key"),),
    "az": (("account name", "account_name"), ("account key", "account_key")),
    "http": (("user", "user"), ("password", "password")),
    "https": (("user", "user"), ("password", "password")),
}


def parse_key(scheme: str, text: str) -> dict[str, str]:
    """Return the credentials in `ID:SECRET`, or in the secret alone where there is nothing else.

    Raises:
        UsageError: A kind of remote that takes no key, or a key of another form.
    """
    fields = FIELDS.get(scheme)
    if fields is None:
        raise UsageError(
            f"a remote at {scheme}:// takes no key",
            hint="ssh uses its own keys and agent: ssh-copy-id USER@HOST"
            if scheme in ("ssh", "sftp")
            else None,
        )
    text = text.strip()
    if len(fields) == 1:
        values = [text]
    else:
        first, _, rest = text.partition(":")
        values = [first.strip(), rest.strip()]
    if not all(values):
        if len(fields) == 1:
            raise UsageError(f"a key for {scheme}:// is a {fields[0][0]}, and nothing was given")
        form = ":".join(title.upper().replace(" ", "_") for title, _ in fields)
        raise UsageError(f"a key for {scheme}:// has the form {form}")
    return {name: value for (_, name), value in zip(fields, values, strict=True)}


def find_credentials(remote: Remote, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to connect with; empty where the platform is to find it, or nothing is needed.

    Raises:
        FormatError, StoreError: The kept keys cannot be read.
        UsageError: The profile that the remote names does not exist.
    """
    kept = _read(folder / FILE).get(remote.address)
    if kept:
        return kept
    if remote.scheme == "s3":
        return _from_aws_profile(remote.options.get("profile"), environment)
    if remote.scheme in ("http", "https"):
        return _from_netrc(urlsplit(remote.url).hostname or "", environment)
    return {}


def keep_credentials(remote: Remote, credentials: Mapping[str, str], folder: Path) -> Path:
    """Keep a key for the address of a remote, in place of an earlier one; return the file.

    Raises:
        StoreError, LockedError, FormatError: It is not kept.
    """
    return _change(folder, lambda known: {**known, remote.address: dict(credentials)})


def forget_credentials(remote: Remote, folder: Path) -> bool:
    """Forget the key for the address of a remote; False if there is none."""
    if remote.address not in _read(folder / FILE):
        return False
    _change(folder, lambda known: {key: value for key, value in known.items() if key != remote.address})
    return True


def has_credentials(remote: Remote, folder: Path) -> bool:
    """Whether a key is kept for the address of a remote."""
    return remote.address in _read(folder / FILE)


def _change(folder: Path, change: Callable[[dict[str, dict[str, str]]], dict[str, dict[str, str]]]) -> Path:
    path = folder / FILE
    with file_lock(folder / "credentials.lock", timeout_s=_LOCK_TIMEOUT_S, what="the file of credentials"):
        content = {"format": _FORMAT, "credentials": change(_read(path))}
        write_atomic(path, json.dumps(content, indent=1) + "\n", mode=0o600)
    return path


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                os.fchmod(stream.fileno(), 0o600)  # Somebody copied it carelessly.
            content = json.loads(stream.read())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
    except ValueError:
        raise FormatError(f"{path} is damaged", hint="remove it, and log in again: tracker login") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise FormatError(f"{path} is of a newer format than this version knows", hint="use a newer tracker")
    found = content.get("credentials")
    return {
        str(address): {str(key): str(value) for key, value in values.items()}
        for address, values in (found if isinstance(found, dict) else {}).items()
        if isinstance(values, dict)
    }


def _from_aws_profile(profile: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Read a profile as the tools of AWS do; their environment variables win over the default profile.

    Returns its static keys, or as `process` the command that gives keys: its own, or that of
    AWS, which knows SSO and roles.
    """
    if profile is None and environment.get("AWS_ACCESS_KEY_ID"):
        return {}
    name = profile or environment.get("AWS_PROFILE") or "default"
    known = _aws_profile(name, environment)
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    if "aws_access_key_id" in known and "role_arn" not in known:
        return {ours: known[theirs] for theirs, ours in names.items() if theirs in known}
    if "credential_process" in known:
        return {"process": known["credential_process"]}
    if any(key == "role_arn" or key.startswith("sso_") for key in known):
        return {"process": shlex.join([*_AWS_EXPORT, name])}
    if profile is not None:
        raise UsageError(
            f"there are no keys in the profile {profile!r} of AWS", hint="aws configure --profile"
        )
    return {}


def _aws_profile(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the files of AWS say of a profile; those of keys win over those of settings."""
    home = Path(environment.get("HOME") or "~").expanduser() / ".aws"
    config = environment.get("AWS_CONFIG_FILE") or home / "config"
    found: dict[str, str] = {}
    for path, section in (
        (config, name),
        (config, f"profile {name}"),
        (environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials", name),
    ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            continue
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _from_netrc(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    path = Path(environment.get("NETRC") or Path(environment.get("HOME") or "~").expanduser() / ".netrc")
    try:
        found = netrc.netrc(str(path)).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return {}
    return {"user": found[0], "password": found[2]} if found and found[2] else {}
