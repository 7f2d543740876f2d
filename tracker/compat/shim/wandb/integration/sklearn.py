from tracker.integrations.sklearn import *  # noqa: F403
