"""PyYAML as `vcs.yaml_io` wants it: safe, without times, quick for plain documents."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

import yaml

from vcs.errors import FormatError

try:
    from yaml import CSafeDumper as _BaseDumper
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml: slower, otherwise the same
    from yaml import SafeDumper as _BaseDumper  # type: ignore[assignment]
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

MAX_DEPTH = 200

# libyaml composes nodes recursively and dies of a stack overflow on deep nesting, and PyYAML
# expands aliases; so a text goes to the composer only if it cannot hold either, or after its
# events, which are produced without recursion, were looked at one by one. A block collection
# starts at the column of its indicator, so nesting shows as a long run of these characters.
_DOUBTFUL = re.compile(r"[ \t\-?:]{60}")
# A commit such as 12e4567 is text to YAML 1.1 and a number to readers of YAML 1.2.
_NUMBER_IN_1_2 = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|0o[0-7]+")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(_BaseLoader):
    """Safe construction; times stay text; a key may not appear twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping", node.start_mark, "found a key twice", node.start_mark
            )
        return mapping

    # What PyYAML asks for each node, without its search for paths, of which there are none.

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass

    def resolve(self, kind: Any, value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            plain, _ = implicit
            return _TEXT if not plain else _tag_of(value) if len(value) < _SHORT else _find_tag(value)
        return _MAPPING if kind is yaml.MappingNode else _SEQUENCE


# Keys and most values of our files come again and again.
_SHORT = 64


def _find_tag(text: str) -> str:
    """Return the tag of a scalar without quotes."""
    for tag, form in _Loader.yaml_implicit_resolvers.get(text[:1], ()):
        if form.match(text):
            return str(tag)
    return _TEXT


_tag_of = lru_cache(maxsize=4096)(_find_tag)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != _TIMESTAMP]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}


_TEXT, _MAPPING, _SEQUENCE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))
# Tags such as that of a merge key (<<) are not among them.
_SCALARS: dict[str, Any] = {
    tag: _BaseLoader.yaml_constructors[tag]
    for tag in (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
}


class _Dumper(_BaseDumper):
    """Plain values only; shared values are written out each time."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Text of several lines reads best as it is; libyaml itself falls back to quotes where
    # a literal block cannot hold the text.
    style = "|" if "\n" in text.strip("\n") else "'" if _NUMBER_IN_1_2.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_int(dumper: yaml.representer.SafeRepresenter, number: int) -> yaml.ScalarNode:
    # Python refuses to print or read more than 4300 decimal digits; hexadecimal ones are free.
    text = str(number) if number.bit_length() < 14_000 else hex(number)
    return dumper.represent_scalar("tag:yaml.org,2002:int", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(int, _represent_int)


class _FlowDumper(_BaseDumper):
    """Everything on one line: text is quoted, its line breaks are escapes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_quoted(dumper: _FlowDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_FlowDumper.add_representer(str, _represent_quoted)
_FlowDumper.add_representer(int, _represent_int)


def parse(text: str, name: str) -> Any:
    """Return what a text holds; `name` says in an error which it is.

    Raises:
        FormatError: See `vcs.yaml_io.load_yaml`.
    """
    try:
        # One character at a time: a search for any of them takes ten times as long.
        marked = "&" in text or "*" in text or "!" in text
        if marked or _DOUBTFUL.search(text) or text.count("[") + text.count("{") > MAX_DEPTH:
            _check_events(text, name)
        return _construct(text)
    except yaml.YAMLError as error:
        raise FormatError(f"cannot read {name}: {_describe(error)}") from error
    except ValueError as error:  # numbers and characters that Python refuses
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"cannot read {name}: {error}") from error


def block_text(value: Any) -> str:
    """See `vcs.yaml_io.dump_yaml`."""
    text = yaml.dump(
        _plain(value, 0),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=1 << 30,
    )
    # libyaml ends a document that is one bare scalar with `...`, which reads badly.
    return str(text).removesuffix("...\n")


def flow_text(value: Any) -> str:
    """See `vcs.yaml_io.dump_flow`."""
    text = yaml.dump(
        _plain(value, 0),
        Dumper=_FlowDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=True,
        width=1 << 30,
    )
    return str(text).removesuffix("\n")


def _construct(text: str) -> Any:
    """Return what the text holds; PyYAML's own construction, in two thirds of the time for plain documents.

    PyYAML constructs by generators, for the sake of recursive documents, which we refuse.
    """
    loader = _Loader(text)
    try:
        return _plain_value(loader, loader.get_single_node())
    except _NotPlainError:
        return yaml.load(text, _Loader)
    finally:
        loader.dispose()


class _NotPlainError(Exception):
    """Something that PyYAML itself should construct, or refuse."""


def _plain_value(loader: _Loader, node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.ScalarNode):
        tag = node.tag
        if tag == _TEXT:
            return node.value
        if tag in _SCALARS:
            return _SCALARS[tag](loader, node)
    elif isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        # Collections cannot be keys, and a key that is there twice is lost here.
        try:
            found = {_plain_value(loader, key): _plain_value(loader, value) for key, value in node.value}
        except TypeError as error:
            raise _NotPlainError from error
        if len(found) == len(node.value):
            return found
    elif isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
        return [_plain_value(loader, item) for item in node.value]
    elif node is None:
        return None
    raise _NotPlainError


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    # The base class's own methods: a subclass such as numpy's float64 has a repr of its own.
    if isinstance(value, str):
        return str.__str__(value).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested beyond {MAX_DEPTH} levels, or in itself")
    if isinstance(value, Mapping):
        return {_plain_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    raise TypeError(f"cannot write {type(value).__name__} as YAML")


def _plain_key(key: Any) -> Any:
    if key is None or isinstance(key, bool | int | float | str):
        return _plain(key, 0)
    raise TypeError(f"cannot write {type(key).__name__} as a key of YAML")


def _check_events(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        line = mark.line + 1 if mark is not None else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise FormatError(f"cannot read {name}: line {line}: anchors and aliases are not allowed here")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise FormatError(f"cannot read {name}: line {line}: the tag {tag!r} is not allowed here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise FormatError(f"cannot read {name}: line {line}: nested beyond {MAX_DEPTH} levels")


def _describe(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)
