from tracker.errors import ConfigError  # noqa: F401
