"""Messages between a query's process and the server: a letter, a length, and bytes."""

from __future__ import annotations

import struct
from enum import Enum, unique

# The tag and the length of a message, and the length before the query.
HEAD = struct.Struct(">cI")
LENGTH = struct.Struct(">I")


@unique
class Tag(Enum):
    READY = b"r"
    RECORDS = b"R"
    PROCESSED = b"P"
    DONE = b"D"
    FAILED = b"F"
