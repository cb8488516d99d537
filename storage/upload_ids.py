"""Ids of multipart uploads, which say by themselves whose they can be.

48 hexadecimal digits: the time, so that the uploads of one name sort by it, 96 random bits, and a
checksum of the name. The checksum tells the id of an upload that has ended, which is still a place
in a listing, from one that the name never had.
"""

from __future__ import annotations

import os
from zlib import crc32

_RANDOM_BYTES = 12


def new_upload_id(name: str, now_ns: int) -> str:
    return f"{now_ns:016x}{os.urandom(_RANDOM_BYTES).hex()}{crc32(name.encode()):08x}"


def is_upload_id(text: str, name: str) -> bool:
    """Whether an upload of the name could have the id."""
    return text.endswith(f"{crc32(name.encode()):08x}")
