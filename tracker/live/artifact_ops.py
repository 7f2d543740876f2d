"""What a run does with artifacts: log, use, link.

A run is seen through `RunPort`, the few things that artifacts and checkpoints need of
it, so that nothing here imports it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tracker.artifact import Artifact, asked_ref, logged_artifact
from tracker.artifacts.home import Home
from tracker.artifacts.references import local_path
from tracker.errors import NotFoundError, UsageError
from tracker.live.pins import Pins
from tracker.live.term import warn
from tracker.storage.catalog import RunEntry
from vcs.artifacts.keep_rules import parse_keep
from vcs.artifacts.manifest import Origin
from vcs.names import LATEST, MAX_NAME
from vcs.paths import look_hint
from vcs.repo import Repo


class RunPort(Protocol):
    """The part of a run that artifacts and checkpoints need."""

    @property
    def id(self) -> str:
        """The run's id."""

    @property
    def project(self) -> str:
        """Its project."""

    @property
    def entity(self) -> str:
        """Its entity; empty when nobody named one."""

    @property
    def repo(self) -> Repo:
        """The repository that keeps its records."""

    @property
    def step(self) -> int:
        """The step that the next row without a step of its own belongs to."""

    @property
    def pins(self) -> Pins:
        """What names of artifacts mean in this run, if not what they mean now."""

    @property
    def forked_from(self) -> str | None:
        """The id of the run that this one was forked from."""

    def open_run(self, entry: RunEntry) -> Any:
        """Return what `artifact.logged_by()` gives for a run that was found."""

    def origin(self) -> Origin:
        """Where a version that is logged now comes from: run, last logged step, commits."""

    def pending_row(self) -> Mapping[str, Any]:
        """The values of the current step that are not committed yet (`StepRules.pending`)."""

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log a row."""

    def rewind(self, step: int) -> None:
        """Mask the rows with this step or a later one, drop the pending row, go on at `step`."""

    def flush(self) -> None:
        """Return when every committed row is in its file."""

    def record_used(self, *, artifact: str, version: str, digest: str, as_: str, path: str | None) -> None:
        """Write an input into the record of the run.

        `artifact` is `project/name`, `as_` the name that the script asked for, `path` the
        folder that it was downloaded to. An input of the same version and `as_` is
        replaced, and keeps its path if `path` is None.
        """

    def record_logged(
        self, *, artifact: str, version: str, digest: str, aliases: list[str], step: int | None
    ) -> None:
        """Write an output into the record of the run; aliases of the same version are united."""


def home_of(run: RunPort) -> Home:
    """Return the surroundings of artifacts that the run logs and uses.

    `enter_home(home_of(run))` at the start of a run, and `leave_home` at its end, let
    drafts that are made meanwhile live in the run's repository.
    """

    def log_draft(artifact: Artifact) -> None:
        log_artifact(run, artifact)

    return Home(run.repo, run.project, run.entity, open_run=run.open_run, log_draft=log_draft)


def log_artifact(
    run: RunPort,
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Sequence[str] | str | None = None,
    tags: Sequence[str] | str | None = None,
    keep: str | None = None,
) -> Artifact:
    """Make a version of a draft, a file, a folder or a URI, and record it as the run's output.

    Returns the artifact, a version now. Equal contents in the collection are that
    version again. Aliases and `latest` move to it. A version is given the aliases. In a
    reproduction, aliases of other runs' versions stay; the run alone sees them moved.
    `keep` says which versions of the collection `tracker gc` keeps from now on.

    Raises:
        UsageError, NotFoundError: A name, type, alias or rule that cannot be, or a missing path.
        StoreError: The disk refused; run it again.
    """
    rule = parse_keep(keep).text if keep is not None else None
    artifact = artifact_or_path
    if not isinstance(artifact, Artifact):
        artifact = _artifact_of_path(run, artifact, name, type)
    elif (name or artifact.collection_name) != artifact.collection_name or (
        type or artifact.type
    ) != artifact.type:
        raise UsageError(
            "name and type belong to the artifact", hint="give them to tracker.Artifact(name, type)"
        )
    wanted = _list(aliases)
    spare = run.pins.spares_aliases
    if artifact.is_draft():
        artifact.commit(
            home_of(run), origin=run.origin(), aliases=wanted, tags=_list(tags), spare_aliases=spare
        )
    elif not spare:
        artifact.add_names([*wanted, LATEST], _list(tags))
    run.pins.let_go(artifact.collection_name)
    if spare:
        version = f"{artifact.project}/{artifact.name}"
        run.pins.pin((f"{artifact.collection_name}:{alias}", version) for alias in (*wanted, LATEST))
    run.record_logged(
        artifact=f"{artifact.project}/{artifact.collection_name}",
        version=artifact.version,
        digest=artifact.digest,
        aliases=[
            alias for alias in dict.fromkeys([*wanted, LATEST]) if not spare or alias in artifact.aliases
        ],
        step=run.origin().step,  # of a version that was there already, too
    )
    if rule is not None:
        _keep_versions(run.repo, artifact.project, artifact.collection_name, rule)
    return artifact


def _keep_versions(repo: Repo, project: str, name: str, rule: str) -> None:
    """Write down which versions gc keeps, if that is new."""
    if repo.collections.collection_details(project, name).keep != rule:
        repo.collections.edit_collection(project, name, keep=rule)
        for warning in repo.record(
            [repo.collections.folder(project, name)], f"artifact {project}/{name} keeps {rule}"
        ):
            warn(warning)


def use_artifact(
    run: RunPort,
    artifact_or_name: Artifact | str,
    type: str | None = None,
    aliases: Sequence[str] | str | None = None,
    use_as: str | None = None,
) -> Artifact:
    """Return a version and record it as the run's input, by digest.

    Named as `name`, `name:v2`, `name:alias`, `name@digest`, each also with `project/` or
    `entity/project/` in front; the latest if nothing is said. A draft is logged first,
    with the aliases. Using a version twice records it once. A download records the folder.

    Raises:
        NotFoundError: No such artifact, version, alias or digest; says what there is.
        UsageError: It is of another type, or not a name.
    """
    if isinstance(artifact_or_name, Artifact):
        artifact = artifact_or_name
        if artifact.is_draft():
            log_artifact(run, artifact, aliases=aliases)
        if type is not None and type != artifact.type:
            raise UsageError(f"{artifact.name} is of type {artifact.type!r}, not {type!r}")
        asked = artifact.name
    else:
        ref = asked_ref(artifact_or_name)
        manifest = run.repo.resolve(run.pins.meant(ref), project=run.project, type=type)
        artifact = logged_artifact(manifest, home_of(run), use_as=use_as)
        asked = f"{ref.name}{'' if ref.digest_prefix else ':'}{ref.selector}"
    artifact.on_download = _recorder(run, artifact, asked)
    artifact.on_download(None)
    return artifact


def link_artifact(
    run: RunPort, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None = None
) -> Artifact:
    """Make a version a version of another collection, `[[entity/]project/]name`, too.

    A draft is logged first. Returns the link.

    Raises:
        UsageError: As for `Artifact.link`.
        TypeError: It is no artifact.
    """
    if not isinstance(artifact, Artifact):
        raise TypeError(f"link_artifact takes an Artifact, not {type(artifact).__name__}")
    if artifact.is_draft():
        log_artifact(run, artifact)
    return artifact.link(target_path, _list(aliases))


def log_code(
    run: RunPort,
    root: str | os.PathLike[str] | None = ".",
    name: str | None = None,
    include_fn: Callable[..., bool] = lambda path, root=None: path.endswith(".py"),
    exclude_fn: Callable[..., bool] = lambda path, root=None: False,
) -> Artifact | None:
    """Log the files below `root` for which `include_fn` and not `exclude_fn` holds, as type `code`.

    The functions get the absolute path, and the root if they take two arguments. The
    run's code commit has the same code, and more exactly. None if no file fits.
    """
    top = os.path.abspath(root or ".")
    artifact = Artifact.of_reserved(name or f"source-{_collection_name(f'{run.project}-{run.id}')}", "code")
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(
            each for each in folders if each not in (".git", ".tracker", "__pycache__", "wandb")
        )
        for file in sorted(files):
            path = os.path.join(folder, file)
            if _says(include_fn, path, top) and not _says(exclude_fn, path, top):
                artifact.add_file(path, os.path.relpath(path, top))
    if artifact.file_count:
        return log_artifact(run, artifact)
    warn(f"log_code: no file below {top} fits, so no code is logged")
    return None


def _artifact_of_path(
    run: RunPort, path: str | os.PathLike[str], name: str | None, type_name: str | None
) -> Artifact:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"log_artifact takes an Artifact or a path, not {type(path).__name__}")
    text = os.fspath(path)
    local = local_path(path)
    basename = os.path.basename(os.path.normpath(local if local is not None else text)) or "files"
    artifact = Artifact(name or _collection_name(f"run-{run.id}-{basename}"), type_name or "unspecified")
    artifact.draft_in(home_of(run))
    if local is None or text.startswith("file://"):
        artifact.add_reference(text)
    elif os.path.isdir(text):
        artifact.add_dir(text)
    elif os.path.exists(text):
        artifact.add_file(text)
    else:
        raise NotFoundError(f"cannot log {text}: there is no such file or folder", hint=look_hint(text))
    return artifact


def _collection_name(text: str) -> str:
    """Return the text with what a name cannot have replaced by dashes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:MAX_NAME]


def _list(given: Sequence[str] | str | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def _recorder(run: RunPort, artifact: Artifact, asked: str) -> Callable[[str | None], None]:
    """Return what writes into the run that the artifact was used, and where it was put."""

    def record(path: str | None) -> None:
        run.record_used(
            artifact=f"{artifact.source_project}/{artifact.source_name.partition(':')[0]}",
            version=artifact.source_version,
            digest=artifact.digest,
            as_=asked,
            path=path,
        )

    return record


def _says(function: Callable[..., bool], path: str, root: str) -> bool:
    """Ask a function of wandb's newer form (path, root) or of its older one (path)."""
    try:
        inspect.signature(function).bind(path, root)
    except TypeError:
        return bool(function(path))
    return bool(function(path, root))
