"""Syntax tree of a SELECT statement.

Only what the dialect has can be built: one relation, no joins, groups, order or subqueries. Names
and texts of the statement are values in the tree; nothing of it is SQL text any more.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference.html
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Name(Struct, frozen=True):
    """A member by its name; the case counts only in a quoted one."""

    text: str
    quoted: bool = False


class Index(Struct, frozen=True):
    """An element of an array by its place, from 0."""

    place: int


class EachElement(Struct, frozen=True):
    """All elements of an array: `[*]`."""


class EachMember(Struct, frozen=True):
    """The values of all members of an object: `.*`."""


Step = Name | Index | EachElement | EachMember


class Literal(Struct, frozen=True):
    """A constant: an int, a Decimal for any other number, a text, a boolean or None."""

    value: int | Decimal | str | bool | None


class Missing(Struct, frozen=True):
    """The constant MISSING."""


class Path(Struct, frozen=True):
    """A column, or what is inside it."""

    steps: tuple[Step, ...]


class Arithmetic(Struct, frozen=True):
    """`operator` is one of + - * / %."""

    operator: str
    left: Expression
    right: Expression


class Negative(Struct, frozen=True):
    operand: Expression


class Logical(Struct, frozen=True):
    """`operator` is AND or OR."""

    operator: str
    left: Expression
    right: Expression


class Not(Struct, frozen=True):
    operand: Expression


class Comparison(Struct, frozen=True):
    """`operator` is one of = <> < <= > >=."""

    operator: str
    left: Expression
    right: Expression


class Between(Struct, frozen=True):
    operand: Expression
    low: Expression
    high: Expression


class In(Struct, frozen=True):
    operand: Expression
    choices: tuple[Expression, ...]


class Like(Struct, frozen=True):
    operand: Expression
    pattern: Expression
    escape: Expression | None


class IsNull(Struct, frozen=True):
    operand: Expression


class IsMissing(Struct, frozen=True):
    operand: Expression


class Case(Struct, frozen=True):
    """The branches are conditions and results; a `CASE x WHEN y` has comparisons there."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


class Cast(Struct, frozen=True):
    """`type` is BOOL, INT, FLOAT, DECIMAL, STRING or TIMESTAMP."""

    operand: Expression
    type: str


class Function(Struct, frozen=True):
    """A function of values. `part` is a date part, or the side that TRIM works on."""

    name: str
    arguments: tuple[Expression, ...]
    part: str = ""


class Aggregate(Struct, frozen=True):
    """`operand` None is the `*` of COUNT."""

    name: str
    operand: Expression | None


Expression = (
    Literal
    | Missing
    | Path
    | Arithmetic
    | Negative
    | Logical
    | Not
    | Comparison
    | Between
    | In
    | Like
    | IsNull
    | IsMissing
    | Case
    | Cast
    | Function
    | Aggregate
)


class Item(Struct, frozen=True):
    """An item of the SELECT list."""

    expression: Expression
    alias: str = ""


class Select(Struct, frozen=True):
    """A statement. `items` None is `*`; `source` is the path after S3Object; `limit` is in rows."""

    items: tuple[Item, ...] | None
    source: tuple[Step, ...]
    alias: str
    where: Expression | None
    limit: int | None
