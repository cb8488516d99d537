"""Compilation of a syntax tree to a query of DuckDB.

Every expression becomes a `Value`: SQL made here, with texts as parameters. What the tree cannot
say cannot be compiled, so a statement reaches no table, file, setting or function of DuckDB but
those in this module and in `macros`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct, field

from s3gw.select import tree
from s3gw.select.relation import Relation
from s3gw.select.time_patterns import pieces
from s3gw.select.values import (
    NULL,
    NUMBERS,
    Kind,
    Value,
    as_bool,
    as_int,
    as_number,
    as_string,
    as_text,
    as_timestamp,
    cast,
    compare,
    united,
    wrong_type,
)
from s3gw.wire.errors import Code, S3Error

_PARAMETER = re.compile(r"\$(p\d+) AS VARCHAR")
_TRIMS = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}
# In the local time of a timestamp.
_EXTRACTS = {
    "TIMEZONE_HOUR": "{x}.z // 60",
    "TIMEZONE_MINUTE": "{x}.z % 60",
}


class Parameters:
    """The texts of a statement; they reach DuckDB beside its query."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def bind(self, text: str) -> str:
        """Return the SQL of the parameter."""
        name = self._names.setdefault(text, f"p{len(self._names) + 1}")
        return f"CAST(${name} AS VARCHAR)"

    def used_in(self, sql: str) -> dict[str, str]:
        """Return the values by name of those that the query has."""
        used = set(_PARAMETER.findall(sql))
        return {name: text for text, name in self._names.items() if name in used}


class Output(Struct, frozen=True):
    """A column of the result."""

    name: str
    value: Value


class Projection(Struct, frozen=True):
    """The result: `outputs` None is the whole record. `where` and `limit` are clauses of SQL."""

    outputs: Sequence[Output] | None
    clauses: str = field(default="")


def compile_select(select: tree.Select, relation: Relation, parameters: Parameters) -> Projection:
    """Return the columns of the result and the clauses after FROM."""
    compiler = _Compiler(relation, select.alias, parameters)
    clauses = ""
    if select.where is not None:
        clauses += f" WHERE {as_bool(compiler.value(select.where))}"
    if select.limit is not None:
        clauses += f" LIMIT {select.limit}"
    if select.items is None:
        if relation.columns is None:
            return Projection(None, clauses)
        return Projection([Output(*column) for column in relation.columns], clauses)
    compiler.aggregates = any(map(has_aggregate, select.items))
    outputs = [
        Output(_name(item, place), compiler.value(item.expression))
        for place, item in enumerate(select.items, 1)
    ]
    return Projection(outputs, clauses)


def has_aggregate(item: tree.Item) -> bool:
    return _any_aggregate(item.expression)


def _any_aggregate(node: object) -> bool:
    if isinstance(node, tree.Aggregate):
        return True
    if isinstance(node, tuple):
        return any(map(_any_aggregate, node))
    if isinstance(node, Struct):
        return any(_any_aggregate(getattr(node, name)) for name in node.__struct_fields__)
    return False


def _name(item: tree.Item, place: int) -> str:
    """Return the name of a result: its alias, the last name of its path, or its place."""
    match item:
        case tree.Item(_, alias) if alias:
            return alias
        case tree.Item(tree.Path(steps)) if isinstance(steps[-1], tree.Name):
            return steps[-1].text
    return f"_{place}"


class _Compiler:
    def __init__(self, relation: Relation, alias: str, parameters: Parameters) -> None:
        self._relation = relation
        self._alias = alias.lower()
        self._bind = parameters.bind
        # Whether a column may be only inside an aggregate.
        self.aggregates = False
        self._inside = False

    def value(self, node: tree.Expression) -> Value:
        match node:
            case tree.Literal(value):
                return self._literal(value)
            case tree.Missing():
                return Value("NULL", Kind.NULL, is_member=True)
            case tree.Path(steps):
                return self._path(steps)
            case tree.Aggregate(name, operand):
                return self._aggregate(name, operand)
            case tree.Function():
                return self._function(node)
            case tree.Cast(operand, kind):
                return cast(self.value(operand), Kind[kind])
            case tree.Case(branches, otherwise):
                return self._case(branches, otherwise)
            case tree.Arithmetic(operator, left, right):
                return self._arithmetic(operator, self.value(left), self.value(right))
            case tree.Negative(operand):
                number = as_number(self.value(operand))
                return Value(f"(-{number.sql})", number.kind)
        return Value(self._condition(node), Kind.BOOL)

    def _condition(self, node: tree.Expression) -> str:
        match node:
            case tree.Logical(operator, left, right):
                return f"({as_bool(self.value(left))} {operator} {as_bool(self.value(right))})"
            case tree.Not(operand):
                return f"(NOT {as_bool(self.value(operand))})"
            case tree.Comparison(operator, left, right):
                return compare(operator, self.value(left), self.value(right))
            case tree.Between(operand, low, high):
                value = self.value(operand)
                at_least = compare(">=", value, self.value(low))
                return f"({at_least} AND {compare('<=', value, self.value(high))})"
            case tree.In(operand, choices):
                value = self.value(operand)
                return f"({' OR '.join(compare('=', value, self.value(c)) for c in choices)})"
            case tree.Like(operand, pattern, escape):
                return self._like(operand, pattern, escape)
            case tree.IsNull(operand):
                return self._is_null(self.value(operand))
            case tree.IsMissing(operand):
                value = self.value(operand)
                return f"({value.sql} IS NULL)" if value.is_member else "FALSE"
        raise S3Error(Code.UnsupportedSqlOperation)

    def _literal(self, value: int | Decimal | str | bool | None) -> Value:
        match value:
            case None:
                return NULL
            case bool():
                return Value("TRUE" if value else "FALSE", Kind.BOOL)
            case int():
                return Value(f"CAST({value} AS BIGINT)", Kind.INT)
            case Decimal():
                return Value(f"CAST('{value:E}' AS DOUBLE)", Kind.FLOAT)
        return Value(self._bind(value), Kind.STRING)

    def _path(self, steps: Sequence[tree.Step]) -> Value:
        first = steps[0]
        if self.aggregates and not self._inside:
            message = f"{Code.UnsupportedSqlStructure.message} A column is beside an aggregate."
            raise S3Error(Code.UnsupportedSqlStructure, message)
        prefixes = {self._alias} if self._alias else {"s3object"}
        if isinstance(first, tree.Name) and len(steps) > 1 and first.text.lower() in prefixes:
            steps = steps[1:]
        return self._relation.find(steps, self._bind)

    def _aggregate(self, name: str, operand: tree.Expression | None) -> Value:
        if not self.aggregates or self._inside:
            message = f"{Code.UnsupportedSqlStructure.message} {name} is for the SELECT list."
            raise S3Error(Code.UnsupportedSqlStructure, message)
        if operand is None:
            return Value("count(*)", Kind.INT)
        self._inside = True
        value = self.value(operand)
        self._inside = False
        if name == "COUNT":
            counted = f"CASE WHEN NOT {self._is_null(value)} THEN 1 END"
            return Value(f"count({counted})", Kind.INT)
        if value.kind is Kind.TIMESTAMP and name in ("MIN", "MAX"):
            return Value(f"arg_{name.lower()}({value.sql}, s3_utc({value.sql}))", Kind.TIMESTAMP)
        number = as_number(value)
        if name == "AVG":
            return Value(f"avg({number.sql})", Kind.FLOAT)
        return Value(f"{name.lower()}({number.sql})", number.kind)

    def _is_null(self, value: Value) -> str:
        if value.kind is Kind.JSON:
            return f"({value.sql} IS NULL OR json_type({value.sql}) = 'NULL')"
        return f"({value.sql} IS NULL)"

    def _arithmetic(self, operator: str, left: Value, right: Value) -> Value:
        a, b = as_number(left), as_number(right)
        if Kind.NULL in (a.kind, b.kind):
            return NULL
        kinds = {a.kind, b.kind}
        if operator == "/" and kinds == {Kind.INT}:
            return Value(f"({a.sql} // {b.sql})", Kind.INT)
        if operator == "/" or Kind.FLOAT in kinds:
            sides = [
                f"CAST({v.sql} AS DOUBLE)" if v.kind is Kind.DECIMAL else v.sql for v in (a, b)
            ]
            return Value(f"({sides[0]} {operator} {sides[1]})", Kind.FLOAT)
        kind = Kind.INT if kinds == {Kind.INT} else Kind.DECIMAL
        return Value(f"({a.sql} {operator} {b.sql})", kind)

    def _like(
        self, operand: tree.Expression, pattern: tree.Expression, escape: tree.Expression | None
    ) -> str:
        text, like = self.value(operand), self.value(pattern)
        if {text.kind, like.kind} & (NUMBERS | {Kind.BOOL, Kind.TIMESTAMP}):
            raise S3Error(Code.LikeInvalidInputs)
        if escape is None:
            return f"({as_text(text)} LIKE {as_text(like)})"
        if not isinstance(escape, tree.Literal) or not isinstance(escape.value, str):
            raise S3Error(Code.LikeInvalidInputs)
        if len(escape.value) != 1:
            message = f"{Code.LikeInvalidInputs.message} ESCAPE has one character."
            raise S3Error(Code.LikeInvalidInputs, message)
        return f"({as_text(text)} LIKE {as_text(like)} ESCAPE {self._bind(escape.value)})"

    def _case(
        self,
        branches: Sequence[tuple[tree.Expression, tree.Expression]],
        otherwise: tree.Expression | None,
    ) -> Value:
        results = [self.value(result) for _, result in branches]
        results.append(NULL if otherwise is None else self.value(otherwise))
        texts, kind = united(results)
        whens = "".join(
            f" WHEN {as_bool(self.value(condition))} THEN {text}"
            for (condition, _), text in zip(branches, texts, strict=False)
        )
        return Value(f"(CASE{whens} ELSE {texts[-1]} END)", kind)

    def _function(self, call: tree.Function) -> Value:
        given = [self.value(argument) for argument in call.arguments]
        match call.name:
            case "COALESCE":
                return self._coalesce(given)
            case "NULLIF":
                return Value(
                    f"(CASE WHEN {compare('=', *given)} THEN NULL ELSE {given[0].sql} END)",
                    given[0].kind,
                )
            case "CHAR_LENGTH" | "CHARACTER_LENGTH":
                return Value(f"length({as_string(given[0])})", Kind.INT)
            case "LOWER" | "UPPER":
                return Value(f"{call.name.lower()}({as_string(given[0])})", Kind.STRING)
            case "SUBSTRING":
                return self._substring(given)
            case "TRIM":
                characters = f", {as_string(given[1])}" if len(given) > 1 else ", ' '"
                return Value(f"{_TRIMS[call.part]}({as_string(given[0])}{characters})", Kind.STRING)
        return self._time_function(call, given)

    def _coalesce(self, given: Sequence[Value]) -> Value:
        present = [
            Value(f"nullif({v.sql}, CAST('null' AS JSON))", v.kind) if v.kind is Kind.JSON else v
            for v in given
        ]
        texts, kind = united(present)
        return Value(f"coalesce({', '.join(texts)})", kind)

    def _substring(self, given: Sequence[Value]) -> Value:
        """A start before the first character counts towards the length, as in standard SQL."""
        text, start = as_string(given[0]), as_int(given[1])
        if len(given) == 2:
            return Value(f"substr({text}, greatest({start}, 1))", Kind.STRING)
        stop = f"greatest({start} + greatest({as_int(given[2])}, 0), 1)"
        first = f"greatest({start}, 1)"
        return Value(f"substr({text}, {first}, {stop} - {first})", Kind.STRING)

    def _time_function(self, call: tree.Function, given: Sequence[Value]) -> Value:
        match call.name:
            case "UTCNOW":
                return Value("s3_of_time(s3_now())", Kind.TIMESTAMP)
            case "TO_TIMESTAMP":
                return Value(as_timestamp(given[0]), Kind.TIMESTAMP)
            case "TO_STRING":
                return self._to_string(call.arguments[1], given[0])
            case "EXTRACT":
                time = as_timestamp(given[0])
                part = call.part.lower()
                sql = _EXTRACTS.get(call.part, f"date_part('{part}', {{x}}.t)")
                return Value(sql.replace("{x}", f"({time})"), Kind.INT)
            case "DATE_ADD":
                time = as_timestamp(given[1])
                step = f"to_{call.part.lower()}s(CAST({as_int(given[0])} AS INTEGER))"
                return Value(f"{{'t': ({time}).t + {step}, 'z': ({time}).z}}", Kind.TIMESTAMP)
            case "DATE_DIFF":
                first, second = (f"s3_utc({as_timestamp(value)})" for value in given)
                return Value(f"date_sub('{call.part.lower()}', {first}, {second})", Kind.INT)
        raise S3Error(Code.UnsupportedFunction)

    def _to_string(self, pattern: tree.Expression, value: Value) -> Value:
        if not isinstance(pattern, tree.Literal) or not isinstance(pattern.value, str):
            raise wrong_type("a text for the pattern", self.value(pattern))
        time = f"({as_timestamp(value)})"
        texts = [
            text.replace("{x}", time) if is_sql else self._bind(text)
            for text, is_sql in pieces(pattern.value)
        ]
        return Value(f"({' || '.join(texts or [self._bind('')])})", Kind.STRING)
