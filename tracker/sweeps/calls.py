"""`tracker.sweep` and `tracker.agent`, with the calls of wandb's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tracker.live.term import say, warn
from tracker.settings import load_settings
from tracker.storage import sweep_record
from tracker.storage.sweep_record import SweepRecord
from tracker.sweeps.plan import read_config, read_plan
from tracker.values.random_names import generate_id
from vcs.clock import iso_now
from vcs.errors import UsageError
from vcs.names import check_project
from vcs.repo import Repo

DEFAULT_PROJECT = "uncategorized"


def sweep(
    sweep: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | Path,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: list[str] | None = None,
) -> str:
    """Begin a sweep and return its id, for `agent`.

    Args:
        sweep: wandb's configuration: method, metric, parameters, …; or the path of its YAML.
        entity: Accepted for wandb.
        project: Of its runs; else that of the configuration, and of the surroundings.
        prior_runs: Ids of runs that count as its first ones.

    Raises:
        UsageError: The configuration says what cannot be.
    """
    config = read_config(sweep() if callable(sweep) else sweep)
    record = create_sweep(Repo.open(), config, project)
    for run_id in prior_runs or ():
        _adopt(Repo.open(), record, run_id)
    return record.id


def create_sweep(repo: Repo, config: dict[str, Any], project: str | None = None) -> SweepRecord:
    """Write the record of a new sweep.

    Raises:
        UsageError: The configuration says what cannot be.
        StoreError: The disk refused.
    """
    read_plan(config)
    home = project or config.get("project") or load_settings({}).project or repo.settings.project
    record = SweepRecord(
        id=generate_id(),
        project=check_project(str(home or DEFAULT_PROJECT)),
        created=iso_now(),
        config=config,
        name=str(config.get("name") or ""),
    )
    sweep_record.create(repo.layout, record)
    for warning in repo.record([repo.layout.sweep(record.project, record.id)], f"sweep {record.id} created"):
        warn(warning)
    if find_spec("optuna") is None:
        warn("agents of this sweep need Optuna, which is not installed here: pip install 'tracker[sweeps]'")
    say(f"sweep {record.id} in project {record.project}; agents work on it: tracker sweep agent {record.id}")
    return record


def agent(
    sweep_id: str,
    function: Callable[[], object] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
    term_timeout: int | None = None,
    max_consecutive_failed_runs: int | None = None,
) -> None:
    """Make runs of a sweep until nothing is left to try.

    Args:
        sweep_id: What `sweep` returned; also `project/id`.
        function: Called for each run, without arguments; it calls `init`. Else the
            program of the configuration is started.
        entity: Accepted for wandb.
        project: Where the sweep is, if several projects have its id.
        count: So many runs at most.
        forward_signals: Accepted for wandb: programs always end with their agent.
        term_timeout: So many seconds a program has to end when it is told to; 30 if not given.
        max_consecutive_failed_runs: So many failures in a row end the agent. Without, three
            before any success do.

    Raises:
        NotFoundError: There is no such sweep.
        UsageError: It has no program and there is no function; or Optuna is missing.
        KeyboardInterrupt: The run at work is tried again by the next agent.
    """
    # Both bring everything that makes runs.
    from tracker.sweeps.agent import Agent
    from tracker.sweeps.making import GRACE_S, function_maker, program_maker

    if count is not None and count < 1:
        raise UsageError(f"count is a number of runs, not {count}")
    repo = Repo.open()
    record = sweep_record.find(repo.layout, sweep_id, project)
    if function is None:
        grace_s = GRACE_S if term_timeout is None else float(term_timeout)
        make = program_maker(read_plan(record.config), grace_s=grace_s)
    else:
        make = function_maker(function)
    Agent(repo, record, make).work(count, max_failures=max_consecutive_failed_runs)


def _adopt(repo: Repo, record: SweepRecord, run_id: str) -> None:
    from tracker.storage import records

    def change(run: records.RunRecord) -> None:
        run.sweep = record.id

    records.update(repo.layout.run(record.project, run_id), change)
