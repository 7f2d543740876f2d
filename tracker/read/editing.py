"""Changes of a run that has ended: its record, its files, its end.

Each writes the files first and the ledger after them. A ledger that fails costs no
change: it is said in a warning, and the next change of the run takes along what is missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker.artifact import Artifact
from tracker.artifacts.home import Home
from tracker.live.config_files import write_config
from tracker.live.recorder import write_mapping
from tracker.live.term import warn
from tracker.read.summary import RunSummary, append_changes
from tracker.storage import records
from tracker.storage.catalog import state_of
from tracker.storage.history import summary_of
from tracker.storage.records import LoggedVersion, RunFile, RunRecord, Used
from vcs.artifacts.manifest import Manifest, Origin
from vcs.atomic import disk_error, fsync_directory, write_atomic
from vcs.digest import digest_bytes
from vcs.errors import NotFoundError, UsageError
from vcs.layout import RunLayout
from vcs.lock import file_lock
from vcs.paths import to_entry_path
from vcs.repo import Repo

_DELETED = ".deleted-"


def save(
    repo: Repo,
    run: RunLayout,
    record: RunRecord,
    fields: Mapping[str, Any],
    *,
    config: Mapping[str, Any] | None = None,
    summary: RunSummary | None = None,
) -> RunRecord:
    """Write changed fields of run.yaml, the configuration and the summary; return the new record.

    Raises:
        UsageError: The run is running, and config or summary were given.
        LockedError, StoreError: The disk, or another process, refused.
    """
    if state_of(record) == "running" and (config is not None or summary is not None):
        raise UsageError(
            f"run {record.id} is running, and its process keeps its config and summary",
            hint="change them there, or when it has ended",
        )
    paths: list[Path] = []
    if config is not None:
        write_config(run, config)
        paths.append(run.config)
    if summary is not None:
        session = record.last_session
        # Without the file readers make the summary from the history, so a crash here shows no old one.
        run.summary.unlink(missing_ok=True)
        append_changes(run, record.id, session.number if session else 0, summary)
        write_mapping(run.summary, summary_of(run, record.metrics, damaged=[]))
        paths += [run.summary, *run.history.glob("*-edit-*.jsonl")]

    def change(found: RunRecord) -> None:
        for name, value in fields.items():
            setattr(found, name, value)
        _list_anew(found, run, paths)

    what = [
        *fields,
        *(["config"] if config is not None else []),
        *(["summary"] if summary is not None else []),
    ]
    return _change(repo, run, change, f"run {record.id} edited: {', '.join(what)}")


def delete(repo: Repo, run: RunLayout, record: RunRecord, *, delete_artifacts: bool) -> None:
    """Delete the records of a run; see `Run.delete`."""
    if state_of(record) == "running":
        raise UsageError(f"run {record.id} is running", hint="stop its process first")
    versions = _logged_versions(repo, record) if delete_artifacts else []
    with file_lock(run.lock, timeout_s=records.LOCK_TIMEOUT_S, what=f"run {record.id}"):
        # Out of sight at once and whole: a reader sees the run or does not.
        gone = run.folder.with_name(f"{_DELETED}{run.folder.name}-{os.urandom(4).hex()}")
        try:
            os.rename(run.folder, gone)
        except FileNotFoundError:
            raise NotFoundError(f"run {record.id} was deleted already") from None
        except OSError as error:
            raise disk_error(error, f"cannot delete run {record.id}") from error
        fsync_directory(run.folder.parent)
    _say(repo.record([run.folder], f"run {record.id} deleted"))
    # Also what deletions left that were cut off here.
    for leftover in gone.parent.glob(f"{_DELETED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for manifest in versions:
        _say(repo.delete_artifact(manifest, delete_aliases=True, run=record.id).warnings)


def keep_file(repo: Repo, run: RunLayout, path: Path, root: Path) -> str:
    """Copy a file into the run's files and return its name there; see `Run.upload_file`."""
    source = Path(os.path.abspath(path if path.is_absolute() else root / path))
    try:
        name = to_entry_path(source.relative_to(os.path.abspath(root)).as_posix())
    except ValueError:
        raise UsageError(f"{path} is not below {root}", hint="give root= a folder that holds it") from None
    if not source.is_file():
        raise NotFoundError(f"no file {source}")
    target = run.files / name
    try:
        data = source.read_bytes()
    except OSError as error:
        raise disk_error(error, f"cannot read {source}") from error
    write_atomic(target, data)
    _change(repo, run, lambda found: _list_anew(found, run, [target]), f"run {run.folder.name}: file {name}")
    return name


def forget_file(repo: Repo, run: RunLayout, path: str) -> None:
    """Take a file out of the run's list."""

    def change(found: RunRecord) -> None:
        found.files = [file for file in found.files if file.path != path]

    _change(repo, run, change, f"run {run.folder.name}: file {path} deleted")


def find_version(repo: Repo, artifact: str, version: str, digest: str) -> Manifest:
    """Return the version that a run's record names: what has the digest counts, not the number.

    Raises:
        NotFoundError: It was deleted, and no other version has its contents.
    """
    project, _, name = artifact.rpartition("/")
    with suppress(NotFoundError):
        manifest = repo.resolve(f"{name}:{version}", project=project)
        if manifest.digest == digest:
            return manifest
    return repo.resolve(f"{name}@{digest}", project=project)


def record_use(repo: Repo, run: RunLayout, record: RunRecord, artifact: Artifact) -> RunRecord:
    """Add a version to what the run used; see `Run.use_artifact`."""
    session = record.last_session
    line = Used(
        artifact=f"{artifact.source_project}/{artifact.source_name.partition(':')[0]}",
        version=artifact.source_version,
        digest=artifact.digest,
        as_=artifact.name,
        session=session.number if session else 0,
    )

    def change(found: RunRecord) -> None:
        if not any((old.artifact, old.digest) == (line.artifact, line.digest) for old in found.used):
            found.used.append(line)

    return _change(repo, run, change, f"run {record.id} used {line.artifact}:{line.version}")


def record_log(
    repo: Repo,
    run: RunLayout,
    record: RunRecord,
    artifact: Artifact,
    home: Home,
    *,
    aliases: Sequence[str],
    tags: Sequence[str],
) -> RunRecord:
    """Add a version to what the run logged; see `Run.log_artifact`."""
    if artifact.is_draft():
        artifact.commit(home, origin=_origin(record), aliases=aliases, tags=tags)
    elif aliases or tags:
        artifact.aliases = [*artifact.aliases, *aliases]
        artifact.tags = [*artifact.tags, *tags]
        artifact.save()
    session = record.last_session
    line = LoggedVersion(
        artifact=f"{artifact.project}/{artifact.collection_name}",
        version=artifact.version,
        digest=artifact.digest,
        aliases=list(aliases),
        session=session.number if session else 0,
    )

    def change(found: RunRecord) -> None:
        if not any((old.artifact, old.version) == (line.artifact, line.version) for old in found.logged):
            found.logged.append(line)

    return _change(repo, run, change, f"run {record.id} logged {line.artifact}:{line.version}")


def _origin(record: RunRecord) -> Origin:
    session = record.last_session
    if session is None:
        return Origin(run=record.id)
    return Origin(
        run=record.id,
        commit=session.commit,
        branch=session.branch,
        code_commit=session.code_commit,
        dirty=session.dirty,
    )


def _logged_versions(repo: Repo, record: RunRecord) -> list[Manifest]:
    found = []
    for line in record.logged:
        with suppress(NotFoundError):
            manifest = find_version(repo, line.artifact, line.version, line.digest)
            # A version that another run made first is not this run's to delete.
            if manifest.origin.run == record.id and manifest not in found:
                found.append(manifest)
    return found


def _change(repo: Repo, run: RunLayout, change: Callable[[RunRecord], None], message: str) -> RunRecord:
    record = records.update(run, change)
    _say(repo.record([run.folder], message))
    return record


def _list_anew(record: RunRecord, run: RunLayout, paths: Iterable[Path]) -> None:
    """Bring the list of files up to date for some paths."""
    listed = {file.path: file for file in record.files}
    for path in paths:
        relative = path.relative_to(run.folder).as_posix()
        data = path.read_bytes()
        listed[relative] = RunFile(path=relative, digest=digest_bytes(data), size=len(data))
    record.files = sorted(listed.values(), key=lambda file: file.path)


def _say(warnings: Iterable[str]) -> None:
    for warning in warnings:
        warn(warning)
