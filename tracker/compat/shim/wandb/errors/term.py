from tracker.live.term import termerror, termlog, termwarn  # noqa: F401
