"""A store with one of everything, and all that a backend says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from cluster.adopting.adoption import Order
from cluster.store import Place
from storage.backend import Store
from storage.backends.local import LocalStore, StoreOptions
from storage.chunking import Chunking
from storage.errors import StorageError
from storage.values import (
    Attributes,
    BucketOptions,
    ListQuery,
    LockMode,
    ObjectLock,
    PutOptions,
    ReadOptions,
    Retention,
    Stream,
    UploadQuery,
    Versioning,
    VersionQuery,
)
from tests.storage.bodies import content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.encrypting import encrypted, unlock
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

SMALL, LARGE = pattern(900, seed=1), pattern(40_000, seed=2)
CHUNKS = Chunking(1, 30_000)
_FAR_NS = 4 * 10**18


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[LocalStore]:
    with local_store(paths, FakeClock(), StoreOptions(inline_limit=2000)) as store:
        yield store


def fill(store: LocalStore) -> None:
    """Objects of each kind, in buckets that were renamed, locked, versioned, and removed."""
    _fill_plain(_made(store, "plain", settings={"cors": "<x/>"}, tags={"a": "b"}))
    _fill_versioned(_made(store, "versioned", versioning=Versioning.ENABLED))
    _fill_locked(_made(store, "locked", versioning=Versioning.ENABLED))
    _fill_encrypted(_made(store, "encrypted", settings={"encryption": '{"scheme":"AES256"}'}))
    _made(store, "empty", location="eu-west-1")
    # One bucket has the label of its first name, and the next of that name has another.
    first = _made(store, "reused")
    first.put("of the first", LARGE)
    run(store.rename_bucket("reused", "renamed"))
    _made(store, "reused").put("of the second", LARGE)
    gone = _made(store, "gone")
    gone.put_all("a", "b")
    gone.put("large", LARGE)
    gone.upload_of("unfinished", LARGE)
    run(store.discard_bucket("gone"))


def _made(store: LocalStore, name: str, **options: Any) -> SyncBucket:
    run(store.create_bucket(name, BucketOptions(OWNER, **options)))
    return SyncBucket(store, name)


def _fill_plain(bucket: SyncBucket) -> None:
    for number in range(25):
        bucket.put(f"folder {number % 3}/{number:03d} é\U0001f600", SMALL[:number])
        bucket.put(f"blob-{number}", LARGE[number:])
    # Half of them go to the other mountpath.
    for number in range(12):
        bucket.rename(f"blob-{number}", f"moved-{number}")
    bucket.rename("moved-0", "blob-0")
    bucket.put("empty")
    bucket.put("of several blocks", pattern(1_200_000, seed=3))
    attributes = Attributes({"content-type": "text/x"}, {"mine": "1"}, {"tag": "2"}, "STANDARD_IA")
    bucket.put("described", LARGE, options=put_options(attributes=attributes))
    chunked = PutOptions(Md5Digest(), size=len(LARGE), chunks=CHUNKS)
    bucket.put("chunks", LARGE, options=chunked)
    bucket.put("chunks to be moved", LARGE, options=chunked)
    bucket.rename("chunks to be moved", "moved chunks")
    bucket.put_in_parts("parts", LARGE, SMALL)
    bucket.put_in_parts("rechunked", LARGE, LARGE)
    bucket.rechunk("rechunked", 1, 30_000)
    bucket.upload_of("unfinished", LARGE, b"", SMALL)
    bucket.begin("unfinished/without parts")


def _fill_versioned(bucket: SyncBucket) -> None:
    for number in range(4):
        bucket.put("many", LARGE[number:])
        bucket.put(f"small-{number}", SMALL)
    bucket.remove("many", bucket.history("many")[1])
    bucket.delete("small-1")
    bucket.delete("small-2")
    bucket.put("small-2", LARGE)
    bucket.put_in_parts("many", LARGE, SMALL)
    bucket.rename("small-3", "small-3 renamed")
    bucket.set_versioning(Versioning.SUSPENDED)
    bucket.put("many", b"null")
    bucket.delete("null marker")


def _fill_locked(bucket: SyncBucket) -> None:
    bucket.put("held", LARGE)
    bucket.lock("held", ObjectLock(legal_hold=True))
    bucket.put("held", SMALL)
    bucket.lock("held", ObjectLock(Retention(LockMode.COMPLIANCE, _FAR_NS)))


def _fill_encrypted(bucket: SyncBucket) -> None:
    for name, content in (("sealed small", SMALL), ("sealed large", LARGE)):
        attributes = encrypted()
        assert attributes.encryption is not None
        key = attributes.encryption.wrapped
        options = PutOptions(Md5Digest(), attributes, data_key=key)
        bucket.put(name, content, options=options)


def everything(store: Store) -> dict[str, Any]:
    """All that it answers, page by page."""
    return run(_everything(store))


async def _everything(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in await store.list_buckets():
        assert await store.head_bucket(info.name) == info
        # The number in a label is the bucket's in the store where it was made.
        found[info.name] = [info, await _versions(store, info.name), await _uploads(store, info)]
        for delimiter in ("", "/"):
            found[info.name].append(await _listing(store, info.name, delimiter))
    return found


async def _listing(store: Store, bucket: str, delimiter: str) -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        query = ListQuery(after=after, delimiter=delimiter, limit=7)
        page = await store.list_objects(bucket, query)
        found += [*page.objects, *page.common_prefixes]
        if page.next_after is None:
            return found
        after = page.next_after


async def _versions(store: Store, bucket: str) -> list[Any]:
    found: list[Any] = []
    query = VersionQuery(limit=5)
    while True:
        page = await store.list_versions(bucket, query)
        for entry in page.versions:
            found.append((entry, await _content(store, bucket, entry.info)))
        if page.next_after is None:
            return found
        query = VersionQuery(after=page.next_after, after_version=page.next_version, limit=5)


async def _content(store: Store, bucket: str, info: Any) -> Any:
    options = ReadOptions(version=info.version, unlock=unlock)
    try:
        head = await store.head_object(bucket, info.name, options)
        reading = await store.get_object(bucket, info.name, options)
        assert reading.info == head.info == info
        parts = await store.list_object_parts(bucket, info.name, version=info.version)
        return await content_of(reading), parts
    except StorageError as error:
        return repr(error)


async def _uploads(store: Store, bucket: Any) -> list[Any]:
    page = await store.list_uploads(bucket.name, UploadQuery())
    found: list[Any] = []
    for upload in page.uploads:
        parts = await store.list_parts(bucket.name, upload.name, upload.id)
        contents = []
        for part in parts.parts:
            got = await store.get_part(bucket.name, upload.name, upload.id, part.number)
            contents.append(got if isinstance(got, bytes) else await _joined(got))
        found.append((upload, parts.parts, contents))
    return found


async def _joined(stream: Stream) -> bytes:
    async with aclosing(stream):
        return b"".join([bytes(block) async for block in stream])


def order(data: Sequence[Path], place: Place, **other: Any) -> Order:
    """To adopt the store into the place, in small transactions."""
    made = Order(data=data, address=place.address, folder=place.folder, transaction_rows=7)
    return msgspec.structs.replace(made, **other)
