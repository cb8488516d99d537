"""Objects of the model backend: content, parts and layout."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from storage.errors import PartNotFound
from storage.ranges import Between, PartNumber, Want, resolve
from storage.values import ObjectInfo, PartInfo, Sealed, UploadInfo


class MemoryObject(Struct, frozen=True):
    info: ObjectInfo
    content: bytes
    parts: tuple[PartInfo, ...] = ()
    layout: tuple[int, ...] = ()

    def cut(self, layout: Sequence[int]) -> MemoryObject:
        count, largest = len(layout), max(layout, default=0)
        info = msgspec.structs.replace(self.info, chunks=count, largest_chunk=largest)
        return replace(self, info=info, layout=tuple(layout))


class MemoryPart(Struct, frozen=True):
    info: PartInfo
    content: bytes


class MemoryUpload(Struct, frozen=True):
    info: UploadInfo
    parts: dict[int, MemoryPart] = field(default_factory=dict)

    def choose(self, numbers: tuple[int, ...]) -> list[MemoryPart]:
        for number in numbers:
            if number not in self.parts:
                raise PartNotFound(number)
        return [self.parts[number] for number in numbers]


def span_of(stored: MemoryObject, want: Want | None) -> Between:
    if isinstance(want, PartNumber):
        return _part_span(stored, want.number)
    return resolve(want, stored.info.size)


def _part_span(stored: MemoryObject, number: int) -> Between:
    if not stored.parts and number == 1:
        return Between(0, stored.info.size)
    start = 0
    for part in stored.parts:
        if part.number == number:
            return Between(start, start + part.size)
        start += part.size
    raise PartNotFound(number, len(stored.parts) or 1)


def assembled(
    upload: UploadInfo, parts: list[MemoryPart], sealed: Sealed, now_ns: int
) -> MemoryObject:
    content = b"".join(part.content for part in parts)
    info = ObjectInfo(
        name=upload.name,
        size=len(content),
        etag=sealed.etag,
        modified_ns=now_ns,
        attributes=upload.attributes,
        checksum=sealed.checksum,
        parts=len(parts),
    )
    whole = MemoryObject(info, content, tuple(part.info for part in parts))
    return whole.cut([part.info.size for part in parts])
