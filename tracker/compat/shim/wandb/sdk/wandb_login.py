from tracker import login  # noqa: F401
