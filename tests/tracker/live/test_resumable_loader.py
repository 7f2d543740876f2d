"""A loader that goes on where a checkpoint was made, with the same order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tracker.live.checkpoint_state import capture_rng, pack, restore_rng, unpack
from tracker.live.resumable_loader import ResumableLoader
from vcs.errors import UsageError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ITEMS = 23
EPOCHS = 3


class Numbers(torch.utils.data.Dataset):  # type: ignore[misc]
    """Items that carry a random number, as augmentation would draw it in the main process."""

    def __init__(self, *, noisy: bool = False) -> None:
        self.noisy = noisy
        self.loaded: list[int] = []

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> Any:
        self.loaded.append(index)
        return torch.tensor([float(index), random.random() + torch.rand(()).item() if self.noisy else 0.0])


class Stream(torch.utils.data.IterableDataset):  # type: ignore[misc]
    def __iter__(self) -> Iterator[Any]:
        yield from torch.randperm(ITEMS).tolist()


def make(kind: str, *, noisy: bool = False, replay: bool = False) -> ResumableLoader:
    """Return a loader of one of the kinds that torch has."""
    data: Any = Numbers(noisy=noisy)
    own = torch.Generator().manual_seed(3)
    weights = torch.ones(ITEMS)
    options: dict[str, dict[str, Any]] = {
        "shuffle": {"shuffle": True},
        "generator": {"shuffle": True, "generator": own},
        "replacement": {"sampler": torch.utils.data.RandomSampler(data, replacement=True)},
        "weighted": {"sampler": torch.utils.data.WeightedRandomSampler(weights, ITEMS, generator=own)},
        "no batches": {"batch_size": None, "shuffle": True},
        "workers": {"shuffle": True, "num_workers": 2},
        "persistent": {"shuffle": True, "num_workers": 2, "persistent_workers": True},
    }
    if kind == "stream":
        return ResumableLoader(torch.utils.data.DataLoader(Stream(), batch_size=4))
    if kind == "list":
        return ResumableLoader([torch.tensor(number) for number in range(6)])
    return ResumableLoader(
        torch.utils.data.DataLoader(data, **{"batch_size": 4, **options[kind]}), replay=replay
    )


def seed() -> None:
    torch.manual_seed(1)
    random.seed(1)


def run(loader: ResumableLoader, *, stop: tuple[int, int] | None = None) -> tuple[list[Any], dict[str, Any]]:
    """Go through all epochs, drawing random numbers as a training does; return batches and a checkpoint."""
    seen = []
    while loader.epoch < EPOCHS:
        for batch in loader:
            seen.append([loader.epoch, batch.flatten().tolist(), torch.rand(()).item(), random.random()])
            if (loader.epoch, loader.batch) == stop:
                return seen, {"loader": pack(loader.state_dict()), "rng": capture_rng()}
        if stop is not None and stop[1] == 0 and loader.epoch == stop[0]:
            break
    return seen, {"loader": pack(loader.state_dict()), "rng": capture_rng()}


def go_on(loader: ResumableLoader, state: dict[str, Any]) -> list[Any]:
    torch.manual_seed(99)
    random.seed(99)
    loader.load_state_dict(unpack(state["loader"]))
    restore_rng(state["rng"])
    return run(loader)[0]


@pytest.mark.parametrize(
    "kind", ["shuffle", "generator", "replacement", "weighted", "no batches", "stream", "list"]
)
@pytest.mark.parametrize("stop", [(0, 1), (1, 3), (1, 6), (1, 0), (2, 2)])
def test_going_on_gives_the_rest_of_an_unbroken_training(kind: str, stop: tuple[int, int]) -> None:
    """Batches, their order, and every other random number are those of one process."""
    seed()
    whole, _ = run(make(kind))
    seed()
    first, state = run(make(kind), stop=stop)

    assert first + go_on(make(kind), state) == whole
    assert len(first) < len(whole)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["workers", "persistent"])
@pytest.mark.parametrize("stop", [(0, 2), (1, 3), (1, 0), (2, 5)])
def test_worker_processes_keep_the_order(kind: str, stop: tuple[int, int]) -> None:
    """What workers prefetched but did not hand out is loaded again."""
    seed()
    whole, _ = run(make(kind))
    seed()
    first, state = run(make(kind), stop=stop)

    assert first + go_on(make(kind), state) == whole


@pytest.mark.slow
def test_replay_brings_random_numbers_of_workers_to_the_same_place() -> None:
    """Augmentation in workers is exact when the batches before are loaded again."""
    seed()
    whole, _ = run(make("workers", noisy=True))
    seed()
    first, state = run(make("workers", noisy=True, replay=True), stop=(1, 3))

    assert first + go_on(make("workers", noisy=True, replay=True), state) == whole


def test_random_numbers_in_the_data_set_are_the_same_without_workers() -> None:
    """Augmentation in the main process needs nothing but the state of the generators."""
    seed()
    whole, _ = run(make("shuffle", noisy=True))
    seed()
    first, state = run(make("shuffle", noisy=True), stop=(1, 3))

    assert first + go_on(make("shuffle", noisy=True), state) == whole


def test_batches_that_are_done_are_not_loaded_again() -> None:
    """Only indices are drawn for them."""
    seed()
    _, state = run(make("shuffle"), stop=(0, 4))
    loader = make("shuffle")
    loader.load_state_dict(state["loader"])
    next(iter(loader))

    assert len(loader.dataset.loaded) == 4


def test_two_resumes_in_a_row() -> None:
    """A checkpoint after a resume is as good as the first."""
    seed()
    whole, _ = run(make("shuffle"))
    seed()
    first, state = run(make("shuffle"), stop=(0, 2))
    loader = make("shuffle")
    loader.load_state_dict(state["loader"])
    restore_rng(state["rng"])
    second, state = run(loader, stop=(0, 5))

    assert first + second + go_on(make("shuffle"), state) == whole


def test_a_loop_left_early_goes_on_after_a_resume_unless_the_epoch_was_ended() -> None:
    """An interrupted loop may be continued; `end_epoch` says that it was meant."""
    loader = make("shuffle")
    for _ in loader:
        break
    assert (loader.epoch, loader.batch) == (0, 1)

    loader.end_epoch()
    assert (loader.epoch, loader.batch) == (1, 0)
    assert loader.state_dict()["start"] is None


def test_a_new_loop_after_a_break_begins_a_new_epoch() -> None:
    """As with a plain loader."""
    loader = make("shuffle")
    for _ in loader:
        break
    batches = iter(loader)
    assert (loader.epoch, loader.batch) == (1, 0)
    assert len(list(batches)) == 6


def test_the_loader_is_not_changed() -> None:
    """After a resume the DataLoader has its own sampler again."""
    seed()
    _, state = run(make("shuffle"), stop=(0, 2))
    loader = make("shuffle")
    sampler = loader.batch_sampler
    loader.load_state_dict(state["loader"])
    assert len(list(loader)) == 4

    assert loader.loader.batch_sampler is sampler
    assert len(list(loader.loader)) == len(loader) == 6


def test_another_number_of_batches_is_refused_within_an_epoch() -> None:
    """A place among 6 batches means nothing among 12."""
    seed()
    _, state = run(make("shuffle"), stop=(0, 2))
    other = ResumableLoader(torch.utils.data.DataLoader(Numbers(), batch_size=2, shuffle=True))

    with pytest.raises(UsageError, match="6 batches"):
        other.load_state_dict(state["loader"])
