from tracker import init  # noqa: F401
