"""Keys of records, by the algorithm of a dsort."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import xxhash

from cluster.jobs.job_run import JobFailed
from cluster.jobs.sorting import Algorithm, KeyType, Order
from s3gw.jobs.sorting.records import Key, extension_of
from storage.archives import Member

# The content of a member that is a key.
MAX_KEY_BYTES = 64 << 10
_INT64 = 1 << 63


def key_member(algorithm: Algorithm, members: Sequence[Member]) -> Member | None:
    """Return the member whose content is the key; None where the name is. Raise `JobFailed` for a
    record without it, or with one that is too long."""
    if algorithm.order is not Order.CONTENT:
        return None
    for member in members:
        if extension_of(member.name) == algorithm.extension:
            if member.size > MAX_KEY_BYTES:
                raise JobFailed(f"the key in {member.name!r} is longer than {MAX_KEY_BYTES} bytes")
            return member
    raise JobFailed(f"key is missing for {members[0].name!r}")


def key_of(algorithm: Algorithm, shard: str, name: str, content: bytes | None) -> Key:
    """Return the key of the record whose first member has that name. Raise `JobFailed` for content
    that is not of the key's type."""
    raw = name.encode("utf-8", "surrogateescape")
    match algorithm.order:
        case Order.ALPHANUMERIC:
            return raw
        case Order.MD5:
            return hashlib.md5(raw, usedforsecurity=False).hexdigest().encode()
        case Order.SHUFFLE:
            where = f"{shard}|".encode() + raw
            return xxhash.xxh3_128_digest(where, algorithm.seed & (2 * _INT64 - 1))
        case Order.NONE:
            return b""
        case Order.CONTENT:
            assert content is not None
            return _content_key(algorithm.key_type, name, content)


def _content_key(kind: KeyType, name: str, content: bytes) -> Key:
    if kind is KeyType.STRING:
        return content
    try:
        text = content.decode("ascii").strip()
        key = int(text) if kind is KeyType.INT else float(text)
    except ValueError:
        key = math.nan
    if math.isnan(key) or (kind is KeyType.INT and not -_INT64 <= key < _INT64):
        raise JobFailed(f"the key of {name!r} is not of the type {kind.value}: {content[:64]!r}")
    return key


def text_of(algorithm: Algorithm, name: str, key: Key) -> str:
    """Return what is looked up in a key map: a name, an MD5, or the content."""
    if algorithm.order in (Order.MD5, Order.CONTENT):
        if isinstance(key, bytes):
            return key.decode("utf-8", "replace")
        return str(int(key)) if key == int(key) and abs(key) < 1e21 else repr(key)
    return name
