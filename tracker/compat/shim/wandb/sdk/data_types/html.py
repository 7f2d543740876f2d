from tracker import Html  # noqa: F401
