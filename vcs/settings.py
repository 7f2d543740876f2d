"""What `tracker.yaml` and the environment say about a project.

```yaml
project: LeNet5          # the project of runs that do not name one
entity: vision-team
store: /scratch/objects  # where contents lie; relative to this file; TRACKER_STORE wins
remotes: {lab: s3://bucket/path}   # where contents are shared; see vcs.remotes
remote: lab              # the one for push and pull: a name of these, or an address
git_remote: origin       # where the records go: a remote of git; that of the branch by default
auto_push: true          # send a run and what it logged when it has ended
keep: {'ckpt-*': 'last 3, best val/loss min, every 10', '*': all}   # versions that gc keeps
code: {limit: 1MiB, total_limit: 64MiB, files_per_folder: 1000}   # untracked files of a code commit
hooks: {max_file: 10MiB, allow: ['tests/data/*.pt'], metrics: [val/acc]}   # see HookSettings
auto_log: {params: params.yaml, metrics: [results/*.csv], artifacts: [best.pt]}   # see AutoLog
```

Every key is optional; a key that is not known here is an error, because a slip of the
pen would otherwise silently lose what was meant. The only file of the package that
reads the environment for its own options.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vcs.artifacts.keep_rules import KeepRule, parse_keep
from vcs.errors import FormatError, NotFoundError, UsageError
from vcs.layout import SETTINGS_FILE
from vcs.names import check_artifact_name, check_project, check_type, near
from vcs.remotes import Remote, check_remote_name, make_remote
from vcs.yaml_io import load_yaml

FORMAT = 1

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|ki|mi|gi|)b?", re.IGNORECASE)


@dataclass(frozen=True)
class CodeLimits:
    """How much of what is untracked a code commit takes in.

    Attributes:
        file_bytes: A larger file stays out.
        total_bytes: If all together are more, the largest stay out.
        folder_files: A folder with more untracked files stays out.
    """

    file_bytes: int = 1 << 20
    total_bytes: int = 64 << 20
    folder_files: int = 1000


@dataclass(frozen=True)
class HookSettings:
    """What the git hooks do, where they are installed.

    Attributes:
        max_file: A larger file is not committed to git without a word.
        allow: Patterns of gitignore; files that fit are committed, whatever their size or name.
        metrics: The metrics that a commit message says of a run; empty: what looks best.
    """

    max_file: int = 10 << 20
    allow: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class AutoArtifact:
    """A path that each commit logs; `name` and `type` are made up where they are None."""

    path: str
    name: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class AutoLog:
    """The files that become a run of each commit that changes them.

    Attributes:
        params: Files whose keys become the configuration; `*` stands for any name.
        metrics: Files whose values become the summary, or rows.
        artifacts: Files and folders that are stored as versions.
        project: That of the run; None: that of the settings.
    """

    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    artifacts: tuple[AutoArtifact, ...] = ()
    project: str | None = None

    def __bool__(self) -> bool:
        return bool(self.params or self.metrics or self.artifacts)


@dataclass(frozen=True)
class VcsSettings:
    """The settings of one project."""

    project: str | None = None
    entity: str | None = None
    store: Path | None = None
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    remote: str | None = None
    git_remote: str | None = None
    auto_push: bool = False
    keep: tuple[tuple[str, KeepRule], ...] = ()
    code: CodeLimits = field(default_factory=CodeLimits)
    hooks: HookSettings = field(default_factory=HookSettings)
    auto_log: AutoLog = field(default_factory=AutoLog)


def load_settings(root: Path, environment: Mapping[str, str] | None = None) -> VcsSettings:
    """Read the settings of the project at `root`; without a file all have their defaults.

    A relative store is relative to `root`; `~` is the home folder.

    Raises:
        FormatError: The file is not YAML or of a newer format, has an unknown key or a
            value that its key cannot have. The message names the file and the key.
        StoreError: The file cannot be read.
    """
    path = root / SETTINGS_FILE
    try:
        given = load_yaml(path, "settings")
    except NotFoundError:
        given = None
    options = _mapping(given, str(path))
    if options.pop("format", FORMAT) != FORMAT:
        raise FormatError(
            f"{path} is of a newer format than this version reads", hint="install a newer tracker"
        )
    parsed = _parsed(options, _KEYS, str(path))
    env = os.environ if environment is None else environment
    store = env.get("TRACKER_STORE") or parsed.pop("store", None)
    parsed["store"] = Path(os.path.abspath(root / Path(store).expanduser())) if store else None
    return VcsSettings(**parsed)


def parse_size(value: object) -> int:
    """Return a size in bytes: a number, or text such as `1MiB`, `500 kB`, `2g`.

    Raises:
        ValueError: It is none of these, or negative.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a size such as 1MiB or 500kB, not {value!r}")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _parsed(options: dict[str, Any], keys: Mapping[str, Parser], where: str) -> dict[str, Any]:
    """Check every key and value; None counts as not given."""
    for key in options:
        if key not in keys:
            hint = near(str(key), keys) or f"the keys are {', '.join(keys)}"
            raise FormatError(f"unknown key {key!r} in {where}", hint=hint)
    parsed = {}
    for key, value in options.items():
        if value is None:
            continue
        try:
            parsed[key] = keys[key](value)
        except FormatError as error:
            raise FormatError(f"{where}: {error.message}", hint=error.hint) from error
        except UsageError as error:
            raise FormatError(f"{key} in {where}: {error.message}", hint=error.hint) from error
        except ValueError as error:
            raise FormatError(f"{key} in {where} must be {error}") from error
    return parsed


def _mapping(value: object, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FormatError(f"{where} is not a mapping", hint="write lines such as `project: LeNet5`")
    return dict(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"text, not {value!r}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"a whole number from 0 up, not {value!r}")
    return value


def _project(value: object) -> str:
    return check_project(_text(value))


def _entity(value: object) -> str:
    return check_project(_text(value), what="entity")


def _keep(value: object) -> tuple[tuple[str, KeepRule], ...]:
    """One rule for all collections, or patterns of names with a rule for each."""
    given = value if isinstance(value, dict) else {"*": value}
    return tuple((_text(pattern), parse_keep(rule)) for pattern, rule in given.items())


def _code(value: object) -> CodeLimits:
    keys = {"limit": parse_size, "total_limit": parse_size, "files_per_folder": _whole}
    given = _parsed(_mapping(value, "code"), keys, "code")
    names = {"limit": "file_bytes", "total_limit": "total_bytes", "files_per_folder": "folder_files"}
    return CodeLimits(**{names[key]: value for key, value in given.items()})


def _texts(value: object) -> tuple[str, ...]:
    """One text or a list of them."""
    items = value if isinstance(value, list) else [value]
    return tuple(_text(item) for item in items)


def _inside(value: object) -> str:
    """A path or pattern within the project."""
    path = _text(value)
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "~")) or ".." in parts or {".git", ".tracker"} & set(parts):
        raise ValueError(f"a path inside the project, not {path!r}")
    return path.removeprefix("./")


def _paths(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_inside(item) for item in items)


def _artifact(value: object) -> AutoArtifact:
    if isinstance(value, str):
        return AutoArtifact(_inside(value))
    keys = {"path": _inside, "name": _artifact_name, "type": _type}
    given = _parsed(_mapping(value, "artifacts"), keys, "artifacts")
    if "path" not in given:
        raise ValueError("a path, or a mapping with `path`")
    return AutoArtifact(**given)


def _artifact_name(value: object) -> str:
    return check_artifact_name(_text(value))


def _type(value: object) -> str:
    return check_type(_text(value))


def _artifacts(value: object) -> tuple[AutoArtifact, ...]:
    return tuple(_artifact(item) for item in (value if isinstance(value, list) else [value]))


def _remotes(value: object) -> dict[str, Remote]:
    return {
        check_remote_name(name): _one_remote(check_remote_name(name), given)
        for name, given in _mapping(value, "remotes").items()
    }


def _one_remote(name: str, given: object) -> Remote:
    if not isinstance(given, dict):
        return make_remote(name, given)
    options = {str(key): option for key, option in given.items()}
    return make_remote(name, options.pop("url", None), options)


def _remote(value: object) -> str:
    text = _text(value)
    if "://" in text:
        make_remote(None, text)
    return text


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false, not {value!r}")
    return value


def _hooks(value: object) -> HookSettings:
    keys = {"max_file": parse_size, "allow": _texts, "metrics": _texts}
    return HookSettings(**_parsed(_mapping(value, "hooks"), keys, "hooks"))


def _auto_log(value: object) -> AutoLog:
    keys = {"params": _paths, "metrics": _paths, "artifacts": _artifacts, "project": _project}
    return AutoLog(**_parsed(_mapping(value, "auto_log"), keys, "auto_log"))


Parser = Callable[[object], Any]

_KEYS: dict[str, Parser] = {
    "project": _project,
    "entity": _entity,
    "store": _text,
    "remotes": _remotes,
    "remote": _remote,
    "git_remote": _text,
    "auto_push": _yes_or_no,
    "keep": _keep,
    "code": _code,
    "hooks": _hooks,
    "auto_log": _auto_log,
}


def ssh_command(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return how ssh is to be called: as the user told git, else `ssh`.

    Raises:
        UsageError: The command cannot be read.
    """
    env = os.environ if environment is None else environment
    given = env.get("GIT_SSH_COMMAND") or env.get("GIT_SSH") or "ssh"
    try:
        return shlex.split(given) if env.get("GIT_SSH_COMMAND") else [given]
    except ValueError as error:
        raise UsageError(f"cannot understand GIT_SSH_COMMAND: {error}") from error


def transfer_environment(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return the environment in which the credentials of remotes are looked for."""
    return os.environ if environment is None else environment


def user_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of what belongs to the user and to no project; it may be missing."""
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or "~").expanduser()
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "tracker"
