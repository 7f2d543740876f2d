from tracker import Molecule  # noqa: F401
