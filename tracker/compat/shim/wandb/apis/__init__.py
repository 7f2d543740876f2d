from tracker.read.api import Api as PublicApi  # noqa: F401
