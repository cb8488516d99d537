"""The tiered store keeps the contract, for buckets of its own and for those of a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.backend import Backend
from storage.backends.local import LocalStore, StoreOptions
from storage.backends.memory import MemoryBackend
from storage.capabilities import Capability
from storage.errors import NotSupported
from storage.settings import encoded
from storage.tier import RemoteBucket, Tier, TieredStore
from storage.values import (
    Attributes,
    BucketInfo,
    BucketOptions,
    Checksum,
    ChecksumType,
    ObjectInfo,
    ObjectLock,
    Page,
    Reading,
    Sealed,
    UploadOptions,
)
from tests.storage.cloud import Cloud
from tests.storage.contract import BackendContract
from tests.storage.contract_buckets import BucketContract
from tests.storage.contract_completion import RICH, CompletionContract
from tests.storage.contract_listing import ListingContract
from tests.storage.contract_objects import ObjectContract
from tests.storage.contract_reading import ReadingContract
from tests.storage.contract_reading_many import ReadingManyContract
from tests.storage.contract_uploads import UploadContract
from tests.storage.digests import md5_of
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

PROVIDER = "aws"


class RemoteBuckets(TieredStore):
    """A store whose buckets are all those of a cloud."""

    def __init__(self, tier: Tier) -> None:
        super().__init__(tier)
        self.capabilities = Capability.UPLOADS
        self.create_bucket = self._create_both

    async def _create_both(self, name: str, options: BucketOptions) -> BucketInfo:
        await self.tier.backends[PROVIDER].create_bucket(name, options)
        document = encoded(RemoteBucket(PROVIDER, name))
        settings = {**options.settings, RemoteBucket.setting_name: document}
        chosen = msgspec.structs.replace(options, settings=settings)
        made = await self.local.create_bucket(name, chosen)
        return msgspec.structs.replace(made, settings=dict(options.settings))

    async def list_buckets(self) -> list[BucketInfo]:
        return [_plain(info) for info in await self.local.list_buckets()]

    async def head_object(self, *args: Any) -> Reading:
        return _without_origin(await super().head_object(*args))

    async def get_object(self, *args: Any) -> Reading:
        return _without_origin(await super().get_object(*args))

    async def put_object(self, *args: Any) -> ObjectInfo:
        return _plain_info(await super().put_object(*args))

    async def update_object(self, *args: Any) -> ObjectInfo:
        return _plain_info(await super().update_object(*args))

    async def complete_upload(self, *args: Any) -> ObjectInfo:
        return _plain_info(await super().complete_upload(*args))

    async def list_objects(self, *args: Any) -> Page:
        page = await super().list_objects(*args)
        return msgspec.structs.replace(page, objects=tuple(map(_plain_info, page.objects)))

    async def head_bucket(self, name: str) -> BucketInfo:
        return _plain(await super().head_bucket(name))

    async def update_bucket(
        self, name: str, change: Callable[[BucketInfo], BucketInfo]
    ) -> BucketInfo:
        def kept(info: BucketInfo) -> BucketInfo:
            made = change(_plain(info))
            return msgspec.structs.replace(
                made, settings={**made.settings, **_connection(info.settings)}
            )

        return _plain(await super().update_bucket(name, kept))

    async def delete_bucket(self, name: str) -> None:
        await self.local.head_bucket(name)
        await self.tier.backends[PROVIDER].delete_bucket(name)
        await self.local.discard_bucket(name)


def _without_origin(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, info=_plain_info(reading.info))


def _plain_info(info: ObjectInfo) -> ObjectInfo:
    """The facts as a client sees them."""
    attributes = msgspec.structs.replace(info.attributes, origin=None)
    return msgspec.structs.replace(info, attributes=attributes)


def _connection(settings: dict[str, str]) -> dict[str, str]:
    return {RemoteBucket.setting_name: settings[RemoteBucket.setting_name]}


def _plain(info: BucketInfo) -> BucketInfo:
    kept = {n: text for n, text in info.settings.items() if n != RemoteBucket.setting_name}
    return msgspec.structs.replace(info, settings=kept)


class RemoteContract(
    BucketContract,
    ObjectContract,
    ReadingContract,
    ReadingManyContract,
    ListingContract,
    UploadContract,
    CompletionContract,
):
    """What holds for buckets of a backend."""

    def test_a_completed_upload_is_an_object(self, bucket: SyncBucket, clock: FakeClock) -> None:
        """Its ETag is the backend's, whatever ours would be."""
        upload = bucket.begin("a", UploadOptions(OWNER, RICH))
        bucket.put_part(upload, 1, b"one")
        bucket.put_part(upload, 2, b"two")
        clock.advance_s(3)
        checksum = Checksum("SHA256", "AAAA-2", ChecksumType.COMPOSITE)
        info = bucket.complete(upload, 1, 2, assemble=lambda *_: Sealed("etag-2", checksum))
        etag = md5_of(bytes.fromhex(md5_of(b"one") + md5_of(b"two"))) + "-2"
        facts = ObjectInfo("a", 6, etag, clock.now_ns(), RICH, checksum, 2)
        assert info == msgspec.structs.replace(facts, chunks=2, largest_chunk=3)
        assert bucket.info("a") == info
        assert bucket.read("a") == b"onetwo"

    def test_a_page_shows_what_was_said_of_an_object(self, bucket: SyncBucket) -> None:
        """No backend keeps an ACL or a lock."""
        for said in (
            Attributes(acl="an opaque document"),
            Attributes(lock=ObjectLock(legal_hold=True)),
        ):
            with pytest.raises(NotSupported):
                bucket.put("a", b"x", options=put_options(attributes=said))
            with pytest.raises(NotSupported):
                bucket.begin("a", UploadOptions(OWNER, said))


class TestOwnBuckets(BackendContract):
    @pytest.fixture
    def backend(self, clock: FakeClock) -> Backend:
        return TieredStore(Tier(MemoryBackend(clock), {PROVIDER: Cloud(clock)}))


class TestRemoteBuckets(RemoteContract):
    @pytest.fixture
    def backend(self, clock: FakeClock) -> Backend:
        return RemoteBuckets(Tier(MemoryBackend(clock), {PROVIDER: Cloud(clock)}))


class TestRemoteBucketsOnDisks(RemoteContract):
    @pytest.fixture
    def local(self, tmp_path: Path, clock: FakeClock) -> Iterator[LocalStore]:
        with local_store([tmp_path], clock, StoreOptions()) as store:
            yield store

    @pytest.fixture
    def backend(self, local: LocalStore, tmp_path: Path, clock: FakeClock) -> Backend:
        tier = Tier(local, {PROVIDER: Cloud(clock)}, lock_file=tmp_path / "tier.lock")
        return RemoteBuckets(tier)
