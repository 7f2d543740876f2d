"""A bucket on S3 or what speaks like it, Google Cloud Storage, Azure, or WebDAV, through obstore.

obstore's threads do not survive a fork, and it would hang in the child: so a process
that was forked after the first use gets an error instead. Its own retries are off;
`vcs.buckets.around.Retrying` does that for all buckets alike.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from vcs.buckets.base import Bucket, DeniedError, Item, UnlistableError, UnreachableError
from vcs.errors import Error, NotFoundError, StoreError, UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = frozenset({"s3", "gs", "az", "http", "https"})

# The process whose threads serve all buckets; a child of it has none, and would wait for ever.
_used_in: int | None = None

_STATUS = re.compile(r"status code: (\d{3})")
_KIND_OF_STORE = re.compile(r"^Generic \w+ error: ")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# An answer that is no answer to what was asked, but to how busy the server is.
_WORTH_ANOTHER_TRY = frozenset({"408", "425", "429", "500", "502", "503", "504"})
# What a web server without WebDAV says to PROPFIND.
_NO_WEBDAV = frozenset({"400", "405", "501"})
_TAKES_NO_WRITES = _NO_WEBDAV | {"404"}
# A key lies in so many folders at most.
_FOLDER_TRIES = 4
_ONE_BY_ONE = frozenset({"gs", "http", "https"})
_DELETE_AT_ONCE = 250


class ObjectStoreBucket(Bucket):
    """Keys below a prefix of a bucket; see `Bucket`."""

    def __init__(
        self, url: str, options: Mapping[str, str], credentials: Mapping[str, str], *, title: str = ""
    ) -> None:
        """Prepare; nothing is sent.

        `options` come from `tracker.yaml` (endpoint, region, account); `credentials` are
        obstore's own names, and are empty where the platform's chain is to find them.
        `title` is what `tracker login` calls it.

        Raises:
            UsageError: The address or an option cannot be.
            DeniedError: The program that is to give keys gives none.
        """
        self.url = url
        parts = urlsplit(url)
        self._scheme = parts.scheme
        is_web = self._scheme.startswith("http")
        folder = (unquote(parts.path) if is_web else parts.path).strip("/")
        self._prefix = f"{folder}/" if folder and not is_web else ""
        # WebDAV lists paths from the root of the server on, whatever the address of the store is.
        self._listed_below = f"{folder}/" if folder else ""
        self._login = f"tracker login {title}".strip()
        try:
            self._store = _connect(url, options, credentials)
            # Folders of WebDAV are made from a store that begins above them.
            self._root = (
                _connect(f"{parts.scheme}://{parts.netloc}", options, credentials) if is_web else None
            )
        except Error:
            raise
        except Exception as error:
            raise UsageError(f"cannot use {url}: {_first_line(error)}", hint=self._login) from error

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        import obstore

        self._check_process()
        store, path = self._store, self._prefix + key
        for left in reversed(range(_FOLDER_TRIES)):
            try:
                obstore.put(store, path, data, use_multipart=False)
                return
            except Exception as error:
                if left and self._root is not None and _lacks_folder(error):
                    store, path = self._root, self._listed_below + key
                # On WebDAV, another put has just made the folder that this one was about to make.
                elif not left or not _is_made_already(error):
                    raise self._translated(error, f"cannot write {key}") from error

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if length is not None:
            return bytes(self._get_range(key, start, length))
        import obstore

        self._check_process()
        path = self._prefix + key
        try:
            if start:
                data = bytes(obstore.get(self._store, path, options={"range": {"offset": start}}).bytes())
            else:
                data = bytes(obstore.get(self._store, path).bytes())
        except Exception as error:
            if _begins_at_the_end(error):
                return b""
            raise self._not_read(error, key) from error
        return data

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        data = self._get_range(key, start, len(view))
        view[: len(data)] = data
        return len(data)

    def _get_range(self, key: str, start: int, length: int) -> memoryview:
        import obstore

        self._check_process()
        if length == 0:
            return memoryview(b"")
        try:
            data = memoryview(obstore.get_range(self._store, self._prefix + key, start=start, length=length))
        except Exception as error:
            if _begins_at_the_end(error):
                return memoryview(b"")
            raise self._not_read(error, key) from error
        if len(data) > length:
            raise StoreError(f"{self.url} ignores ranges: it sent {len(data)} bytes instead of {length}")
        return data

    def _not_read(self, error: Exception, key: str) -> Error:
        if isinstance(error, FileNotFoundError):
            return self._not_found(error, key)
        return self._translated(error, f"cannot read {key}")

    def list(self, prefix: str) -> Iterator[Item]:
        import obstore

        self._check_process()
        try:
            for found in obstore.list(
                self._store, prefix=(self._prefix + prefix).rstrip("/"), chunk_size=1000
            ):
                for one in found:
                    key = one["path"].removeprefix(self._listed_below)
                    yield Item(key, one["size"], one["last_modified"].timestamp())
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._translated(error, f"cannot list {prefix}") from error
        except Exception as error:
            status = _STATUS.search(str(error))
            if self._scheme.startswith("http") and status and status[1] in _NO_WEBDAV:
                raise UnlistableError(
                    f"{self.url} gives no listings (status {status[1]})",
                    hint="such an address can be read, but not be pushed to; WebDAV could",
                ) from error
            raise self._translated(error, f"cannot list {prefix}") from error

    def delete(self, keys: Iterable[str]) -> None:
        gone = [self._prefix + key for key in keys]
        step = 1 if self._scheme in _ONE_BY_ONE else _DELETE_AT_ONCE
        for at in range(0, len(gone), step):
            self._delete(gone[at : at + step])

    def _delete(self, paths: Sequence[str]) -> None:
        import obstore

        self._check_process()
        try:
            obstore.delete(self._store, paths)
        except FileNotFoundError:
            # Which of them was not there is not said, and the others may still be.
            if len(paths) > 1:
                for path in paths:
                    self._delete([path])
        except Exception as error:
            raise self._translated(error, f"cannot remove {paths[0]}") from error

    def _check_process(self) -> None:
        global _used_in
        if _used_in is None:
            _used_in = os.getpid()
        if os.getpid() != _used_in:
            raise StoreError(
                f"{self.url} cannot be used here: this process was forked from one that used a remote",
                hint="download what workers need before they start",
            )

    def _not_found(self, error: Exception, key: str) -> Error:
        if "NoSuchBucket" in str(error):
            return self._translated(error, f"cannot read {key}")
        return NotFoundError(f"{self.url} has no {key}")

    def _translated(self, error: Exception, doing: str) -> Error:
        """Return our error for one of obstore's, by what the server answered."""
        text = str(error)
        line = _first_line(error)
        status = _STATUS.search(text)
        code = _CODE.search(text)
        said = code[1] if code else f"status {status[1]}" if status else line
        is_web = self._scheme.startswith("http")
        if is_web and status and status[1] in _TAKES_NO_WRITES and "PUT" in line:
            return DeniedError(f"{doing} at {self.url}: it takes no writes (status {status[1]})")
        if _lacks_folder(error):
            return DeniedError(
                f"{doing} at {self.url}: there is no such folder, and it cannot be made ({said})",
                hint="make it on the server, if it takes writes at all",
            )
        if isinstance(error, FileNotFoundError) or said in ("NoSuchBucket", "ContainerNotFound"):
            return StoreError(f"{self.url}: there is no such bucket or container ({said})")
        if "169.254." in text or ("Missing" in line and "redential" in line):
            return DeniedError(f"{doing} at {self.url}: no credentials were found", hint=self._login)
        is_denied = type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError")
        if is_denied or (status and status[1] in ("401", "403")):
            return DeniedError(f"{doing} at {self.url}: permission denied ({said})", hint=self._login)
        if status and status[1] not in _WORTH_ANOTHER_TRY:
            return StoreError(f"{doing} at {self.url}: the server refused ({said})")
        if "error sending request" in line:
            return UnreachableError(
                f"{doing} at {self.url}: nobody answers",
                hint="check the address and the network, then run it again: it goes on where it stopped",
            )
        return UnreachableError(
            f"{doing} at {self.url}: {said}", hint="run it again: it goes on where it stopped"
        )


def _connect(url: str, options: Mapping[str, str], credentials: Mapping[str, str]) -> ObjectStore:
    from obstore import store

    parts = urlsplit(url)
    endpoint = options.get("endpoint", "")
    client: dict[str, Any] = {"connect_timeout": "10s", "read_timeout": "60s", "timeout": "1h"}
    if endpoint.startswith("http://") or parts.scheme == "http":
        client["allow_http"] = True
    retries: dict[str, Any] = {"max_retries": 0, "retry_timeout": timedelta(hours=1)}
    around: dict[str, Any] = {"client_options": client, "retry_config": retries}
    if parts.scheme == "s3":
        given: dict[str, Any] = {**credentials}
        if "process" in given:
            from vcs.buckets.aws_process import ProcessCredentials

            given["credential_provider"] = ask = ProcessCredentials(given.pop("process"))
            ask()  # Its own words say best why there are no keys.
        if endpoint:
            given |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        given["region"] = options.get("region") or "us-east-1"
        return store.S3Store(parts.netloc, **given, **around)
    if parts.scheme == "gs":
        key: dict[str, Any] = {**credentials}
        if endpoint:
            key["base_url"] = endpoint
        return store.GCSStore(parts.netloc, **key, **around)
    if parts.scheme == "az":
        named: dict[str, Any] = {**credentials}
        if options.get("account"):
            named["account_name"] = options["account"]
        if endpoint:
            named["endpoint"] = endpoint
        return store.AzureStore(parts.netloc, **named, **around)
    if credentials.get("user"):
        import base64

        pair = f"{credentials['user']}:{credentials.get('password', '')}".encode()
        client["default_headers"] = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return store.HTTPStore(url, **around)


def _begins_at_the_end(error: Exception) -> bool:
    """Whether what was asked for begins where the value ends; the client for Azure says so itself."""
    return "status code: 416" in str(error) or "Wanted range starting at" in str(error)


def _is_made_already(error: Exception) -> bool:
    """Whether a folder was there after all; some servers of WebDAV fail (500) where another one makes it."""
    text = str(error)
    return "MKCOL" in text and ("status code: 405" in text or "status code: 500" in text)


def _lacks_folder(error: Exception) -> bool:
    """Whether WebDAV refuses to make a folder, because the one above it is not there either."""
    text = str(error)
    return "MKCOL" in text and ("status code: 404" in text or "status code: 409" in text)


def _first_line(error: Exception) -> str:
    text = _KIND_OF_STORE.sub("", str(error).strip()) or type(error).__name__
    return text.splitlines()[0].partition("<?xml")[0].strip(" :")[:300]
