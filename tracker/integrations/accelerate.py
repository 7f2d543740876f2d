"""A tracker for Accelerate: `Accelerator(log_with="tracker")`, once this module is imported.

Versions of Accelerate that cannot be told of new names take an instance:
`Accelerator(log_with=Tracker("squares"))`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import tracking

import tracker
from tracker.live.handle import Run


class Tracker(tracking.GeneralTracker):
    """A run of tracker behind Accelerate's methods; only the main process has it."""

    name = "tracker"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run_name: str, **options: Any) -> None:
        """Begin nothing yet. Accelerate gives the project; options are those of `tracker.init`."""
        super().__init__()
        self.run_name = run_name
        self._options = options

    @tracking.on_main_process
    def start(self) -> None:
        """Begin the run."""
        self.run = tracker.init(project=self.run_name, **self._options)

    @property
    def tracker(self) -> Run:
        """The run."""
        return self.run

    @tracking.on_main_process
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Add to the configuration."""
        self.run.config.update(values, allow_val_change=True)

    @tracking.on_main_process
    def log(self, values: Mapping[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Log a row."""
        self.run.log(values, step=step, **kwargs)

    @tracking.on_main_process
    def log_images(self, values: Mapping[str, Sequence[Any]], step: int | None = None, **kwargs: Any) -> None:
        """Log lists of images by name."""
        made = {name: [tracker.Image(image) for image in images] for name, images in values.items()}
        self.run.log(made, step=step, **kwargs)

    @tracking.on_main_process
    def log_table(
        self,
        table_name: str,
        columns: Any = None,
        data: Any = None,
        dataframe: Any = None,
        step: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Log a table."""
        table = tracker.Table(columns=columns, data=data, dataframe=dataframe)
        self.run.log({table_name: table}, step=step, **kwargs)

    @tracking.on_main_process
    def finish(self) -> None:
        """End the run."""
        self.run.finish()


# Older versions know only their own names.
if hasattr(tracking, "register_tracker_class"):
    tracking.register_tracker_class(Tracker)
