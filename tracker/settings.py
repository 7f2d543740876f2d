"""The options of a run, from where they are given to one checked value.

Order: argument of `init`, `settings=` of `init` or `setup`, environment variable,
`tracker.yaml`. Variables are `TRACKER_*`; in a program started by `tracker run`, which
sets TRACKER_COMPAT, the same variables as `WANDB_*` count too, after ours. This file
is the only one of the package that reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from tracker.errors import UsageError

Mode = Literal["local", "disabled", "shared"]
Resume = Literal["must", "allow", "never", "auto"]
Reinit = Literal["default", "return_previous", "finish_previous", "create_new"]

_MODES: dict[str, Mode] = {
    "online": "local",
    "offline": "local",
    "dryrun": "local",
    "run": "local",
    "local": "local",
    "disabled": "disabled",
    "shared": "shared",
}
_RESUMES = ("must", "allow", "never", "auto")
_REINITS = ("default", "return_previous", "finish_previous", "create_new")
_BRANCHES = ("resume", "resume_from", "fork_from")
_ORDERS = "TRACKER_REVIVE_"
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE = frozenset({"", "0", "false", "no", "off", "n", "f"})

# Option of a run -> the variable after its prefix.
_VARIABLES = {
    "project": "PROJECT",
    "entity": "ENTITY",
    "run_id": "RUN_ID",
    "run_name": "NAME",
    "run_notes": "NOTES",
    "run_tags": "TAGS",
    "run_group": "RUN_GROUP",
    "run_job_type": "JOB_TYPE",
    "mode": "MODE",
    "disabled": "DISABLED",
    "resume": "RESUME",
    "resume_from": "RESUME_FROM",
    "fork_from": "FORK_FROM",
    "reinit": "REINIT",
    "silent": "SILENT",
    "quiet": "QUIET",
    "strict": "STRICT",
    "console": "CONSOLE",
    "disable_code": "DISABLE_CODE",
    "disable_git": "DISABLE_GIT",
    "x_disable_stats": "X_DISABLE_STATS",
    "x_stats_sampling_interval": "X_STATS_SAMPLING_INTERVAL",
    "keep_late_steps": "KEEP_LATE_STEPS",
    "x_label": "X_LABEL",
    "sweep_id": "SWEEP_ID",
    "sweep_param_path": "SWEEP_PARAM_PATH",
    "sweep_project": "SWEEP_PROJECT",
    "sweep_run_id": "SWEEP_RUN_ID",
    "distributed": "DISTRIBUTED",
    "distributed_wait_s": "DISTRIBUTED_WAIT_S",
}
# What other spellings of settings, those of old and new versions of wandb, mean here.
_SPELLINGS = {
    "_disable_stats": "x_disable_stats",
    "_stats_sample_rate_seconds": "x_stats_sampling_interval",
    "job_type": "run_job_type",
    "name": "run_name",
    "notes": "run_notes",
    "tags": "run_tags",
    "group": "run_group",
    "id": "run_id",
}


class Settings:
    """Options for `init(settings=…)`, with the names that wandb.Settings has.

    Any name is accepted, so that scripts for other versions work; what has no meaning
    here is kept and has no effect. `strict=True` makes trouble while logging raise,
    `keep_late_steps=True` keeps rows whose step is already past. `distributed=False` gives
    each rank of a distributed job a run of its own; see `tracker.live.ranks`.

    Attributes:
        known_fields: Those of wandb's names that have an effect here.
    """

    known_fields: ClassVar[tuple[str, ...]] = (*_VARIABLES, "allow_val_change", "sync_tensorboard")

    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)

    def __getattr__(self, name: str) -> Any:
        # wandb's settings have a value for every name; scripts read them without asking first.
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in self.__dict__.items())})"

    def update(self, options: Mapping[str, Any] | Settings | None = None, **more: Any) -> None:
        """Set several options."""
        self.__dict__.update({**options_of(options), **more})

    def get(self, name: str, default: Any = None) -> Any:
        """Return an option, or `default` if it was not given."""
        return self.__dict__.get(name, default)


def options_of(given: Settings | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what was given as settings as a dictionary without empty entries.

    Raises:
        UsageError: It is neither Settings nor a mapping.
    """
    if given is None:
        return {}
    if isinstance(given, Settings):
        options = dict(given.__dict__)
    elif isinstance(given, Mapping):
        options = dict(given)
    else:
        raise UsageError(
            f"settings cannot be of type {type(given).__name__}",
            hint="give tracker.Settings(…) or a dictionary",
        )
    return {_SPELLINGS.get(key, key): value for key, value in options.items() if value is not None}


@dataclass(frozen=True)
class RunSettings:
    """The checked options of one run. None stands for "nobody said anything"."""

    project: str | None = None
    entity: str = ""
    run_id: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    group: str | None = None
    job_type: str | None = None
    mode: Mode = "local"
    resume: Resume | None = None
    resume_from: str | None = None
    fork_from: str | None = None
    reinit: Reinit = "default"
    silent: bool = False
    quiet: bool = False
    strict: bool = False
    console: bool = True
    code: bool = True
    system_interval_s: float | None = 15.0
    keep_late_steps: bool = False
    allow_val_change: bool | None = None
    label: str | None = None
    sweep_id: str | None = None
    sweep_param_path: str | None = None
    distributed: bool = True
    distributed_wait_s: float = 30.0
    job: str = ""
    given: Settings = field(default_factory=Settings)


def load_settings(arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> RunSettings:
    """Bring arguments and environment together; `tracker.yaml` fills what is None later.

    `arguments` uses the names of `Settings`; None counts as not given.

    Raises:
        UsageError: A value is not one of those that the option has, or options exclude
            each other.
    """
    surroundings, explicit = environment_options(environment), options_of(arguments)
    if _branches(explicit):
        surroundings = {key: value for key, value in surroundings.items() if key not in _BRANCHES}
    options = {**surroundings, **explicit}
    resume = _resume(options.get("resume"))
    resume_from, fork_from = _text(options, "resume_from"), _text(options, "fork_from")
    given = _branches(options)
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other", hint="give one of them")
    interval = options.get("x_stats_sampling_interval")
    return RunSettings(
        # In a sweep the agent has to find the run again, whatever the script calls it.
        project=_text(options, "sweep_project") or _text(options, "project"),
        entity=_text(options, "entity") or "",
        run_id=_text(options, "sweep_run_id") or _text(options, "run_id"),
        name=_text(options, "run_name"),
        notes=None if options.get("run_notes") is None else str(options["run_notes"]),
        tags=_tags(options.get("run_tags")),
        group=_text(options, "run_group"),
        job_type=_text(options, "run_job_type"),
        mode=_mode(options),
        resume=resume,
        resume_from=resume_from,
        fork_from=fork_from,
        reinit=_reinit(options.get("reinit")),
        silent=_flag(options, "silent"),
        quiet=_flag(options, "quiet"),
        strict=_flag(options, "strict"),
        console=_text(options, "console") not in ("off", "false", "0", "False"),
        code=not (_flag(options, "disable_code") or _flag(options, "disable_git")),
        system_interval_s=None if _flag(options, "x_disable_stats") else _seconds(interval),
        keep_late_steps=_flag(options, "keep_late_steps"),
        allow_val_change=options.get("allow_val_change"),
        label=_text(options, "x_label"),
        sweep_id=_text(options, "sweep_id"),
        sweep_param_path=_text(options, "sweep_param_path"),
        distributed=options.get("distributed") is None or _flag(options, "distributed"),
        distributed_wait_s=_wait(options.get("distributed_wait_s")),
        given=Settings(**options),
    )


def _branches(options: Mapping[str, Any]) -> list[str]:
    return [name for name in _BRANCHES if options.get(name) not in (None, False, "")]


def environment_options(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options that variables give; an empty variable gives none."""
    return {option: value for option, value, _ in given_variables(environment)}


def given_variables(environment: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Return (option, value, variable) for each option that the environment gives."""
    env = os.environ if environment is None else environment
    prefixes = ["TRACKER_", "WANDB_"] if env.get("TRACKER_COMPAT") else ["TRACKER_"]
    found = []
    for option, variable in _VARIABLES.items():
        name = next((prefix + variable for prefix in prefixes if env.get(prefix + variable)), None)
        if name is not None:
            found.append((option, env[name], name))
    return found


def artifact_folder(environment: Mapping[str, str] | None = None) -> str:
    """Return the folder below which versions are downloaded when nobody names one."""
    env = os.environ if environment is None else environment
    return (
        env.get("TRACKER_ARTIFACT_DIR")
        or (env.get("TRACKER_COMPAT") and env.get("WANDB_ARTIFACT_DIR"))
        or "artifacts"
    )


def surroundings() -> dict[str, str]:
    """Return the whole environment, for a program that is to be started."""
    return dict(os.environ)


def variables_of(options: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give these options to a program that is to be started."""
    return {f"TRACKER_{_VARIABLES[option]}": value for option, value in options.items()}


def orders(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables by which `tracker resume` and `tracker reproduce` speak to a run."""
    env = os.environ if environment is None else environment
    return {name: env[name] for name in env if name.startswith(_ORDERS)}


def forget_orders() -> None:
    """Take them out of the environment: they were for one run, and not for programs that it starts."""
    for name in orders():
        del os.environ[name]


def rank_of_process(environment: Mapping[str, str] | None = None) -> tuple[int, str] | None:
    """Return the rank that a launcher (torchrun, accelerate, …) gave this process, and a name for the job.

    Every process of a job gets the same name, on every host. None outside of a job of several.
    """
    env = os.environ if environment is None else environment
    try:
        rank, world = int(env.get("RANK", "")), int(env.get("WORLD_SIZE", ""))
    except ValueError:
        return None
    return (rank, name_of_job(env)) if world > 1 and rank >= 0 else None


def name_of_job(environment: Mapping[str, str] | None = None) -> str:
    """Return what tells the distributed job of this process from others; empty if nothing does."""
    env = os.environ if environment is None else environment
    names = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
    parts = [env.get(name, "") for name in (*names, "SLURM_JOB_ID", "SLURM_STEP_ID")]
    return "/".join(parts) if any(parts) else ""


def recorded_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that say how a training run was started and on what."""
    env = os.environ if environment is None else environment
    prefixes = ("CUDA_", "CUBLAS_", "NCCL_", "SLURM_", "OMP_", "MKL_", "TORCH_", "PYTORCH_", "TRACKER_")
    names = (
        "NVIDIA_TF32_OVERRIDE",
        "RANK",
        "LOCAL_RANK",
        "WORLD_SIZE",
        "MASTER_ADDR",
        "PYTHONHASHSEED",
        "CONDA_DEFAULT_ENV",
        "VIRTUAL_ENV",
    )
    return {key: env[key] for key in sorted(env) if key.startswith(prefixes) or key in names}


def _text(options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    return str(value) if value not in (None, "") else None


def _flag(options: Mapping[str, Any], name: str) -> bool:
    value = options.get(name)
    if value is None or isinstance(value, bool | int):
        return bool(value)
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise UsageError(f"{name} is on or off, not {value!r}", hint="true or false")


def _mode(options: Mapping[str, Any]) -> Mode:
    mode = options.get("mode")
    if mode is None:
        return "disabled" if _flag(options, "disabled") else "local"
    try:
        return _MODES[str(mode).lower()]
    except KeyError:
        raise UsageError(
            f"no mode {mode!r}", hint="online and offline both record here; disabled records nothing"
        ) from None


def _resume(value: Any) -> Resume | None:
    if value is None or value is False:
        return None
    word = "auto" if value is True else str(value).strip().lower()
    if word in _RESUMES:
        return cast(Resume, word)
    if word in _TRUE:
        return "auto"
    if word in _FALSE:
        return None
    raise UsageError(
        f"resume cannot be {value!r}",
        hint=f'resume="allow" with id={str(value)!r} continues that run; also must, never, auto',
    )


def _reinit(value: Any) -> Reinit:
    if value is None:
        return "default"
    if isinstance(value, str) and value in _REINITS:
        return cast(Reinit, value)
    # What the flag of older versions of wandb asked for.
    return "finish_previous" if _flag({"reinit": value}, "reinit") else "return_previous"


def _tags(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        parts: Iterable[Any] = value.split(",")
    elif isinstance(value, Iterable):
        parts = value
    else:
        raise UsageError(f"tags cannot be of type {type(value).__name__}", hint='tags=["baseline", "night"]')
    return tuple(dict.fromkeys(tag for tag in (str(part).strip() for part in parts) if tag))


def _wait(value: Any) -> float:
    try:
        seconds = 30.0 if value is None else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 86400:
        raise UsageError(f"distributed_wait_s is seconds below 86400, not {value!r}")
    return seconds


def _seconds(value: Any) -> float:
    if value is None:
        return 15.0
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0.1 <= seconds < 86400:
        raise UsageError(f"x_stats_sampling_interval is seconds between 0.1 and 86400, not {value!r}")
    return seconds
