from tracker import setup, teardown  # noqa: F401
