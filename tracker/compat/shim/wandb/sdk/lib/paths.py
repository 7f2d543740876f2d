"""wandb.sdk.lib.paths: names for types."""

import os
from pathlib import PurePosixPath

StrPath = str | os.PathLike
FilePathStr = str
URIStr = str
LogicalPath = PurePosixPath
