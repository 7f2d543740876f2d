from tracker import Plotly  # noqa: F401
