from tracker import Table  # noqa: F401
