"""What goes wrong on the way: a reader has the whole object or an error, and a writer knows it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from storage.backends.azure import AzureBackend, AzureOptions
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
from storage.values import Condition, DeleteRequest, ListQuery, PutOptions, ReadOptions
from tests.storage.aws.double import ETAG, OTHER_ETAG, Answer, Answerer, Asked, Double
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run

CONTENT = pattern(500_000)
KEY = b64encode(b"not a real key, but as long as one").decode()
NEW = Condition(if_none_match=("*",))
DATE = {"etag": ETAG, "last-modified": "Tue, 01 Dec 2026 00:00:00 GMT"}

Use = Callable[[AzureBackend, Double], Awaitable[Any]]


def options_for(endpoint: str, **others: Any) -> AzureOptions:
    known = {"endpoint": f"{endpoint}/acc", "account": "acc", "account_key": KEY}
    return AzureOptions(**{**known, "attempts": 1, **others})


def against(answer: Answer, use: Use, **options: Any) -> Any:
    """What `use` returns, with a backend whose endpoint answers so."""

    async def act() -> Any:
        async with Double(answer) as double:
            async with AzureBackend(options_for(double.endpoint, **options)) as backend:
                return await use(backend, double)

    return run(act())


async def send_range(to: Answerer, content: bytes, asked: Asked, etag: str = ETAG) -> None:
    first, _, last = asked.headers["x-ms-range"].removeprefix("bytes=").partition("-")
    stop = int(last) + 1 if last else len(content)
    facts = {"etag": etag, "content-range": f"bytes {first}-{stop - 1}/{len(content)}"}
    await to.send(206, content[int(first) : stop], facts)


async def read(backend: AzureBackend, double: Double) -> bytes:
    return await content_of(await backend.get_object("bucket", "a"))


async def read_and_count(backend: AzureBackend) -> int:
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


async def put(backend: AzureBackend, size: int, condition: Condition = Condition()) -> None:  # noqa: B008
    options = PutOptions(Md5Digest(), condition=condition, size=size)
    await backend.put_object("bucket", "a", body_of(pattern(size)), options)


# Reading


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
@pytest.mark.parametrize("end", [Answerer.reset, Answerer.close])
def test_a_body_that_always_breaks_off_is_an_error(
    sent: int, end: Callable[[Answerer], None]
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "x-ms-range" not in asked.headers:
            await to.send_object(CONTENT, sent=sent)
        end(to)

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert await read_and_count(backend) <= sent

    against(answer, use)


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
def test_a_body_that_breaks_off_once_is_taken_up_at_the_next_byte(sent: int) -> None:
    """Its MD5 is that of both answers."""
    whole = {"content-md5": b64encode(hashlib.md5(CONTENT).digest()).decode()}

    async def answer(asked: Asked, to: Answerer) -> None:
        if "x-ms-range" in asked.headers:
            await send_range(to, CONTENT, asked)
        else:
            await to.send_object(CONTENT, whole, sent=sent)
            to.close()

    async def use(backend: AzureBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        _, second = double.asked
        assert second.headers["x-ms-range"] == f"bytes={sent}-499999"
        assert second.headers["if-match"] == ETAG

    against(answer, use)


def test_a_range_that_breaks_off_is_taken_up_inside_it() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.headers["x-ms-range"] == "bytes=100-399999":
            where = f"bytes 100-399999/{len(CONTENT)}"
            body = CONTENT[100:70_100]
            await to.send(206, body, {"etag": ETAG, "content-range": where}, length=399_900)
            to.close()
        else:
            await send_range(to, CONTENT, asked)

    async def use(backend: AzureBackend, double: Double) -> None:
        options = ReadOptions(Between(100, 400_000))
        reading = await backend.get_object("bucket", "a", options)
        assert await content_of(reading) == CONTENT[100:400_000]
        assert double.asked[1].headers["x-ms-range"] == "bytes=70100-399999"

    against(answer, use)


def test_a_body_is_not_taken_up_for_ever() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        first = int(asked.headers.get("x-ms-range", "bytes=0-")[6:].partition("-")[0])
        facts = {"etag": ETAG, "content-range": f"bytes {first}-499999/500000"}
        await to.send(206 if first else 200, b"x", facts, length=len(CONTENT) - first)
        to.close()

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert len(double.asked) == 1 + MOST_RESUMPTIONS

    against(answer, use)


async def _condition_failed(asked: Asked, to: Answerer) -> None:
    await to.error(412, "ConditionNotMet")


async def _gone(asked: Asked, to: Answerer) -> None:
    await to.error(404, "BlobNotFound")


async def _another_size(asked: Asked, to: Answerer) -> None:
    await send_range(to, CONTENT + b"more", asked, etag=OTHER_ETAG)


async def _whole(asked: Asked, to: Answerer) -> None:
    await to.send_object(pattern(500_000, seed=9), {"etag": OTHER_ETAG})


@pytest.mark.parametrize("later", [_condition_failed, _gone, _another_size, _whole])
def test_an_object_that_changes_while_it_is_read_is_an_error_and_never_a_mix(later: Answer) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "x-ms-range" in asked.headers:
            await later(asked, to)
        else:
            await to.send_object(CONTENT, sent=100_000)
            to.close()

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises((ObjectChanged, BackendError)) as failed:
            await read(backend, double)
        if later is not _whole:
            assert isinstance(failed.value, ObjectChanged)

    against(answer, use)


def test_two_ranges_of_one_object_are_read_under_its_etag() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.headers.get("if-match") == ETAG:
            await to.error(412, "ConditionNotMet")
        else:
            await send_range(to, CONTENT, asked)

    async def use(backend: AzureBackend, double: Double) -> None:
        first = await backend.get_object("bucket", "a", ReadOptions(Between(0, 10)))
        same = Condition(if_match=(first.info.etag,))
        with pytest.raises(PreconditionFailed) as failed:
            await backend.get_object("bucket", "a", ReadOptions(From(10), same))
        assert failed.value.condition == "If-Match"
        assert len(double.asked) == 2

    against(answer, use)


def test_a_wrong_md5_is_corrupt_before_the_last_block() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, {"content-md5": b64encode(bytes(16)).decode()})

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(Corrupt, match="azure://bucket/a"):
            await read(backend, double)
        assert await read_and_count(backend) < len(CONTENT)

    against(answer, use)


@pytest.mark.parametrize("right", [True, False])
def test_a_short_range_has_an_md5_of_its_own(right: bool) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert asked.headers["x-ms-range-get-content-md5"] == "true"
        md5 = hashlib.md5(CONTENT[10:20] if right else CONTENT).digest()
        facts = {"content-range": "bytes 10-19/500000", "content-md5": b64encode(md5).decode()}
        await to.send(206, CONTENT[10:20], {"etag": ETAG, **facts})

    async def use(backend: AzureBackend, double: Double) -> None:
        reading = backend.get_object("bucket", "a", ReadOptions(Between(10, 20)))
        if right:
            assert (await reading).body == CONTENT[10:20]
        else:
            with pytest.raises(Corrupt):
                await reading

    against(answer, use)


@pytest.mark.parametrize(
    "lie",
    [
        {"content-range": "bytes 1-10/500000"},
        {"content-range": "bytes 0-9/5"},
        {"content-range": "nonsense"},
        {},
    ],
)
def test_another_range_than_the_wanted_one_is_refused(lie: dict[str, str]) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(206, CONTENT[:10], {"etag": ETAG, **lie})

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendError, match="InvalidResponse"):
            await backend.get_object("bucket", "a", ReadOptions(Between(0, 9)))

    against(answer, use)


def test_a_directory_of_a_hierarchical_namespace_is_not_an_object() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, headers={**DATE, "x-ms-resource-type": "directory"})

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(ObjectNotFound):
            await backend.get_object("bucket", "a")
        with pytest.raises(ObjectNotFound):
            await backend.head_object("bucket", "a")

    against(answer, use)


def test_what_is_stored_compressed_comes_as_it_is_stored() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "accept-encoding" not in asked.headers
        await to.send_object(b"not gzip at all", {"content-encoding": "gzip"})

    assert against(answer, read) == b"not gzip at all"


# Storms and stalls


@pytest.mark.parametrize(("status", "code"), [(503, "ServerBusy"), (429, "TooManyRequests")])
def test_a_storm_of_refusals_is_waited_out(status: int, code: str) -> None:
    refusals = iter([status, status])

    async def answer(asked: Asked, to: Answerer) -> None:
        if next(refusals, None):
            await to.error(status, code)
        else:
            await to.send_object(CONTENT)

    async def use(backend: AzureBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        assert len(double.asked) == 3

    against(answer, use, attempts=4)


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "ServerBusy"), (429, "TooManyRequests"), (500, "InternalError"), (502, "BadGateway")],
)
def test_a_storm_that_does_not_end_is_unavailable(status: int, code: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.error(status, code, "The server is busy.")

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable, match="azure://bucket/a") as failed:
            await read(backend, double)
        assert failed.value.code == code
        with pytest.raises(BackendUnavailable):
            await backend.list_objects("bucket", ListQuery())
        assert len(double.asked) == 4

    against(answer, use, attempts=2)


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    text = b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"

    async def answer(asked: Asked, to: Answerer) -> None:
        if len(double_of[0].asked) == 1:
            await to.send(200, text[:20], length=len(text))
            to.reset()
        else:
            await to.send(200, text)

    double_of: list[Double] = []

    async def use(backend: AzureBackend, double: Double) -> None:
        double_of.append(double)
        assert (await backend.list_objects("bucket", ListQuery())).objects == ()
        assert len(double.asked) == 2

    against(answer, use, attempts=2)


@pytest.mark.parametrize("head_too", [True, False])
def test_a_remote_that_stalls_is_unavailable_after_the_time_limit(head_too: bool) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if not head_too:
            await to.send_object(CONTENT, sent=1000)
        await asyncio.Event().wait()

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert len(double.asked) == 1

    against(answer, use, read_timeout_s=0.2)


def test_a_trickle_of_bytes_is_unavailable_after_the_time_limit() -> None:
    """Each byte comes in time, and all of them would take an hour."""

    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, sent=0)
        while not to.writer.is_closing():
            to.writer.write(b"x")
            await to.writer.drain()
            await asyncio.sleep(0.01)

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)

    against(answer, use, read_timeout_s=0.3)


def test_a_slow_reader_is_not_a_slow_remote() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT)

    async def use(backend: AzureBackend, double: Double) -> None:
        reading = await backend.get_object("bucket", "a")
        assert not isinstance(reading.body, bytes)
        async with aclosing(reading.body) as stream:
            begun = await anext(stream)
            await asyncio.sleep(0.4)
            assert begun + b"".join([block async for block in stream]) == CONTENT

    against(answer, use, read_timeout_s=0.3)


@pytest.mark.parametrize("begun", [True, False])
def test_a_reader_that_leaves_lets_the_connection_go(begun: bool) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, sent=200_000)

    async def use(backend: AzureBackend, double: Double) -> None:
        for _ in range(3):
            reading = await backend.get_object("bucket", "a")
            assert not isinstance(reading.body, bytes)
            if begun:
                await anext(reading.body)
            await reading.body.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(reading.body)

    against(answer, use, connections=1)


def test_a_connection_serves_one_object_after_the_other() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT if asked.target.endswith("a") else b"small")

    async def use(backend: AzureBackend, double: Double) -> None:
        for _ in range(3):
            assert await read(backend, double) == CONTENT
            assert (await backend.get_object("bucket", "b")).body == b"small"
        assert len(double.connections) == 1

    against(answer, use, connections=1)


def test_an_endpoint_that_is_down_is_unavailable() -> None:
    async def use() -> None:
        async with Double(_gone) as double:
            endpoint = double.endpoint
        async with AzureBackend(options_for(endpoint, attempts=2)) as backend:
            with pytest.raises(BackendUnavailable) as failed:
                await backend.get_object("bucket", "a")
            assert str(failed.value) == "azure://bucket/a: ClientConnectorError"
            assert failed.value.__cause__ is None

    run(use())


@pytest.mark.parametrize(
    "body", [b"<html/>", b"not XML", b"<Error><Code>ServerBusy</Code></Error>"]
)
def test_what_is_not_a_listing_is_an_error_and_not_an_empty_bucket(body: bytes) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, body)

    async def use(backend: AzureBackend, double: Double) -> None:
        for call in (
            backend.list_objects("bucket", ListQuery()),
            backend.list_buckets(),
            backend.list_parts("bucket", "a", "00" * 20),
        ):
            with pytest.raises(BackendError) as failed:
                await call
            assert failed.value.code == "InvalidResponse"

    against(answer, use)


# Writing


@pytest.mark.parametrize("reset", [True, False])
def test_a_put_is_repeated_and_one_with_a_condition_is_not(reset: bool) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if reset:
            to.reset()
        else:
            await to.error(500, "InternalError")

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 10)
        assert len(double.asked) == 2
        with pytest.raises(BackendUnavailable):
            await put(backend, 10, NEW)
        assert len(double.asked) == 3

    against(answer, use, attempts=2)


def test_a_put_with_a_condition_that_was_refused_for_the_load_is_repeated() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.error(503, "ServerBusy")

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 10, NEW)
        assert len(double.asked) == 2

    against(answer, use, attempts=2)


def test_a_connection_that_broke_while_it_was_idle_does_not_repeat_a_condition() -> None:
    """aiohttp would, on its own account."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "PUT":
            to.reset()
        else:
            await to.send_object(b"x")

    async def use(backend: AzureBackend, double: Double) -> None:
        await read(backend, double)
        with pytest.raises(BackendUnavailable):
            await put(backend, 10, NEW)
        assert [asked.method for asked in double.asked] == ["GET", "PUT"]

    against(answer, use, attempts=3)


@pytest.mark.parametrize("fails", ["block", "blocklist"])
def test_a_large_body_that_fails_is_not_committed(fails: str) -> None:
    committed: list[Asked] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        if f"comp={fails}" in asked.target.partition("?")[2].split("&"):
            to.reset()
        elif "comp=blocklist" in asked.target:
            committed.append(asked)
            await to.send(201, headers=DATE)
        else:
            await to.send(201)

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 300_000)
        assert committed == []

    against(answer, use, block_bytes=100_000)


def test_a_commit_whose_answer_got_lost_is_repeated() -> None:
    commits: list[bytes] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        if "comp=blocklist" not in asked.target:
            await to.send(201)
            return
        commits.append(asked.body)
        if len(commits) == 1:
            to.reset()
        else:
            await to.send(201, headers=DATE)

    async def use(backend: AzureBackend, double: Double) -> None:
        await put(backend, 300_000)
        assert commits[0] == commits[1]
        assert commits[0].count(b"<Latest>") == 3

    against(answer, use, block_bytes=100_000, attempts=2)


def test_blocks_that_another_write_dropped_are_unavailable() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "comp=blocklist" in asked.target:
            await to.error(400, "InvalidBlockList")
        else:
            await to.send(201)

    async def use(backend: AzureBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable, match="another write"):
            await put(backend, 300_000)

    against(answer, use, block_bytes=100_000)


def test_a_body_of_a_put_is_sent_with_length_and_md5() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(201, headers=DATE)

    async def use(backend: AzureBackend, double: Double) -> None:
        await put(backend, 70_000)
        sent = double.asked[0]
        assert sent.headers["content-length"] == "70000"
        md5 = hashlib.md5(pattern(70_000)).digest()
        assert sent.headers["content-md5"] == b64encode(md5).decode()
        assert not {"expect", "transfer-encoding", "content-type"} & sent.headers.keys()
        assert sent.body == pattern(70_000)

    against(answer, use)


# Credentials


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AuthenticationFailed"),
        (403, "AuthorizationPermissionMismatch"),
        (401, "NoAuthenticationInformation"),
        (403, "AccountIsDisabled"),
    ],
)
def test_refused_credentials_are_denied_for_every_method(status: int, code: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "HEAD":
            await to.send(status, headers={"x-ms-error-code": code})
        else:
            await to.error(status, code, f"The MAC signature found in {KEY} is not good.")

    async def use(backend: AzureBackend, double: Double) -> None:
        for call in (
            backend.get_object("bucket", "a"),
            backend.head_object("bucket", "a"),
            backend.list_objects("bucket", ListQuery()),
            backend.put_object("bucket", "a", body_of(b"x"), PutOptions(Md5Digest())),
            backend.delete_object("bucket", DeleteRequest("a")),
            backend.list_buckets(),
        ):
            with pytest.raises(BackendDenied) as failed:
                await call
            assert failed.value.code == code
            assert KEY not in str(failed.value)

    against(answer, use)


def test_without_an_account_it_is_denied() -> None:
    async def look() -> None:
        async with AzureBackend(AzureOptions()) as backend:
            await backend.head_bucket("bucket")

    with pytest.raises(BackendDenied, match="AZURE_STORAGE_ACCOUNT"):
        run(look())


def test_anonymous_requests_are_not_signed() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "authorization" not in asked.headers
        await to.send_object(b"public")

    assert against(answer, read, anonymous=True, account_key="") == b"public"


@pytest.mark.parametrize("signed", [{"account_key": KEY}, {"sas_token": "sv=1&sig=a+b%2Fsecret"}])
def test_no_signature_is_logged_or_in_an_error(
    signed: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        proof = asked.headers.get("authorization", "SharedKey") + asked.target
        assert "SharedKey acc:" in proof or "sig=a%2Bb%2Fsecret" in proof
        if len(shown) == 0:
            await to.send_object(CONTENT)
        else:
            to.reset()

    shown: list[str] = []

    async def use(backend: AzureBackend, double: Double) -> None:
        await read(backend, double)
        shown.append(repr(backend.options))
        with pytest.raises(BackendUnavailable) as failed:
            await read(backend, double)
        shown.append(f"{failed.value} {failed.value!r} {failed.value.__context__!r}")

    with caplog.at_level(logging.DEBUG):
        against(answer, use, **{"account_key": "", **signed})
    for secret in ("sig=", "secret", "SharedKey", KEY):
        assert secret not in caplog.text + "".join(shown)
