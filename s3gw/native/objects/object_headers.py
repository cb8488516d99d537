"""Headers of an object, for GET and both forms of HEAD.

The old form of HEAD shows everything. The new one names in `props` what it wants; size and presence
are always sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from s3gw.config.bucket_properties import properties_of
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.objects.checksums import AisChecksum, checksum_of
from s3gw.native.objects.custom import custom_pairs
from s3gw.native.objects.location import location_of, mountpath_of
from s3gw.native.remote_buckets import is_remote, remote_pairs
from s3gw.objects.aistore_names import name_of
from s3gw.s3.header_text import encoded_word
from s3gw.s3.headers import http_date, quoted
from storage.values import NULL_VERSION, Listed, ObjectInfo

CUSTOM_HEADER = "Ais-Custom-Md"
_NS = 1_000_000_000
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")

Pairs = list[tuple[str, str]]
Tell = Callable[[NativeCall, ObjectInfo], Pairs]


def _version(call: NativeCall, info: ObjectInfo) -> Pairs:
    """Return none where the bucket does not number its objects."""
    if is_remote(call):
        return [("Ais-Version", info.version)] if info.version != NULL_VERSION else []
    numbered = properties_of(call.bucket_info).numbered
    return [("Ais-Version", version_text(info))] if numbered else []


def version_text(info: Listed) -> str:
    """Return AIStore's version: a number that grows with each write of the name, by either API and
    whether versions are kept or not."""
    return str(info.writes)


def _checksum(call: NativeCall, info: ObjectInfo) -> Pairs:
    found = checksum_of(info, call.bucket_info)
    return list(found.headers().items()) if found else []


def _atime(call: NativeCall, info: ObjectInfo) -> Pairs:
    return [("Ais-Atime", str(max(info.modified_ns, call.accessed_ns)))]


def _custom(call: NativeCall, info: ObjectInfo) -> Pairs:
    pairs = [*custom_pairs(info), *remote_pairs(call, info)]
    return [(CUSTOM_HEADER, f"{name}={_sendable(value)}") for name, value in pairs]


def _sendable(value: str) -> str:
    """Return the value. AIStore sends text of any script as it is, but no header can have line
    ends, which a form of S3 or an encoded word may bring."""
    return encoded_word(value) if _CONTROLS.search(value) else value


def _copies(call: NativeCall, info: ObjectInfo) -> Pairs:
    folder = mountpath_of(call.native.node.folders, call.bucket_info, info.name)
    return [("Ais-Mirror-Copies", "1"), ("Ais-Mirror-Paths", str(folder))]


def _location(call: NativeCall, info: ObjectInfo) -> Pairs:
    return [("Ais-Location", location_of(call, info.name))]


def _chunked(call: NativeCall, info: ObjectInfo) -> Pairs:
    """Return the chunks' count and largest size; the latter was not counted in old uploads."""
    told = [("Ais-Chunks-Count", info.chunks), ("Ais-Chunks-Max-Chunk-Size", info.largest_chunk)]
    return [(name, str(number)) for name, number in told if number]


def _last_modified(call: NativeCall, info: ObjectInfo) -> Pairs:
    return [("Last-Modified", http_date(info.modified_ns // _NS))]


def _etag(call: NativeCall, info: ObjectInfo) -> Pairs:
    return [("ETag", quoted(info.etag))]


def _nothing(call: NativeCall, info: ObjectInfo) -> Pairs:
    """Name and size are sent anyway, and nothing here is erasure-coded."""
    return []


PROPS: Mapping[str, Tell] = {
    "name": _nothing,
    "size": _nothing,
    "version": _version,
    "checksum": _checksum,
    "atime": _atime,
    "copies": _copies,
    "ec": _nothing,
    "custom": _custom,
    "location": _location,
    "chunked": _chunked,
    "last-modified": _last_modified,
    "etag": _etag,
}
# Not told of an object that is at its backend only.
_OF_WHAT_IS_HERE: frozenset[Tell] = frozenset({_atime, _checksum, _copies, _location, _chunked})
_OF_A_READER: tuple[Tell, ...] = (_atime, _version, _custom, _etag, _last_modified)


def reader_headers(call: NativeCall, info: ObjectInfo, checksum: AisChecksum | None) -> Pairs:
    """Return the headers of GET; `checksum` is of the range that is sent, if it has its own."""
    found = list(checksum.headers().items()) if checksum else _checksum(call, info)
    return found + [pair for tell in _OF_A_READER for pair in tell(call, info)]


def written_headers(call: NativeCall, info: ObjectInfo) -> dict[str, str]:
    """Return the headers of PUT."""
    return dict([*_etag(call, info), *_checksum(call, info), *_version(call, info)])


def all_headers(call: NativeCall, info: ObjectInfo, *, here: bool) -> Pairs:
    """Return the headers of HEAD without `props`."""
    named = [
        ("Ais-Present", str(here).lower()),
        ("Ais-Name", _latin(name_of(info.name))),
        ("Ais-Bucket-Name", call.bck.name),
        ("Ais-Bucket-Provider", call.bck.provider),
    ]
    told = [tell for tell in PROPS.values() if here or tell not in _OF_WHAT_IS_HERE]
    return named + [pair for tell in told for pair in tell(call, info)]


def chosen_headers(call: NativeCall, info: ObjectInfo, props: str, *, here: bool) -> Pairs:
    """Return the headers of HEAD with `props`, names separated by commas. Raise 400 for an unknown
    one."""
    names = [name.strip() for name in props.split(",") if name.strip()]
    for name in names:
        if name not in PROPS:
            raise NativeError(400, f'invalid property "{name[:64]}"')
    told = [PROPS[name] for name in dict.fromkeys(names)]
    chosen = [
        pair for tell in told if here or tell not in _OF_WHAT_IS_HERE for pair in tell(call, info)
    ]
    return [("Ais-Present", str(here).lower()), *chosen]


def _latin(text: str) -> str:
    """Return UTF-8 as headers carry it, without the characters that would end a header."""
    return "".join(c for c in text if c >= " " and c != "\x7f").encode().decode("latin-1")
