from tracker.values.content import Media as WBValue  # noqa: F401
