"""What goes wrong on the way: a reader has the whole object or an error, and a writer knows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from storage.backends.aws import AwsBackend, AwsOptions
from storage.backends.resuming import BLOCK_BYTES, MOST_RESUMPTIONS
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    Corrupt,
    ObjectChanged,
    PreconditionFailed,
    StorageError,
)
from storage.ranges import Between, From
from storage.values import Condition, ListQuery, PutOptions, ReadOptions, UploadQuery, VersionQuery
from tests.server_process import SECRET_KEY
from tests.storage.aws.double import ETAG, OTHER_ETAG, Answer, Answerer, Asked, Double
from tests.storage.aws.remotes import options_for
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run

CONTENT = pattern(500_000)
UNQUOTED = ETAG.strip('"')
NEW = Condition(if_none_match=("*",))

Use = Callable[[AwsBackend, Double], Awaitable[Any]]


def against(answer: Answer, use: Use, **options: Any) -> Any:
    """What `use` returns, with a backend whose endpoint answers so."""

    async def act() -> Any:
        async with Double(answer) as double:
            chosen = options_for(double.endpoint, **{"attempts": 1, **options})
            async with AwsBackend(chosen) as backend:
                return await use(backend, double)

    return run(act())


async def read(backend: AwsBackend, double: Double) -> bytes:
    return await content_of(await backend.get_object("bucket", "a"))


async def read_and_count(backend: AwsBackend, double: Double) -> int:
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


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
@pytest.mark.parametrize("end", [Answerer.reset, Answerer.close])
def test_a_body_that_always_breaks_off_is_an_error(
    sent: int, end: Callable[[Answerer], None]
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" in asked.headers:
            end(to)
        else:
            await to.send_object(CONTENT, sent=sent)
            end(to)

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert await read_and_count(backend, double) <= sent

    against(answer, use)


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
def test_a_body_that_breaks_off_once_is_taken_up_at_the_next_byte(sent: int) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" in asked.headers:
            await to.send_range(CONTENT, asked)
        else:
            await to.send_object(CONTENT, sent=sent)
            to.close()

    async def use(backend: AwsBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        _, second = double.asked
        assert second.headers["range"] == f"bytes={sent}-499999"
        assert second.headers["if-match"] == ETAG

    against(answer, use)


def test_a_range_that_breaks_off_is_taken_up_inside_it() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.headers["range"] == "bytes=100-399999":
            where = f"bytes 100-399999/{len(CONTENT)}"
            body = CONTENT[100:70_100]
            await to.send(206, body, {"etag": ETAG, "content-range": where}, length=399_900)
            to.close()
        else:
            await to.send_range(CONTENT, asked)

    async def use(backend: AwsBackend, double: Double) -> None:
        options = ReadOptions(Between(100, 400_000))
        reading = await backend.get_object("bucket", "a", options)
        assert await content_of(reading) == CONTENT[100:400_000]
        assert double.asked[1].headers["range"] == "bytes=70100-399999"

    against(answer, use)


def test_a_body_is_not_taken_up_for_ever() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        first = int(asked.headers.get("range", "bytes=0-")[6:].partition("-")[0])
        where = f"bytes {first}-499999/500000"
        left = len(CONTENT) - first
        facts = {"etag": ETAG, "content-range": where}
        await to.send(206 if first else 200, b"x", facts, length=left)
        to.close()

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)
        assert len(double.asked) == 1 + MOST_RESUMPTIONS

    against(answer, use)


async def _condition_failed(asked: Asked, to: Answerer) -> None:
    await to.error(412, "PreconditionFailed")


async def _gone(asked: Asked, to: Answerer) -> None:
    await to.error(404, "NoSuchKey")


async def _another_size(asked: Asked, to: Answerer) -> None:
    await to.send_range(CONTENT + b"more", asked, etag=OTHER_ETAG)


async def _whole(asked: Asked, to: Answerer) -> None:
    await to.send_object(pattern(500_000, seed=9), {"etag": OTHER_ETAG})


@pytest.mark.parametrize("later", [_condition_failed, _gone, _another_size, _whole])
def test_an_object_that_changes_while_it_is_read_is_an_error_and_never_a_mix(later: Answer) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" in asked.headers:
            await later(asked, to)
        else:
            await to.send_object(CONTENT, sent=100_000)
            to.close()

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises((ObjectChanged, BackendError)) as failed:
            await read(backend, double)
        if later is not _whole:
            assert isinstance(failed.value, ObjectChanged)

    against(answer, use)


def test_two_ranges_of_one_object_are_read_under_its_etag() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.headers.get("if-match") == ETAG:
            await to.error(412, "PreconditionFailed")
        else:
            await to.send_range(CONTENT, asked)

    async def use(backend: AwsBackend, double: Double) -> None:
        first = await backend.get_object("bucket", "a", ReadOptions(Between(0, 10)))
        same = Condition(if_match=(first.info.etag,))
        with pytest.raises(PreconditionFailed) as failed:
            await backend.get_object("bucket", "a", ReadOptions(From(10), same))
        assert failed.value.condition == "If-Match"
        assert len(double.asked) == 2

    against(answer, use)


def test_a_wrong_checksum_is_corrupt_before_the_last_block() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        sums = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "FULL_OBJECT"}
        await to.send_object(CONTENT, sums)

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(Corrupt, match="aws://bucket/a"):
            await read(backend, double)
        assert await read_and_count(backend, double) < len(CONTENT)

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

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendError, match="InvalidResponse"):
            await backend.get_object("bucket", "a", ReadOptions(Between(0, 9)))

    against(answer, use)


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (429, "TooManyRequests")])
def test_a_storm_of_refusals_is_waited_out(status: int, code: str) -> None:
    async def use(backend: AwsBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        assert len(double.asked) == 3

    refusals = iter([status, status])

    async def answer(asked: Asked, to: Answerer) -> None:
        if next(refusals, None):
            await to.error(status, code)
        else:
            await to.send_object(CONTENT)

    against(answer, use, attempts=4)


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "SlowDown"), (429, "TooManyRequests"), (500, "InternalError"), (502, "BadGateway")],
)
def test_a_storm_that_does_not_end_is_unavailable(status: int, code: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.error(status, code, "Please reduce your request rate.")

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable, match="aws://bucket/a") as failed:
            await read(backend, double)
        assert failed.value.code == code
        with pytest.raises(BackendUnavailable):
            await backend.list_objects("bucket", ListQuery())

    against(answer, use)


@pytest.mark.parametrize("head_too", [True, False])
def test_a_remote_that_stalls_is_unavailable_after_the_time_limit(head_too: bool) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if not head_too:
            await to.send_object(CONTENT, sent=1000)
        await asyncio.Event().wait()

    async def use(backend: AwsBackend, double: Double) -> None:
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

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, double)

    against(answer, use, read_timeout_s=0.3)


def test_a_slow_reader_is_not_a_slow_remote() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT)

    async def use(backend: AwsBackend, double: Double) -> None:
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

    async def use(backend: AwsBackend, double: Double) -> None:
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

    async def use(backend: AwsBackend, double: Double) -> None:
        for _ in range(3):
            assert await read(backend, double) == CONTENT
            assert (await backend.get_object("bucket", "b")).body == b"small"
        assert len(double.connections) == 1

    against(answer, use, connections=1)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ExpiredToken"),
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
    ],
)
def test_refused_credentials_are_denied_for_every_method(status: int, code: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "HEAD":
            await to.send(status)
        else:
            await to.error(status, code, "The key AKIATESTTESTTESTTEST is not good.")

    async def use(backend: AwsBackend, double: Double) -> None:
        for call in (
            backend.get_object("bucket", "a"),
            backend.head_object("bucket", "a"),
            backend.list_objects("bucket", ListQuery()),
            backend.put_object("bucket", "a", body_of(b"x"), PutOptions(Md5Digest())),
            backend.list_buckets(),
        ):
            with pytest.raises(BackendDenied) as failed:
                await call
            assert "AKIA" not in str(failed.value)
            assert SECRET_KEY not in str(failed.value)

    against(answer, use)


def test_without_credentials_it_is_denied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    async def look(**options: Any) -> None:
        async with AwsBackend(AwsOptions(endpoint="http://127.0.0.1:1", **options)) as backend:
            await backend.head_bucket("bucket")

    with pytest.raises(BackendDenied, match="NoCredentialsError"):
        run(look())
    with pytest.raises(BackendDenied, match="ProfileNotFound"):
        run(look(profile="none"))


def test_anonymous_requests_are_not_signed() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "authorization" not in asked.headers
        await to.send_object(b"public")

    async def use(backend: AwsBackend, double: Double) -> None:
        assert await read(backend, double) == b"public"

    against(answer, use, anonymous=True, access_key_id="", secret_access_key="")


def test_an_endpoint_that_is_down_is_unavailable() -> None:
    async def use() -> None:
        async with Double(_gone) as double:
            endpoint = double.endpoint
        async with AwsBackend(options_for(endpoint, attempts=2)) as backend:
            with pytest.raises(BackendUnavailable, match="EndpointConnectionError") as failed:
                await backend.get_object("bucket", "a")
            assert str(failed.value) == "aws://bucket/a: EndpointConnectionError"
            assert failed.value.__cause__ is None

    run(use())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html/>", "InvalidResponse"),
        (b"not XML", "500"),
        (b"<Error><Code>SlowDown</Code></Error>", "SlowDown"),
    ],
)
def test_what_is_not_a_listing_is_an_error_and_not_an_empty_bucket(body: bytes, code: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, body)

    async def use(backend: AwsBackend, double: Double) -> None:
        for call in (
            backend.list_objects("bucket", ListQuery()),
            backend.list_versions("bucket", VersionQuery()),
            backend.list_uploads("bucket", UploadQuery()),
        ):
            with pytest.raises(BackendError) as failed:
                await call
            assert failed.value.code == code

    against(answer, use)


def test_no_signature_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "Signature=" in asked.headers["authorization"]
        await to.send_object(CONTENT)

    with caplog.at_level(logging.DEBUG):
        against(answer, read)
    assert "ignature" not in caplog.text
    assert "authorization" not in caplog.text.lower()


async def put(backend: AwsBackend, size: int, condition: Condition = Condition()) -> None:  # noqa: B008
    options = PutOptions(Md5Digest(), condition=condition, size=size)
    await backend.put_object("bucket", "a", body_of(pattern(size)), options)


def test_a_put_is_repeated_and_one_with_a_condition_is_not() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.error(503, "SlowDown")

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 10)
        assert len(double.asked) == 2
        with pytest.raises(BackendUnavailable):
            await put(backend, 10, NEW)
        assert len(double.asked) == 3

    against(answer, use, attempts=2)


@pytest.mark.parametrize("fails", ["PUT", "POST"])
def test_an_upload_that_fails_is_aborted(fails: str) -> None:
    """A part of it, or its completion."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "DELETE":
            await to.send(204)
        elif asked.method == "POST" and asked.target.endswith("?uploads"):
            await to.send(200, b"<R><UploadId>one</UploadId></R>")
        elif asked.method == fails:
            to.reset()
        else:
            await to.send(200, headers={"etag": ETAG})

    async def use(backend: AwsBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 12 << 20)
        # A part that was under way may still be read by the server afterwards.
        made = [(asked.method, asked.target) for asked in double.asked]
        assert made.count(("DELETE", "/bucket/a?uploadId=one")) == 1

    against(answer, use, part_bytes=5 << 20)


def test_a_body_of_a_put_is_sent_with_length_and_checksum() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, headers={"etag": ETAG})

    async def use(backend: AwsBackend, double: Double) -> None:
        await put(backend, 70_000)
        sent = double.asked[0]
        assert sent.headers["content-length"] == "70000"
        assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert "x-amz-checksum-crc32" in sent.headers
        assert "expect" not in sent.headers
        assert sent.body == pattern(70_000)

    against(answer, use)
    options = {"checksums": False}

    async def plain(backend: AwsBackend, double: Double) -> None:
        await put(backend, 70_000)
        assert not [name for name in double.asked[0].headers if "checksum" in name]

    against(answer, plain, **options)
