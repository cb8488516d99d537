"""Downloads of single links by jobs.

The rights were checked when the job was requested, and every URL goes through the rules about
addresses. An object belongs to the bucket's owner, and is encrypted and locked by the bucket's
defaults. With it is kept what its server said of it, so that the same link is not read again as
long as that is true. What a transformer has made is always made again: it may be another one by
now. The server reads the link, and the transformer gets its bytes; in AIStore the transformer reads
the link itself, which would be past all rules about addresses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from urllib.parse import quote, urlsplit

import xxhash
from msgspec import Struct
from msgspec.structs import replace

from cluster.jobs.job_run import DownloadTask, NotDownloaded
from s3gw.etl.errors import EtlError
from s3gw.etl.talk.work import Piece, Work, started
from s3gw.etl.transforming import Transforming, discard
from s3gw.http.request import MAX_KEY
from s3gw.identity.vault import Vault, VaultError
from s3gw.jobs.download_headers import opened_headers
from s3gw.jobs.transforming import in_use, when_ready
from s3gw.objects.aistore_names import bucket_names
from s3gw.objects.attributes import new_attributes
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.checksums import Payload
from s3gw.objects.context import Context
from s3gw.objects.service import ObjectService, WriteOptions, body_of
from s3gw.wire.errors import S3Error
from storage.backends.http import BadUrl, Place, WebReader, split_url
from storage.digits import read_digits
from storage.errors import (
    BackendUnavailable,
    BucketNotFound,
    DeviceFailed,
    ObjectChanged,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
)
from storage.values import NO_ATTRIBUTES, Attributes, BucketInfo, ObjectInfo, Reading, Stream

# Errors that are not the link's fault, and would be the same with the next one.
_ENDS_ALL = (BucketNotFound, OutOfSpace, DeviceFailed)
_LATER = (BackendUnavailable, ObjectChanged)
# Where the objects of public buckets are, by the schemes of their tools.
_PUBLIC = {
    "gs": "https://storage.googleapis.com/",
    "gcp": "https://storage.googleapis.com/",
    "s3": "https://s3.amazonaws.com/",
    "aws": "https://s3.amazonaws.com/",
}
_ESCAPED = "!#$%&'()*+,/:;=?@[]~"
_MARK = "downloaded"
_SOURCE = {"source": "web"}


def web_url(link: str) -> str:
    """Return the URL of a link: public objects of clouds are at their addresses, and a link without
    a scheme is of http, as in AIStore. Raises `BadUrl`."""
    scheme, mark, rest = link.strip().partition("://")
    if not mark:
        scheme, rest = "http", scheme
    base = _PUBLIC.get(scheme.lower(), f"{scheme.lower()}://")
    url = quote((base + rest).partition("#")[0], safe=_ESCAPED)
    split_url(url)
    return url


class Downloader(Struct, frozen=True):
    """`vault` opens the headers of jobs; `etl` is None where transformers are turned off."""

    objects: ObjectService
    reader: WebReader
    vault: Vault
    etl: Transforming | None = None

    async def download(self, task: DownloadTask) -> int | None:
        """Download an object; return its bytes, None if the one that is here is still the same.
        Raises `NotDownloaded`, `BucketNotFound`, and `OutOfSpace`, because nothing more has room
        then."""
        name = task.link.name
        if not 0 < len(name.encode()) <= MAX_KEY:
            raise NotDownloaded(f"the object's name would be longer than {MAX_KEY} bytes")
        try:
            return await self._download(task)
        except (BadUrl, VaultError) as error:
            raise NotDownloaded(str(error)) from None
        except (EtlError, S3Error) as error:
            raise NotDownloaded(error.message) from None
        except ObjectNotFound:
            raise NotDownloaded("its server does not have it") from None
        except _ENDS_ALL:
            raise
        except StorageError as error:
            why = str(error) or type(error).__name__
            raise NotDownloaded(why, later=isinstance(error, _LATER)) from None

    async def _download(self, task: DownloadTask) -> int | None:
        objects, name = self.objects, task.link.name
        target = await objects.store.head_bucket(task.job.bucket)
        place = _place(task, opened_headers(task.sealed_headers, self.vault))
        if task.etl:
            transform = partial(self._transform, in_use(self.etl), target, place, task)
            return await when_ready(transform, _never)
        known = await self._known(target.name, place)
        if known is not None and await self.reader.is_same(place, known):
            return None
        reading = await self.reader.get(place)
        try:
            task.begin(reading.info.size)
            context = Context(task.job.requested_by)
            given = new_attributes(target, context.clock.now_ns())
            options = WriteOptions(
                attributes=_attributes(given, place, reading.info),
                payload=Payload(keep=kept_in(target), announced=reading.info.size),
                size=reading.info.size,
            )
            await objects.write(context, target, name, _measured(reading, task), options)
        finally:
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
        return reading.info.size

    async def _transform(
        self, etl: Transforming, target: BucketInfo, place: Place, task: DownloadTask
    ) -> int:
        async def opened() -> Piece:
            reading = await self.reader.get(place)
            task.begin(reading.info.size)
            return Piece(await started(_held(reading, task)), reading.info.size)

        names, name = bucket_names(target.name), place.name
        work = Work(names.path(name), names.uname(name), opened, task.etl_args, stored=False)
        piece = await etl.transform([task.etl], work, "")
        try:
            context = Context(task.job.requested_by)
            given = new_attributes(target, context.clock.now_ns())
            options = WriteOptions(
                attributes=replace(given, custom=_SOURCE),
                payload=Payload(keep=kept_in(target), announced=piece.size),
                size=piece.size,
            )
            made = await self.objects.write(context, target, name, piece.blocks(), options)
        finally:
            await discard(piece)
        return made.size

    async def _known(self, bucket: str, place: Place) -> ObjectInfo | None:
        """Return what the server said of the object that is here; None if it is of another link, or
        was not downloaded."""
        try:
            info = (await self.objects.store.head_object(bucket, place.name)).info
        except ObjectNotFound:
            return None
        link, _, rest = info.attributes.custom.get(_MARK, "").partition(" ")
        size, _, rest = rest.partition(" ")
        modified_ns, _, etag = rest.partition(" ")
        if link != _hash(place.url) or size != str(info.size) or not etag:
            return None
        return ObjectInfo(place.name, info.size, etag, read_digits(modified_ns) or 0, NO_ATTRIBUTES)


def _place(task: DownloadTask, headers: Mapping[str, str]) -> Place:
    url = web_url(task.link.url)
    parts = urlsplit(url)
    return Place(url, task.link.name, f"{parts.netloc}{parts.path}", headers)


def _attributes(given: Attributes, place: Place, info: ObjectInfo) -> Attributes:
    # The URL itself may hold a secret in its query.
    mark = f"{_hash(place.url)} {info.size} {info.modified_ns} {info.etag}"
    headers = {**given.headers, **info.attributes.headers}
    return replace(given, headers=headers, custom={**_SOURCE, _MARK: mark})


def _hash(url: str) -> str:
    return str(xxhash.xxh3_128_hexdigest(url.encode()))


async def _measured(reading: Reading, task: DownloadTask) -> AsyncIterator[bytes]:
    async for block in body_of(reading):
        await task.allow(len(block))
        yield block


async def _held(reading: Reading, task: DownloadTask) -> Stream:
    """Yield nothing, then the measured bytes; close the reading in the end."""
    try:
        yield b""
        async for block in _measured(reading, task):
            yield block
    finally:
        if not isinstance(reading.body, bytes):
            await reading.body.aclose()


def _never() -> None:
    """Check nothing: the downloads of a job that stops are cancelled."""
