"""Appends that nobody flushes are removed, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cluster.abandoned import ABANDONED_S, AbandonedUploads
from s3gw.objects.checksums import Payload, PayloadDigest
from storage.backends.memory import MemoryBackend
from storage.clock import PatientClock
from storage.values import (
    Attributes,
    BucketOptions,
    Origin,
    PartOptions,
    UploadOptions,
    UploadQuery,
)
from tests.storage.fake_clock import FakeClock

_NS = 1_000_000_000
DAY_NS = ABANDONED_S * _NS


async def body() -> AsyncIterator[bytes]:
    yield b"x"


async def never(_: float) -> bool:
    return False


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryBackend(self.clock)

    async def begin(self, name: str, *, append: bool = True) -> str:
        options = UploadOptions(owner="me", append=append)
        return (await self.store.create_upload("b", name, options)).id

    async def add(self, name: str, upload: str) -> None:
        digest = PayloadDigest(Payload(), await self.store.head_bucket("b"))
        await self.store.put_part("b", name, upload, 1, body(), PartOptions(digest))

    async def left(self) -> list[str]:
        await AbandonedUploads(self.store, never, self.clock).run_once()
        pages = [
            await self.store.list_uploads("b", UploadQuery(appends=appends))
            for appends in (True, False)
        ]
        return [upload.name for page in pages for upload in page.uploads]


def test_an_append_goes_a_day_after_its_last_piece() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.store.create_bucket("b", BucketOptions("me"))
        await scene.begin("upload", append=False)
        for number in range(150):
            await scene.begin(f"old-{number:03}")
        going_on = await scene.begin("going on")
        scene.clock.advance_ns(DAY_NS)
        assert len(await scene.left()) == 152
        await scene.add("going on", going_on)
        await scene.begin("new")
        scene.clock.advance_ns(1)
        assert await scene.left() == ["going on", "new", "upload"]
        scene.clock.advance_ns(DAY_NS)
        assert await scene.left() == ["upload"]

    asyncio.run(story())


def test_a_download_in_parts_goes_too_and_no_upload_of_a_client() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.store.create_bucket("b", BucketOptions("me"))
        for name, origin in (
            ("download", Origin("etag")),
            ("client's", Origin("", "its id there")),
        ):
            options = UploadOptions("me", Attributes(origin=origin))
            await scene.store.create_upload("b", name, options)
        assert await scene.left() == ["client's", "download"]
        scene.clock.advance_ns(DAY_NS + 1)
        assert await scene.left() == ["client's"]

    asyncio.run(story())


def test_a_clock_that_jumps_ahead_ends_no_append() -> None:
    async def story() -> None:
        scene, passed = Scene(), FakeClock(0)
        await scene.store.create_bucket("b", BucketOptions("me"))
        clock = PatientClock(scene.clock, passed=passed)
        await scene.begin("going on")
        scene.clock.advance_ns(3 * DAY_NS)
        await AbandonedUploads(scene.store, never, clock).run_once()
        page = await scene.store.list_uploads("b", UploadQuery(appends=True))
        assert [upload.name for upload in page.uploads] == ["going on"]

    asyncio.run(story())
