"""From the text that a user wrote to a version, and sentences for when there is none."""

from __future__ import annotations

from collections.abc import Callable

from vcs.artifacts.collection_files import CollectionFiles
from vcs.artifacts.manifest import Manifest
from vcs.errors import NotFoundError, UsageError
from vcs.names import LATEST, ArtifactRef, did_you_mean, lookalikes, near, parse_version

Names = Callable[[], list[tuple[str, str]]]


def look_up(files: CollectionFiles, ref: ArtifactRef, names: Names) -> Manifest:
    """Return the version that `ref` selects; `names` lists all collections, for near matches.

    A version is one file read, an alias one more, a digest prefix the header of each version.

    Raises:
        NotFoundError: No such collection, version, alias or digest; says what there is.
        UsageError: A digest prefix that fits several digests.
        FormatError: The manifest is damaged.
    """
    if ref.version is not None:
        number = ref.version
        if not files.path(number).exists() or number in files.edits().deleted:
            raise _no_version(files, number, names)
    elif ref.digest_prefix is not None:
        number = _by_digest(files, ref.digest_prefix, names)
    else:
        version = files.aliases().get(ref.selector)
        if version is None:
            raise _no_alias(files, ref.selector, names)
        number = parse_version(version) or 0
    return files.manifest(number)


def no_collection(project: str, name: str, names: list[tuple[str, str]]) -> NotFoundError:
    """Return the error for a collection that does not exist, with near matches.

    One of the name in another project comes first, then names of the project that look
    alike, then those of others.
    """
    elsewhere = [f"{other}/{found}" for other, found in names if found == name and other != project]
    own = lookalikes(name, [found for other, found in names if other == project])
    alike = lookalikes(name, [found for _, found in names])
    others = [f"{other}/{found}" for other, found in names if found in alike]
    return NotFoundError(
        f"there is no artifact {name!r} in the project {project!r}",
        hint=did_you_mean((elsewhere or own or others)[:3]) or "list them: tracker artifact ls",
    )


def _by_digest(files: CollectionFiles, prefix: str, names: Names) -> int:
    found = files.find(prefix)
    if not found:
        if not files.numbers():
            raise no_collection(files.project, files.name, names())
        raise NotFoundError(
            f"no version of {files.project}/{files.name} has a digest that begins with {prefix}",
            hint=_list_hint(files),
        )
    if len(set(found.values())) > 1:
        versions = ", ".join(f"v{number}" for number in found)
        raise UsageError(
            f"{prefix} begins the digests of {versions} of {files.project}/{files.name}",
            hint="write more characters of the digest",
        )
    return min(found)


def _no_version(files: CollectionFiles, number: int, names: Names) -> NotFoundError:
    numbers = files.numbers()
    label = f"{files.project}/{files.name}"
    stone = files.edits().deleted.get(number)
    if stone is not None:
        return NotFoundError(f"{label}:v{number} was deleted on {stone.time}", hint=_list_hint(files))
    if not numbers:
        return no_collection(files.project, files.name, names())
    has = (
        f"v{numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} versions, v{numbers[0]} to v{numbers[-1]}"
    )
    return NotFoundError(f"{label} has no v{number}; it has {has}", hint=_list_hint(files))


def _no_alias(files: CollectionFiles, alias: str, names: Names) -> NotFoundError:
    label = f"{files.project}/{files.name}"
    aliases = files.aliases()
    if not aliases and not files.numbers():
        return no_collection(files.project, files.name, names())
    named = files.aliases_log().current.get(alias)
    if named is not None:
        return NotFoundError(f"{label}:{alias} names {named}, which is not here", hint=_list_hint(files))
    others = ", ".join(sorted(aliases)) or f"none, not even {LATEST}"
    hint = near(alias, list(aliases)) or _list_hint(files)
    return NotFoundError(f"{label} has no alias {alias!r}; it has {others}", hint=hint)


def _list_hint(files: CollectionFiles) -> str:
    return f"list its versions: tracker artifact ls {files.project}/{files.name}"
