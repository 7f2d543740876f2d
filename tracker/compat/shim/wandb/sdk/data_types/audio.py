from tracker import Audio  # noqa: F401
