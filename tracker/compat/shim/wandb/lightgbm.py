from tracker.integrations.lightgbm import *  # noqa: F403
