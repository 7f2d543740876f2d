"""Filters in words, for the command line.

    config.lr > 0.01 and state = finished and (tag = baseline or name ~ "^calm")

A comparison is a field, one of `= != < <= > >= ~ !~ in` and a value; `~` searches a
regular expression, `in` takes `(a, b)`. They are joined by `and`, `or`, `not` and
parentheses. A value is a number, `true`, `false`, `null`, a word, or text in single or
double quotes. A word that looks like a number or a truth value also fits the text.
What comes out is a filter in MongoDB's form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from tracker.read.fields import Field, parse_field
from vcs.errors import UsageError

Filter = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>==|!=|<=|>=|!~|=|<|>|~)
      | (?P<mark>[(),])
      | (?P<word>[^\s()<>=!~,"']+)
    )""",
    re.VERBOSE,
)
_COMPARE = {"=": "$eq", "==": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}
_KEYWORDS = ("and", "or", "not", "in")

# Deeper nesting is a mistake, or an attack on the stack.
_MAX_DEPTH = 100


class FilterError(UsageError):
    """A filter that cannot be understood; the message points at the place.

    Attributes:
        position: Of the first character that does not fit, from 0.
    """

    def __init__(self, text: str, position: int, problem: str, *, hint: str | None = None) -> None:
        shown = text.replace("\n", " ").replace("\t", " ")
        super().__init__(f"{problem}\n  {shown}\n  {' ' * position}^", hint=hint)
        self.position = position


def parse_filter(text: str) -> Filter:
    """Return the filter that a text stands for; an empty one lets every run pass.

    Raises:
        FilterError: It cannot be understood, or names a field that runs do not have.
    """
    parser = _Parser(text, _tokens(text))
    if parser.at_end():
        return {}
    found = parser.either(0)
    if not parser.at_end():
        parser.fail("expected and, or, or the end")
    return found


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            problem = (
                "this quote is not closed" if text[start] in "\"'" else f"{text[start]!r} means nothing here"
            )
            raise FilterError(text, start, problem)
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


class _Parser:
    """Recursive descent: `or` binds least, then `and`, then `not`."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._place = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def at_end(self) -> bool:
        return self._next.kind == "end"

    def fail(self, problem: str, *, token: _Token | None = None, hint: str | None = None) -> NoReturn:
        raise FilterError(self._text, (token or self._next).start, problem, hint=hint)

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _skip_mark(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark:
            self._place += 1
            return True
        return False

    def either(self, depth: int) -> Filter:
        parts = [self._both(depth)]
        while self._next.is_word("or"):
            self._take()
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else {"$or": parts}

    def _both(self, depth: int) -> Filter:
        parts = [self._single(depth)]
        while self._next.is_word("and"):
            self._take()
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else {"$and": parts}

    def _single(self, depth: int) -> Filter:
        if depth > _MAX_DEPTH:
            self.fail("too many parentheses")
        if self._next.is_word("not"):
            self._take()
            return {"$nor": [self._single(depth + 1)]}
        if self._skip_mark("("):
            inside = self.either(depth + 1)
            if not self._skip_mark(")"):
                self.fail("expected )")
            return inside
        return self._comparison()

    def _comparison(self) -> Filter:
        token = self._next
        if token.kind not in ("word", "text") or token.is_word(*_KEYWORDS):
            self.fail("expected a field, such as state or config.lr")
        field = self._field(self._take())
        if self._next.is_word("in"):
            self._take()
            return {str(field): {"$in": self._values(field)}}
        if self._next.is_word("not") and self._tokens[self._place + 1].is_word("in"):
            self._place += 2
            return {str(field): {"$nin": self._values(field)}}
        if self._next.kind != "operator":
            self.fail(f"expected =, !=, <, <=, >, >=, ~, !~ or in after {field}")
        return {str(field): self._condition(field, self._take().text)}

    def _field(self, token: _Token) -> Field:
        name = _unquoted(token.text) if token.kind == "text" else token.text
        try:
            return parse_field(name)
        except UsageError as error:
            self.fail(error.message, token=token, hint=error.hint)

    def _condition(self, field: Field, operator: str) -> Filter:
        token = self._value_token()
        if operator in ("~", "!~"):
            pattern = {"$regex": self._pattern(token)}
            return pattern if operator == "~" else {"$not": pattern}
        values = _readings(field, token)
        if operator in ("=", "=="):
            return {"$in": values}
        if operator == "!=":
            return {"$nin": values}
        if values[0] is None:
            self.fail("null is neither less nor greater than anything", token=token)
        return {_COMPARE[operator]: values[0]}

    def _pattern(self, token: _Token) -> str:
        pattern = _unquoted(token.text, keep_escapes=True) if token.kind == "text" else token.text
        try:
            re.compile(pattern)
        except re.error as error:
            self.fail(f"cannot read the regular expression: {error}", token=token)
        return pattern

    def _values(self, field: Field) -> list[Any]:
        if not self._skip_mark("("):
            self.fail("expected ( and a list of values")
        values: list[Any] = []
        while True:
            values += _readings(field, self._value_token())
            if self._skip_mark(")"):
                return values
            if not self._skip_mark(","):
                self.fail("expected , or )")

    def _value_token(self) -> _Token:
        if self._next.kind not in ("word", "text"):
            self.fail("expected a value: a number, a word, or text in quotes")
        return self._take()


def _readings(field: Field, token: _Token) -> list[Any]:
    """Return what a value may mean for a field; the likeliest first."""
    if token.kind == "text":
        return [_unquoted(token.text)]
    word = token.text
    if word.lower() in ("null", "none"):
        return [None]
    if field.kind in ("text", "time"):
        return [word]
    if word.lower() in _WORDS:
        return [_WORDS[word.lower()], word]
    for number in (int, float):
        try:
            return [number(word), word]
        except ValueError:
            continue
    return [word]


def _unquoted(text: str, *, keep_escapes: bool = False) -> str:
    """Return what stands in quotes; a backslash takes the next character as it is.

    A regular expression keeps its backslashes, but for those before the quote.
    """
    quote, inside = text[0], text[1:-1]
    if keep_escapes:
        return inside.replace(f"\\{quote}", quote)
    return re.sub(r"\\(.)", r"\1", inside, flags=re.DOTALL)
