"""Records of a result as CSV or JSON text.

DuckDB writes them: each row is one text, built of its columns in SQL. Only the members of a JSON
record, whose names and number are known for each record alone, are made CSV in Python.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from s3gw.select.query import CsvOutput, JsonOutput
from s3gw.select.relation import Bind
from s3gw.select.values import Value, as_json, as_text

Render = Callable[[Sequence[str | None]], bytes]


def quoted(text: str) -> str:
    """Return a text of the server's, or a delimiter, as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoting(output: CsvOutput) -> str:
    """Return the macro `s3_quoted(x)`: a field as it is written."""
    quote, escape = quoted(output.quote), quoted(output.escape)
    escaped = "x"
    if output.escape != output.quote:
        escaped = f"replace(x, {escape}, {escape} || {escape})"
    doubled = f"replace({escaped}, {quote}, {escape} || {quote})"
    inside = f"{quote} || {doubled} || {quote}"
    if not output.quote_all:
        special = {output.field, output.quote, output.escape, *output.record, "\r", "\n"}
        characters = "".join(f"\\x{{{ord(each):x}}}" for each in sorted(special))
        inside = f"CASE WHEN regexp_matches(x, '[{characters}]') THEN {inside} ELSE x END"
    return f"CREATE TEMP MACRO s3_quoted(x) AS ({inside})"


def csv_record(output: CsvOutput, values: Sequence[Value], *, is_padded: bool) -> str:
    """Return SQL of a record. One that `is_padded` ends with its last field: the columns after it,
    which it does not have, are passed over like every NULL."""
    fields = [as_text(value) for value in values]
    if not is_padded:
        fields = [f"coalesce({field}, '')" for field in fields]
    written = ", ".join(f"s3_quoted({field})" for field in fields)
    return f"concat_ws({quoted(output.field)}, {written})"


def json_record(names: Sequence[str], values: Sequence[Value], bind: Bind) -> str:
    """Return SQL of a record without what is missing."""
    members = [
        f"{bind(json.dumps(name, ensure_ascii=False) + ':')} || {as_json(value)}"
        for name, value in zip(names, values, strict=True)
    ]
    return f"'{{' || concat_ws(',', {', '.join(members)}) || '}}'"


def renderer(output: CsvOutput | JsonOutput, *, of_members: bool) -> Render:
    """Return what joins records. With `of_members`, each is JSON to be made CSV."""
    if isinstance(output, CsvOutput) and of_members:
        return lambda records: _csv(output, [_members(record) for record in records])
    record = output.record
    return lambda records: "".join([f"{each or ''}{record}" for each in records]).encode()


def _members(record: str | None) -> list[str | None]:
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


def _csv(output: CsvOutput, rows: Sequence[Sequence[str | None]]) -> bytes:
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
