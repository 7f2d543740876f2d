"""What `tracker resume` and `tracker reproduce` ask of the run that a script begins.

The script is unchanged, so it is asked through environment variables, and the first run
that fits takes them: they hold for one run, and programs that the script starts do not
hear them. Both sides of it are here: what the commands write, and what `init` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from tracker.errors import UsageError
from tracker.settings import RunSettings, forget_orders, orders
from vcs.names import check_project, check_run_id, parse_artifact_ref


@dataclass(frozen=True)
class Revival:
    """One order.

    Attributes:
        run: `project/id`: the run to go on with; for a reproduction, the one to be made.
        step: The step that it goes on at; rows with this step or a later one are masked.
            None: after its last row.
        checkpoint: `project/name:vN`, which is the run's latest checkpoint until it saves one.
        reproduces: The id of the run that is run again.
        key: Under which the run is remembered until it ends well; see `tracker resume --auto`.
    """

    run: str | None = None
    step: int | None = None
    checkpoint: str | None = None
    reproduces: str | None = None
    key: str | None = None

    @property
    def project(self) -> str | None:
        return None if self.run is None else self.run.rpartition("/")[0]

    @property
    def run_id(self) -> str | None:
        return None if self.run is None else self.run.rpartition("/")[2]

    def variables(self) -> dict[str, str]:
        """Return it as environment variables; `parse` gives it back."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {_variable(name): str(value) for name, value in values.items() if value is not None}

    def concerns(self, settings: RunSettings) -> bool:
        """Whether a run that a script asks for is the one that is meant."""
        if settings.mode != "local":
            return False
        if self.run is None:
            return True
        if settings.project not in (None, self.project):
            return False
        return self.reproduces is not None or settings.run_id in (None, self.run_id)

    def applied(self, settings: RunSettings) -> RunSettings:
        """Return the settings under which the run is gone on with, or made anew.

        Whatever the script says about resuming yields; a reproduction of a fork is a fork.
        """
        if self.run is None:
            return settings
        common = replace(settings, project=self.project, run_id=self.run_id, resume_from=None)
        if self.reproduces is not None:
            return replace(common, resume="never")
        return replace(common, resume="must", fork_from=None)


def parse(variables: Mapping[str, str]) -> Revival | None:
    """Return what environment variables ask for; None if nothing.

    Raises:
        UsageError: They were written by hand, and wrongly.
    """
    names = {_variable(one.name): one.name for one in fields(Revival)}
    given = {names[variable]: value for variable, value in variables.items() if variable in names}
    if not given:
        return None
    step = given.pop("step", None)
    if step is not None and not step.isdecimal():
        raise UsageError(f"{_variable('step')} is a whole number, not {step!r}")
    revival = Revival(**given, step=None if step is None else int(step))
    if revival.run is not None:
        check_project(revival.project or "")
        check_run_id(revival.run_id or "")
    if revival.checkpoint is not None:
        parse_artifact_ref(revival.checkpoint)
    return revival


def take_revival(settings: RunSettings) -> Revival | None:
    """Return the order that this process was given, if it is for a run with these settings; once.

    Raises:
        UsageError: See `parse`.
    """
    revival = parse(orders())
    if revival is None or not revival.concerns(settings):
        return None
    forget_orders()
    return revival


def _variable(name: str) -> str:
    return f"TRACKER_REVIVE_{name.upper()}"
