from tracker import Artifact  # noqa: F401
