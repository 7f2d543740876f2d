"""The summary of a run as scripts see it: a dictionary with attributes.

It holds the last value (or what `define_metric` asks for) of every logged key, and
what was set by hand until the same key is logged again. Nested dictionaries are
views, so `run.summary["best"]["acc"] = 0.9` reaches the record.
Leaves to others: what the values are, and where changes go.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

Path = tuple[str, ...]


class SummaryView(MutableMapping[str, Any]):
    """The values below one path of the summary."""

    _path: Path
    _root: Summary

    def __init__(self, root: Summary, path: Path) -> None:
        self.__dict__["_root"] = root
        self.__dict__["_path"] = path

    def _content(self) -> Mapping[str, Any]:
        content: Any = self._root.values_now()
        for name in self._path:
            content = content.get(name)
            if not isinstance(content, Mapping):
                raise KeyError(".".join(self._path))
        return content  # type: ignore[no-any-return]

    def __getitem__(self, key: str) -> Any:
        value = self._content()[key]
        if isinstance(value, Mapping) and "_type" not in value:
            return SummaryView(self._root, (*self._path, key))
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._root.change((*self._path, key), value)

    def __delitem__(self, key: str) -> None:
        if key not in self._content():
            raise KeyError(key)
        self._root.remove((*self._path, key))

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._content()))

    def __len__(self) -> int:
        return len(self._content())

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the summary has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(f"the summary has no {key!r}") from None

    def __repr__(self) -> str:
        return repr(dict(self._content()))

    def __eq__(self, other: object) -> bool:
        other = other._content() if isinstance(other, SummaryView) else other
        return isinstance(other, Mapping) and dict(self._content()) == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def _as_dict(self) -> dict[str, Any]:
        """Return a plain copy, nested dictionaries included."""
        return copy.deepcopy(dict(self._content()))


class Summary(SummaryView):
    """The whole summary."""

    def __init__(
        self,
        load: Callable[[], Mapping[str, Any]],
        set_values: Callable[[dict[str, Any]], None],
        unset: Callable[[tuple[str, ...]], None],
    ) -> None:
        """`load` gives the values as they are; changes go to the other two, by top-level key."""
        super().__init__(self, ())
        self.__dict__["_load"] = load
        self.__dict__["_set"] = set_values
        self.__dict__["_unset"] = unset

    def update(self, d: Any = None, /, **more: Any) -> None:
        """Set several values at once."""
        values = {**dict(d or {}), **more}
        if values:
            self.__dict__["_set"]({str(key): value for key, value in values.items()})

    def values_now(self) -> Mapping[str, Any]:
        """Return the values as they are now; not to be changed."""
        return self.__dict__["_load"]()  # type: ignore[no-any-return]

    def change(self, path: Path, value: Any) -> None:
        """Set the value at a path; a nested one replaces its top-level key with a changed copy."""
        if len(path) > 1:
            top = copy.deepcopy(dict(self.values_now().get(path[0], {})))
            inner = top
            for name in path[1:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = value
            value = top
        self.__dict__["_set"]({path[0]: value})

    def remove(self, path: Path) -> None:
        """Remove the value at a path."""
        if len(path) == 1:
            self.__dict__["_unset"](path)
            return
        top = copy.deepcopy(dict(self.values_now()[path[0]]))
        inner = top
        for name in path[1:-1]:
            inner = inner[name]
        del inner[path[-1]]
        self.__dict__["_set"]({path[0]: top})
