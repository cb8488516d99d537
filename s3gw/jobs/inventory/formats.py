"""Formats of an inventory's files: rows to the bytes of one file."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from time import gmtime, strftime
from typing import Any, Protocol
from urllib.parse import quote

from cluster.inventory import Format
from s3gw.jobs.inventory.columns import Cell, Column, Type

SUFFIXES = {Format.CSV: ".csv.gz", Format.ORC: ".orc", Format.PARQUET: ".parquet"}
CONTENT_TYPES = {
    Format.CSV: "application/x-gzip",
    Format.ORC: "application/octet-stream",
    Format.PARQUET: "application/octet-stream",
}
_PARQUET_TYPES = {
    Type.TEXT: ("binary", " (UTF8)"),
    Type.SWITCH: ("boolean", ""),
    Type.NUMBER: ("int64", ""),
    Type.TIME: ("int64", " (TIMESTAMP_MILLIS)"),
}
_ORC_TYPES = {
    Type.TEXT: "string",
    Type.SWITCH: "boolean",
    Type.NUMBER: "bigint",
    Type.TIME: "timestamp",
}
_REQUIRED = ("bucket", "key")
_COMPRESSION_LEVEL = 6


class FileWriter(Protocol):
    """One file in memory."""

    def add(self, rows: Sequence[Sequence[Cell]]) -> None: ...

    def finish(self) -> bytes: ...


def new_file(format: Format, columns: Sequence[Column]) -> FileWriter:
    match format:
        case Format.CSV:
            return _Csv(columns)
        case Format.ORC:
            return _Orc(columns)
        case Format.PARQUET:
            return _Parquet(columns)


def schema_of(format: Format, columns: Sequence[Column]) -> str:
    """Return the schema as the manifest has it."""
    match format:
        case Format.CSV:
            return ", ".join(column.name for column in columns)
        case Format.ORC:
            return f"struct<{','.join(f'{c.snake}:{_ORC_TYPES[c.type]}' for c in columns)}>"
    fields = []
    for column in columns:
        kind, logical = _PARQUET_TYPES[column.type]
        need = "required" if column.snake in _REQUIRED else "optional"
        fields.append(f"{need} {kind} {column.snake}{logical};")
    return f"message s3.inventory {{ {' '.join(fields)} }}"


class _Csv:
    """Every value is quoted, keys are percent-encoded, and there is no header."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._written = io.BytesIO()
        # Without a time: the same rows are the same bytes.
        self._packed = gzip.GzipFile(
            fileobj=self._written, mode="wb", compresslevel=_COMPRESSION_LEVEL, mtime=0
        )
        self._columns = columns

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            writer.writerow(map(_csv_text, self._columns, row))
        self._packed.write(text.getvalue().encode())

    def finish(self) -> bytes:
        self._packed.close()
        return self._written.getvalue()


def _csv_text(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if column.type is Type.SWITCH:
        return "true" if cell else "false"
    if column.type is Type.TIME:
        return strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(int(cell) // 1000))
    return quote(str(cell)) if column.snake == "key" else str(cell)


class _Columnar:
    """Of pyarrow, which is an extra: `pip install 's3gw[inventory]'`."""

    def __init__(self, columns: Sequence[Column]) -> None:
        import pyarrow as pa

        types = {
            Type.TEXT: pa.string(),
            Type.SWITCH: pa.bool_(),
            Type.NUMBER: pa.int64(),
            Type.TIME: pa.timestamp("ms"),
        }
        self._schema: Any = pa.schema(
            [pa.field(c.snake, types[c.type], nullable=c.snake not in _REQUIRED) for c in columns]
        )
        self._written = io.BytesIO()

    def _table(self, rows: Sequence[Sequence[Cell]]) -> Any:
        import pyarrow as pa

        values = zip(*rows, strict=True)
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(values, self._schema, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=self._schema)


class _Parquet(_Columnar):
    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        from pyarrow.parquet import ParquetWriter

        self._writer: Any = ParquetWriter(self._written, self._schema, version="1.0")

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        self._writer.write_table(self._table(rows))

    def finish(self) -> bytes:
        self._writer.close()
        return self._written.getvalue()


class _Orc(_Columnar):
    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        from pyarrow.orc import ORCWriter

        self._writer: Any = ORCWriter(self._written, compression="zlib")

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        self._writer.write(self._table(rows))

    def finish(self) -> bytes:
        self._writer.close()
        return self._written.getvalue()
