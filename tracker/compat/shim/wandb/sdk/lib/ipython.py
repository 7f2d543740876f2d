from tracker.live.session import in_notebook  # noqa: F401
