from tracker.integrations.sb3 import *  # noqa: F403
