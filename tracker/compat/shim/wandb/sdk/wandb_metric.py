from tracker.values.metrics import Metric  # noqa: F401
