from tracker.values.content import Media  # noqa: F401
