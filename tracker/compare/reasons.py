"""Why two runs may have come out differently, from what their records say of both.

A reason is likely, never proven: it says what was not the same, or not fixed, and what to
do about it. The likeliest come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracker.compare.environment import named
from tracker.compare.runs import RunComparison
from tracker.compare.values import ABSENT, Change
from tracker.storage.records import Session

Kind = Literal[
    "code",
    "command",
    "config",
    "input",
    "seed",
    "package",
    "python",
    "device",
    "variable",
    "non-deterministic",
    "left-out",
    "resumed",
    "end",
    "time",
    "unknown",
]

# A seed that nobody set is one of 2^64; people and libraries set small ones.
_SET_BY_NOBODY = 1 << 33
_TIME_KEY = re.compile(
    r"(?:^|[/_.\- ])(?:time|times|secs?|seconds|ms|duration|elapsed|eta|fps|speed|throughput|latency)"
    r"(?:$|[/_.\- ])|(?:per|_)_?(?:sec|second|s)$",
    re.IGNORECASE,
)
_GENERATORS = {
    "numpy": ("numpy", "numpy.random.seed(0)"),
    "random": ("Python's random", "random.seed(0)"),
}


@dataclass(frozen=True)
class Reason:
    """One likely reason.

    Attributes:
        text: A sentence.
        hint: What would remove it.
    """

    kind: Kind
    text: str
    hint: str | None = None


def likely_reasons(comparison: RunComparison) -> list[Reason]:
    """Return what may explain that two runs differ; at least one reason, if only that none is known."""
    found = [
        *_end(comparison),
        *_what_was_run(comparison),
        *_seeds(comparison),
        *_surroundings(comparison),
        *_determinism(comparison),
        *_records(comparison),
        *_times(comparison),
    ]
    return found or [
        Reason(
            "unknown",
            "nothing that is recorded differs",
            "look for what reads the time, the network, or files that are not recorded as inputs",
        )
    ]


def _end(comparison: RunComparison) -> Iterator[Reason]:
    if comparison.state is not None:
        yield Reason(
            "end",
            f"the newer run did not end like the older one: {_then_now(comparison.state)}",
            f"see what it printed: {comparison.new.entry.layout.output}",
        )


def _what_was_run(comparison: RunComparison) -> Iterator[Reason]:
    if comparison.code is not None:
        a, b = _short(comparison.code.old), _short(comparison.code.new)
        hint = f"git diff {a} {b}" if "unknown" not in (a, b) else None
        yield Reason("code", f"the code is not the same: {a} then, {b} now", hint)
    if comparison.command is not None:
        yield Reason(
            "command",
            f"the command is not the same: {comparison.command.old!r} then, {comparison.command.new!r} now",
        )
    if comparison.config:
        keys = ", ".join(list(comparison.config)[:5])
        yield Reason("config", f"the configuration is not the same: {keys}")
    for name, change in comparison.inputs.items():
        yield Reason("input", f"the input {name} is not the same: {_then_now(change)}")


def _seeds(comparison: RunComparison) -> Iterator[Reason]:
    old, new = comparison.old.session, comparison.new.session
    yield from _torch_seed(old, new)
    for name, (title, call) in _GENERATORS.items():
        a, b = old.seeds_at_end.get(name), new.seeds_at_end.get(name)
        if a and b and a.get("state") != b.get("state") and (_used(old, name) or _used(new, name)):
            yield Reason(
                "seed",
                f"the seed of {title} was not set alike: its generator ended in another state",
                f"{call} before its first use",
            )


def _torch_seed(old: Session, new: Session) -> Iterator[Reason]:
    a, b = _newest(old, "torch"), _newest(new, "torch")
    if not a or not b:
        return
    for key, title in (("seed", "torch"), ("cuda_seed", "torch on the GPU")):
        then, now = a.get(key), b.get(key)
        if then is None or now is None or then == now:
            continue
        unset = [
            side
            for side, seed in (("then", then), ("now", now))
            if not isinstance(seed, int) or seed >= _SET_BY_NOBODY
        ]
        if len(unset) == 2:
            text = f"the seed of {title} was not set: it was {then} then and {now} now"
        elif unset:
            text = f"the seed of {title} was not set {unset[0]}: it was {then} then and {now} now"
        else:
            text = f"the seed of {title} is not the same: {then} then, {now} now"
        yield Reason("seed", text, "torch.manual_seed(0) before the model is made")


def _surroundings(comparison: RunComparison) -> Iterator[Reason]:
    environment = comparison.environment
    if environment.packages:
        yield Reason(
            "package",
            f"packages are not the same: {named(list(environment.packages.items()))}",
            f"tracker reproduce {comparison.old.record.id} --env",
        )
    machine = dict(environment.machine)
    if "python" in machine:
        yield Reason("python", f"Python is not the same: {_then_now(machine.pop('python'))}")
    for name, change in machine.items():
        yield Reason("device", f"the {_MACHINE.get(name, name)} is not the same: {_then_now(change)}")
    for name, change in environment.variables.items():
        yield Reason("variable", f"the variable {name} is not the same: {_then_now(change)}")


_MACHINE = {"gpus": "GPU", "driver": "driver of the GPU", "cpu": "CPU", "platform": "system"}


def _determinism(comparison: RunComparison) -> Iterator[Reason]:
    a = _newest(comparison.old.session, "torch")
    b = _newest(comparison.new.session, "torch")
    if not a or not b:
        return
    for key, title in (("threads", "threads"), ("float32_matmul_precision", "precision of float32")):
        if a.get(key) != b.get(key):
            yield Reason("device", f"torch did not use the same {title}: {a.get(key)} then, {b.get(key)} now")
    if not (a.get("deterministic_algorithms") and b.get("deterministic_algorithms")):
        yield Reason(
            "non-deterministic",
            "torch was allowed to use operations that are not deterministic",
            "torch.use_deterministic_algorithms(True)",
        )
    if a.get("cudnn_benchmark") or b.get("cudnn_benchmark"):
        yield Reason(
            "non-deterministic",
            "cuDNN chose its algorithms by timing them",
            "torch.backends.cudnn.benchmark = False",
        )


def _records(comparison: RunComparison) -> Iterator[Reason]:
    for run, when in ((comparison.old, "then"), (comparison.new, "now")):
        left = [str(one.get("path")) for one in run.session.left_out]
        if left:
            shown = ", ".join(left[:5]) + (", …" if len(left) > 5 else "")
            yield Reason("left-out", f"files were left out of the recorded code {when}: {shown}")
    sessions = [one for one in comparison.old.record.sessions if one.rows != 0]
    if len({(one.code_commit, tuple(one.argv[1:])) for one in sessions}) > 1:
        yield Reason("resumed", "the older run has several sessions, not all of the same code and command")


def _times(comparison: RunComparison) -> Iterator[Reason]:
    differing = [key for key, seen in comparison.metrics.keys.items() if seen.outside]
    if differing and all(_TIME_KEY.search(key) for key in differing):
        first = differing[0]
        yield Reason(
            "time",
            f"what differs looks like measured time: {', '.join(differing[:5])}",
            f"--ignore '{first}'",
        )


def _newest(session: Session, name: str) -> Mapping[str, Any]:
    """Return what is known of a generator: at the end of the session, or else at its start."""
    found = session.seeds_at_end.get(name) or session.seeds.get(name)
    return found if isinstance(found, Mapping) else {}


def _used(session: Session, name: str) -> bool:
    """Whether a generator was seeded or drawn from during the session, as far as is known."""
    before, after = session.seeds.get(name), session.seeds_at_end.get(name)
    return after is not None and (not before or before.get("state") != after.get("state"))


def _then_now(change: Change) -> str:
    return f"{_side(change.old)} then, {_side(change.new)} now"


def _side(value: object) -> str:
    return "none" if value is ABSENT else str(value)


def _short(commit: object) -> str:
    return "unknown" if commit is ABSENT else str(commit)[:10]
