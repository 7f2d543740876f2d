"""Which repositories keep their contents in one store.

`store:` may name a folder that several repositories use. What one of them does not name,
another may, so each leaves its address in the store, and garbage is collected only when
all of them can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vcs.atomic import disk_error, write_atomic
from vcs.digest import digest_bytes
from vcs.discover import find_layout
from vcs.errors import Error, StoreError
from vcs.layout import Layout

_FOLDER = "repositories"


def register(layout: Layout) -> None:
    """Leave the address of a repository in the store that it uses; a stat from the second time on.

    Raises:
        StoreError: The store cannot be written to.
    """
    name = layout.objects_root / _FOLDER / digest_bytes(str(layout.root).encode(errors="replace"))[:16]
    if not name.exists():
        write_atomic(name, f"{layout.root}\n")


def other_users(layout: Layout) -> Iterator[Layout]:
    """Yield the other repositories that keep contents in the store of this one.

    Raises:
        StoreError: One of them cannot be found or read.
    """
    folder = layout.objects_root / _FOLDER
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        try:
            root = Path(path.read_text(errors="surrogateescape").rstrip("\n"))
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        if root == layout.root:
            continue
        try:
            found = find_layout(root)
        except (Error, OSError) as error:
            raise StoreError(
                f"{root} uses this store too, and cannot be read, so nobody knows what it needs",
                hint=f"if it is gone for good: rm {path}",
            ) from error
        yield found
