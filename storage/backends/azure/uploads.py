"""Multipart uploads: a part is a block, and completing is committing.

Azure has no uploads, but one list of uncommitted blocks for each name. So an upload is what a mark
in that list says: a block whose id has the upload's tag and the MD5 of what it was begun with,
while the upload id holds all of that. An aborted one has a second mark, since single blocks cannot
be dropped; Azure drops them with the next write of that name, or a week after the last block.

What Azure does not keep of the contract: any write of the name, also the completion of another
upload, ends the uploads of it; a week after its last part an upload is gone; unfinished uploads of
a container cannot be listed, since objects do not say that they have uncommitted blocks; a part
has up to 4000 MiB. Repeating a completion works while the object is still that of the upload.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import zlib
from collections.abc import Sequence
from typing import IO
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from storage.backends.azure.blocks import (
    TAG_BYTES,
    Block,
    BlockList,
    Kind,
    list_blocks,
    new_tag,
    put_block,
    put_mark,
)
from storage.backends.azure.facts import Besides, attribute_headers, info_of, upload_of
from storage.backends.azure.guarding import guarded, write_guard
from storage.backends.azure.options import MOST_BLOCK_BYTES
from storage.backends.azure.place import PROVIDER, Place
from storage.backends.azure.reading import ObjectReader
from storage.backends.azure.service import Service
from storage.backends.azure.writing import BLOCKS_GONE, Commit, Md5Along, check_attributes, commit
from storage.backends.sending import spool
from storage.errors import (
    BackendError,
    BackendUnavailable,
    NotSupported,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    UploadNotFound,
)
from storage.values import (
    Body,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PartPage,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
)

_FILE_READ = 1 << 20
# Of an upload id's text; more would not be ours.
_LONGEST_ID = 64 << 10
_LONGEST_FACTS = 256 << 10


class _State(Struct, frozen=True):
    """An unfinished upload, and the latest block of each of its parts."""

    info: UploadInfo
    parts: dict[int, Block]


class Uploads:
    def __init__(self, service: Service, reader: ObjectReader) -> None:
        self._service = service
        self._reader = reader

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        if options.append:
            raise NotSupported("appending", PROVIDER)
        check_attributes(options.attributes)
        begun = UploadInfo.from_options("", "", options, time.time_ns())
        facts, tag = zlib.compress(msgspec.msgpack.encode(begun)), new_tag()
        mark = Block(Kind.BEGUN, tag, 0, begun.initiated_ns, _md5(facts))
        await put_mark(self._service, Place(bucket, name), mark)
        return replace(begun, id=tag.hex() + facts.hex(), name=name)

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        return (await self._state(Place(bucket, name, upload_id))).info

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        place, digest = Place(bucket, name, upload_id, number), Md5Along(options.digest)
        spooled = await spool(body, digest, self._service.options.block_bytes, crc32)
        with spooled.file as file:
            checksum = digest.seal().checksum
            if spooled.size > MOST_BLOCK_BYTES:
                raise NotSupported("a part of more than 4000 MiB", PROVIDER)
            await self._state(place)
            kind = Kind.PART if spooled.size else Kind.EMPTY
            tag = bytes.fromhex(upload_id[: 2 * TAG_BYTES])
            block = Block(kind, tag, number, time.time_ns(), digest.md5, spooled.size)
            if kind is Kind.EMPTY:
                await put_mark(self._service, place, block)
            else:
                await put_block(self._service, place, block, lambda: _content(file))
        return replace(_part(block), checksum=checksum)

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        state = await self._state(Place(bucket, name, upload_id))
        return _page([_part(block) for _, block in sorted(state.parts.items())], after, limit)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        """The ETag is Azure's, whatever `assemble` says."""
        place = Place(bucket, name, upload_id)
        try:
            state = await self._state(place)
        except UploadNotFound:
            return await self._completed(place)
        chosen = _choose(state, options.numbers)
        sealed = options.assemble(state.info, [_part(block) for block in chosen])
        besides = Besides(
            checksum=sealed.checksum, upload=upload_id[: 2 * TAG_BYTES], parts=len(chosen)
        )
        headers = attribute_headers(state.info.attributes, besides)
        guard = await write_guard(self._reader, place, options.condition)
        blocks = [block for block in chosen if block.kind is Kind.PART]
        try:
            made = Commit(blocks, headers, guard, once=True)
            return await commit(self._service, guarded(place, guard), made)
        except (BackendUnavailable, PreconditionFailed) as error:
            # It may have been done nevertheless, by this request or by another completion.
            try:
                return await self._completed(place)
            except UploadNotFound:
                if isinstance(error, BackendError) and error.code in BLOCKS_GONE:
                    raise
                raise error from None

    async def _completed(self, place: Place) -> ObjectInfo:
        """Return the object if it is from the upload. Raise `UploadNotFound`."""
        try:
            headers = await self._reader.look_at_headers(place)
        except ObjectNotFound:
            raise UploadNotFound(place.upload_id) from None
        tag = upload_of(headers)
        if not tag or tag != place.upload_id[: 2 * TAG_BYTES]:
            raise UploadNotFound(place.upload_id)
        return info_of(place.name, headers, int(headers["content-length"]))

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        place = Place(bucket, name, upload_id)
        await self._state(place)
        tag = bytes.fromhex(upload_id[: 2 * TAG_BYTES])
        await put_mark(self._service, place, Block(Kind.ABORTED, tag, 0, time.time_ns(), bytes(16)))

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        raise NotSupported("listing uploads", PROVIDER)

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        """Without the empty ones, since nothing of them was committed."""
        if version is not None:
            raise NotSupported("versions", PROVIDER)
        place = Place(bucket, name)
        if not (await self._reader.look(place)).parts:
            return PartPage(())
        listed = await list_blocks(self._service, place, "committed")
        return _page([_part(block) for block in listed.committed], after, limit)

    async def _state(self, place: Place) -> _State:
        """Raise `UploadNotFound`."""
        try:
            listed = await list_blocks(self._service, place, "uncommitted")
        except ObjectNotFound:
            raise UploadNotFound(place.upload_id) from None
        read = await asyncio.to_thread(_read_state, place, listed)
        if read is None:
            raise UploadNotFound(place.upload_id)
        return read


def _read_state(place: Place, listed: BlockList) -> _State | None:
    """Return `None` if there is no such upload, or not any more."""
    read = _read_id(place.upload_id)
    if read is None:
        return None
    tag, facts = read
    ours = [block for block in listed.uncommitted if block.tag == tag]
    marks = {block.kind: block for block in ours if block.kind in (Kind.BEGUN, Kind.ABORTED)}
    if Kind.ABORTED in marks or Kind.BEGUN not in marks or marks[Kind.BEGUN].md5 != _md5(facts):
        return None
    parts: dict[int, Block] = {}
    for block in ours:
        if block.kind in (Kind.PART, Kind.EMPTY):
            known = parts.get(block.number)
            if known is None or known.put_ns < block.put_ns:
                parts[block.number] = block
    begun = msgspec.msgpack.decode(_inflated(facts), type=UploadInfo)
    return _State(replace(begun, id=place.upload_id, name=place.name), parts)


def _read_id(upload_id: str) -> tuple[bytes, bytes] | None:
    """The tag of an upload, and what it was begun with."""
    if len(upload_id) > _LONGEST_ID:
        return None
    try:
        read = bytes.fromhex(upload_id)
    except ValueError:
        return None
    return (read[:TAG_BYTES], read[TAG_BYTES:]) if len(read) > TAG_BYTES else None


def _inflated(facts: bytes) -> bytes:
    return zlib.decompressobj().decompress(facts, _LONGEST_FACTS)


def _choose(state: _State, numbers: Sequence[int]) -> list[Block]:
    for number in numbers:
        if number not in state.parts:
            raise PartNotFound(number, len(state.parts))
    return [state.parts[number] for number in numbers]


def _part(block: Block) -> PartInfo:
    size = 0 if block.kind is Kind.EMPTY else block.size
    return PartInfo(block.number, size, block.md5.hex(), block.put_ns)


def _page(parts: Sequence[PartInfo], after: int, limit: int) -> PartPage:
    later = [part for part in parts if part.number > after]
    page = tuple(later[:limit])
    return PartPage(page, page[-1].number if page and len(later) > limit else None)


async def _content(file: IO[bytes]) -> Body:
    """The file from its beginning; a request that is repeated reads it again."""
    await asyncio.to_thread(file.seek, 0)
    while block := await asyncio.to_thread(file.read, _FILE_READ):
        yield block


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
