"""PUT with `archpath`: the body becomes a member of an archive.

The header `Ais-Pine` chooses the archive: without it a new archive of that one member replaces the
object, 1 appends to an archive that must exist, 2 appends or creates it. An append writes the
archive as a new object, so that it has all its members at every moment. A member that fits in
memory is held there, and written again if another writer was faster; a larger one cannot be, and is
refused with 409.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from s3gw.config.bucket_properties import ETAG_CHECKSUM
from s3gw.http.reply import Reply
from s3gw.http.request import MAX_KEY
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.objects.object_headers import written_headers
from s3gw.objects.archive_writing import ArchiveOrder, Mode, write_archive
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import MAX_PAYLOAD, Payload, PayloadCheck, Promises
from s3gw.s3.archives.query import read_format
from s3gw.s3.encryption_headers import customer_key, read_encryption
from s3gw.s3.headers import read_attributes, read_write_condition
from s3gw.wire.errors import Code, S3Error
from storage.archives import Addition, Additions, Entry
from storage.archives.member import plain
from storage.clock import SystemClock
from storage.errors import ObjectChanged
from storage.values import ObjectInfo, Stream

PINE_HEADER = "Ais-Pine"
HELD_BYTES = 4 << 20
_ATTEMPTS = 16
_MODES = {"": Mode.NEW, "0": Mode.NEW, "1": Mode.APPEND, "2": Mode.APPEND_OR_NEW}
_CLOCK = SystemClock()
_NS = 1_000_000_000


class PutInArchive(Struct, frozen=True):
    """The member's name, the archive's format if its name does not show it, the flags of
    `Ais-Pine`, custom properties, and the promises about the member's bytes."""

    path: str
    mime: str
    pine: str
    custom: str
    promises: Promises


async def put_member(call: NativeCall, asked: PutInArchive) -> Reply:
    """Write a member. Raise 400, 404 if there is nothing to append to, 409, 411 for a body of
    unknown length, 501."""
    kept, condition = kept_in(call.bucket_info), read_write_condition(call.headers)
    kind, mode = read_format(asked.mime), _mode(asked.pine)
    if asked.custom:
        raise unsupported("setting custom properties with archpath")
    size = _size(call)
    order = ArchiveOrder(
        mode=mode,
        attributes=read_attributes(call),
        unlock=call.objects.encryption.unlock(customer_key(call)),
        kind=kind,
        condition=condition,
        keep=kept,
        encryption=read_encryption(call),
        etag=ETAG_CHECKSUM,
    )
    entry = Entry(_name(asked.path), size, _CLOCK.now_ns() // _NS)
    payload = Payload(asked.promises, call.trailers, announced=size)
    body = _verified(call.body, PayloadCheck(payload))
    if size > HELD_BYTES:
        info = await _write(call, order, _one(entry, body))
    else:
        content = b"".join([piece async for piece in body])
        info = await _write_again(call, order, lambda: _one(entry, content))
    return Reply(headers=written_headers(call, info))


async def _write(call: NativeCall, order: ArchiveOrder, additions: Additions) -> ObjectInfo:
    return await write_archive(
        call.objects, call.context, call.bucket_info, call.key, order, additions
    )


async def _write_again(
    call: NativeCall, order: ArchiveOrder, additions: Callable[[], Additions]
) -> ObjectInfo:
    """Write the archive, and again if it has changed meanwhile. Writers of this process wait for
    their turn; those of other processes are noticed at the end."""
    async with call.objects.archives.turn(call.bucket, call.key):
        for attempt in range(_ATTEMPTS):
            try:
                return await _write(call, order, additions())
            except ObjectChanged:
                if attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError


async def _one(entry: Entry, body: bytes | Stream) -> Additions:
    yield Addition(entry, body)


async def _verified(body: AsyncIterator[bytes], check: PayloadCheck) -> Stream:
    """Yield the bytes as they come; raise at their end if they are not the announced ones."""
    async for piece in body:
        await asyncio.to_thread(check.update, piece)
        yield piece
    check.check()


def _mode(pine: str) -> Mode:
    if pine not in _MODES:
        raise NativeError(400, f"invalid {PINE_HEADER} {pine[:32]!r}: 1 appends, 2 also creates")
    return _MODES[pine]


def _name(path: str) -> str:
    name = plain(path)
    if not name or "\0" in name or name.endswith("/"):
        raise NativeError(400, f"invalid archpath {path[:128]!r}: name the file in the archive")
    if len(name.encode()) > MAX_KEY:
        raise NativeError(400, f"archpath is longer than {MAX_KEY} bytes")
    return name


def _size(call: NativeCall) -> int:
    """Return the member's size. The archive has it before the bytes, so it must be known."""
    size = call.decoded_length
    if size is None:
        raise S3Error(Code.MissingContentLength)
    if size > MAX_PAYLOAD:
        raise S3Error(Code.EntityTooLarge, MaxSizeAllowed=str(MAX_PAYLOAD))
    return size
