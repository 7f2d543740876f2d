"""Data with two versions, on two branches."""

from __future__ import annotations

V0 = {"a.txt": "a1", "deep/b.txt": "b1"}


V1 = {"a.txt": "a2", "new/c.txt": "c1"}
