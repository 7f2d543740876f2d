"""Names that people give, and the text forms that point to an artifact.

Names become folders and files, appear in URLs and are typed on command lines, so what
they may hold is decided here, once. The rules are those of wandb, made safe for a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vcs.errors import UsageError

LATEST = "latest"
MAX_NAME = 128
MAX_ALIAS = 128
MAX_NUMBER = 999_999_999
MIN_DIGEST_PREFIX = 4

_ARTIFACT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})")
_VERSION_LIKE = re.compile(r"v[0-9]+")
_DIGEST_PREFIX = re.compile(rf"[0-9a-f]{{{MIN_DIGEST_PREFIX},64}}")
_TAG = re.compile(r"[-\w]+( [-\w]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Reserved by wandb in both projects and run ids; `/` and `\` would also leave the folder.
_RESERVED = "/\\#?%:"


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """What a text such as `team/LeNet5/weights:best` points to.

    Attributes:
        entity: Empty if not given; kept for wandb's sake, it selects nothing.
        project: Empty if not given: the project of the caller.
        name: The collection.
        selector: A version (`v2`), an alias (`latest` if none was given), or `@` and
            the first characters of a digest.
    """

    entity: str
    project: str
    name: str
    selector: str = LATEST

    @property
    def version(self) -> int | None:
        """The number, if the selector is a version."""
        return parse_version(self.selector)

    @property
    def digest_prefix(self) -> str | None:
        """The first characters of a digest, if the selector is one."""
        return self.selector[1:] if self.selector.startswith("@") else None

    @property
    def alias(self) -> str | None:
        """The alias, if the selector is one."""
        is_alias = self.version is None and self.digest_prefix is None
        return self.selector if is_alias else None

    def __str__(self) -> str:
        parts = [part for part in (self.entity, self.project, self.name) if part]
        separator = "" if self.selector.startswith("@") else ":"
        return f"{'/'.join(parts)}{separator}{self.selector}"


def parse_version(text: str) -> int | None:
    """Return the number of `v3`, or None if `text` is no version."""
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def parse_artifact_ref(text: str) -> ArtifactRef:
    """Read `[[entity/]project/]name`, then nothing, `:vN`, `:alias` or `@digest-prefix`.

    Raises:
        UsageError: It is none of these, or a part of it has characters that no name has.
    """
    if not isinstance(text, str):
        raise UsageError(f"an artifact is named by text, not by {type(text).__name__}")
    path, colon, selector = text.partition(":")
    name_path, at, prefix = path.partition("@")
    if at and not colon:
        path, selector = name_path, f"@{_check_prefix(prefix, text)}"
    elif colon:
        selector = _check_selector(selector, text)
    else:
        selector = LATEST
    parts = path.split("/")
    if len(parts) > 3 or not all(parts):
        raise UsageError(
            f"cannot read {text!r} as an artifact",
            hint="write name, name:v2, name:alias, name@digest, project/name or entity/project/name",
        )
    entity, project, name = ["", "", *parts][-3:]
    if entity:
        check_project(entity, what="entity")
    if project:
        check_project(project)
    return ArtifactRef(entity, project, check_artifact_name(name), selector)


def check_artifact_name(name: str) -> str:
    """Return `name` if a collection may have it.

    Raises:
        UsageError: Not 1 to 128 letters, digits, `_`, `-` and `.`; or `.` or `..`.
    """
    if not isinstance(name, str) or not _ARTIFACT_NAME.fullmatch(name) or name in (".", ".."):
        raise UsageError(
            f"{name!r} cannot be the name of an artifact",
            hint="use letters, digits, dashes, underscores and dots",
        )
    if len(name) > MAX_NAME:
        raise UsageError(f"the artifact name {name!r} is longer than {MAX_NAME} characters")
    return name


def check_alias(alias: str) -> str:
    """Return `alias` if a version may have it.

    Raises:
        UsageError: Empty, longer than 128 characters, with `/`, `:`, control characters or
            outer spaces, starting with `@`, or spelled like a version.
    """
    if not isinstance(alias, str) or not alias:
        raise UsageError(f"{alias!r} cannot be an alias", hint="an alias is a word such as best")
    if "/" in alias or ":" in alias:
        raise UsageError(
            f"the alias {alias!r} must not contain '/' or ':'", hint="an alias is a word such as best"
        )
    if _VERSION_LIKE.fullmatch(alias):
        raise UsageError(
            f"{alias!r} cannot be an alias: v0, v1, … are version numbers",
            hint="take another word, such as best",
        )
    if len(alias) > MAX_ALIAS or alias != alias.strip() or alias[0] == "@" or _CONTROL.search(alias):
        raise UsageError(f"{alias!r} cannot be an alias", hint="an alias is a word such as best")
    return alias


def check_type(type_name: str) -> str:
    """Return `type_name` if artifacts may have this type.

    Raises:
        UsageError: Empty, longer than 128 characters, or with control characters.
    """
    if not isinstance(type_name, str) or not type_name or _CONTROL.search(type_name):
        raise UsageError(f"{type_name!r} cannot be the type of an artifact", hint="use a word such as model")
    if len(type_name) > MAX_NAME:
        raise UsageError(f"the type {type_name!r} is longer than {MAX_NAME} characters")
    return type_name


def check_tag(tag: str) -> str:
    """Return `tag` if a version may have it.

    Raises:
        UsageError: Not words of letters, digits, `_` and `-`, parted by single spaces.
    """
    if not isinstance(tag, str) or not _TAG.fullmatch(tag) or len(tag) > MAX_ALIAS:
        raise UsageError(
            f"{tag!r} cannot be a tag", hint="use words of letters, digits, dashes and underscores"
        )
    return tag


def check_project(project: str, *, what: str = "project") -> str:
    """Return `project` if a project (or an entity) may be named so.

    Raises:
        UsageError: Empty, longer than 128 characters, with one of `/\\#?%:` or a control
            character, with outer spaces, or starting with a dot.
    """
    return _check_folder_name(project, what)


def check_run_id(run_id: str) -> str:
    """Return `run_id` if a run may have it; the rules are those of a project.

    Raises:
        UsageError: As for `check_project`.
    """
    return _check_folder_name(run_id, "run id")


def near(name: str, candidates: Iterable[str]) -> str | None:
    """Return `did you mean a, b or c?` for the candidates that look like `name`.

    None if there is none: made for the `hint` of an error.
    """
    return did_you_mean(lookalikes(name, candidates))


def lookalikes(name: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that look like `name`, the most alike first; at most three."""
    # Case is the most common slip, and difflib counts it as any other.
    spelled = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in spelled:
        return [spelled[name.lower()]]
    from difflib import get_close_matches  # Only slips of the pen need it.

    return [spelled[match] for match in get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)]


def did_you_mean(found: Sequence[str]) -> str | None:
    """Return `did you mean a, b or c?`; None for nothing."""
    if not found:
        return None
    return f"did you mean {' or '.join(filter(None, [', '.join(found[:-1]), found[-1]]))}?"


def _check_selector(selector: str, text: str) -> str:
    if parse_version(selector) is not None:
        return selector
    if not selector:
        raise UsageError(f"{text!r} ends with a colon", hint=f"write {text}latest or {text}v0")
    return check_alias(selector)


def _check_prefix(prefix: str, text: str) -> str:
    lowered = prefix.lower()
    if not _DIGEST_PREFIX.fullmatch(lowered):
        raise UsageError(
            f"{text!r} does not end with a digest",
            hint=f"after @ come at least {MIN_DIGEST_PREFIX} hexadecimal characters",
        )
    return lowered


def _check_folder_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not name or name != name.strip():
        raise UsageError(f"{name!r} cannot be a {what}", hint="use letters, digits, dashes and underscores")
    bad = sorted({character for character in name if character in _RESERVED})
    if bad:
        raise UsageError(f"the {what} {name!r} must not contain {' '.join(bad)}")
    # 255 bytes: the longest name of a folder on every file system that matters.
    if len(name) > MAX_NAME or len(name.encode("utf-8", "replace")) > 255:
        raise UsageError(f"the {what} {name!r} is longer than {MAX_NAME} characters")
    if name[0] == "." or _CONTROL.search(name):
        raise UsageError(f"{name!r} cannot be a {what}", hint="use letters, digits, dashes and underscores")
    return name
