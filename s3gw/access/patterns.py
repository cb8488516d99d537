"""Wildcards and variables in policies: `*`, `?` and `${aws:userid}`.

`*` matches any text, `?` any character. The value of a variable is taken literally, whatever its
characters. Every `*` is matched once, as early as possible: an untrusted pattern never costs more
than its length times the text's.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from msgspec import Struct

# The value of a variable; None when the request does not have exactly one.
Lookup = Callable[[str], str | None]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")
_ESCAPED = {"*", "?", "$"}


class Variable(Struct, frozen=True):
    name: str
    default: str | None = None


class Pattern(Struct, frozen=True):
    """`pieces` are each of a kind: `text`, `wild` (`*` or `?`) or `variable`. `compiled` is there
    unless one is a variable."""

    text: str
    pieces: tuple[tuple[str, str | Variable], ...]
    compiled: _Wildcards | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(piece.name for _, piece in self.pieces if isinstance(piece, Variable))

    @property
    def is_fixed(self) -> bool:
        return all(kind == "text" for kind, _ in self.pieces)

    def is_resolved(self, lookup: Lookup) -> bool:
        """Whether every variable stands for something."""
        return self._resolved(lookup) is not None

    def matches(self, text: str, lookup: Lookup) -> bool:
        """Whether the pattern matches the whole text."""
        if self.compiled is not None:
            return self.compiled.match(text)
        resolved = self._resolved(lookup)
        return resolved is not None and _compiled(resolved).match(text)

    def equals(self, text: str, lookup: Lookup, *, fold: bool = False) -> bool:
        """Whether the text equals the pattern, with `*` and `?` as plain characters."""
        resolved = self._resolved(lookup)
        if resolved is None:
            return False
        literal = "".join(value for _, value in resolved)
        return literal.lower() == text.lower() if fold else literal == text

    def _resolved(self, lookup: Lookup) -> tuple[tuple[str, str], ...] | None:
        """Return the pieces with variables replaced; None when one does not have a value."""
        resolved = []
        for kind, piece in self.pieces:
            if isinstance(piece, Variable):
                found = lookup(piece.name)
                value = piece.default if found is None else found
                if value is None:
                    return None
                kind, piece = "text", value
            resolved.append((kind, piece))
        return tuple(resolved)


def read_pattern(text: str, *, variables: bool) -> Pattern:
    """Parse a pattern; `variables` says whether `${...}` is special, as since version
    2012-10-17."""
    pieces = tuple(_pieces(text, variables))
    fixed = tuple((kind, piece) for kind, piece in pieces if isinstance(piece, str))
    return Pattern(text, pieces, _compiled(fixed) if len(fixed) == len(pieces) else None)


def _pieces(text: str, variables: bool) -> Iterator[tuple[str, str | Variable]]:
    at = 0
    for match in _VARIABLE.finditer(text) if variables else ():
        yield from _wild(text[at : match.start()])
        yield _variable(match[1])
        at = match.end()
    yield from _wild(text[at:])


def _wild(text: str) -> Iterator[tuple[str, str]]:
    for piece in re.split(r"([*?])", text):
        if piece in ("*", "?"):
            yield "wild", piece
        elif piece:
            yield "text", piece


def _variable(inside: str) -> tuple[str, str | Variable]:
    if inside in _ESCAPED:
        return "text", inside
    if match := _DEFAULT.fullmatch(inside):
        return "variable", Variable(match[1], match[2])
    return "variable", Variable(inside.strip())


class _Run(Struct, frozen=True):
    """Text between two stars: of a fixed length, with `?` for any character. A run without `?` is
    found as plain text, in C; `pattern` is for the others."""

    text: str
    pattern: re.Pattern[str] | None
    length: int

    def find(self, text: str, start: int) -> int:
        """Return the end of the first place from `start` on; -1 if there is none."""
        if self.pattern is None:
            at = text.find(self.text, start)
            return -1 if at < 0 else at + self.length
        found = self.pattern.search(text, start)
        return -1 if found is None else found.end()

    def is_at(self, text: str, start: int) -> bool:
        if self.pattern is None:
            return text.startswith(self.text, start)
        return self.pattern.match(text, start) is not None


class _Wildcards(Struct, frozen=True):
    """The runs of a pattern, one more than it has stars."""

    runs: tuple[_Run, ...]

    def match(self, text: str) -> bool:
        """Whether the whole text matches. Each run is found at its first place and never looked for
        again: if the pattern matches at all, it matches so."""
        first, last = self.runs[0], self.runs[-1]
        if not first.is_at(text, 0):
            return False
        at, end = first.length, len(text) - last.length
        if len(self.runs) == 1:
            return end == 0
        if end < at or not last.is_at(text, end):
            return False
        for run in self.runs[1:-1]:
            at = run.find(text, at)
            if not 0 <= at <= end:
                return False
        return True


@lru_cache(maxsize=4096)
def _compiled(pieces: tuple[tuple[str, str], ...]) -> _Wildcards:
    runs: list[list[tuple[str, str]]] = [[]]
    for kind, piece in pieces:
        if (kind, piece) == ("wild", "*"):
            runs.append([])
        else:
            runs[-1].append((kind, piece))
    return _Wildcards(tuple(map(_run, runs)))


def _run(pieces: list[tuple[str, str]]) -> _Run:
    text = "".join(piece for _, piece in pieces)
    if all(kind == "text" for kind, _ in pieces):
        return _Run(text, None, len(text))
    spelt = "".join("." if kind == "wild" else re.escape(piece) for kind, piece in pieces)
    return _Run(text, re.compile(spelt, re.DOTALL), len(text))
