"""What goes wrong on the way: a reader has the whole object or an error, and a writer knows it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing

import pytest

from storage.backends.gcp import GcpBackend
from storage.backends.resuming import BLOCK_BYTES, MOST_RESUMPTIONS
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    Corrupt,
    ObjectChanged,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
)
from storage.ranges import Between, From
from storage.values import (
    Condition,
    ListQuery,
    PutOptions,
    ReadOptions,
    UploadQuery,
)
from tests.storage.aws.double import Answer, Answerer, Asked, Double
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.gcp.answers import (
    GENERATION,
    OTHER_GENERATION,
    against,
    is_media,
    md5,
    media_of,
    refuse,
    resource,
    send_media,
    serving,
)
from tests.storage.gcp.remotes import options_for

CONTENT = pattern(500_000)
OTHER = pattern(500_000, seed=9)


async def read(backend: GcpBackend, double: Double) -> bytes:
    return await content_of(await backend.get_object("bucket", "a"))


async def read_and_count(backend: GcpBackend, double: Double) -> int:
    """How many bytes came before the error that ends the stream."""
    reading = await backend.get_object("bucket", "a")
    assert not isinstance(reading.body, bytes)
    received = 0
    async with aclosing(reading.body) as stream:
        try:
            async for block in stream:
                received += len(block)
        except StorageError:
            return received
    raise AssertionError("it ended as if it was whole")


def start_of(asked: Asked, last: int) -> int:
    """Where a range begins. What had arrived when a connection broke, and was not read, is lost."""
    found = re.fullmatch(rf"bytes=(\d+)-{last}", asked.headers.get("range", f"bytes=0-{last}"))
    assert found is not None
    return int(found[1])


async def whole(asked: Asked, to: Answerer) -> None:
    await send_media(to, asked, CONTENT)


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
@pytest.mark.parametrize("end", [Answerer.reset, Answerer.close])
def test_a_body_that_always_breaks_off_is_an_error(
    sent: int, end: Callable[[Answerer], None]
) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if "generation=" in asked.target:
            end(to)
        else:
            await send_media(to, asked, CONTENT, sent=sent)
            end(to)

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert await read_and_count(backend, double) <= sent

    against(serving(CONTENT, media), use)


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
def test_a_body_that_breaks_off_once_is_taken_up(sent: int) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if "generation=" in asked.target:
            await send_media(to, asked, CONTENT)
        else:
            await send_media(to, asked, CONTENT, sent=sent)
            to.close()

    async def use(backend: GcpBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        _, second = media_of(double)
        assert start_of(second, 499_999) <= sent
        assert f"generation={GENERATION}" in second.target

    against(serving(CONTENT, media), use)


def test_a_range_that_breaks_off_is_taken_up_inside_it() -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if "generation=" in asked.target:
            await send_media(to, asked, CONTENT)
        else:
            await send_media(to, asked, CONTENT, sent=70_000)
            to.close()

    async def use(backend: GcpBackend, double: Double) -> None:
        options = ReadOptions(Between(100, 400_000))
        reading = await backend.get_object("bucket", "a", options)
        assert await content_of(reading) == CONTENT[100:400_000]
        assert 100 <= start_of(media_of(double)[1], 399_999) <= 70_100

    against(serving(CONTENT, media), use)


def test_a_body_is_not_taken_up_for_ever() -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        await send_media(to, asked, CONTENT, sent=1)
        to.close()

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert len(media_of(double)) == 1 + MOST_RESUMPTIONS

    against(serving(CONTENT, media), use)


async def _gone(asked: Asked, to: Answerer) -> None:
    await refuse(to, 404, "notFound", "No such object: bucket/a")


async def _another_size(asked: Asked, to: Answerer) -> None:
    await send_media(to, asked, CONTENT + b"more")


async def _another_generation(asked: Asked, to: Answerer) -> None:
    await send_media(to, asked, OTHER, headers={"x-goog-generation": OTHER_GENERATION})


async def _whole(asked: Asked, to: Answerer) -> None:
    await to.send(200, OTHER, {"x-goog-generation": GENERATION})


@pytest.mark.parametrize("later", [_gone, _another_size, _another_generation, _whole])
def test_an_object_that_changes_while_it_is_read_is_an_error_and_never_a_mix(later: Answer) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if "generation=" in asked.target:
            await later(asked, to)
        else:
            await send_media(to, asked, CONTENT, sent=100_000)
            to.close()

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises((ObjectChanged, BackendError, Corrupt)) as failed:
            await read(backend, double)
        assert isinstance(failed.value, ObjectChanged) == (later is _gone)

    against(serving(CONTENT, media), use)


def test_facts_and_bytes_are_of_one_object_though_it_changes_between_their_requests() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        """The first look is still at the old one."""
        if is_media(asked):
            await _another_generation(asked, to)
            return
        looks.append(asked)
        old, new = resource(CONTENT), resource(OTHER, generation=OTHER_GENERATION)
        await to.send(200, old if len(looks) == 1 else new)

    async def use(backend: GcpBackend, double: Double) -> None:
        reading = await backend.get_object("bucket", "a")
        assert reading.info.version == OTHER_GENERATION
        assert reading.info.etag == md5(OTHER).hex()
        assert await content_of(reading) == OTHER

    looks: list[Asked] = []
    against(answer, use)


def test_an_object_that_changes_at_each_look_is_not_looked_at_for_ever() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if not is_media(asked):
            looks.append(asked)
            await to.send(200, resource(CONTENT, generation=str(len(looks))))
        elif "generation=" in asked.target:
            await _gone(asked, to)
        else:
            await send_media(to, asked, CONTENT)

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(ObjectChanged):
            await read(backend, double)
        assert len(looks) < 10

    looks: list[Asked] = []
    against(answer, use)


def test_two_ranges_of_one_object_are_read_under_its_etag() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if changed.is_set():
            await serving(OTHER, _another_generation, generation=OTHER_GENERATION)(asked, to)
        else:
            await serving(CONTENT, whole)(asked, to)

    async def use(backend: GcpBackend, double: Double) -> None:
        first = await backend.get_object("bucket", "a", ReadOptions(Between(0, 10)))
        changed.set()
        same = Condition(if_match=(first.info.etag,))
        with pytest.raises(PreconditionFailed) as failed:
            await backend.get_object("bucket", "a", ReadOptions(From(10), same))
        assert failed.value.condition == "If-Match"

    changed = asyncio.Event()
    against(answer, use)


def test_ranges_under_an_etag_that_was_seen_take_one_request_each() -> None:
    """It is refused if the object was replaced, or has new metadata."""

    async def use(backend: GcpBackend, double: Double) -> None:
        first = await backend.get_object("bucket", "a", ReadOptions(Between(0, 10)))
        same = Condition(if_match=(first.info.etag,))
        for start in (0, 100, 200_000):
            want = Between(start, start + 100_000)
            reading = await backend.get_object("bucket", "a", ReadOptions(want, same))
            assert await content_of(reading) == CONTENT[start : start + 100_000]
            assert reading.info == first.info
        assert len(double.asked) == 2 + 3
        for asked in media_of(double)[1:]:
            assert f"ifGenerationMatch={GENERATION}" in asked.target
            assert "ifMetagenerationMatch=1" in asked.target

    against(serving(CONTENT, whole), use)


@pytest.mark.parametrize(
    ("status", "reason"), [(412, "conditionNotMet"), (404, "notFound"), (416, "invalidRange")]
)
def test_an_object_that_was_seen_and_has_changed_is_looked_at_again(
    status: int, reason: str
) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if "ifGenerationMatch" in asked.target:
            await refuse(to, status, reason, "No such object")
        else:
            await send_media(to, asked, CONTENT)

    async def use(backend: GcpBackend, double: Double) -> None:
        first = await backend.get_object("bucket", "a", ReadOptions(Between(0, 10)))
        same = ReadOptions(condition=Condition(if_match=(first.info.etag,)))
        reading = await backend.get_object("bucket", "a", same)
        assert await content_of(reading) == CONTENT

    against(serving(CONTENT, media), use)


def test_a_wrong_checksum_is_corrupt_before_the_last_block() -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(Corrupt, match="gcp://bucket/a"):
            await read(backend, double)
        assert await read_and_count(backend, double) < len(CONTENT)

    against(serving(CONTENT, whole, crc32c="AAAAAA=="), use)


@pytest.mark.parametrize(
    "lie",
    [
        {"content-range": "bytes 1-10/500000"},
        {"content-range": "bytes 0-9/500000"},
        {"content-range": "bytes 0-8/9"},
        {"content-range": "nonsense"},
        {"content-encoding": "gzip"},
    ],
)
def test_another_range_than_the_wanted_one_is_refused(lie: dict[str, str]) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        said = {"content-range": "bytes 0-8/500000", "x-goog-generation": GENERATION, **lie}
        await to.send(206, CONTENT[:9], said)

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendError, match="InvalidResponse"):
            await backend.get_object("bucket", "a", ReadOptions(Between(0, 9)))

    against(serving(CONTENT, media), use)


@pytest.mark.parametrize("length", [499_999, 500_001])
def test_another_length_than_the_object_has_is_refused(length: int) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        await to.send(200, pattern(length), {"x-goog-generation": GENERATION})

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendError, match="InvalidResponse"):
            await read(backend, double)

    against(serving(CONTENT, media), use)


def test_bytes_are_read_as_they_are_stored() -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        (asked,) = media_of(double)
        assert asked.headers["accept-encoding"] == "gzip"

    async def media(asked: Asked, to: Answerer) -> None:
        await send_media(to, asked, CONTENT, headers={"content-encoding": "gzip"})

    against(serving(CONTENT, media, contentEncoding="gzip"), use)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, "backendError"), (429, "rateLimitExceeded"), (403, "userRateLimitExceeded")],
)
def test_a_storm_of_refusals_is_waited_out(status: int, reason: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if len(asked_before) < 4:
            asked_before.append(asked)
            await refuse(to, status, reason)
        else:
            await serving(CONTENT, whole)(asked, to)

    async def use(backend: GcpBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT

    asked_before: list[Asked] = []
    against(answer, use, attempts=6)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, "backendError"), (429, "rateLimitExceeded"), (500, "internalError"), (502, "")],
)
def test_a_storm_that_does_not_end_is_unavailable(status: int, reason: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await refuse(to, status, reason, "Please reduce your request rate.")

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable, match="gcp://bucket/a") as failed:
            await backend.head_object("bucket", "a")
        assert failed.value.code == (reason or str(status))
        assert len(double.asked) == 2
        with pytest.raises(BackendUnavailable):
            await backend.list_objects("bucket", ListQuery())

    against(answer, use, attempts=2)


@pytest.mark.parametrize("head_too", [True, False])
def test_a_remote_that_stalls_is_unavailable_after_the_time_limit(head_too: bool) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        if not head_too:
            await send_media(to, asked, CONTENT, sent=1000)
        await asyncio.Event().wait()

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)

    against(serving(CONTENT, media), use, read_timeout_s=0.2)


@pytest.mark.parametrize("of_media", [True, False])
def test_a_trickle_of_bytes_is_unavailable_after_the_time_limit(of_media: bool) -> None:
    """Each byte comes in time, and all of them would take an hour."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if is_media(asked) != of_media:
            await serving(CONTENT, whole)(asked, to)
            return
        await send_media(to, asked, CONTENT, sent=0)
        while not to.writer.is_closing():
            to.writer.write(b"x")
            await to.writer.drain()
            await asyncio.sleep(0.01)

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)

    against(answer, use, read_timeout_s=0.3)


def test_a_slow_reader_is_not_a_slow_remote() -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        reading = await backend.get_object("bucket", "a")
        assert not isinstance(reading.body, bytes)
        async with aclosing(reading.body) as stream:
            begun = await anext(stream)
            await asyncio.sleep(0.4)
            assert begun + b"".join([block async for block in stream]) == CONTENT

    against(serving(CONTENT, whole), use, read_timeout_s=0.3)


@pytest.mark.parametrize("begun", [True, False])
def test_a_reader_that_leaves_lets_the_connection_go(begun: bool) -> None:
    async def media(asked: Asked, to: Answerer) -> None:
        await send_media(to, asked, CONTENT, sent=200_000)

    async def use(backend: GcpBackend, double: Double) -> None:
        for _ in range(3):
            reading = await backend.get_object("bucket", "a")
            assert not isinstance(reading.body, bytes)
            if begun:
                await anext(reading.body)
            await reading.body.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(reading.body)

    against(serving(CONTENT, media), use, connections=1)


def test_bodies_that_wait_hold_up_no_other_request() -> None:
    """All connections for bodies are taken by readers that do not read."""

    async def use(backend: GcpBackend, double: Double) -> None:
        reading = await backend.get_object("bucket", "a")
        assert (await backend.head_object("bucket", "a")).info == reading.info
        assert await content_of(reading) == CONTENT

    against(serving(CONTENT, whole), use, connections=1)


def test_a_connection_serves_one_object_after_the_other() -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        for _ in range(3):
            assert await read(backend, double) == CONTENT
            small = ReadOptions(Between(0, 5))
            assert (await backend.get_object("bucket", "b", small)).body == CONTENT[:5]
        assert len(double.connections) == 2

    against(serving(CONTENT, whole), use, connections=1)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "authError"), (401, "required"), (403, "forbidden"), (403, "accountDisabled")],
)
def test_refused_requests_are_denied_for_every_method(status: int, reason: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        message = "me@p.iam.gserviceaccount.com with Bearer ya29.secret has no access."
        await refuse(to, status, reason, message)

    async def use(backend: GcpBackend, double: Double) -> None:
        for call in (
            backend.get_object("bucket", "a"),
            backend.head_object("bucket", "a"),
            backend.list_objects("bucket", ListQuery()),
            backend.put_object("bucket", "a", body_of(b"x"), PutOptions(Md5Digest())),
            backend.list_buckets(),
        ):
            with pytest.raises(BackendDenied, match="GOOGLE_APPLICATION_CREDENTIALS") as failed:
                await call
            assert "secret" not in str(failed.value)
            assert "gserviceaccount" not in str(failed.value)

    against(answer, use)


def test_an_endpoint_that_is_down_is_unavailable() -> None:
    async def use() -> None:
        async with Double(_gone) as double:
            endpoint = double.endpoint
        async with GcpBackend(options_for(endpoint, attempts=2)) as backend:
            with pytest.raises(BackendUnavailable) as failed:
                await backend.get_object("bucket", "a")
            assert str(failed.value) == "gcp://bucket/a: ClientConnectorError"
            assert failed.value.__cause__ is None

    run(use())


@pytest.mark.parametrize("body", [b"<html/>", b"not JSON", b"[]", b'{"items": [{}]}', b"\xff"])
def test_what_is_not_a_listing_is_an_error_and_not_an_empty_bucket(body: bytes) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, body)

    async def use(backend: GcpBackend, double: Double) -> None:
        for call in (
            backend.list_objects("bucket", ListQuery()),
            backend.list_uploads("bucket", UploadQuery()),
            backend.list_buckets(),
            backend.head_object("bucket", "a"),
        ):
            with pytest.raises(BackendError) as failed:
                await call
            assert failed.value.code == "InvalidResponse"

    against(answer, use)


def test_a_listing_that_does_not_get_on_ends() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, b'{"items": [], "nextPageToken": "same"}')

    async def use(backend: GcpBackend, double: Double) -> None:
        assert (await backend.list_objects("bucket", ListQuery())).objects == ()

    against(answer, use)


def test_a_missing_object_in_a_bucket_of_which_nothing_is_said_is_looked_into() -> None:
    """Some servers have one sentence for all that is missing."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.target.startswith("/storage/v1/b/bucket?"):
            await to.send(200, b'{"name": "bucket"}')
        else:
            await refuse(to, 404, "notFound", "Not Found")

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(ObjectNotFound):
            await backend.head_object("bucket", "a")

    against(answer, use)


@pytest.mark.parametrize("may_list", [True, False])
def test_a_bucket_that_may_not_be_looked_at_is_known_by_its_listing(may_list: bool) -> None:
    """Most public buckets are so, and most accounts that only read."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if may_list and asked.target.startswith("/storage/v1/b/bucket/o?"):
            await to.send(200, b"{}")
        else:
            await refuse(to, 403, "forbidden")

    async def use(backend: GcpBackend, double: Double) -> None:
        if may_list:
            assert (await backend.head_bucket("bucket")).name == "bucket"
        else:
            with pytest.raises(BackendDenied):
                await backend.head_bucket("bucket")

    against(answer, use)
