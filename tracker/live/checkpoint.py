"""Checkpoints: everything that a training needs to go on as if nothing had happened.

A checkpoint is one version of an artifact of type `checkpoint`. So it is there whole or
not at all, `latest` names the newest whole one, and it is deduplicated, aliased and
shared like any other. Its files are `<name>.pt` for each object, as torch writes a
`state_dict`, and `checkpoint.pt` for the rest: random number generators, plain values,
and the place in the run's history. They are read with `weights_only=True`; what cannot
be read so is refused when it is saved, not when it is needed.
"""

from __future__ import annotations

import pickle
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker.artifact import Artifact
from tracker.artifacts.attributes import MAX_METADATA_KEYS
from tracker.errors import FormatError, IntegrityError, NotFoundError, StoreError, UsageError
from tracker.live.artifact_ops import RunPort, home_of, log_artifact, use_artifact
from tracker.live.checkpoint_state import (
    capture_rng,
    check_fits,
    is_component,
    pack,
    restore,
    restore_rng,
    state_of,
    unpack,
)
from tracker.live.term import warn
from tracker.values.scalars import key_parts, plain
from tracker.values.sink import StoreSink
from vcs.atomic import disk_error, make_folder
from vcs.digest import Digest
from vcs.files.listing import Entry
from vcs.names import near
from vcs.stores.copying import BLOCK_BYTES

TYPE = "checkpoint"
FORMAT = 1
MAIN = "checkpoint"
"""The component with our own state; no object can have this name."""

# Arguments of `load_checkpoint`, which could not name an object there.
_TAKEN = frozenset({MAIN, "map_location", "strict", "rng", "set_step", "missing_ok"})
_PLAIN_TYPES = (bool, int, float, complex, str, bytes, type(None))
_ALIAS = re.compile(r"[^:/@]+")


def default_name(run_id: str) -> str:
    """Return the name of a run's own checkpoints."""
    return f"{re.sub('[^A-Za-z0-9_.-]', '-', run_id)[:100]}-checkpoint"


def save_checkpoint(
    run: RunPort,
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
    """Keep the whole state of a training as a version of an artifact.

    Saved are the objects, the random number generators of Python, numpy and torch (CPU
    and GPUs), and the run's place in its history with the row that is not committed
    yet. `load_checkpoint` brings all of it back, to the bit.

    The checkpoint is visible whole or not at all: killed in the middle, `latest` is
    the one before. Rows that were logged before it are on disk when this returns. It
    takes the time of writing the files; tensors are not copied on the way. In
    distributed training it is for one process: generators of the others, and shards of
    a model, are not in it.

    Args:
        run: The run.
        name: Of the artifact; `<run id>-checkpoint` if not given.
        model: A module, also wrapped by torch.compile or for parallel training, or a
            list or dictionary of them; so for all objects.
        optimizer, scheduler, scaler: As torch has them: objects with `state_dict`.
        loader: A `ResumableLoader`, to go on within an epoch. Between epochs a plain
            DataLoader needs nothing: its order comes from the generators.
        step: Your count of steps; the run's if not given.
        epoch: Your count of epochs.
        aliases: Names beside `latest`, such as `best`.
        metadata: Of the artifact; step, epoch and plain values are there anyway.
        extra: Further objects (`ema=…`, `generator=torch.Generator()`, a numpy
            Generator), and plain values, tensors and arrays to get back.

    Raises:
        UsageError: Something that cannot be kept, or not be read back safely.
        StoreError: The disk is full; the earlier checkpoints are as they were.
    """
    given = {
        "model": model,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "scaler": scaler,
        "loader": loader,
    }
    components = {key: value for key, value in given.items() if value is not None}
    values: dict[str, Any] = {}
    for key, value in extra.items():
        (components if is_component(value) else values)[key] = value
    for key in components:
        if key in _TAKEN or not key.isidentifier():
            raise UsageError(f"an object in a checkpoint cannot be named {key!r}", hint="take another word")
    values["step"] = run.step if step is None else step
    if epoch is not None:
        values["epoch"] = epoch
    states = {key: state_of(value, key) for key, value in components.items()}
    main = {
        "format": FORMAT,
        "run": run.id,
        "run_step": run.step,
        "pending": _pending(run),
        "values": pack(values),
        "rng": capture_rng(),
    }
    artifact = Artifact(name or default_name(run.id), TYPE, metadata=_metadata(values, metadata))
    _add_states(artifact, run, {**states, MAIN: main})
    run.flush()
    return log_artifact(run, artifact, aliases=aliases)


def load_checkpoint(
    run: RunPort,
    name: str = "latest",
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    scaler: Any = None,
    loader: Any = None,
    map_location: Any = None,
    strict: bool = True,
    rng: bool = True,
    set_step: bool = True,
    missing_ok: bool = False,
    **extra: Any,
) -> dict[str, Any]:
    """Give objects the state that they had at a checkpoint, and return what was saved beside.

    The run goes back to its own step at the checkpoint: rows with a later one are
    masked, not deleted. A checkpoint of another run moves a run that has not logged
    yet to its step, and leaves others where they are.

    All files are read and verified before the first object is changed. Nothing in
    them is executed.

    Args:
        run: The run.
        name: An alias or version of the run's own checkpoints (`latest`, `best`,
            `v3`), or any artifact: `other-checkpoint`, `project/name:best`.
        model, optimizer, scheduler, scaler, loader, extra: The objects, under the names
            that they were saved with; those left out stay as they are.
        map_location: Where tensors are loaded to, as for `torch.load`. The default,
            the CPU, is right: modules and optimizers put them where they belong.
        strict: For modules, as in `load_state_dict`.
        rng: Whether to set the random number generators back.
        set_step: Whether to take the run back to its step.
        missing_ok: Return an empty dictionary, and change nothing, if there is no such
            checkpoint: a run that was killed before its first one starts from the
            beginning.

    Returns:
        The plain values, with `step` and, if it was given, `epoch`.

    Raises:
        NotFoundError: No such checkpoint, or an object that it does not have.
        UsageError: An object that cannot take the state.
        FormatError, IntegrityError: A file is damaged, or is no checkpoint.
    """
    given = {
        "model": model,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "scaler": scaler,
        "loader": loader,
    }
    components = {key: value for key, value in {**given, **extra}.items() if value is not None}
    try:
        artifact = use_artifact(run, _artifact_name(run, name), type=TYPE)
    except NotFoundError:
        if missing_ok:
            return {}
        raise
    main = unpack(_read_main(artifact))
    states = _read_states(artifact, components, map_location)
    for key, value in components.items():
        check_fits(value, states[key], key)
    for key, value in components.items():
        restore(value, states[key], strict=strict)
    if rng:
        for problem in restore_rng(main["rng"]):
            warn(f"{artifact.name}: {problem}; its random numbers will differ")
    if set_step:
        _set_step(run, main)
    values: dict[str, Any] = main["values"]
    return values


def _pending(run: RunPort) -> dict[str, Any]:
    """Return the row that is not committed yet, as a script would log it."""
    sink = StoreSink(run.repo.store, run.repo.layout.run(run.project, run.id).media)
    row: dict[str, Any] = {}
    for key, value in run.pending_row().items():
        *folders, name = key_parts(key)
        node = row
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = plain(value, sink)
    return row


def _metadata(values: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    simple = [key for key, value in values.items() if isinstance(value, (bool, int, float, str))]
    return {**{key: values[key] for key in simple[: MAX_METADATA_KEYS // 2]}, **(given or {})}


def _add_states(artifact: Artifact, run: RunPort, states: Mapping[str, Any]) -> None:
    """Write each state to a file, make sure that it can be read, and put it into the artifact."""
    tmp = run.repo.layout.store_tmp
    make_folder(tmp)
    draft = artifact.draft_in(home_of(run))
    try:
        folder = Path(tempfile.mkdtemp(prefix="checkpoint.", dir=tmp))
    except OSError as error:
        raise disk_error(error, "cannot write the checkpoint") from error
    entries = []
    try:
        with run.repo.store.batch() as batch:
            for key, state in states.items():
                path = folder / f"{key}.pt"
                _write(state, path, key)
                entries.append(Entry(path.name, *batch.put_file(path)))
                path.unlink()
        draft.add_entries(entries)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(state: Any, path: Path, key: str) -> None:
    import torch

    try:
        with path.open("wb") as stream:
            torch.save(state, stream)
    except OSError as error:
        raise disk_error(error, f"cannot write {key} of the checkpoint") from error
    except RuntimeError as error:
        raise StoreError(f"cannot write {key} of the checkpoint: {error}") from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise _cannot_keep(state, key) from error
    try:
        # Mapped, so that only the structure is read and not the tensors.
        torch.load(str(path), mmap=True, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise _cannot_keep(state, key) from error


def _cannot_keep(state: Any, key: str) -> UsageError:
    """Return the error that says which part of a state is no plain value."""
    parts = state["values"].items() if key == MAIN else [(key, state)]
    found = next(filter(None, (_culprit(part, name) for name, part in parts)), key)
    return UsageError(
        f"{found} cannot be kept in a checkpoint, because it could not be read back safely",
        hint="keep numbers, text, lists, dictionaries, tensors and arrays; or objects with state_dict()",
    )


def _culprit(state: Any, path: str) -> str:
    """Return where in a nested value something lies that is no plain value; empty if that cannot be seen."""
    items: Iterable[tuple[Any, Any]]
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, (list, tuple)):
        items = enumerate(state)
    elif type(state) in _PLAIN_TYPES or hasattr(state, "untyped_storage"):
        return ""
    else:
        return f"{path} of type {type(state).__name__}"
    return next(filter(None, (_culprit(item, f"{path}[{key!r}]") for key, item in items)), "")


def _artifact_name(run: RunPort, name: str) -> str:
    """Return the artifact that a name means: the run's own checkpoint by alias first."""
    own = default_name(run.id)
    if not isinstance(name, str) or not _ALIAS.fullmatch(name):
        return name
    collections = run.repo.collections
    if name == "latest" or name in collections.aliases(run.project, own) or re.fullmatch(r"v\d+", name):
        return f"{own}:{name}"
    if (run.project, name) in collections.names(run.project):
        return name
    return f"{own}:{name}"


def _read_main(artifact: Artifact) -> dict[str, Any]:
    main = _read(artifact, MAIN, "cpu")
    if not isinstance(main, dict) or not isinstance(main.get("format"), int):
        raise FormatError(f"{artifact.name} is no checkpoint of ours")
    if main["format"] > FORMAT:
        raise FormatError(f"{artifact.name} was made by a newer tracker", hint="update tracker")
    return main


def _read_states(artifact: Artifact, components: Mapping[str, Any], map_location: Any) -> dict[str, Any]:
    held = [Path(path).stem for path in artifact.manifest.entries if path != f"{MAIN}.pt"]
    for key in components:
        if key not in held:
            raise NotFoundError(
                f"{artifact.name} holds no {key}; it holds {', '.join(sorted(held)) or 'no objects'}",
                hint=near(key, held),
            )
    return {key: _read(artifact, key, map_location or "cpu") for key in components}


def _read(artifact: Artifact, key: str, map_location: Any) -> Any:
    """Verify a file of the checkpoint and read it, without running anything in it."""
    import torch
    from blake3 import blake3

    entry = artifact.get_entry(f"{key}.pt")
    store = artifact._place().repo.store
    with store.open(Digest(entry.digest)) as stream:
        hasher = blake3()
        while block := stream.read(BLOCK_BYTES):
            hasher.update(block)
        if hasher.hexdigest() != entry.digest:
            raise IntegrityError(
                f"{key} of {artifact.name} is damaged in {store.name}", hint="load an earlier version"
            )
        stream.seek(0)
        try:
            return torch.load(stream, map_location=map_location, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise FormatError(f"{key} of {artifact.name} cannot be read: {error}") from error


def _set_step(run: RunPort, main: Mapping[str, Any]) -> None:
    step = main["run_step"]
    if main["run"] in (run.id, run.forked_from):
        run.rewind(step)
        if main["pending"]:
            run.log(main["pending"], step=step, commit=False)
    elif run.step == 0 and not run.pending_row():
        run.rewind(step)
