"""A query in DuckDB: one locked connection that can read one pipe or file.

DuckDB gets SQL that was compiled from a tree, with the texts as parameters. Besides, its connection
is locked before the query is seen: no files but the given one, no network, no extensions, no more
settings, no spilling, bounded memory and threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from s3gw.select import tree
from s3gw.select.compiling import Parameters, Projection, compile_select
from s3gw.select.decoding import is_exchanged
from s3gw.select.macros import statements
from s3gw.select.query import (
    MAX_COLUMNS,
    MAX_RECORD,
    CsvInput,
    CsvOutput,
    Header,
    JsonInput,
    Query,
    ScanRange,
)
from s3gw.select.relation import Column, Columns, Records, Relation, records_of
from s3gw.select.rendering import csv_record, json_record, quoted, quoting
from s3gw.select.values import Kind, Value
from s3gw.wire.errors import Code, S3Error

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rows that are fetched at a time: those of a vector of DuckDB.
_ROWS = 2048
_NOT_A_VALUE = "\x01s3gw\x01"
_SETTINGS = {
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
}
_TYPES = {
    "BOOLEAN": Kind.BOOL,
    "DOUBLE": Kind.FLOAT,
    "FLOAT": Kind.FLOAT,
    "VARCHAR": Kind.STRING,
}
_WHOLE = frozenset(
    """TINYINT SMALLINT INTEGER BIGINT HUGEINT
    UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT""".split()  # noqa: SIM905
)
_TOO_WIDE = Code.OverMaxColumn.name
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


def connect(path: str, query: Query) -> DuckDBPyConnection:
    """Return a connection that can read nothing but the file at `path`."""
    import duckdb

    config: dict[str, Any] = {
        **_SETTINGS,
        "memory_limit": f"{query.bounds.memory}B",
        "threads": query.bounds.threads,
    }
    connection = duckdb.connect(":memory:", config=config)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    for statement in statements():
        connection.execute(statement)
    if isinstance(query.output, CsvOutput):
        connection.execute(quoting(query.output))
    connection.execute(f"CREATE TEMP MACRO s3_now() AS (CAST('{now}' AS TIMESTAMP))")
    connection.execute(f"SET allowed_paths = [{quoted(path)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


class Statement(msgspec.Struct, frozen=True):
    """A query of DuckDB with one column, the text of a record; `of_members` if that is JSON whose
    members are wanted."""

    sql: str
    parameters: Mapping[str, str]
    of_members: bool = False

    def rows(self, connection: DuckDBPyConnection) -> Iterator[list[str | None]]:
        """Run the query, and yield its records in batches."""
        result = connection.execute(self.sql, dict(self.parameters))
        while rows := result.fetchmany(_ROWS):
            yield [row[0] for row in rows]


def csv_statement(
    select: tree.Select, query: Query, source: CsvInput, first: Sequence[str], path: str
) -> Statement:
    """Compile for a CSV file whose first record has the fields `first`."""
    width = max(len(first), _highest_place(select), 1)
    if width > MAX_COLUMNS:
        raise S3Error(Code.OverMaxColumn)
    named = source.header is Header.USE
    names = [first[i] if named and i < len(first) else f"_{i + 1}" for i in range(width)]
    everything = select.items is None
    read = 2 * width + 32 if everything else width
    names += [f"_{i + 1}" for i in range(width, read)]
    columns = [Column(name, _csv_value(i, source)) for i, name in enumerate(names, 1)]
    # Fields beyond the last column would be lost.
    check = f"CASE WHEN c{read} IS NULL THEN '' ELSE s3_fail('{_TOO_WIDE}', {read}) END || "
    file = f"FROM {_read_csv(path, source, read)}"
    return _statement(select, query, Columns(columns), file, before=check if everything else "")


def _csv_value(place: int, source: CsvInput) -> Value:
    sql = f"c{place}"
    if is_exchanged(source.record):
        swapped = f"chr(10) || {quoted(source.record)}", f"{quoted(source.record)} || chr(10)"
        sql = f"translate(c{place}, {swapped[0]}, {swapped[1]})"
    return Value(sql, Kind.UNTYPED, is_member=True)


def _read_csv(path: str, source: CsvInput, width: int) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(1, width + 1))
    options = {
        "auto_detect": "false",
        "buffer_size": str(4 * MAX_RECORD),
        "columns": f"{{{columns}}}",
        "comment": quoted(source.comment),
        "delim": quoted(source.field),
        "escape": quoted(source.escape if source.quote else ""),
        "header": "false",
        "max_line_size": str(MAX_RECORD),
        "null_padding": "true",
        "nullstr": quoted(_NOT_A_VALUE),
        "parallel": "false",
        "quote": quoted(source.quote),
        "strict_mode": "false",
    }
    given = ", ".join(f"{name} = {value}" for name, value in options.items())
    return f"read_csv({quoted(path)}, {given})"


def _highest_place(node: object) -> int:
    """Return the highest N of the names `_N` in a tree."""
    if isinstance(node, tree.Name):
        digits = node.text[1:]
        short = node.text[:1] == "_" and digits.isdecimal() and len(digits) < 7
        return int(digits) if short else 0
    if isinstance(node, tuple):
        return max(map(_highest_place, node), default=0)
    if isinstance(node, msgspec.Struct):
        inner = (getattr(node, name) for name in node.__struct_fields__)
        return max(map(_highest_place, inner), default=0)
    return 0


def json_statement(select: tree.Select, query: Query, source: JsonInput, path: str) -> Statement:
    kind = "newline_delimited" if source.lines else "unstructured"
    most = MAX_RECORD if source.lines else max(query.bounds.memory // 8, MAX_RECORD)
    read = f"read_json_objects({quoted(path)}, format = '{kind}', maximum_object_size = {most})"
    parameters = Parameters()
    relation = records_of(read, select.source, parameters.bind)
    return _statement(select, query, Records(), f"FROM ({relation})", parameters)


def parquet_statement(
    connection: DuckDBPyConnection, select: tree.Select, query: Query, path: str
) -> Statement:
    """Compile for a Parquet file, whose columns have types."""
    read = f"read_parquet({quoted(path)}, file_row_number = true)"
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {read}")
    found = [(str(row[0]), str(row[1])) for row in described.fetchall()]
    columns = [Column(name, _typed(f"c{i}", kind)) for i, (name, kind) in enumerate(found, 1)]
    aliases = ", ".join(f"c{i}" for i in range(1, len(found) + 1))
    where = _row_groups(connection, path, query.scan) if query.scan is not None else "TRUE"
    relation = f"(SELECT * EXCLUDE (file_row_number) FROM {read} WHERE {where}) AS t({aliases})"
    return _statement(select, query, Columns(columns), f"FROM {relation}")


def _typed(sql: str, kind: str) -> Value:
    """Return a column of Parquet as one of the dialect's types; what is nested becomes JSON."""
    if kind in _WHOLE:
        return Value(f"CAST({sql} AS BIGINT)" if kind != "BIGINT" else sql, Kind.INT)
    if kind in _TYPES:
        return Value(sql, _TYPES[kind])
    if kind.startswith("DECIMAL"):
        return Value(sql, Kind.DECIMAL)
    if kind.startswith(_TIMES):
        local = f"{sql} AT TIME ZONE 'UTC'" if kind.endswith("TIME ZONE") else sql
        return Value(f"s3_of_time({local})", Kind.TIMESTAMP)
    if kind == "BLOB":
        return Value(f"base64({sql})", Kind.STRING)
    if kind.endswith(("]", ")")) or kind == "JSON":
        return Value(f"to_json({sql})", Kind.JSON)
    return Value(f"CAST({sql} AS VARCHAR)", Kind.STRING)


def _row_groups(connection: DuckDBPyConnection, path: str, scan: ScanRange) -> str:
    """Return the condition on rows of those row groups that begin in the range."""
    groups = connection.execute(
        "SELECT row_group_id, any_value(row_group_num_rows), "
        "min(coalesce(dictionary_page_offset, data_page_offset)) "
        f"FROM parquet_metadata({quoted(path)}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    first, chosen = 0, ["FALSE"]
    for _, count, offset in groups:
        if scan.start <= offset < scan.stop:
            chosen.append(f"file_row_number >= {first} AND file_row_number < {first + count}")
        first += count
    return " OR ".join(chosen)


def _statement(
    select: tree.Select,
    query: Query,
    relation: Relation,
    source: str,
    parameters: Parameters | None = None,
    before: str = "",
) -> Statement:
    """Compile the statement. `before` is SQL of a text before each record."""
    parameters = parameters or Parameters()
    projection = compile_select(select, relation, parameters)
    record = _record(projection, query, parameters, is_padded=bool(before))
    sql = f"SELECT {before}{record} {source}{projection.clauses}"
    return Statement(sql, parameters.used_in(sql), projection.outputs is None)


def _record(
    projection: Projection, query: Query, parameters: Parameters, *, is_padded: bool
) -> str:
    if projection.outputs is not None:
        values = [output.value for output in projection.outputs]
        if isinstance(query.output, CsvOutput):
            return csv_record(query.output, values, is_padded=is_padded)
        names = [output.name for output in projection.outputs]
        return json_record(names, values, parameters.bind)
    whole = "CAST(json(record) AS VARCHAR)"
    if isinstance(query.output, CsvOutput):
        return whole
    return f"""CASE WHEN record IS NULL THEN '{{}}' WHEN json_type(record) = 'OBJECT' THEN {whole}
        ELSE '{{"_1":' || {whole} || '}}' END"""
