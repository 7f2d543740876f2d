from tracker import Object3D  # noqa: F401
