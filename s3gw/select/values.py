"""Typed SQL values: fragments of DuckDB's SQL, with S3 Select's type of each.

Columns of CSV are text without a type, and members of JSON are of any type: a number that they are
compared with makes numbers of them. The fragments are built from the tree and from parameters, so
no text of a statement is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, unique

from msgspec import Struct
from msgspec.structs import replace

from s3gw.wire.errors import Code, S3Error


@unique
class Kind(Enum):
    """The type of a value. UNTYPED is text of a CSV file, JSON a value of a JSON document."""

    UNTYPED = "untyped"
    STRING = "string"
    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    JSON = "json"
    NULL = "null"


TEXTS = frozenset({Kind.UNTYPED, Kind.STRING})
NUMBERS = frozenset({Kind.INT, Kind.FLOAT, Kind.DECIMAL})
# A number of so few digits is exact as a double.
_EXACT_DIGITS = 15
_SQL_TYPES = {
    Kind.BOOL: "BOOLEAN",
    Kind.DECIMAL: "DECIMAL(38,10)",
    Kind.FLOAT: "DOUBLE",
    Kind.INT: "BIGINT",
}


class Value(Struct, frozen=True):
    """`sql` can be put anywhere; `is_member` means that its NULL is a MISSING."""

    sql: str
    kind: Kind
    is_member: bool = False


NULL = Value("NULL", Kind.NULL)


def as_text(value: Value) -> str:
    """Return SQL of the value as text, as it is written to CSV."""
    match value.kind:
        case Kind.UNTYPED | Kind.STRING:
            return value.sql
        case Kind.FLOAT:
            return f"s3_float({value.sql})"
        case Kind.TIMESTAMP:
            return f"s3_iso({value.sql})"
        case Kind.JSON:
            return f"({value.sql} ->> '$')"
        case Kind.DECIMAL:
            return f"s3_decimal({value.sql})"
    return f"CAST({value.sql} AS VARCHAR)"


def as_json(value: Value) -> str:
    """Return SQL of the value as JSON text; NULL if it is missing."""
    match value.kind:
        case Kind.JSON:
            text = f"CAST({value.sql} AS VARCHAR)"
        case Kind.FLOAT:
            text = f"CASE WHEN isfinite({value.sql}) THEN s3_float({value.sql}) END"
        case Kind.INT | Kind.DECIMAL | Kind.BOOL:
            text = as_text(value)
        case Kind.NULL:
            text = "NULL"
        case _:
            text = f"CAST(to_json({as_text(value)}) AS VARCHAR)"
    return text if value.is_member else f"coalesce({text}, 'null')"


def as_number(value: Value) -> Value:
    """Return the value as a number; text that is none fails when it is evaluated."""
    if value.kind in NUMBERS or value.kind is Kind.NULL:
        return value
    if value.kind in TEXTS or value.kind is Kind.JSON:
        return Value(f"s3_number({as_text(value)})", Kind.FLOAT)
    raise wrong_type("a number", value)


def as_int(value: Value) -> str:
    """Return SQL of the value as a whole number."""
    return cast(value, Kind.INT).sql


def as_string(value: Value) -> str:
    """Return SQL of a function's text argument."""
    if value.kind in (Kind.BOOL, Kind.TIMESTAMP):
        raise wrong_type("a text", value)
    return as_text(value)


def as_bool(value: Value) -> str:
    """Return SQL of a condition."""
    if value.kind in (Kind.BOOL, Kind.NULL):
        return value.sql
    if value.kind in TEXTS or value.kind is Kind.JSON:
        return f"s3_bool({as_text(value)})"
    raise wrong_type("a condition", value)


def as_timestamp(value: Value) -> str:
    """Return SQL of a timestamp: a struct of local time `t` and `z`, minutes ahead of UTC."""
    if value.kind is Kind.TIMESTAMP:
        return value.sql
    if value.kind in TEXTS or value.kind is Kind.JSON:
        return f"s3_timestamp({as_text(value)})"
    raise wrong_type("a timestamp", value)


def wrong_type(wanted: str, value: Value) -> S3Error:
    message = f"Incorrect type of arguments in function call: {wanted} was expected instead of "
    return S3Error(Code.IncorrectSqlFunctionArgumentType, f"{message}{value.kind.value}.")


def cast(value: Value, kind: Kind) -> Value:
    """Return the value as CAST converts it."""
    sql, source = value.sql, value.kind
    if source is Kind.NULL:
        return Value("NULL", Kind.NULL)
    if source is kind:
        return replace(value, is_member=False)
    if kind is Kind.STRING:
        return Value(as_text(value), kind)
    if kind is Kind.TIMESTAMP:
        return Value(as_timestamp(value), kind)
    if source is Kind.TIMESTAMP or (source is Kind.BOOL and kind is not Kind.INT):
        raise S3Error(
            Code.InvalidCast, f"{Code.InvalidCast.message} {source.value} is not a {kind.value}."
        )
    if source in NUMBERS and kind is Kind.BOOL:
        return Value(f"({sql} <> 0)", kind)
    if source in TEXTS or source is Kind.JSON:
        return Value(f"s3_to_{kind.value}({as_text(value)})", kind)
    if kind is Kind.INT and source is not Kind.BOOL:
        return Value(f"CAST(trunc({sql}) AS BIGINT)", kind)
    return Value(f"CAST({sql} AS {_SQL_TYPES[kind]})", kind)


def compare(operator: str, left: Value, right: Value) -> str:
    """Return SQL of the comparison. A text that is not a number is not equal to any."""
    kinds = {left.kind, right.kind}
    if Kind.NULL in kinds:
        return "CAST(NULL AS BOOLEAN)"
    if kinds <= TEXTS or kinds == {Kind.BOOL} or kinds <= NUMBERS:
        return f"({left.sql} {operator} {right.sql})"
    if Kind.TIMESTAMP in kinds:
        return f"(s3_utc({as_timestamp(left)}) {operator} s3_utc({as_timestamp(right)}))"
    if Kind.BOOL in kinds:
        return f"({as_bool(left)} {operator} {as_bool(right)})"
    if kinds == {Kind.JSON}:
        return _compare_any(operator, left, right)
    if kinds & NUMBERS:
        return _compare_number(operator, left, right)
    return f"({as_text(left)} {operator} {as_text(right)})"


def _compare_any(operator: str, left: Value, right: Value) -> str:
    """Two numbers are compared as numbers, anything else as text."""
    a, b = as_text(left), as_text(right)
    numbers = f"(s3_try_number({a}) {operator} s3_try_number({b}))"
    return f"coalesce({numbers}, {a} {operator} {b})"


def _compare_number(operator: str, left: Value, right: Value) -> str:
    """Compare as doubles; whole numbers of more digits as whole numbers."""

    def compared(function: str) -> str:
        sides = [v.sql if v.kind in NUMBERS else f"{function}({as_text(v)})" for v in (left, right)]
        return f"{sides[0]} {operator} {sides[1]}"

    doubles = compared("s3_try_number")
    if Kind.FLOAT in {left.kind, right.kind}:
        return f"({doubles})"
    text = as_text(right if left.kind in NUMBERS else left)
    long = f"length({text}) > {_EXACT_DIGITS}"
    return (
        f"(CASE WHEN {long} THEN coalesce({compared('s3_try_long')}, {doubles}) ELSE {doubles} END)"
    )


def united(values: Sequence[Value]) -> tuple[list[str], Kind]:
    """Return the values as SQL of one type, for the results of CASE and COALESCE."""
    kinds = {value.kind for value in values} - {Kind.NULL}
    if len(kinds) == 1:
        (kind,) = kinds
        return [value.sql for value in values], kind
    if not kinds:
        return [value.sql for value in values], Kind.NULL
    if kinds <= NUMBERS:
        kind = Kind.DECIMAL if Kind.FLOAT not in kinds else Kind.FLOAT
        return [cast(value, kind).sql for value in values], kind
    return ["NULL" if v.kind is Kind.NULL else as_text(v) for v in values], Kind.STRING
