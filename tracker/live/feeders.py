"""What logs to a run by itself because `init` was asked to: TensorBoard's events, gymnasium's videos."""

from __future__ import annotations

from tracker.live.parts import Parts
from tracker.live.term import warn, warn_once


def start_feeders(parts: Parts) -> None:
    """Start what the settings of the run ask for; say what cannot be had here."""
    asked = parts.settings.given
    if asked.sync_tensorboard:
        mirror_tensorboard(parts, asked.tensorboard_root)
    if asked.monitor_gym:
        from tracker.collect.gym_videos import VideoWatch

        videos = VideoWatch(lambda row: parts.engine.log(row))
        if videos.start():
            parts.feeders.append(videos)
        else:
            warn("monitor_gym: neither gymnasium nor stable_baselines3 is installed")


def mirror_tensorboard(parts: Parts, root: str | None = None) -> None:
    """Log what is written for TensorBoard from now on; keys are relative to the folder `root`."""
    from tracker.collect.event_mirror import EventMirror, start

    mirror = next((feeder for feeder in parts.feeders if isinstance(feeder, EventMirror)), None)
    if mirror is None:
        mirror = EventMirror(lambda row: parts.engine.log(row), root=root or None, warn=warn_once)
        parts.feeders.append(mirror)
    if not start(mirror):
        warn("sync_tensorboard: neither tensorboard nor tensorboardX is installed")
