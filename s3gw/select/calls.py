"""Calls in a SELECT statement: functions with a syntax of their own, and CASE."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

from s3gw.select import tree
from s3gw.select.tokens import Kind, Token
from s3gw.wire.errors import Code, S3Error

AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})
DATE_PARTS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
EXTRACTED = DATE_PARTS | {"TIMEZONE_HOUR", "TIMEZONE_MINUTE"}
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "BOOL": "BOOL",
        "BOOLEAN": "BOOL",
        "DECIMAL": "DECIMAL",
        "FLOAT": "FLOAT",
        "INT": "INT",
        "INTEGER": "INT",
        "NUMERIC": "DECIMAL",
        "STRING": "STRING",
        "TIMESTAMP": "TIMESTAMP",
    }
)
# The fewest and the most arguments of functions with plain arguments.
_ARGUMENTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "CHARACTER_LENGTH": (1, 1),
        "CHAR_LENGTH": (1, 1),
        "COALESCE": (1, 1000),
        "LOWER": (1, 1),
        "NULLIF": (2, 2),
        "TO_STRING": (2, 2),
        "TO_TIMESTAMP": (1, 1),
        "UPPER": (1, 1),
        "UTCNOW": (0, 0),
    }
)
_OWN_SYNTAX = frozenset({"CAST", "DATE_ADD", "DATE_DIFF", "EXTRACT", "SUBSTRING", "TRIM"})
CALLS = _ARGUMENTS.keys() | _OWN_SYNTAX


class CallReader(ABC):
    """The part of the parser that reads calls; it is given the other parts."""

    @property
    @abstractmethod
    def token(self) -> Token: ...
    @abstractmethod
    def advance(self) -> Token: ...
    @abstractmethod
    def skip_word(self, *words: str) -> str: ...
    @abstractmethod
    def skip(self, operator: str) -> bool: ...
    @abstractmethod
    def expect(self, operator: str, code: Code = Code.ParseUnexpectedToken) -> None: ...
    @abstractmethod
    def expect_word(self, word: str, code: Code = Code.ParseExpectedKeyword) -> None: ...
    @abstractmethod
    def refused(self, code: Code) -> S3Error: ...
    @abstractmethod
    def expression(self) -> tree.Expression: ...
    @abstractmethod
    def sum(self) -> tree.Expression: ...

    def call(self) -> tree.Expression:
        name = self.advance().text.upper()
        self.expect("(", Code.ParseExpectedLeftParenBuiltinFunctionCall)
        if name in AGGREGATES:
            return self._aggregate(name)
        match name:
            case "CAST":
                return self._cast()
            case "DATE_ADD" | "DATE_DIFF":
                return self._date_function(name)
            case "EXTRACT":
                return self._extract()
            case "SUBSTRING":
                return self._substring()
            case "TRIM":
                return self._trim()
        given = () if self.skip(")") else self.arguments()
        fewest, most = _ARGUMENTS[name]
        if not fewest <= len(given) <= most:
            raise S3Error(
                Code.EvaluatorInvalidArguments,
                f"{Code.EvaluatorInvalidArguments.message} {name} was given {len(given)}.",
            )
        return tree.Function(name, given)

    def arguments(self) -> tuple[tree.Expression, ...]:
        """Read expressions up to the closing parenthesis."""
        found = [self.expression()]
        while self.skip(","):
            found.append(self.expression())
        self._close()
        return tuple(found)

    def _close(self) -> None:
        self.expect(")", Code.ParseExpectedRightParenBuiltinFunctionCall)

    def _comma(self) -> None:
        self.expect(",", Code.ParseExpectedArgumentDelimiter)

    def _aggregate(self, name: str) -> tree.Aggregate:
        if self.token.word == "DISTINCT":
            raise self.refused(Code.UnsupportedSqlStructure)
        if self.skip("*"):
            if name != "COUNT":
                raise self.refused(Code.ParseUnsupportedCallWithStar)
            self._close()
            return tree.Aggregate(name, None)
        if self.token.kind is Kind.OPERATOR and self.token.text == ")":
            raise self.refused(Code.ParseNonUnaryAgregateFunctionCall)
        operand = self.expression()
        if self.skip(","):
            raise self.refused(Code.ParseNonUnaryAgregateFunctionCall)
        self._close()
        return tree.Aggregate(name, operand)

    def _cast(self) -> tree.Cast:
        operand = self.expression()
        self.expect_word("AS")
        if self.token.word not in TYPES:
            raise self.refused(Code.ParseExpectedTypeName)
        kind = TYPES[self.advance().word]
        if self.skip("("):
            # The precision and the scale of a decimal: all 38 digits are kept.
            while self.token.kind is Kind.NUMBER:
                self.advance()
                if not self.skip(","):
                    break
            self._close()
        self._close()
        return tree.Cast(operand, kind)

    def _part(self, parts: frozenset[str]) -> str:
        if self.token.word not in parts:
            raise self.refused(Code.ParseExpectedDatePart)
        return self.advance().word

    def _date_function(self, name: str) -> tree.Function:
        part = self._part(DATE_PARTS)
        self._comma()
        first = self.expression()
        self._comma()
        second = self.expression()
        self._close()
        return tree.Function(name, (first, second), part)

    def _extract(self) -> tree.Function:
        part = self._part(EXTRACTED)
        self.expect_word("FROM")
        operand = self.expression()
        self._close()
        return tree.Function("EXTRACT", (operand,), part)

    def _substring(self) -> tree.Function:
        given = [self.expression()]
        if self.skip_word("FROM"):
            given.append(self.expression())
            if self.skip_word("FOR"):
                given.append(self.expression())
        else:
            self._comma()
            given.append(self.expression())
            if self.skip(","):
                given.append(self.expression())
        self._close()
        return tree.Function("SUBSTRING", tuple(given))

    def _trim(self) -> tree.Function:
        side = self.skip_word("LEADING", "TRAILING", "BOTH")
        if self.skip_word("FROM"):
            return self._trimmed(side)
        first = self.expression()
        if self.skip_word("FROM"):
            return self._trimmed(side, first)
        self._close()
        return tree.Function("TRIM", (first,), side or "BOTH")

    def _trimmed(self, side: str, *characters: tree.Expression) -> tree.Function:
        operand = self.expression()
        self._close()
        return tree.Function("TRIM", (operand, *characters), side or "BOTH")

    def case(self) -> tree.Case:
        """Read what follows CASE. `CASE x WHEN y` compares x with y."""
        if self.token.word in ("ELSE", "END"):
            raise self.refused(Code.ParseExpectedWhenClause)
        subject = None if self.token.word == "WHEN" else self.expression()
        branches: list[tuple[tree.Expression, tree.Expression]] = []
        while self.skip_word("WHEN"):
            condition = self.expression()
            if subject is not None:
                condition = tree.Comparison("=", subject, condition)
            self.expect_word("THEN")
            branches.append((condition, self.expression()))
        if not branches:
            raise self.refused(Code.ParseExpectedWhenClause)
        otherwise = self.expression() if self.skip_word("ELSE") else None
        self.expect_word("END")
        return tree.Case(tuple(branches), otherwise)
