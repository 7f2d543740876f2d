"""The properties of a run that say what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracker.live.parts import Parts
from tracker.settings import Settings


@dataclass(frozen=True)
class RunStatus:
    """What `run.status()` tells; nothing is ever left to upload."""

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: None = None


class RunFacts:
    """Mixed into `Run`."""

    _parts: Parts

    @property
    def _attach_id(self) -> str | None:
        """What `attach` takes in another process; None for a run that records nothing."""
        disk, facts = self._parts.disk, self._parts.facts
        return None if disk is None else f"{disk.repo.layout.worktree}//{facts.project}/{facts.id}"

    @property
    def id(self) -> str:
        """Eight lower-case letters and digits, or what `init(id=…)` gave."""
        return self._parts.facts.id

    @property
    def name(self) -> str:
        """For people: two words and a number unless given. Can be assigned."""
        return self._parts.facts.name

    @name.setter
    def name(self, name: str) -> None:
        self._parts.engine.rename(name=str(name))

    @property
    def notes(self) -> str:
        """Free text. Can be assigned."""
        return self._parts.facts.notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._parts.engine.rename(notes=str(notes or ""))

    @property
    def tags(self) -> tuple[str, ...]:
        """Can be assigned; `run.tags += ("night",)` works."""
        return self._parts.facts.tags

    @tags.setter
    def tags(self, tags: Iterable[str] | None) -> None:
        given = [tags] if isinstance(tags, str) else tags or ()
        self._parts.engine.rename(tags=tuple(dict.fromkeys(map(str, given))))

    @property
    def group(self) -> str:
        return self._parts.facts.group

    @property
    def job_type(self) -> str:
        return self._parts.facts.job_type

    @property
    def project(self) -> str:
        return self._parts.facts.project

    @property
    def entity(self) -> str:
        """Empty unless given: there are no accounts here."""
        return self._parts.facts.entity

    @property
    def path(self) -> str:
        """`entity/project/id`, or `project/id`: what `Api().run` takes."""
        facts = self._parts.facts
        return "/".join(filter(None, [facts.entity, facts.project, facts.id]))

    @property
    def url(self) -> str | None:
        """None: there is no server."""
        return None

    @property
    def project_url(self) -> str | None:
        """None: there is no server."""
        return None

    @property
    def sync_dir(self) -> str:
        """The folder of the run's records; empty for a run that records nothing."""
        return str(self._parts.facts.folder or "")

    @property
    def sweep_id(self) -> str | None:
        """The sweep that chose the parameters; None outside of one."""
        return self._parts.settings.sweep_id

    sweep_url: str | None = None

    def get_url(self) -> str | None:
        """Return None: there is no server."""
        return None

    def get_project_url(self) -> str | None:
        """Return None: there is no server."""
        return None

    def project_name(self) -> str:
        """Return the project's name."""
        return self.project

    @property
    def state(self) -> str:
        """running, and after the end finished, failed, killed or preempted."""
        return self._parts.state

    @property
    def step(self) -> int:
        """The step that the next `log` without a step uses."""
        return self._parts.engine.step

    @property
    def starting_step(self) -> int:
        """The step with which this session began: 0, or that after the resumed or forked ones."""
        return self._parts.facts.starting_step

    @property
    def resumed(self) -> bool:
        """Whether the run existed before this session."""
        return self._parts.facts.resumed

    @property
    def forked_from(self) -> str | None:
        """The id of the run that this one was forked from."""
        return self._parts.facts.forked_from

    @property
    def start_time(self) -> float:
        """When this session began, in seconds since 1970."""
        return self._parts.facts.start_time

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self._parts.disk is None

    @property
    def offline(self) -> bool:
        """True: nothing is ever sent."""
        return True

    @property
    def config_static(self) -> dict[str, Any]:
        """A copy of the configuration."""
        return self._parts.config.as_dict()

    @property
    def settings(self) -> Settings:
        """What the run was begun with, under wandb's names for it."""
        facts, disk = self._parts.facts, self._parts.disk
        given = dict(self._parts.settings.given.__dict__)
        known = {
            "run_id": facts.id,
            "run_name": facts.name,
            "run_group": facts.group,
            "run_job_type": facts.job_type,
            "run_notes": facts.notes,
            "run_tags": facts.tags,
            "project": facts.project,
            "entity": facts.entity,
            "mode": "disabled" if disk is None else "offline",
            "resumed": facts.resumed,
            "sync_dir": str(facts.folder or ""),
            "files_dir": str(disk.run.files) if disk is not None else "",
        }
        return Settings(**{**given, **known})

    def status(self) -> RunStatus:
        """Return that nothing is waiting to be uploaded."""
        return RunStatus()

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return a few lines of HTML that name the run."""
        import html

        facts = self._parts.facts
        style = ' style="display:none"' if hidden else ""
        text = html.escape(f"run {facts.name} ({facts.id}) in project {facts.project}: {self.state}")
        return f"<p{style}>{text}</p>"

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in a notebook; return whether there is one."""
        import sys

        shell = sys.modules.get("IPython.display")
        if shell is None or not hasattr(sys, "ps1"):
            return False
        shell.display(shell.HTML(self.to_html(height, hidden)))
        return True
