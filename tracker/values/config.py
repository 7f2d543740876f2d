"""The hyperparameters of a run: a dictionary with attributes that notices changes.

Values are made plain when they are set (numpy scalars become numbers, tuples become
lists), so what a script reads back is what the record will say. A key keeps its value
unless it is changed on purpose; see `Config.update`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from tracker.errors import ConfigError, UsageError
from tracker.values.config_input import as_mapping, plain_value, same
from vcs.secrets import mask_mapping

# Called after changes with the keys that were set and the old values of those that had one.
OnChange = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
# Called with every value that is set; returns what the record says of it, or NotImplemented.
OnObject = Callable[[str, Any], Any]

_LONGEST_SHOWN = 200
_HINT = "config.update({...}) changes values on purpose, as does allow_val_change=True"


class Config:
    """Settings of the experiment, by item and by attribute.

    Safe from several threads. Changes reach `on_change` after they are made; a call
    that raises has changed nothing.
    """

    _items: dict[str, Any]

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        on_change: OnChange | None = None,
        on_object: OnObject | None = None,
        on_notice: Callable[[str], None] | None = None,
        allow_val_change: bool | None = None,
    ) -> None:
        """Start with `values`, about which `on_change` is not called.

        `on_object` is asked about every value, and says what the record says of one that
        is more than a value, such as an artifact; NotImplemented for all others.
        `on_notice` is told of overwritten values.
        """
        # Attributes are keys, so what belongs to the object itself is set around __setattr__.
        own = self.__dict__
        own["_items"] = dict(values or {})
        own["_locked"] = {}
        own["_lock"] = threading.RLock()
        own["_on_change"] = on_change
        own["_on_object"] = on_object
        own["_on_notice"] = on_notice
        own["_allow_val_change"] = allow_val_change

    # reading

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self.__dict__["_items"][key]
        except KeyError:
            raise AttributeError(f"the config has no {key!r}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __str__(self) -> str:
        return str(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return self._items == other._items
        return self._items == other

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Config], tuple[dict[str, Any]]]:
        """Copies and pickles are values on their own, without a run."""
        return (Config, (dict(self._items),))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default`."""
        return self._items.get(key, default)

    def keys(self) -> KeysView[str]:
        return self._items.keys()

    def items(self) -> ItemsView[str, Any]:
        return self._items.items()

    def values(self) -> ValuesView[Any]:
        return self._items.values()

    def as_dict(self) -> dict[str, Any]:
        """Return a copy that the run does not see; nested values are shared."""
        return dict(self._items)

    # changing

    def __setitem__(self, key: str, value: Any) -> None:
        self._change({key: value}, allow=bool(self._allow()), notice=False)

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delitem__(self, key: str) -> None:
        raise UsageError(f"config keys cannot be removed ({key!r}): they may have had an effect already")

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set several keys: from a mapping, Namespace, dataclass, or path of a YAML file.

        Shallow: a nested dictionary replaces the old one. A key that has another value
        already takes the new one, with a notice; the record keeps both.

        Raises:
            ConfigError: `allow_val_change` is False, and a key has another value.
            UsageError, FormatError, NotFoundError: `d` is no such thing.
        """
        allow = self._allow() is not False if allow_val_change is None else bool(allow_val_change)
        self._change(as_mapping(d), allow=allow, notice=allow_val_change is None)

    def setdefaults(self, d: Any) -> None:
        """Set those keys that have no value yet."""
        with self._lock:
            missing = {
                key: value for key, value in as_mapping(d).items() if clean_key(key) not in self._items
            }
            self._change(missing, allow=False, notice=False)

    def update_locked(
        self, d: Mapping[str, Any], user: str | None = None, _allow_val_change: bool | None = None
    ) -> None:
        """Set keys for good: later changes of them are ignored with a warning."""
        self._change(d, allow=True, notice=False)
        with self._lock:
            self.__dict__["_locked"].update(dict.fromkeys(map(clean_key, d), user or "sweep"))

    def persist(self) -> None:
        """Do nothing: changes are written as they are made (wandb has this method)."""

    def _allow(self) -> bool | None:
        allow: bool | None = self.__dict__["_allow_val_change"]
        return allow

    def _change(self, values: Mapping[str, Any], *, allow: bool, notice: bool) -> None:
        own = self.__dict__
        with own["_lock"]:
            wanted = {clean_key(key): value for key, value in values.items()}
            locked = [key for key in wanted if key in own["_locked"]]
            plain = {key: self._plain(key, value) for key, value in wanted.items() if key not in locked}
            old = {
                key: self._items[key]
                for key, value in plain.items()
                if key in self._items and not same(self._items[key], value)
            }
            if old and not allow:
                key = next(iter(old))
                raise ConfigError(
                    f"config has {key!r} = {_shown(key, old[key])} and does not change it to "
                    f"{_shown(key, plain[key])}",
                    hint=_HINT,
                )
            new = {key: value for key, value in plain.items() if key not in self._items or key in old}
            self._items.update(new)
            if new and own["_on_change"] is not None:
                own["_on_change"](new, old)
        self._tell(old if notice else {}, locked)

    def _plain(self, key: str, value: Any) -> Any:
        on_object = self.__dict__["_on_object"]
        special = NotImplemented if on_object is None else on_object(key, value)
        return plain_value(value, name=key) if special is NotImplemented else special

    def _tell(self, old: Mapping[str, Any], locked: Iterable[str]) -> None:
        tell = self.__dict__["_on_notice"]
        if tell is None:
            return
        for key, value in old.items():
            now = _shown(key, self._items[key])
            tell(f"config {key!r} was {_shown(key, value)}, is now {now}; the record keeps both")
        for key in locked:
            holder = self.__dict__["_locked"][key]
            tell(f"config {key!r} is held by the {holder} and stays {_shown(key, self._items[key])}")


def _shown(key: str, value: Any) -> str:
    """A value as text for the terminal, which is captured, too: short, and without what is secret."""
    text = repr(mask_mapping({key: value})[key])
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def clean_key(key: object) -> str:
    """Return a key as the config keeps it: text, without dashes at its ends (`--lr` is `lr`)."""
    return str(key).strip("-")
