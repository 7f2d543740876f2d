"""The configuration of a sweep, read once: wandb's dictionary or YAML becomes checked values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracker.sweeps.space import Space
from vcs.errors import UsageError
from vcs.yaml_io import load_yaml

Method = Literal["grid", "random", "bayes"]
METHODS: tuple[Method, ...] = ("grid", "random", "bayes")
COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")


@dataclass(frozen=True)
class Metric:
    """What a sweep is about; `target` ends it."""

    name: str
    maximize: bool
    target: float | None = None

    def is_reached(self, value: float) -> bool:
        """Whether a value is as good as the target."""
        if self.target is None:
            return False
        return value >= self.target if self.maximize else value <= self.target


@dataclass(frozen=True)
class Hyperband:
    """Runs are compared when they have logged the metric this often, and the worse ones stopped.

    Attributes:
        first: The first comparison; the others follow by factors of `eta`.
        eta: One of so many goes on.
    """

    first: int
    eta: int


@dataclass(frozen=True)
class Plan:
    """A sweep's configuration.

    Attributes:
        run_cap: So many runs, all agents together; None for no end.
        command: The words of the command, with wandb's macros.
    """

    method: Method
    space: Space
    metric: Metric | None = None
    run_cap: int | None = None
    hyperband: Hyperband | None = None
    program: str | None = None
    command: tuple[str, ...] = COMMAND
    seed: int | None = None


def read_config(source: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """Return the configuration of a sweep as a dictionary; a path is that of a YAML file.

    Raises:
        NotFoundError, FormatError: The file.
        UsageError: It is no mapping.
    """
    content = dict(source) if isinstance(source, Mapping) else load_yaml(Path(source), "sweep")
    if not isinstance(content, dict):
        raise UsageError("the configuration of a sweep is a mapping", hint="method: random")
    return content


def read_plan(config: Mapping[str, Any]) -> Plan:
    """Check a configuration.

    Raises:
        UsageError: Something is missing, or cannot be.
    """
    method = config.get("method", "random")
    if method not in METHODS:
        raise UsageError(f"no sweep method {method!r}", hint=f"one of {', '.join(METHODS)}")
    metric = _metric(config.get("metric"))
    hyperband = _hyperband(config.get("early_terminate"))
    if metric is None and (method == "bayes" or hyperband is not None):
        raise UsageError(
            f"{'bayes' if method == 'bayes' else 'early_terminate'} needs a metric",
            hint="metric: {name: val/loss, goal: minimize}",
        )
    space = Space(config.get("parameters") or {})
    if method == "grid":
        _ = space.grid_size
    cap = config.get("run_cap")
    if cap is not None and (not isinstance(cap, int) or cap < 1):
        raise UsageError(f"run_cap is a number of runs, not {cap!r}")
    command = config.get("command") or COMMAND
    words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    program = config.get("program")
    return Plan(
        method=method,
        space=space,
        metric=metric,
        run_cap=cap,
        hyperband=hyperband,
        program=None if program is None else str(program),
        command=tuple(words),
        seed=config.get("seed"),
    )


def _metric(about: Any) -> Metric | None:
    if about is None:
        return None
    if not isinstance(about, Mapping) or not about.get("name"):
        raise UsageError("the metric of a sweep has a name", hint="metric: {name: val/loss, goal: minimize}")
    goal = about.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise UsageError(f"the goal of a metric is minimize or maximize, not {goal!r}")
    target = about.get("target")
    return Metric(str(about["name"]), goal == "maximize", None if target is None else float(target))


def _hyperband(about: Any) -> Hyperband | None:
    if about is None:
        return None
    if not isinstance(about, Mapping) or about.get("type") != "hyperband":
        raise UsageError("early_terminate is of type hyperband", hint="{type: hyperband, min_iter: 3}")
    eta = int(about.get("eta", 3))
    if eta < 2:
        raise UsageError("the eta of hyperband is 2 or more")
    if "min_iter" in about:
        return Hyperband(max(1, int(about["min_iter"])), eta)
    if "max_iter" in about and "s" in about:
        return Hyperband(max(1, int(about["max_iter"]) // eta ** int(about["s"])), eta)
    raise UsageError("hyperband needs min_iter, or max_iter and s")


def command_of(plan: Plan, params: Mapping[str, Any], *, interpreter: str, params_file: Path) -> list[str]:
    """Return the words of the command for one run, with the macros put in.

    Raises:
        UsageError: The sweep has no program, and its command asks for one; or a macro is unknown.
    """
    if plan.program is None and plan.command == COMMAND:
        raise UsageError(
            "this sweep has no program", hint="program: train.py, or command: […], in its configuration"
        )
    words: list[str] = []
    for word in plan.command:
        words += _filled(word, plan, params, interpreter, params_file)
    return words


def _filled(
    word: str, plan: Plan, params: Mapping[str, Any], interpreter: str, params_file: Path
) -> Sequence[str]:
    flags = [f"--{key}={value}" for key, value in params.items()]
    macros: dict[str, list[str]] = {
        "${env}": [],
        "${interpreter}": [interpreter],
        "${program}": [plan.program or ""],
        "${args}": flags,
        "${args_no_hyphens}": [flag[2:] for flag in flags],
        "${args_no_boolean_flags}": [
            text
            for key, value in params.items()
            for text in ([] if value is False else [f"--{key}"] if value is True else [f"--{key}={value}"])
        ],
        "${args_json_file}": [str(params_file)],
    }
    if word in macros:
        return macros[word]
    if word.startswith("${envvar:") and word.endswith("}"):
        return [f"${{{word[9:-1]}}}"]
    if word.startswith("${"):
        raise UsageError(f"a command of a sweep has no macro {word}", hint=", ".join(macros))
    return [word]
