"""The methods of a run that are about artifacts and checkpoints; each delegates."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.live.port import Port

if TYPE_CHECKING:
    from tracker.artifact import Artifact
    from tracker.live.resumable_loader import ResumableLoader

Paths = str | os.PathLike[str]


class RunArtifacts(ABC):
    """Mixed into `Run`, which gives `_port()`: what artifacts see of it."""

    @abstractmethod
    def _port(self) -> Port: ...

    @abstractmethod
    def _port_that_has(self, artifact: Any) -> Port:
        """Return the port through which a version is found; that of the run, unless it records nothing."""

    def log_artifact(
        self,
        artifact_or_path: Artifact | Paths,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
        *,
        keep: str | None = None,
    ) -> Artifact:
        """Make a version of a draft, a file, a folder or a URI, as an output of this run.

        It is a version when this returns: nothing has to be waited for. Equal contents
        are the version that exists; `latest` and the given aliases move to it. `keep` says
        which versions of the collection `tracker gc` keeps, now and later:
        `last 3, best val/loss min, every 10`.

        Raises:
            UsageError, NotFoundError: A name, type or alias that cannot be, a missing path.
            StoreError: The disk refused; call it again.
        """
        from tracker.live.artifact_ops import log_artifact

        return log_artifact(self._port(), artifact_or_path, name, type, aliases, tags, keep)

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Return a version, and record it as an input of this run, by digest.

        Named as `name`, `name:v2`, `name:alias`, `name@digest`, each also with `project/`
        or `entity/project/` in front.

        Raises:
            NotFoundError: There is no such version; says what there is.
            UsageError: It is of another type.
        """
        from tracker.live.artifact_ops import use_artifact

        return use_artifact(self._port_that_has(artifact_or_name), artifact_or_name, type, aliases, use_as)

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None = None
    ) -> Artifact:
        """Make a version a version of the collection `[[entity/]project/]name`, too."""
        from tracker.live.artifact_ops import link_artifact

        return link_artifact(self._port(), artifact, target_path, aliases)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | Paths,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Log an artifact; `distributed_id` has no meaning here, where each call makes a whole version."""
        return self.log_artifact(artifact_or_path, name, type, aliases)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | Paths,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Log an artifact; see `upsert_artifact`."""
        return self.log_artifact(artifact_or_path, name, type, aliases)

    def log_code(
        self,
        root: Paths | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] = lambda path, root=None: path.endswith(".py"),
        exclude_fn: Callable[..., bool] = lambda path, root=None: False,
    ) -> Artifact | None:
        """Log source files as an artifact of type `code`; the run's code commit has them anyway."""
        from tracker.live.artifact_ops import log_code

        return log_code(self._port(), root, name, include_fn, exclude_fn)

    def log_model(
        self, path: Paths, name: str | None = None, aliases: Sequence[str] | None = None
    ) -> Artifact:
        """Log a file or folder as an artifact of type `model`."""
        return self.log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> str:
        """Download a model and return its path: the file, if it has one file, else the folder.

        Raises:
            NotFoundError: There is no such model.
        """
        artifact = self.use_artifact(name)
        folder = artifact.download()
        paths = list(artifact.manifest.entries)
        return str(Path(folder, paths[0])) if len(paths) == 1 else folder

    def link_model(
        self,
        path: Paths,
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> Artifact:
        """Log a model and link it into the collection `model-registry/<registered_model_name>`."""
        artifact = self.log_model(path, name)
        return self.link_artifact(artifact, f"model-registry/{registered_model_name}", aliases)

    def save_checkpoint(
        self,
        name: str | None = None,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        scaler: Any = None,
        loader: Any = None,
        step: int | None = None,
        epoch: int | None = None,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> Artifact:
        """Keep the whole state of the training as a version; see `tracker.live.checkpoint`."""
        from tracker.live.checkpoint import save_checkpoint

        return save_checkpoint(
            self._port(),
            name,
            model=model,
            optimizer=optimizer,
            scheduler=scheduler,
            scaler=scaler,
            loader=loader,
            step=step,
            epoch=epoch,
            aliases=aliases,
            metadata=metadata,
            **extra,
        )

    def load_checkpoint(
        self,
        name: str = "latest",
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        scaler: Any = None,
        loader: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Give objects the state of a checkpoint, and take the run back to its step.

        Returns the plain values that were saved beside, with `step` and `epoch`. Options
        and further objects: see `tracker.live.checkpoint.load_checkpoint`.
        """
        from tracker.live.checkpoint import load_checkpoint

        return load_checkpoint(
            self._port(),
            name,
            model=model,
            optimizer=optimizer,
            scheduler=scheduler,
            scaler=scaler,
            loader=loader,
            **options,
        )

    def resumable_loader(self, loader: Any, *, replay: bool = False) -> ResumableLoader:
        """Wrap a DataLoader so that its place in the data, also within an epoch, is part of a checkpoint.

        Give the result to `save_checkpoint(loader=…)` and `load_checkpoint(loader=…)`; see
        `tracker.ResumableLoader`.
        """
        from tracker.live.resumable_loader import ResumableLoader

        return ResumableLoader(loader, replay=replay)
