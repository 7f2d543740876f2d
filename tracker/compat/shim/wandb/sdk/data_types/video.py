from tracker import Video  # noqa: F401
