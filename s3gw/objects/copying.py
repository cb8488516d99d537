"""What every copy of an object has in common, whoever asks for it and why.

A copy has the bytes, content headers, metadata and tags of its source; it belongs to who writes it,
and its bucket says how it is encrypted and locked.
"""

from __future__ import annotations

import msgspec

from s3gw.http.request import Call
from s3gw.objects.checksums import ALGORITHMS, Algorithm, PayloadDigest, Promises
from s3gw.objects.chunk_sizes import chunking_of
from s3gw.objects.payload import body_of
from s3gw.objects.sealing import Sealing
from s3gw.s3.headers import REDIRECT_LOCATION, read_write_condition
from storage.values import Attributes, Body, Checksum, ObjectInfo, PutOptions, Reading


def copied_attributes(
    given: Attributes, source: Attributes, tagged: Attributes | None = None
) -> Attributes:
    """The copy's, out of those that the request gave and the source's; tags come from `tagged` if
    it is there. Where an object redirects to is not copied with its metadata."""
    headers = {name: value for name, value in source.headers.items() if name != REDIRECT_LOCATION}
    if REDIRECT_LOCATION in given.headers:
        headers[REDIRECT_LOCATION] = given.headers[REDIRECT_LOCATION]
    tags = (tagged or source).tags
    return msgspec.structs.replace(given, headers=headers, custom=source.custom, tags=tags)


def copied_algorithm(source: Checksum | None) -> Algorithm | None:
    """A copy keeps the kind of checksum that its source has."""
    return ALGORITHMS[source.algorithm] if source else None


async def write_copy(
    call: Call,
    reading: Reading,
    sealing: Sealing,
    attributes: Attributes,
    *,
    algorithm: Algorithm | None = None,
    body: Body | None = None,
) -> ObjectInfo:
    """Write the bytes that are read, or `body` if it wraps them, as the call's object, on the
    conditions of its headers. Raises as `Backend.put_object`."""
    digest = PayloadDigest(Promises(), {}, algorithm or copied_algorithm(reading.info.checksum))
    options = PutOptions(
        digest=sealing.digest(digest),
        attributes=sealing.mark(attributes),
        condition=read_write_condition(call.headers),
        size=reading.info.size,
        data_key=sealing.data_key,
        chunks=chunking_of(call.bucket_facts),
    )
    return await call.store.put_object(call.bucket, call.key, body or body_of(reading), options)
