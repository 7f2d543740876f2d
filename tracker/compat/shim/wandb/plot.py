from tracker.plot import *  # noqa: F403
