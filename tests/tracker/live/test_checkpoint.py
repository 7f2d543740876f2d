"""Checkpoints: everything comes back, whole, safely, and to the bit."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.live.port import PortRun
from tracker.artifact import Artifact
from tracker.errors import FormatError, IntegrityError, NotFoundError, StoreError, UsageError
from tracker.live.artifact_ops import log_artifact
from tracker.live.checkpoint import load_checkpoint, save_checkpoint
from tracker.live.resumable_loader import ResumableLoader
from tracker.values.image import Image
from vcs.digest import Digest

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> PortRun:
    """A run in a repository."""
    monkeypatch.chdir(git_repo)
    return PortRun(git_repo)


def linear(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Linear(3, 2)


def same(one: Any, other: Any) -> bool:
    """Whether two modules have the same bits."""
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def step_of(model: Any, optimizer: Any, scheduler: Any = None) -> None:
    optimizer.zero_grad()
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    if scheduler is not None:
        scheduler.step()


# what comes back


@pytest.mark.slow
def test_model_optimizer_scheduler_and_generators_come_back_to_the_bit(run: PortRun) -> None:
    """The next steps are the same as without the detour."""
    model = linear()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    for _ in range(3):
        step_of(model, optimizer, scheduler)
    save_checkpoint(run, model=model, optimizer=optimizer, scheduler=scheduler, epoch=3)
    for _ in range(3):
        step_of(model, optimizer, scheduler)
    drawn = [torch.rand(()).item(), random.random(), numpy.random.rand()]

    other = linear(7)
    again = torch.optim.Adam(other.parameters(), lr=0.3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(again, [2, 4])
    state = load_checkpoint(run, model=other, optimizer=again, scheduler=schedule)
    assert state == {"step": 0, "epoch": 3}
    for _ in range(3):
        step_of(other, again, schedule)
    assert same(model, other)
    assert [torch.rand(()).item(), random.random(), numpy.random.rand()] == drawn


def test_values_beside_come_back_as_they_were(run: PortRun) -> None:
    """Numbers of numpy, arrays, tensors, tuples, nested."""
    history = {"loss": [1.0, numpy.float64(0.5), numpy.int64(3)], "best": (1, None, "x"), 3: True}
    array = numpy.arange(6, dtype="int16").reshape(2, 3)
    save_checkpoint(
        run, best=0.5, history=history, array=array, empty=numpy.zeros((0, 2)), tensor=torch.ones(2)
    )
    state = load_checkpoint(run)
    assert (state["best"], state["history"]) == (
        0.5,
        {"loss": [1.0, 0.5, 3], "best": (1, None, "x"), 3: True},
    )
    assert state["array"].dtype == numpy.int16
    assert numpy.array_equal(state["array"], array)
    assert state["empty"].shape == (0, 2)
    assert torch.equal(state["tensor"], torch.ones(2))


def test_generators_and_further_objects_come_back(run: PortRun) -> None:
    """Each under the name that it was saved with; lists and dictionaries of them too."""
    makers: dict[str, Callable[[], Any]] = {
        "torch_rng": lambda: torch.Generator().manual_seed(1),
        "numpy_rng": lambda: numpy.random.default_rng(1),
        "legacy_rng": lambda: numpy.random.RandomState(1),
        "twister": lambda: numpy.random.Generator(numpy.random.MT19937(1)),
        "own_rng": lambda: random.Random(1),
    }
    draws: dict[str, Callable[[Any], Any]] = {
        "torch_rng": lambda rng: torch.rand((), generator=rng).item(),
        "numpy_rng": lambda rng: rng.random(),
        "legacy_rng": lambda rng: rng.normal(),
        "twister": lambda rng: rng.random(),
        "own_rng": lambda rng: rng.random(),
    }
    generators = {key: make() for key, make in makers.items()}
    for key, rng in generators.items():
        draws[key](rng)
    nets = [linear(1), linear(2)]
    heads = {"a": linear(3)}
    save_checkpoint(run, ema=linear(5), nets=nets, heads=heads, **generators)
    expected = {key: draws[key](rng) for key, rng in generators.items()}

    fresh = {key: make() for key, make in makers.items()}
    ema, others, head = linear(6), [linear(8), linear(9)], {"a": linear(4)}
    load_checkpoint(run, ema=ema, nets=others, heads=head, **fresh)
    assert {key: draws[key](rng) for key, rng in fresh.items()} == expected
    assert same(ema, linear(5))
    assert all(map(same, nets, others))
    assert same(head["a"], heads["a"])


@pytest.mark.slow
def test_a_wrapped_model_is_saved_bare(run: PortRun) -> None:
    """What torch.compile and DataParallel put around it does not enter the names."""
    model = linear()
    save_checkpoint(run, model=torch.nn.DataParallel(torch.compile(model)))
    bare = linear(9)
    load_checkpoint(run, model=bare)
    assert same(model, bare)
    wrapped = torch.compile(linear(8))
    load_checkpoint(run, model=wrapped)
    assert same(model, wrapped._orig_mod)


def test_the_files_are_ordinary_state_dicts(run: PortRun, tmp_path: Path) -> None:
    """Anyone can read them with torch alone; the metadata says which step."""
    artifact = save_checkpoint(
        run, model=linear(), epoch=2, acc=0.5, aliases=["best"], metadata={"note": "x"}
    )
    assert (artifact.name, artifact.type) == ("abcd1234-checkpoint:v0", "checkpoint")
    assert artifact.metadata == {"acc": 0.5, "step": 0, "epoch": 2, "note": "x"}
    state = torch.load(artifact.get_entry("model.pt").download(tmp_path), weights_only=True)
    assert torch.equal(state["weight"], linear().weight)
    assert sorted(artifact.aliases) == ["best", "latest"]


def test_an_unchanged_object_is_stored_once(run: PortRun) -> None:
    """A frozen encoder costs nothing the second time."""
    frozen = linear()
    first = save_checkpoint(run, encoder=frozen, epoch=1)
    second = save_checkpoint(run, encoder=frozen, epoch=2)
    assert second.version == "v1"
    assert first.get_entry("encoder.pt").digest == second.get_entry("encoder.pt").digest


# names


def test_an_alias_a_version_or_an_artifact_can_be_named(run: PortRun) -> None:
    """The run's own checkpoints come first."""
    save_checkpoint(run, epoch=0, aliases=["best"])
    save_checkpoint(run, epoch=1)
    save_checkpoint(run, "pretrained", epoch=7)
    for name, epoch in (
        ("latest", 1), ("best", 0), ("v1", 1), ("pretrained", 7), ("pretrained:v0", 7),
        ("LeNet5/pretrained:latest", 7), ("abcd1234-checkpoint:best", 0),
    ):  # fmt: skip
        assert load_checkpoint(run, name)["epoch"] == epoch
    assert {used["as"] for used in run.used} >= {"abcd1234-checkpoint:latest", "pretrained:latest"}


def test_no_checkpoint_is_an_error_or_the_beginning(run: PortRun) -> None:
    """A run that was killed before its first checkpoint starts anew with missing_ok."""
    with pytest.raises(NotFoundError):
        load_checkpoint(run)
    assert load_checkpoint(run, missing_ok=True) == {}
    save_checkpoint(run)
    with pytest.raises(NotFoundError, match="latest"):
        load_checkpoint(run, "lastest")


def test_what_is_no_checkpoint_is_refused(run: PortRun) -> None:
    """Another type, or an artifact that only says that it is one."""
    log_artifact(run, Artifact("data", "dataset"))
    with pytest.raises(UsageError, match="dataset"):
        load_checkpoint(run, "data")
    fake = Artifact("fake", "checkpoint")
    with fake.new_file("checkpoint.pt", "wb") as stream:
        torch.save([1], stream)
    log_artifact(run, fake)
    with pytest.raises(FormatError, match="no checkpoint"):
        load_checkpoint(run, "fake")


# what cannot be kept or taken


class Callback:
    pass


def test_what_could_not_be_read_back_safely_is_refused_when_it_is_saved(run: PortRun) -> None:
    """With where it lies; no version appears."""
    for value, where in (
        (Callback(), "extra of type Callback"),
        ({"a": [1, Callback()]}, r"extra\['a'\]\[1\] of type Callback"),
        (lambda: 0, "extra of type function"),
        (Path("x"), "extra of type PosixPath"),
        (numpy.array([object()]), "extra of type ndarray"),
    ):
        with pytest.raises(UsageError, match=where):
            save_checkpoint(run, extra=value)
    with pytest.raises(NotFoundError):
        load_checkpoint(run)
    assert list(run.repo.layout.store_tmp.glob("checkpoint*")) == []


def test_a_plain_data_loader_is_refused_with_the_way_to_wrap_it(run: PortRun) -> None:
    """It has no place to keep."""
    plain = torch.utils.data.DataLoader([1, 2, 3])
    with pytest.raises(UsageError, match="resumable_loader"):
        save_checkpoint(run, loader=plain)
    save_checkpoint(run, loader=ResumableLoader(plain))
    with pytest.raises(UsageError, match="resumable_loader"):
        load_checkpoint(run, loader=plain)


@pytest.mark.parametrize("name", ["checkpoint", "strict", "rng", "a/b", "../x"])
def test_some_names_of_objects_are_taken(run: PortRun, name: str) -> None:
    """They would be arguments, or paths."""
    with pytest.raises(UsageError, match="cannot be named"):
        save_checkpoint(run, **{name: linear()})


def test_an_object_that_the_checkpoint_lacks_changes_nothing(run: PortRun) -> None:
    """Names what there is; models that were given stay as they were."""
    save_checkpoint(run, model=linear(1))
    model = linear(2)
    with pytest.raises(NotFoundError, match="holds no optimizer; it holds model"):
        load_checkpoint(run, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=1))
    with pytest.raises(UsageError, match="1 of model, not 2"):
        load_checkpoint(run, model=[model, linear(3)])
    assert same(model, linear(2))


def test_a_damaged_file_changes_nothing(run: PortRun) -> None:
    """The digest is checked before torch sees a byte."""
    artifact = save_checkpoint(run, model=torch.nn.Linear(300, 300))
    digest = Digest(artifact.get_entry("model.pt").digest)
    path = Path(run.repo.store.loose_path(digest))  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[-100_000] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    model = torch.nn.Linear(300, 300)
    before = model.weight.clone()
    with pytest.raises(IntegrityError, match="model"):
        load_checkpoint(run, model=model)
    assert torch.equal(model.weight, before)


def test_code_in_a_checkpoint_is_not_run(run: PortRun, tmp_path: Path) -> None:
    """A pickle that would create a file does not."""
    save_checkpoint(run, model=linear())
    evil = Artifact("evil", "checkpoint")

    class Evil:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "pwned"),))

    with evil.new_file("checkpoint.pt", "wb") as stream:
        torch.save({"format": 1, "x": Evil()}, stream)
    log_artifact(run, evil)
    with pytest.raises(FormatError):
        load_checkpoint(run, "evil")
    assert not (tmp_path / "pwned").exists()


def test_a_newer_format_is_refused_with_a_sentence(run: PortRun) -> None:
    """Nothing is guessed."""
    newer = Artifact("newer", "checkpoint")
    with newer.new_file("checkpoint.pt", "wb") as stream:
        torch.save({"format": 2}, stream)
    log_artifact(run, newer)
    with pytest.raises(FormatError, match="newer"):
        load_checkpoint(run, "newer")


# the run's history


def test_the_run_goes_back_to_its_step(run: PortRun) -> None:
    """Rows after it are masked; the count goes on from there."""
    for value in range(5):
        run.log({"x": value})
    save_checkpoint(run)
    assert run.flushed == 1
    for value in range(5, 9):
        run.log({"x": value})
    assert load_checkpoint(run)["step"] == 5
    run.log({"x": "again"})
    assert [row["x"] for _, row in run.rows] == [0, 1, 2, 3, 4, "again"]
    assert run.step == 6


def test_the_step_can_be_left_alone(run: PortRun) -> None:
    """For evaluation, or weights alone; the generators too."""
    save_checkpoint(run, step=100)
    run.log({"x": 1})
    torch.manual_seed(5)
    expected = torch.rand(())
    torch.manual_seed(5)
    assert load_checkpoint(run, set_step=False, rng=False)["step"] == 100
    assert torch.equal(torch.rand(()), expected)
    assert run.step == 1


def test_a_row_that_was_not_committed_is_pending_again(run: PortRun) -> None:
    """Rows with explicit steps stay open until a later step comes; none is lost by a kill."""
    run.log(
        {"loss": torch.tensor(0.5), "nested": {"a": 1}, "image": Image(numpy.zeros((2, 2, 3), "uint8"))},
        step=7,
    )
    save_checkpoint(run)
    run.log({"loss": 9}, step=8)
    run.log({"loss": 9}, step=9)

    resumed = PortRun(run.repo.layout.root)
    resumed.log({"late": 1}, step=20)
    load_checkpoint(resumed)
    assert (resumed.step, dict(resumed.pending_row())["loss"]) == (7, 0.5)
    assert resumed.pending_row()["image"]["_type"] == "image-file"
    resumed.log({"val": 1}, step=7)
    resumed.log({"loss": 2}, step=8)
    assert [(step, row["loss"], row["val"]) for step, row in resumed.rows] == [(7, 0.5, 1)]


def test_a_checkpoint_of_another_run_moves_only_a_fresh_run(run: PortRun) -> None:
    """And never masks rows that are not its own; a fork is at home in its source's history."""
    for value in range(4):
        run.log({"x": value})
    save_checkpoint(run)
    root = run.repo.layout.root
    fresh, busy, fork = (PortRun(root, run_id) for run_id in ("fresh", "busy", "fork"))
    fork.forked_from = run.id
    for value in range(9):
        busy.log({"x": value})
        fork.log({"x": value})
    for other in (fresh, busy, fork):
        load_checkpoint(other, "abcd1234-checkpoint")
    assert (fresh.step, busy.step, len(busy.rows)) == (4, 9, 9)
    assert (fork.step, len(fork.rows)) == (4, 4)


# interruptions


def test_a_full_disk_leaves_the_earlier_checkpoint(run: PortRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so; nothing temporary stays."""
    save_checkpoint(run, model=linear(1))
    path_open = Path.open

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        return (
            path_open(Path("/dev/full"), "wb")
            if path.suffix == ".pt"
            else path_open(path, *arguments, **options)
        )

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreError, match="disk is full"):
        save_checkpoint(run, model=torch.nn.Linear(500, 500))
    monkeypatch.undo()
    model = linear(2)
    load_checkpoint(run, model=model)
    assert same(model, linear(1))
    assert list(run.repo.layout.store_tmp.glob("checkpoint*")) == []


SAVER = """
import os, random, signal, sys, time
sys.path[:0] = [sys.argv[1]]
import torch
from pathlib import Path
from tests.tracker.live.port import PortRun
from tracker.live.checkpoint import load_checkpoint, save_checkpoint

def save_for_ever(pipe, epoch):
    run = PortRun(Path.cwd())
    while True:
        tensor = torch.full((400, 400), float(epoch))
        save_checkpoint(run, epoch=epoch, tensor=tensor, small=torch.full((2,), epoch))
        os.write(pipe, b"%d\\n" % epoch)
        epoch += 1

epoch = 0
for attempt in range(10):
    out, pipe = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            torch.set_num_threads(1)
            save_for_ever(pipe, epoch)
        finally:
            os._exit(1)
    os.close(pipe)
    reports = os.fdopen(out)
    saved = int(reports.readline())
    time.sleep(random.uniform(0, 0.3))
    os.kill(pid, signal.SIGKILL)
    saved = max([saved, *map(int, reports.read().split())])
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    state = load_checkpoint(PortRun(Path.cwd()))
    assert state["epoch"] in (saved, saved + 1), (state["epoch"], saved)
    assert torch.equal(state["tensor"], torch.full((400, 400), float(state["epoch"])))
    epoch = state["epoch"] + 1
"""


@pytest.mark.slow
def test_killed_in_the_middle_latest_is_a_whole_checkpoint(run: PortRun) -> None:
    """The newest that was reported, or one that became whole just after; ten kills at random moments."""
    command = [sys.executable, "-c", SAVER, str(ROOT)]
    done = subprocess.run(command, cwd=run.repo.layout.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
