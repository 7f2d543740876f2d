"""Patterns of gitignore as regular expressions.

Written here rather than taken from a library, because only this way it is exactly
git's meaning (the tests ask git), and quick: all rules of a file are tried at once.

A pattern speaks of one item, by its path relative to the folder of its file. What lies
in a folder that is left out is for the walk to skip.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": r"\x21-\x7e", "lower": "a-z", "print": r"\x20-\x7e", "punct": r"!-/:-@\[-`{-~",
    "space": r"\s", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip
_STARS = re.compile(r"\*+")


class _NeverMatches(Exception):
    """The pattern is one that git accepts and that fits nothing."""


@dataclass(frozen=True)
class Rule:
    """One line of a file.

    Attributes:
        leaves_out: False for a line that begins with `!`.
        folders_only: Whether it speaks of folders only.
        by_name: Whether it speaks of the last part of a path only, in any folder.
        source: The expression for that part, or for the whole path.
    """

    leaves_out: bool
    folders_only: bool
    by_name: bool
    source: str


@dataclass(frozen=True)
class RuleSet:
    """The rules of one file; the last one that fits decides."""

    rules: tuple[tuple[Rule, re.Pattern[str]], ...]
    any_name: re.Pattern[str] | None
    any_path: re.Pattern[str] | None

    def decide(self, path: str, *, is_dir: bool) -> bool | None:
        """Whether to leave the item out; None if no rule speaks of it."""
        name = path[path.rfind("/") + 1 :]
        # Most items fit no rule, and this says so in one or two steps.
        fits_name = self.any_name is not None and self.any_name.fullmatch(name)
        if not fits_name and (self.any_path is None or not self.any_path.fullmatch(path)):
            return None
        for rule, expression in reversed(self.rules):
            if (is_dir or not rule.folders_only) and expression.fullmatch(name if rule.by_name else path):
                return rule.leaves_out
        return None


def compile_rules(lines: Iterable[str]) -> RuleSet | None:
    """Return the rules of a file's lines; None if there is no rule in them."""
    rules = [rule for line in lines if (rule := parse_rule(line)) is not None]
    if not rules:
        return None
    return RuleSet(
        tuple((rule, re.compile(rule.source, re.DOTALL)) for rule in rules),
        _any(rule.source for rule in rules if rule.by_name),
        _any(rule.source for rule in rules if not rule.by_name),
    )


def parse_rule(line: str) -> Rule | None:
    """Return the rule of a line without its end; None for an empty line, a comment or a useless pattern."""
    if line.startswith("#"):
        return None
    pattern = _without_spaces_at_end(line)
    leaves_out = not pattern.startswith("!")
    if not leaves_out:
        pattern = pattern[1:]
    folders_only = pattern.endswith("/")
    if folders_only:
        pattern = pattern[:-1]
    by_name = "/" not in pattern
    pattern = pattern.removeprefix("/")
    if not pattern:
        return None
    try:
        source = _translate(pattern)
    except _NeverMatches:
        return None
    return Rule(leaves_out, folders_only, by_name, source)


def _any(sources: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{source})" for source in sources)
    return re.compile(joined, re.DOTALL) if joined else None


def _without_spaces_at_end(line: str) -> str:
    r"""Drop spaces at the end, but not one behind a backslash."""
    end = len(line)
    while end and line[end - 1] == " ":
        end -= 1
    backslashes = end - len(line[:end].rstrip("\\"))
    return line[: end + 1] if backslashes % 2 and end < len(line) else line[:end]


def _translate(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            stars = _STARS.match(pattern, at)
            assert stars is not None
            source, at = _translate_stars(pattern, at, stars.end())
            parts.append(source)
            continue
        at += 1
        if char == "?":
            parts.append("[^/]")
        elif char == "[":
            source, at = _translate_class(pattern, at)
            parts.append(source)
        elif char == "\\":
            if at == len(pattern):
                raise _NeverMatches
            parts.append(re.escape(pattern[at]))
            at += 1
        else:
            parts.append(re.escape(char))
    return "".join(parts)


def _translate_stars(pattern: str, start: int, end: int) -> tuple[str, int]:
    """Two or more stars that are a whole part stand for any number of folders."""
    whole_part = (start == 0 or pattern[start - 1] == "/") and (end == len(pattern) or pattern[end] == "/")
    if end - start == 1 or not whole_part:
        return "[^/]*", end
    if end == len(pattern):
        return ".+", end
    return "(?:.+/)?", end + 1


def _translate_class(pattern: str, at: int) -> tuple[str, int]:
    """Return the expression for a class whose `[` is behind us, and where it ends."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    items: list[str] = []
    previous = ""
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        char = pattern[at : at + 1]
        if char == "\\":
            at += 1
            char = pattern[at : at + 1]
        elif char == "-" and previous and pattern[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if pattern[at] == "\\":
                at += 1
            last = pattern[at : at + 1]
            if previous <= last:
                items.append(f"{re.escape(previous)}-{re.escape(last)}")
            previous = ""
            at += 1
            continue
        elif char == "[" and pattern[at + 1 : at + 2] == ":":
            end = pattern.find(":]", at + 2)
            if end >= 0:
                name = pattern[at + 2 : end]
                if name not in _POSIX:
                    raise _NeverMatches
                items.append(_POSIX[name])
                previous = ""
                at = end + 2
                continue
        if not char:
            raise _NeverMatches
        items.append(re.escape(char))
        previous = char
        at += 1
    if negated:
        return f"[^/{''.join(items)}]", at + 1
    return (f"(?!/)[{''.join(items)}]" if items else "(?!)"), at + 1
