"""Rows of a result as CSV or JSON text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from s3gw.select.query import CsvOutput, JsonOutput

# Texts of a row; None is missing.
Row = Sequence[str | None]
Render = Callable[[Sequence[Row]], bytes]


def renderer(output: CsvOutput | JsonOutput, names: Sequence[str] | None) -> Render:
    """Return what writes rows. `names` None means that a row is one record, as JSON text."""
    match output, names:
        case CsvOutput(), None:
            return lambda rows: _csv(output, [_values(row[0]) for row in rows])
        case CsvOutput(), _:
            return lambda rows: _csv(output, rows)
        case JsonOutput(record), None:
            return lambda rows: "".join([f"{row[0] or '{}'}{record}" for row in rows]).encode()
        case JsonOutput(record), _:
            labels = [f"{json.dumps(name, ensure_ascii=False)}:" for name in names]
            return lambda rows: "".join([_object(labels, row) + record for row in rows]).encode()


def _object(labels: Sequence[str], row: Row) -> str:
    members = [label + text for label, text in zip(labels, row, strict=True) if text is not None]
    return f"{{{','.join(members)}}}"


def _values(record: str | None) -> list[str | None]:
    """Return the members of a record as texts; what is nested stays JSON."""
    value = {} if record is None else json.loads(record)
    members = value.values() if isinstance(value, dict) else [value]
    return [_text(member) for member in members]


def _text(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _csv(output: CsvOutput, rows: Sequence[Row]) -> bytes:
    written = io.StringIO(newline="")
    doubles = output.escape == output.quote
    writer = csv.writer(
        written,
        delimiter=output.field,
        quotechar=output.quote,
        doublequote=doubles,
        escapechar=None if doubles else output.escape,
        lineterminator=output.record,
        quoting=csv.QUOTE_ALL if output.quote_all else csv.QUOTE_MINIMAL,
    )
    for row in rows:
        if not output.quote_all and (not row or (len(row) == 1 and not row[0])):
            # The library writes "" for a record with one empty field.
            written.write(output.record)
        else:
            writer.writerow(row)
    return written.getvalue().encode("utf-8", "surrogatepass")
