"""A bucket in a folder: a disk, a mounted share, NFS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vcs.atomic import Stretch, copy_atomic, disk_error, is_temporary, write_atomic
from vcs.buckets.base import Bucket, Item
from vcs.errors import NotFoundError, StoreError


class FolderBucket(Bucket):
    """Keys are files below a folder, which appears with the first of them."""

    is_near = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        write_atomic(self.folder / key, data)

    def put_from(self, key: str, stretches: Sequence[Stretch]) -> None:
        copy_atomic(self.folder / key, stretches)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        with self._opened(key) as fd:
            wanted = max(0, os.fstat(fd).st_size - start) if length is None else length
            return _read(fd, start, wanted)

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        with self._opened(key) as fd:
            done = 0
            while done < len(view) and (count := os.preadv(fd, [view[done:]], start + done)):
                done += count
            return done

    def copy_into(self, key: str, start: int, length: int, target: int, at: int) -> int:
        done = 0
        with suppress(OSError, AttributeError, NotFoundError, StoreError), self._opened(key) as fd:
            while done < length:
                count = os.copy_file_range(fd, target, length - done, start + done, at + done)
                if not count:
                    break
                done += count
        return done

    @contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        try:
            fd = os.open(self.folder / key, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"{self.url} has no {key}") from None
        except OSError as error:
            raise disk_error(error, f"cannot read {self.folder / key}") from error
        try:
            yield fd
        except OSError as error:
            raise disk_error(error, f"cannot read {self.folder / key}") from error
        finally:
            os.close(fd)

    def list(self, prefix: str) -> Iterator[Item]:
        return self._find(prefix, lambda name: not name.startswith("."))

    def leftovers(self, prefix: str) -> Iterator[Item]:
        return self._find(prefix, is_temporary)

    def _find(self, prefix: str, takes: Callable[[str], bool]) -> Iterator[Item]:
        folders = [prefix]
        while folders:
            below = folders.pop()
            try:
                children = sorted(os.scandir(self.folder / below), key=lambda child: child.name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise disk_error(error, f"cannot read {self.folder / below}") from error
            for child in children:
                if child.is_dir(follow_symlinks=False):
                    folders.append(f"{below}{child.name}/")
                elif takes(child.name):
                    with suppress(FileNotFoundError):
                        status = child.stat()
                        yield Item(f"{below}{child.name}", status.st_size, status.st_mtime)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                os.unlink(self.folder / key)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise disk_error(error, f"cannot remove {self.folder / key}") from error


def _read(fd: int, start: int, wanted: int) -> bytes:
    data = os.pread(fd, wanted, start)
    if len(data) == wanted:
        return data
    parts = [data]
    done = len(data)
    while data and done < wanted:
        data = os.pread(fd, wanted - done, start + done)
        parts.append(data)
        done += len(data)
    return b"".join(parts)
