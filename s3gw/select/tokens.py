"""Tokens of a SELECT statement."""

from __future__ import annotations

import re
from enum import Enum, unique

from msgspec import Struct

from s3gw.wire.errors import Code, S3Error


@unique
class Kind(Enum):
    WORD = "word"
    QUOTED = "quoted name"
    NUMBER = "number"
    TEXT = "text"
    ION = "Ion literal"
    OPERATOR = "operator"
    END = "end"


class Token(Struct, frozen=True):
    """`text` has no quotes around it; `place` counts characters from the statement's start."""

    kind: Kind
    text: str
    place: int

    @property
    def word(self) -> str:
        """The upper-case word, or nothing for another kind of token."""
        return self.text.upper() if self.kind is Kind.WORD else ""


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<NUMBER>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<WORD>[^\W\d]\w*)
    | "(?P<QUOTED>(?:[^"]|"")*)"
    | '(?P<TEXT>(?:[^']|'')*)'
    | `(?P<ION>[^`]*)`
    | (?P<OPERATOR><>|!=|<=|>=|[-+*/%,.()=<>\[\];])
    | (?P<END>$)
    )""",
    re.VERBOSE,
)


def tokens_of(statement: str) -> list[Token]:
    """Return the tokens; the last one is the end. Raise for characters that belong to none."""
    found: list[Token] = []
    place = 0
    while not found or found[-1].kind is not Kind.END:
        match = _TOKEN.match(statement, place)
        if match is None or match.lastgroup is None:
            raise _invalid(statement, place)
        kind = Kind[match.lastgroup]
        text = match[match.lastgroup]
        if kind is Kind.TEXT:
            text = text.replace("''", "'")
        elif kind is Kind.QUOTED:
            text = text.replace('""', '"')
        found.append(Token(kind, text, match.start(match.lastgroup)))
        place = match.end()
    return found


def _invalid(statement: str, place: int) -> S3Error:
    place += len(statement[place:]) - len(statement[place:].lstrip())
    shown = statement[place : place + 1]
    where = position(statement, place)
    if shown in "'\"`":
        message = f"The SQL expression contains an invalid literal: {shown} {where} is not closed."
        return S3Error(Code.LexerInvalidLiteral, message)
    message = f"The SQL expression contains an invalid character: {shown} {where}."
    return S3Error(Code.LexerInvalidChar, message)


def position(statement: str, place: int) -> str:
    """Return the place in words, as AWS has it: `at line 1, column 8`."""
    line = statement.count("\n", 0, place) + 1
    column = place - statement.rfind("\n", 0, place)
    return f"at line {line}, column {column}"
