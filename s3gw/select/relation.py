"""The relation of a query: what its paths are in DuckDB, for each format.

CSV and Parquet have columns, named c1, c2 and so on in SQL, whatever their names are; JSON has one
column `record`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from s3gw.select import tree
from s3gw.select.values import Kind, Value
from s3gw.wire.errors import Code, S3Error

_POSITION = re.compile(r"_([1-9][0-9]{0,6})")
# Binds a text as a parameter, and returns its SQL.
Bind = Callable[[str], str]
_WILDCARDS = (tree.EachElement, tree.EachMember)


class Relation(Protocol):
    """What the object has: `columns` are its names and values for `*`, None when a record is."""

    columns: Sequence[tuple[str, Value]] | None

    def find(self, steps: Sequence[tree.Step], bind: Bind) -> Value: ...


class Column(Struct, frozen=True):
    name: str
    value: Value


class Columns:
    """Columns by name and by place, `_1` being the first."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.columns: Sequence[tuple[str, Value]] | None = [(c.name, c.value) for c in columns]

    def find(self, steps: Sequence[tree.Step], bind: Bind) -> Value:
        first, *inner = steps
        if not isinstance(first, tree.Name):
            raise S3Error(Code.ParseInvalidPathComponent)
        value = self._column(first)
        if not inner:
            return value
        if value.kind is not Kind.JSON:
            raise does_not_exist(first.text)
        return inside(value.sql, inner, bind)

    def _column(self, name: tree.Name) -> Value:
        if name.quoted:
            found = [c for c in self._columns if c.name == name.text]
        else:
            lowered = name.text.lower()
            found = [c for c in self._columns if c.name.lower() == lowered]
        if len(found) > 1:
            message = f"{Code.AmbiguousFieldName.message} The name is {name.text}."
            raise S3Error(Code.AmbiguousFieldName, message)
        if found:
            return found[0].value
        place = _POSITION.fullmatch(name.text)
        if place is not None and int(place[1]) <= len(self._columns):
            return self._columns[int(place[1]) - 1].value
        if place is not None:
            raise S3Error(Code.InvalidColumnIndex, f"{Code.InvalidColumnIndex.message} {name.text}")
        raise does_not_exist(name.text)


class Records:
    """Values of JSON; a record that is not an object has the one member `_1`."""

    columns: Sequence[tuple[str, Value]] | None = None

    def find(self, steps: Sequence[tree.Step], bind: Bind) -> Value:
        first, *inner = steps
        if isinstance(first, tree.Name) and first.text == "_1":
            whole = "CASE WHEN json_type(record) <> 'OBJECT' THEN record END"
            value = f"coalesce({inside('record', [first], bind).sql}, {whole})"
            return inside(value, inner, bind)
        return inside("record", steps, bind)


def inside(sql: str, steps: Sequence[tree.Step], bind: Bind) -> Value:
    """Return the JSON value at the end of a path."""
    for step in steps:
        match step:
            case tree.Name(text, quoted):
                name = bind(text)
                pointer = f"json_extract({sql}, s3_pointer({name}))"
                sql = pointer if quoted else f"s3_member({sql}, {name})"
            case tree.Index(place):
                sql = f"json_extract({sql}, '$[{place}]')"
            case _:
                message = (
                    "The SQL expression contains an invalid path component: wildcards are for FROM."
                )
                raise S3Error(Code.ParseInvalidPathComponent, message)
    return Value(sql, Kind.JSON, is_member=True)


def records_of(source: str, steps: Sequence[tree.Step], bind: Bind) -> str:
    """Return SQL of a relation with the records at the end of FROM's path."""
    sql = f"SELECT json AS record FROM {source}"
    for step in steps:
        match step:
            case tree.EachElement():
                record = "unnest(s3_all(json_extract(record, '$[*]')))"
            case tree.EachMember():
                record = "unnest(s3_all(json_extract(record, '$.*')))"
            case _:
                record = inside("record", [step], bind).sql
        sql = f"SELECT {record} AS record FROM ({sql})"
    return sql


def does_not_exist(name: str) -> S3Error:
    message = f"{Code.EvaluatorBindingDoesNotExist.message} The name is {name}."
    return S3Error(Code.EvaluatorBindingDoesNotExist, message)
