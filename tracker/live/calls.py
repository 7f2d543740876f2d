"""Module-level forms of a run's methods: `tracker.watch(model)` is `tracker.run.watch(model)`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any, TypeVar

from tracker.live.handle import Run
from tracker.live.session import require_run

F = TypeVar("F", bound=Callable[..., Any])


class AlertLevel(Enum):
    """How serious an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def _of_run(method: F) -> F:
    """Return a function that calls the method on the current run, or raises UsageError without one."""
    name = method.__name__

    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(require_run(name), name)(*arguments, **options)

    return call  # type: ignore[return-value]


alert = _of_run(Run.alert)
define_metric = _of_run(Run.define_metric)
finish_artifact = _of_run(Run.finish_artifact)
link_artifact = _of_run(Run.link_artifact)
link_model = _of_run(Run.link_model)
load_checkpoint = _of_run(Run.load_checkpoint)
log_artifact = _of_run(Run.log_artifact)
log_code = _of_run(Run.log_code)
log_model = _of_run(Run.log_model)
mark_preempting = _of_run(Run.mark_preempting)
restore = _of_run(Run.restore)
save = _of_run(Run.save)
save_checkpoint = _of_run(Run.save_checkpoint)
unwatch = _of_run(Run.unwatch)
upsert_artifact = _of_run(Run.upsert_artifact)
use_artifact = _of_run(Run.use_artifact)
use_model = _of_run(Run.use_model)
watch = _of_run(Run.watch)
