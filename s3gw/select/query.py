"""Query for a process: the statement, the formats, and the bounds."""

from __future__ import annotations

from enum import Enum, unique

from msgspec import Struct

# In bytes; AWS' limit for records of the input and of the result.
MAX_RECORD = 1 << 20
# Columns of a record, where a statement names more than the file has.
MAX_COLUMNS = 10_000


@unique
class Header(Enum):
    """What the first record of a CSV file is: data, names that are not used, or names."""

    NONE = "NONE"
    IGNORE = "IGNORE"
    USE = "USE"


@unique
class Compression(Enum):
    NONE = "NONE"
    GZIP = "GZIP"
    BZIP2 = "BZIP2"


class CsvInput(Struct, frozen=True, tag="csv"):
    """`record` is one or two characters, the others one; `quote` and `comment` may be empty."""

    header: Header = Header.NONE
    record: str = "\n"
    field: str = ","
    quote: str = '"'
    escape: str = '"'
    comment: str = ""


class JsonInput(Struct, frozen=True, tag="json"):
    """With `lines`, each line is a record; without, each document is."""

    lines: bool


class ParquetInput(Struct, frozen=True, tag="parquet"):
    pass


class CsvOutput(Struct, frozen=True, tag="csv"):
    quote_all: bool = False
    record: str = "\n"
    field: str = ","
    quote: str = '"'
    escape: str = '"'


class JsonOutput(Struct, frozen=True, tag="json"):
    record: str = "\n"


class ScanRange(Struct, frozen=True):
    """The records that begin at `start` up to, not including, `stop`, in bytes."""

    start: int
    stop: int

    @property
    def is_from_start(self) -> bool:
        return self.start == 0


class Bounds(Struct, frozen=True):
    """What a query may use: bytes of memory, threads, seconds, and bytes in the spool folder."""

    memory: int
    threads: int
    time_s: float
    spool: int
    spool_folder: str


class Query(Struct, frozen=True):
    """`scan` None is the whole object; `head` are the object's first bytes, where the scan begins
    later and the names of columns are needed."""

    expression: str
    input: CsvInput | JsonInput | ParquetInput
    output: CsvOutput | JsonOutput
    bounds: Bounds
    compression: Compression = Compression.NONE
    scan: ScanRange | None = None
    head: bytes = b""
