"""What is counted of a tier: requests, bytes, reads, evictions, downloads in many ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import BackendDenied, BackendError, BackendUnavailable, ObjectNotFound
from storage.ranges import Between
from storage.tier import Tier, TieredStore
from storage.tier.backend_rates import BackendRates
from storage.tier.counts import EvictionCause, RequestOutcome
from storage.tier.remote import FetchTask
from storage.values import (
    CompleteOptions,
    DeleteRequest,
    ListQuery,
    ObjectRead,
    Parallel,
    PartOptions,
    ReadOptions,
    UploadOptions,
)
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.cloud import BLOCK, CloudFailed
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import join_etags, put_options
from tests.storage.test_backend_rates import BUSY, rate
from tests.storage.tier_scene import BUCKET, Scene, tier_scene

CONTENT = pattern(3 * BLOCK + 100)


class Counts:
    """All that is counted, by its labels."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()
        self.reads: Counter[tuple[str, bool]] = Counter()
        self.others: list[tuple[Any, ...]] = []

    def request(self, provider: str, request: str, outcome: RequestOutcome, seconds: float) -> None:
        assert seconds >= 0
        self.requests[provider, request, outcome.value] += 1

    def received(self, provider: str, count: int) -> None:
        self.bytes[provider, "received"] += count

    def sent(self, provider: str, count: int) -> None:
        self.bytes[provider, "sent"] += count

    def broken(self, provider: str, outcome: RequestOutcome) -> None:
        self.others.append(("broken", provider, outcome.value))

    def read(self, provider: str, *, is_hit: bool) -> None:
        self.reads[provider, is_hit] += 1

    def evicted(self, cause: EvictionCause, objects: int, size: int) -> None:
        self.others.append(("evicted", cause.value, objects, size))

    def blob(self, provider: str, size: int, *, is_good: bool) -> None:
        self.others.append(("blob", provider, size, is_good))

    def repeated(self, request: str, seconds: float) -> None:
        self.others.append(("repeated", request))


class Counted:
    def __init__(self, scene: Scene) -> None:
        self.cloud = scene.cloud
        self.upload = scene.upload
        self.counts = Counts()
        self.tier = Tier(scene.local, {"aws": scene.cloud}, counts=self.counts)
        self.store = TieredStore(self.tier)

    async def read(self, name: str, options: ReadOptions | None = None) -> bytes:
        reading = await self.store.get_object(BUCKET, name, options or ReadOptions())
        return await content_of(reading)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Counted]:
    with tier_scene(tmp_path, FakeClock()) as plain:
        counted = Counted(plain)
        yield counted
        run(counted.tier.aclose())


def test_a_read_is_a_miss_and_then_hits(scene: Counted) -> None:
    async def story() -> None:
        await scene.upload("a", CONTENT)
        for _ in range(3):
            assert await scene.read("a") == CONTENT

    run(story())
    assert scene.counts.reads == {("aws", False): 1, ("aws", True): 2}
    assert scene.counts.requests == {("aws", "get", "good"): 1}
    assert scene.counts.bytes == {("aws", "received"): len(CONTENT)}


def test_a_range_that_is_not_here_is_a_miss(scene: Counted) -> None:
    async def story() -> None:
        await scene.upload("a", CONTENT)
        await scene.read("a", ReadOptions(want=Between(10, 20)))
        await scene.tier.downloads.settled()
        await scene.read("a", ReadOptions(want=Between(10, 20)))

    run(story())
    assert scene.counts.reads == {("aws", False): 1, ("aws", True): 1}


def test_reads_of_a_batch_are_counted(scene: Counted) -> None:
    async def story() -> None:
        for name in ("a", "b"):
            await scene.upload(name, b"content")
        await scene.read("a")
        reads = [ObjectRead(BUCKET, name, ReadOptions()) for name in ("a", "a", "b")]
        found = await scene.store.get_objects(reads, 1 << 20)
        assert len(found) == 3

    run(story())
    assert scene.counts.reads == {("aws", False): 2, ("aws", True): 2}


def test_what_is_missing_is_a_good_answer_and_no_read(scene: Counted) -> None:
    async def story() -> None:
        with pytest.raises(ObjectNotFound):
            await scene.read("nosuch")

    run(story())
    assert scene.counts.reads == {}
    assert scene.counts.requests == {("aws", "get", "good"): 1}


def test_writes_and_deletions_are_counted_with_their_bytes(scene: Counted) -> None:
    async def story() -> None:
        store = scene.store
        await store.put_object(BUCKET, "a", body_of(CONTENT), put_options())
        upload = (await store.create_upload(BUCKET, "b", UploadOptions("owner"))).id
        await store.put_part(BUCKET, "b", upload, 1, body_of(b"part"), PartOptions(Md5Digest()))
        await store.complete_upload(BUCKET, "b", upload, CompleteOptions((1,), join_etags))
        await store.delete_object(BUCKET, DeleteRequest("a"))
        await store.delete_objects(BUCKET, [DeleteRequest("b")])
        await store.list_objects(BUCKET, ListQuery())
        await store.head_object(BUCKET, "a")

    with pytest.raises(ObjectNotFound):
        run(story())
    good = {"put": 2, "create": 1, "complete": 1, "delete": 2, "list": 1, "head": 1}
    assert scene.counts.requests == {("aws", name, "good"): count for name, count in good.items()}
    assert scene.counts.bytes == {("aws", "sent"): len(CONTENT) + 4}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BUSY, "busy"),
        (BackendUnavailable("aws", "Down"), "unavailable"),
        (BackendDenied("aws", "ExpiredToken"), "denied"),
        (BackendError("aws", "Odd"), "failed"),
    ],
)
def test_errors_of_a_backend_have_an_outcome(
    scene: Counted, error: BackendError, outcome: str
) -> None:
    async def story() -> None:
        await scene.upload("a", CONTENT)
        scene.cloud.refusal = error
        with pytest.raises(type(error)):
            await scene.read("a")

    run(story())
    assert scene.counts.requests == {("aws", "get", outcome): 1}


def test_a_body_that_breaks_off_is_counted(scene: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> Any:
        yield b"x"
        raise BackendUnavailable("aws", "IncompleteBody")

    async def story() -> None:
        await scene.upload("a", CONTENT)
        whole = scene.cloud.get_object

        async def get_object(*arguments: Any) -> Any:
            reading = await whole(*arguments)
            return type(reading)(reading.info, reading.span, broken())

        monkeypatch.setattr(scene.cloud, "get_object", get_object)
        with pytest.raises(BackendUnavailable):
            await scene.read("a")

    run(story())
    assert scene.counts.others == [("broken", "aws", "unavailable")]


def test_evictions_are_counted(scene: Counted) -> None:
    async def story() -> None:
        for name in ("a", "b"):
            await scene.upload(name, b"content")
            await scene.read(name)
        await scene.tier.evict(BUCKET, ["a", "b", "nosuch"])

    run(story())
    assert scene.counts.others == [("evicted", "request", 2, 0)]


def test_downloads_in_many_ranges_are_counted(scene: Counted) -> None:
    async def story() -> None:
        await scene.upload("a", CONTENT)
        await scene.tier.fetch(FetchTask(BUCKET, "a", parallel=Parallel(BLOCK, 2)))
        await scene.upload("b", CONTENT)
        scene.cloud.fails_at = 0
        with pytest.raises(CloudFailed):
            await scene.tier.fetch(FetchTask(BUCKET, "b", parallel=Parallel(BLOCK, 2)))

    run(story())
    size = len(CONTENT)
    assert scene.counts.others == [("blob", "aws", size, True), ("blob", "aws", size, False)]


def test_repeated_requests_are_counted(scene: Counted) -> None:
    async def sleep(_: float) -> None:
        scene.cloud.refusal = None

    async def story() -> None:
        await scene.upload("a", b"content")
        scene.cloud.refusal = BUSY
        rates = BackendRates(counts=scene.counts, sleep=sleep)
        remote = scene.tier.remote_of(await scene.tier.bucket(BUCKET))
        assert remote is not None
        request = remote.backend.head_object
        await rates.make(BUCKET, rate(60_000), "head_object", request, remote.name, "a")

    run(story())
    assert scene.counts.others == [("repeated", "get")]
    assert scene.counts.requests == {("aws", "head", "busy"): 1, ("aws", "head", "good"): 1}
