"""Artifacts: collections, versions, how they differ, where they come from; and moving an alias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from tracker.compare.changes import compare_versions
from tracker.compare.render import EVERYTHING, Limits, Report, report_of_versions
from tracker.read.lineage import lineage_of
from tracker.read.versions import describe_version
from tracker.web.answers import Query, answer, refuse_changes
from tracker.web.lineage_graph import graph_of
from tracker.web.shelf import Shelf, plain
from vcs.artifacts.manifest import Manifest
from vcs.digest import Digest
from vcs.errors import Error, FormatError, NotFoundError, UsageError
from vcs.files.listing import Entry
from vcs.names import check_alias
from vcs.stores.shared import shared_bytes

# Of a version's files so many are listed at once; a folder of images has more.
_MOST_ENTRIES = 2000
# Versions whose listings are looked through for shared contents.
_MOST_COMPARED = 200
_PAGE = Limits(rows=200, lines=400)


def collections(shelf: Shelf, query: Query) -> Response:
    """Return the collections of a project, or of all."""
    found = []
    reader = shelf.repo.collections
    for project, name in reader.names(query.text("project") or None):
        paths, _ = reader.manifest_paths(project, name)
        newest = _newest(shelf, f"{project}/{name}", [path.stem for path in paths])
        if newest is None:
            continue
        found.append(
            {
                "project": project,
                "name": name,
                "type": newest.type,
                "versions": len(paths),
                "newest": newest.version,
                "created": newest.created,
                "size_bytes": newest.size_bytes,
                "files": newest.file_count,
                "aliases": sorted(reader.aliases(project, name)),
                "description": reader.collection_details(project, name).description,
            }
        )
    return answer({"collections": found})


def _newest(shelf: Shelf, collection: str, versions: list[str]) -> Manifest | None:
    """Return the newest version that can be read; of thousands of collections no other is looked at."""
    for version in sorted(versions, key=lambda version: int(version[1:]), reverse=True):
        try:
            return _named(shelf, f"{collection}:{version}")
        except (NotFoundError, FormatError):  # deleted meanwhile, or damaged
            continue
    return None


def collection(shelf: Shelf, query: Query) -> Response:
    """Return the versions of a collection, newest first, and how much of each others have too."""
    project, name = _place(query)
    reader = shelf.repo.collections
    versions = reader.versions(project, name)
    if not versions:
        raise NotFoundError(f"no artifact {project}/{name}")
    details = reader.collection_details(project, name)
    aliases = reader.aliases(project, name)
    shared = _shared_bytes(shelf, versions[-_MOST_COMPARED:])
    return answer(
        {
            "project": project,
            "name": name,
            "type": versions[-1].type,
            "description": details.description,
            "tags": list(details.tags),
            "damaged": [each.reason for each in versions.damaged],
            "moves": [
                {"time": move.time, "alias": move.alias, "version": move.version, "run": move.run}
                for move in reader.alias_log(project, name)[-50:]
            ],
            "versions": [
                {
                    "version": each.version,
                    "aliases": sorted(alias for alias, at in aliases.items() if at == each.version),
                    "digest": each.digest,
                    "created": each.created,
                    "size_bytes": each.size_bytes,
                    "files": each.file_count,
                    "run": each.origin.run,
                    "run_name": _name_of(shelf, project, each.origin.run),
                    "step": each.origin.step,
                    "commit": each.origin.commit,
                    "metadata": plain(reader.effective(each).metadata),
                    "shared_bytes": shared.get(each.version),
                }
                for each in reversed(versions)
            ],
        }
    )


def _name_of(shelf: Shelf, project: str, run: str | None) -> str | None:
    """Return the name of the run that logged a version, if it is in the list."""
    listed = shelf.listing().runs.get((project, run)) if run else None
    return listed.head.name if listed else None


def version(shelf: Shelf, query: Query) -> Response:
    """Return what is known of one version, and the first of its files."""
    manifest = manifest_of(shelf, query)
    listing = shelf.repo.collections.listing(manifest)
    wanted = query.text("search").lower()
    entries = [entry for entry in listing if wanted in entry.path.lower()]
    lineage = lineage_of(shelf.repo, manifest)
    return answer(
        {
            **plain(describe_version(shelf.repo, manifest)),
            "entries": [_entry(entry) for entry in entries[:_MOST_ENTRIES]],
            "entries_total": len(entries),
            "made_by": _run(lineage.made.run),
            "used_by": [_run(entry) for entry in lineage.used_by],
            "graph": graph_of(lineage),
        }
    )


def move_alias(shelf: Shelf, query: Query) -> Response:
    """Let an alias name a version, or nothing: `{"alias": …, "version": … or null}`."""
    refuse_changes(shelf)
    project, name = _place(query)
    alias, target = query.body.get("alias"), query.body.get("version")
    if not isinstance(alias, str) or not (target is None or isinstance(target, str)):
        raise UsageError("an alias is moved to a version, or to null")
    if target is None:
        changed = shelf.repo.remove_alias(project, name, alias)
    else:
        changed = shelf.repo.move_alias(project, name, check_alias(alias), target)
    return answer({"moved": len(changed.moved), "warnings": list(changed.warnings)})


def diff(shelf: Shelf, query: Query) -> Response:
    """Return what differs between two versions of any collections: `old` and `new` as project/name:vN."""
    sides = [_named(shelf, query.text(side)) for side in ("old", "new")]
    found = compare_versions(shelf.repo, *sides, contents=not query.flag("paths"))
    return answer(report_plain(report_of_versions(found, EVERYTHING if query.flag("all") else _PAGE)))


def report_plain(report: Report) -> dict[str, Any]:
    """Return a report as the page draws it: each block says by its fields what it is."""
    return {
        "old": report.old,
        "new": report.new,
        "same": report.same,
        "sections": [
            {
                "title": section.title,
                "summary": section.summary,
                "blocks": [{"kind": type(block).__name__, **asdict(block)} for block in section.blocks],
            }
            for section in report.sections
        ],
    }


def manifest_of(shelf: Shelf, query: Query) -> Manifest:
    """Return the version in the address.

    Raises:
        NotFoundError, UsageError: There is none, or it is no name.
    """
    project, name = _place(query)
    return _named(shelf, f"{project}/{name}:{query.path['version']}")


def _place(query: Query) -> tuple[str, str]:
    return query.path["project"], query.path["name"]


def _named(shelf: Shelf, name: str) -> Manifest:
    return shelf.repo.resolve(name, project=shelf.api.default_project)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "size": entry.size,
        "kind": entry.kind,
        "digest": entry.digest,
        "executable": entry.executable,
        "target": entry.target,
    }


def _run(entry: Any) -> dict[str, Any] | None:
    if entry is None:
        return None
    head = entry.head
    return {"key": f"{head.project}/{head.id}", "name": head.name or head.id, "state": entry.state}


def _shared_bytes(shelf: Shelf, versions: Iterable[Manifest]) -> dict[str, int]:
    """Return for each version how many bytes of its files lie in the store for another version as well."""
    contents: dict[str, dict[Digest, int]] = {}
    for each in versions:
        try:
            listing = shelf.repo.collections.listing(each)
        except Error:  # its listing is not here: what is shared cannot be said
            continue
        contents[each.version] = {
            Digest(entry.digest): entry.size for entry in listing if entry.kind == "file"
        }
    all_objects = {digest for objects in contents.values() for digest in objects}
    return shared_bytes(contents, shelf.repo.store.recipes.of(all_objects))
