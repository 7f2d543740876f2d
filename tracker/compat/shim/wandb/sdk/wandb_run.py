from tracker.live.handle import Run  # noqa: F401
