from tracker import Histogram  # noqa: F401
