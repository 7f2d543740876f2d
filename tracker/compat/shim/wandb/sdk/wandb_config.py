from tracker import Config  # noqa: F401
