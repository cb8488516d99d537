"""CRC32C, the checksum that every object of Cloud Storage has."""

from __future__ import annotations

import asyncio
from base64 import b64encode

from awscrt.checksums import crc32c

# A millisecond or less.
_INLINE_BYTES = 1 << 20


def add(block: bytes | memoryview, so_far: int = 0) -> int:
    """Return the CRC32C of the bytes so far followed by the block."""
    value: int = crc32c(block, so_far)
    return value


def shown(value: int) -> str:
    """Return it as both APIs write it."""
    return b64encode(value.to_bytes(4, "big")).decode()


async def added(content: bytes, so_far: int = 0) -> int:
    """The same of a large block, without holding up the loop."""
    if len(content) <= _INLINE_BYTES:
        return add(content, so_far)
    return await asyncio.to_thread(add, content, so_far)
