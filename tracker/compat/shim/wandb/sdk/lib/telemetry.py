"""wandb.sdk.lib.telemetry: integrations tell here which features they use; nothing listens."""

from contextlib import contextmanager


class _Listener:
    def __getattr__(self, name):
        return self

    def __setattr__(self, name, value):
        pass


@contextmanager
def context(run=None, obj=None):
    yield _Listener()
