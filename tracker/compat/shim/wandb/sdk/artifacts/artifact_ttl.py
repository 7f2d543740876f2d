from tracker import ArtifactTTL  # noqa: F401
