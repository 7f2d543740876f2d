"""A data loader whose place in the data is part of a checkpoint, also within an epoch.

A torch DataLoader draws the order of an epoch from random number generators when the
epoch begins. So the order of an epoch is known for ever by the state that those
generators had at its beginning, and the place in it by the number of batches handed
out. Going on means: set the generators back to the beginning of the epoch, let the
loader draw the same order, pass over the batches that are done without loading them,
and set the generators to where they were when the checkpoint was made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tracker.live.checkpoint_state import capture_rng, restore_rng, state_of
from vcs.errors import UsageError


class ResumableLoader:
    """Wraps a DataLoader (or anything that can be iterated again) to be resumed at any batch.

    Iterate it as you would the loader. Hand it to `save_checkpoint(loader=…)` and
    `load_checkpoint(loader=…)`; the next loop over it then begins after the last batch
    that was handed out before the checkpoint, in the same order. Works with `shuffle`,
    samplers, generators and worker processes. Everything else (`dataset`,
    `batch_size`, …) is the wrapped loader's.

    An epoch that a loop leaves early counts as unfinished until the next loop begins;
    call `end_epoch()` after a `break` to say in a checkpoint that the next loop begins
    a new one.

    Attributes:
        epoch: The number of the current epoch, or of the next one between two;
            `for epoch in range(loader.epoch, epochs)` is right before and after a
            resume.
        batch: How many batches of it were handed out.
    """

    def __init__(self, loader: Any, *, replay: bool = False) -> None:
        """Wrap; the loader itself is not changed.

        Args:
            loader: A DataLoader, or any object that gives its batches again on each `iter`.
            replay: Load the batches that are passed over, and throw them away. Needed
                for the same bits only where worker processes draw random numbers
                (augmentation), because their generators move with each sample.
        """
        self.loader = loader
        self.replay = replay
        self.epoch = 0
        self.batch = 0
        self._start: dict[str, Any] | None = None
        self._iterated = False
        self._begun_with_iterated = False
        self._resumes = False
        self._current: object = None

    def __getattr__(self, name: str) -> Any:
        if name == "loader":  # not there yet: unpickling or copying
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """Begin a new epoch, or go on with the one that a checkpoint brought back."""
        if self._resumes:
            self._resumes = False
            batches = self._continue_epoch()
        else:
            if self._start is not None:  # the last loop was left early
                self.end_epoch()
            self._begin_epoch()
            batches = iter(self.loader)
        token = self._current = object()
        return self._hand_out(batches, token)

    def end_epoch(self) -> None:
        """Count the current epoch as done; harmless between two epochs."""
        if self._start is not None:
            self.epoch += 1
            self.batch = 0
            self._start = None
            self._resumes = False

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the data; what was handed out counts as done."""
        within = self._start is not None
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "start": self._start,
            "generators": None if within else self._generator_states(),
            "iterated": self._begun_with_iterated if within else self._iterated,
            "length": self._length(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a place; the next `iter` goes on there.

        Raises:
            UsageError: The place is within an epoch, and the loader now has another
                number of batches.
        """
        if state["start"] is not None and state["length"] != self._length():
            raise UsageError(
                f"the loader had {state['length']} batches when the checkpoint was made, now it has "
                f"{self._length()}, so its place within an epoch means nothing",
                hint="use the same data and batch size, or load the checkpoint without the loader",
            )
        self.epoch = state["epoch"]
        self.batch = state["batch"]
        self._start = state["start"]
        self._resumes = True
        self._begun_with_iterated = state["iterated"]
        self._current = None
        if state["generators"] is not None:
            self._set_generators(state["generators"])

    def _hand_out(self, batches: Iterator[Any], token: object) -> Iterator[Any]:
        for batch in batches:
            # A loop that was left and is still referred to no longer moves the place.
            if self._current is token:
                self.batch += 1
            yield batch
        if self._current is token:
            self.end_epoch()

    def _begin_epoch(self) -> None:
        self._begun_with_iterated = self._iterated
        self._iterated = True
        self._start = {"rng": capture_rng(devices=False), "generators": self._generator_states()}

    def _continue_epoch(self) -> Iterator[Any]:
        start = self._start
        now = capture_rng(devices=False)
        if (
            self._begun_with_iterated
            and getattr(self.loader, "persistent_workers", False)
            and not self._iterated
        ):
            # Workers that persist draw their seed once, in the first epoch. Let this process do so
            # too, on the side, or the order of this epoch would be drawn from one number too late.
            generators = self._generator_states()
            iter(self.loader)
            restore_rng(now)
            self._set_generators(generators)
        if start is None:
            self._iterated = self._begun_with_iterated
            self._begin_epoch()
            return iter(self.loader)
        self._iterated = True
        restore_rng(start["rng"])
        self._set_generators(start["generators"])
        batches = self._skipped(self.batch)
        restore_rng(now)
        return batches

    def _skipped(self, count: int) -> Iterator[Any]:
        """Return the loader's iterator, `count` batches on; draws what the loader draws by itself."""
        name = _index_sampler_name(self.loader)
        batches: Iterator[Any]
        if name is None or self.replay:
            batches = iter(self.loader)
            for _ in range(count):
                next(batches, None)
            return batches
        skipping = _SkipOnce(getattr(self.loader, name), count)
        with _replaced(self.loader, name, skipping):
            batches = iter(self.loader)
            skipped = skipping.skip_now()
        if not skipped:  # a loader of its own kind, which has another way to its indices
            for _ in range(count):
                next(batches, None)
        return batches

    def _length(self) -> int | None:
        try:
            return len(self.loader)
        except TypeError:
            return None

    def _generators(self) -> list[Any]:
        """The generators of its own that the loader draws from, each once."""
        sampler, batches = (getattr(self.loader, name, None) for name in ("sampler", "batch_sampler"))
        holders = (self.loader, sampler, batches, getattr(batches, "sampler", None))
        found = {
            id(held): held for holder in holders if (held := getattr(holder, "generator", None)) is not None
        }
        return list(found.values())

    def _generator_states(self) -> list[Any]:
        return [state_of(generator, "generator") for generator in self._generators()]

    def _set_generators(self, states: list[Any]) -> None:
        generators = self._generators()
        if len(generators) != len(states):
            raise UsageError(
                f"the loader had {len(states)} generators of its own when the checkpoint was made, "
                f"now it has {len(generators)}"
            )
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state.cpu())


class _SkipOnce:
    """A sampler around a sampler, whose iterators pass over the first entries until `skip_now`."""

    def __init__(self, sampler: Any, count: int) -> None:
        self._sampler = sampler
        self._count = count
        self._last: _Skipping | None = None

    def __iter__(self) -> Iterator[Any]:
        # A loader with workers makes two iterators and draws from the second.
        self._last = _Skipping(iter(self._sampler), self._count)
        return self._last

    def __len__(self) -> int:
        return len(self._sampler)

    def __getattr__(self, name: str) -> Any:
        if name == "_sampler":
            raise AttributeError(name)
        return getattr(self._sampler, name)

    def skip_now(self) -> bool:
        """Pass over the entries now, if nobody asked for one yet; False if nobody iterates this."""
        if self._last is None:
            return False
        self._last.skip()
        self._count = 0
        return True


class _Skipping:
    """Skips when first asked, as lazily as a sampler draws, so that draws keep their order."""

    def __init__(self, entries: Iterator[Any], count: int) -> None:
        self._entries = entries
        self._count = count

    def __iter__(self) -> _Skipping:
        return self

    def __next__(self) -> Any:
        self.skip()
        return next(self._entries)

    def skip(self) -> None:
        while self._count > 0:
            self._count -= 1
            next(self._entries, None)


@contextmanager
def _replaced(loader: Any, name: str, sampler: Any) -> Iterator[None]:
    """Let a DataLoader draw its next iterator from another sampler."""
    # An iterator whose workers persist is used again, and keeps its own reference.
    kept = getattr(loader, "_iterator", None)
    original = getattr(loader, name)
    kept_original = None if kept is None else kept._index_sampler
    # Not setattr: a DataLoader refuses to change its sampler, for the good of others.
    object.__setattr__(loader, name, sampler)
    if kept is not None:
        kept._index_sampler = sampler
    try:
        yield
    finally:
        object.__setattr__(loader, name, original)
        if kept is not None:
            kept._index_sampler = kept_original


def _index_sampler_name(loader: Any) -> str | None:
    """Return the attribute that holds what a DataLoader draws indices from; None for other iterables."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(loader, torch.utils.data.DataLoader):
        return None
    if isinstance(loader.dataset, torch.utils.data.IterableDataset):
        return None
    return "sampler" if loader.batch_sampler is None else "batch_sampler"
