from tracker import Summary  # noqa: F401
