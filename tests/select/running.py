"""A query in the test's process, without its limits."""

from __future__ import annotations

import tempfile

from s3gw.select.messages import Tag
from s3gw.select.process import run
from s3gw.select.query import (
    Bounds,
    Compression,
    CsvInput,
    CsvOutput,
    JsonInput,
    JsonOutput,
    ParquetInput,
    Query,
    ScanRange,
)

BOUNDS = Bounds(memory=128 << 20, threads=1, time_s=60, spool=1 << 30, spool_folder="")


def select(
    expression: str,
    data: bytes,
    source: CsvInput | JsonInput | ParquetInput | None = None,
    output: CsvOutput | JsonOutput | None = None,
    *,
    compression: Compression = Compression.NONE,
    scan: ScanRange | None = None,
    head: bytes = b"",
    bounds: Bounds = BOUNDS,
) -> str:
    """The text of the result; raises the query's error."""
    query = Query(
        expression,
        source or CsvInput(),
        output or CsvOutput(),
        bounds,
        compression,
        scan,
        head,
    )
    found: list[tuple[Tag, bytes]] = []
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        run(query, file.fileno(), lambda tag, text: found.append((tag, text)))
    return b"".join(text for tag, text in found if tag is Tag.RECORDS).decode()
