"""What is known of versions of artifacts, as plain values."""

from __future__ import annotations

from typing import Any

from vcs.artifacts.manifest import Manifest
from vcs.repo import Repo


def describe_version(repo: Repo, manifest: Manifest) -> dict[str, Any]:
    """Return everything about a version but its files, for JSON."""
    details = repo.collections.effective(manifest)
    origin = manifest.origin
    return {
        "artifact": f"{manifest.project}/{manifest.name}",
        "version": manifest.version,
        "type": manifest.type,
        "aliases": repo.collections.aliases_of(manifest),
        "tags": list(details.tags),
        "description": details.description,
        "digest": manifest.digest,
        "files": manifest.file_count,
        "size_bytes": manifest.size_bytes,
        "created": manifest.created,
        "run": origin.run,
        "step": origin.step,
        "commit": origin.commit,
        "branch": origin.branch,
        "code_commit": origin.code_commit,
        "dirty": origin.dirty,
        "parent": manifest.parent,
        "source": manifest.source,
        "metadata": dict(details.metadata),
    }
