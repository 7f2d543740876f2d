"""wandb.apis.public: what was recorded."""

from tracker.artifact import Artifact  # noqa: F401
from tracker.read.api import Api, Project  # noqa: F401
from tracker.read.artifacts import ArtifactCollection, ArtifactType  # noqa: F401
from tracker.read.files import File, Files  # noqa: F401
from tracker.read.runs import Run  # noqa: F401
from tracker.read.selection import Runs  # noqa: F401
