from tracker import Image  # noqa: F401
