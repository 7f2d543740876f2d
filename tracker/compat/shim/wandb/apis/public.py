from tracker.read.api import Api  # noqa: F401
