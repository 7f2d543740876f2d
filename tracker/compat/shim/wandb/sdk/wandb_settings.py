from tracker import Settings  # noqa: F401
