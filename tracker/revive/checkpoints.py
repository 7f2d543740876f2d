"""Which checkpoint a run goes on from, and at which step that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracker.errors import NotFoundError
from tracker.live.checkpoint import TYPE, default_name
from tracker.revive.inputs import missing_objects
from tracker.storage.records import RunRecord
from vcs.artifacts.manifest import Manifest
from vcs.elsewhere import BRING_OBJECTS
from vcs.names import LATEST
from vcs.repo import Repo

_ALIAS = re.compile(r"[^:/@]+")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was chosen.

    Attributes:
        version: `project/name:vN`.
        step: The step that the run goes on at; None where this run never logged it, so
            that it says nothing about the run's steps.
    """

    version: str
    step: int | None


def find_checkpoint(repo: Repo, record: RunRecord, asked: str | None) -> Checkpoint | None:
    """Return the checkpoint that `asked` names, or else the newest of the run; None without one.

    `asked` is an alias or version of the run's own checkpoints (`best`, `v3`), or an
    artifact: `name:alias`, `project/name:v2`.

    Raises:
        NotFoundError: There is no such checkpoint, or the store lacks it.
        UsageError: It is an artifact of another type.
    """
    manifest = _newest(repo, record) if asked is None else _named(repo, record, asked)
    if manifest is None:
        return None
    if missing_objects(repo, manifest):
        raise NotFoundError(
            f"the checkpoint {manifest.qualified_name} is not in {repo.store.name}",
            hint=f"{BRING_OBJECTS}; or name another: --checkpoint NAME:ALIAS",
        )
    return Checkpoint(manifest.qualified_name, _step(manifest, record))


def _named(repo: Repo, record: RunRecord, asked: str) -> Manifest:
    own = default_name(record.id)
    known = repo.collections.names(record.project)
    is_own = _ALIAS.fullmatch(asked) is not None and (record.project, asked) not in known
    return repo.resolve(f"{own}:{asked}" if is_own else asked, project=record.project, type=TYPE)


def _newest(repo: Repo, record: RunRecord) -> Manifest | None:
    """Return the newest checkpoint under the run's own name, or else the last one that it logged."""
    own = default_name(record.id)
    if (record.project, own) in repo.collections.names(record.project):
        return repo.resolve(f"{own}:{LATEST}", project=record.project, type=TYPE)
    for logged in reversed(record.logged):
        try:
            manifest = repo.resolve(f"{logged.artifact}:{logged.version}", project=record.project)
        except NotFoundError:
            continue  # deleted since
        if manifest.type == TYPE:
            return manifest
    return None


def _step(manifest: Manifest, record: RunRecord) -> int | None:
    source = record.forked_from.run if record.forked_from is not None else None
    if manifest.origin.run in (record.id, source):
        last = manifest.origin.step
    else:
        # Equal contents are one version: another run may have logged them first.
        version = (f"{manifest.project}/{manifest.name}", manifest.version)
        own = [one.step for one in record.logged if (one.artifact, one.version) == version]
        if not own:
            return None
        last = own[-1]
    # The step that was logged last; a script that loads the checkpoint is set to the very place.
    return 0 if last is None else last + 1
