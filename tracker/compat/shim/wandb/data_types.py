"""wandb.data_types: the classes of media and tables."""

from tracker import (  # noqa: F401
    Audio,
    BoundingBoxes2D,
    Classes,
    Graph,
    Histogram,
    Html,
    Image,
    ImageMask,
    JoinedTable,
    Molecule,
    Object3D,
    Plotly,
    Table,
    Video,
)
from tracker.values.content import Media  # noqa: F401
from tracker.values.content import Media as WBValue  # noqa: F401
