"""Blocks of blobs: their ids, and the lists that Azure keeps of them.

A blob is committed from blocks that were put before. Azure keeps of a block its id and its size,
and one list of all blocks of a blob that are not committed yet, of all clients. So an id says all
that there is to know: what the block is, the tag of its write, its number, when it was put, and the
MD5 of its bytes. All ids of a blob must have one length; ours have 60 characters.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Self
from xml.etree import ElementTree

from msgspec import Struct
from msgspec.structs import replace

from storage.backends.azure.facts import unquoted
from storage.backends.azure.place import Place
from storage.backends.azure.service import Request, Service
from storage.errors import BackendError
from storage.ranges import Between
from storage.values import Body

_LAYOUT = struct.Struct(">4sc12sIQ16s")
_MAGIC = b"s3gw"
TAG_BYTES = 12


class Kind(Enum):
    """What a block is. Azure takes no block of nothing: an EMPTY part, and marks, are of one byte
    that is never committed."""

    WHOLE = b"w"
    PART = b"p"
    EMPTY = b"e"
    BEGUN = b"b"
    ABORTED = b"a"


class Block(Struct, frozen=True):
    """A block. `tag` (12 bytes) is of the write or the upload; `size` is 0 for one not put yet."""

    kind: Kind
    tag: bytes
    number: int
    put_ns: int
    md5: bytes
    size: int = 0

    @property
    def id(self) -> str:
        fields = self.kind.value, self.tag, self.number, self.put_ns, self.md5
        return b64encode(_LAYOUT.pack(_MAGIC, *fields)).decode()

    @classmethod
    def read(cls, text: str, size: int) -> Self | None:
        """Return `None` for what is not ours."""
        try:
            magic, kind, tag, number, put_ns, md5 = _LAYOUT.unpack(b64decode(text, validate=True))
            return cls(Kind(kind), tag, number, put_ns, md5, size) if magic == _MAGIC else None
        except (NotBase64, ValueError, struct.error):
            return None


class BlockList(Struct, frozen=True):
    """Blocks of a blob, committed or not, without those that others put. `etag` is empty for a blob
    without a commit."""

    etag: str
    committed: Sequence[Block]
    uncommitted: Sequence[Block]


def new_tag() -> bytes:
    return secrets.token_bytes(TAG_BYTES)


async def put_block(
    service: Service, place: Place, block: Block, content: Callable[[], bytes | Body]
) -> None:
    """`content` has `block.size` bytes; Azure compares them with the MD5."""
    headers = {"content-md5": b64encode(block.md5).decode()}
    await _put(service, place, block, Request("PUT", {}, headers, content, block.size))


async def put_mark(service: Service, place: Place, block: Block) -> None:
    """Put a block that is only there to be listed."""
    await _put(service, place, block, Request("PUT", content=lambda: b"\0", size=1))


async def _put(service: Service, place: Place, block: Block, request: Request) -> None:
    query = {"comp": "block", "blockid": block.id}
    await service.send(place, replace(request, query=query))


async def list_blocks(service: Service, place: Place, kind: str) -> BlockList:
    """`kind` is `committed`, `uncommitted` or `all`. Raise `ObjectNotFound` for a blob that has
    neither."""
    query = {"comp": "blocklist", "blocklisttype": kind}
    answer = await service.send(place, Request("GET", query))
    try:
        committed, uncommitted = await asyncio.to_thread(_read, answer.body)
    except (ElementTree.ParseError, ValueError, TypeError):
        raise BackendError(str(place), "InvalidResponse", "it is not a list of blocks") from None
    return BlockList(unquoted(answer.headers.get("etag", "")), committed, uncommitted)


async def part_spans(service: Service, place: Place) -> tuple[str, dict[int, Between]]:
    """Return the ETag of an object, and where its parts are by number."""
    listed = await list_blocks(service, place, "committed")
    spans, start = {}, 0
    for block in listed.committed:
        spans[block.number] = Between(start, start + block.size)
        start += block.size
    return listed.etag, spans


def commit_document(blocks: Sequence[Block], source: str) -> bytes:
    """Return the body of a Put Block List. Blocks of the source `Uncommitted` can be committed once
    only, those of `Latest` again while the object is still that of them."""
    rows = "".join(f"<{source}>{block.id}</{source}>" for block in blocks)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{rows}</BlockList>'.encode()


def _read(body: bytes) -> tuple[list[Block], list[Block]]:
    root = ElementTree.fromstring(body)
    if root.tag != "BlockList":
        raise ValueError(root.tag)
    return _blocks(root, "CommittedBlocks"), _blocks(root, "UncommittedBlocks")


def _blocks(root: ElementTree.Element, name: str) -> list[Block]:
    rows = root.iterfind(f"{name}/Block")
    found = (Block.read(row.findtext("Name", ""), int(row.findtext("Size", ""))) for row in rows)
    return [block for block in found if block is not None]
