"""What goes wrong on the way: a reader has the whole object or an error that says why."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from storage.backends.http import HttpBackend
from storage.backends.resuming import BLOCK_BYTES, MOST_RESUMPTIONS
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    LengthUnknown,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    OutOfSpace,
    StorageError,
)
from storage.ranges import Between, From
from storage.values import ReadOptions
from tests.storage.aws.double import ETAG, OTHER_ETAG, Answer, Answerer, Asked, Double
from tests.storage.bodies import content_of, pattern
from tests.storage.event_loop import run
from tests.storage.http.site import Kind, Site, no_room, web_backend

CONTENT = pattern(500_000)
NAME = "a?token=hidden"
# Answers soon, or never.
SOON_S = 0.05

Use = Callable[[HttpBackend, str, Double], Awaitable[Any]]


def against(tmp_path: Path, answer: Answer, use: Use, **options: Any) -> Any:
    """What `use` returns, with a server that answers so."""

    async def act() -> Any:
        async with Double(answer) as double, web_backend(tmp_path, **options) as backend:
            return await use(backend, f"{double.endpoint}/d/", double)

    return run(act())


async def read(backend: HttpBackend, directory: str, double: Double) -> bytes:
    return await content_of(await backend.get_object(directory, NAME))


def raised(
    tmp_path: Path, answer: Answer, kind: type[StorageError], use: Use = read, **options: Any
) -> StorageError:
    """The error, which holds no secret, unless it is the name itself."""
    with pytest.raises(kind) as found:
        against(tmp_path, answer, use, **options)
    if isinstance(found.value, ObjectNotFound):
        return found.value
    assert "hidden" not in str(found.value)
    assert "hidden" not in repr(found.value)
    error: StorageError = found.value
    return error


@pytest.mark.parametrize("sent", [0, 1, BLOCK_BYTES, 499_999])
@pytest.mark.parametrize("end", [Answerer.reset, Answerer.close])
def test_a_body_that_always_breaks_off_is_an_error(
    tmp_path: Path, sent: int, end: Callable[[Answerer], None]
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" in asked.headers:
            end(to)
        else:
            await to.send_object(CONTENT, sent=sent)
            end(to)

    raised(tmp_path, answer, BackendUnavailable)


@pytest.mark.parametrize("sent", [1, BLOCK_BYTES, 499_999])
def test_a_body_that_breaks_off_once_is_taken_up_at_the_next_byte(
    tmp_path: Path, sent: int
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" in asked.headers:
            await to.send_range(CONTENT, asked)
        else:
            await to.send_object(CONTENT, sent=sent)
            to.close()

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        assert await read(backend, directory, double) == CONTENT
        _, second = double.asked
        first, _, last = second.headers["range"].removeprefix("bytes=").partition("-")
        assert (int(first) <= sent, last) == (True, "499999")
        assert second.headers["if-range"] == ETAG

    against(tmp_path, answer, use)


def test_a_server_without_ranges_is_read_again_up_to_the_place(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, sent=None if "range" in asked.headers else 200_000)
        to.close()

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        assert await read(backend, directory, double) == CONTENT

    against(tmp_path, answer, use)


def test_what_breaks_off_again_and_again_is_given_up(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" not in asked.headers:
            await to.send_object(CONTENT, sent=100_000)
        else:
            first = int(asked.headers["range"].removeprefix("bytes=").partition("-")[0])
            where = {"etag": ETAG, "content-range": f"bytes {first}-499999/500000"}
            part = CONTENT[first : first + 10]
            await to.send(206, part, where, length=500_000 - first)
        to.close()

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await read(backend, directory, double)
        assert len(double.asked) == 1 + MOST_RESUMPTIONS

    against(tmp_path, answer, use)


@pytest.mark.parametrize("status", [200, 206, 416])
def test_what_was_replaced_meanwhile_is_not_mixed(tmp_path: Path, status: int) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if "range" not in asked.headers:
            await to.send_object(CONTENT, sent=100_000)
            to.close()
        elif status == 200:
            await to.send_object(CONTENT, {"etag": OTHER_ETAG})
        elif status == 206:
            await to.send_range(CONTENT, asked, OTHER_ETAG)
        else:
            await to.send(416)

    raised(tmp_path, answer, ObjectChanged)


@pytest.mark.parametrize("etag", [f"W/{ETAG}", ""])
def test_without_a_promise_of_equal_bytes_nothing_is_taken_up(tmp_path: Path, etag: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "range" not in asked.headers
        facts = {"etag": etag} if etag else {}
        await to.send(200, CONTENT[:100_000], facts, length=len(CONTENT))
        to.close()

    raised(tmp_path, answer, ObjectChanged)


def test_more_than_was_announced_is_an_error(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        where = {"etag": ETAG, "content-range": f"bytes 0-9/{len(CONTENT)}"}
        await to.send(206, CONTENT[:20], where)

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        await backend.get_object(directory, NAME, ReadOptions(Between(0, 10)))

    raised(tmp_path, answer, BackendUnavailable, use)


def test_another_range_than_the_wanted_one_is_an_error(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        where = {"etag": ETAG, "content-range": f"bytes 1-10/{len(CONTENT)}"}
        await to.send(206, CONTENT[1:11], where)

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        await backend.get_object(directory, NAME, ReadOptions(Between(0, 10)))

    raised(tmp_path, answer, BackendUnavailable, use)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, BackendError),
        (304, BackendError),
        (400, BackendDenied),
        (401, BackendDenied),
        (403, BackendDenied),
        (404, ObjectNotFound),
        (410, ObjectNotFound),
        (416, BackendDenied),
        (429, BackendBusy),
        (451, BackendDenied),
        (500, BackendUnavailable),
        (503, BackendBusy),
    ],
)
def test_a_status_is_an_error_of_storage(
    tmp_path: Path, status: int, kind: type[StorageError]
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(status)

    async def head(backend: HttpBackend, directory: str, double: Double) -> None:
        await backend.head_object(directory, NAME)

    assert type(raised(tmp_path, answer, kind)) is kind
    assert type(raised(tmp_path, answer, kind, head)) is kind


@pytest.mark.parametrize("text", ["HTTP/1.1 200\r\ncontent-length: x\r\n\r\n", "nonsense\r\n\r\n"])
def test_an_answer_that_is_not_http_is_an_error(tmp_path: Path, text: str) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        to.writer.write(text.encode())
        to.close()

    raised(tmp_path, answer, BackendUnavailable)


def test_a_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    async def act() -> None:
        async with Double(_never) as double:
            down = f"{double.endpoint}/d/"
        async with web_backend(tmp_path) as backend:
            await backend.get_object(down, NAME)

    with pytest.raises(BackendUnavailable):
        run(act())


async def _never(asked: Asked, to: Answerer) -> None:
    """Leave the client waiting."""


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    raised(tmp_path, _never, BackendUnavailable, idle_s=SOON_S)


def test_a_body_that_stops_is_given_up(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, sent=100_000)

    raised(tmp_path, answer, BackendUnavailable, idle_s=SOON_S)


# Where the server may be


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/d/",
        "http://localhost:1/d/",
        "http://[::1]:1/d/",
        "http://[::ffff:127.0.0.1]:1/d/",
        "http://10.0.0.1/d/",
        "http://169.254.169.254/latest/",
        "http://0.0.0.0:1/d/",
    ],
)
def test_a_private_address_is_not_read_from(tmp_path: Path, url: str) -> None:
    async def act() -> None:
        async with web_backend(tmp_path, ()) as backend:
            await backend.get_object(url, "a")

    with pytest.raises(BackendDenied, match=r"outbound\.allow"):
        run(act())


def test_a_number_is_not_a_host(tmp_path: Path) -> None:
    async def act() -> None:
        async with web_backend(tmp_path) as backend:
            await backend.get_object("http://2130706433:1/d/", "a")

    with pytest.raises(BackendDenied):
        run(act())


@pytest.mark.parametrize("method", ["get_object", "head_object"])
@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:1/a", "http://169.254.169.254/a", "file:///etc/passwd", "//[::1]/a"],
)
def test_a_redirect_to_a_private_address_is_not_followed(
    tmp_path: Path, target: str, method: str
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(302, headers={"location": target})

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        await getattr(backend, method)(directory, NAME)

    raised(tmp_path, answer, BackendDenied, use)


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.target.startswith("/d/"):
            await to.send(307, headers={"location": "/e/b%2Fc?x=%2F"})
        else:
            assert asked.target == "/e/b%2Fc?x=%2F"
            await to.send_object(CONTENT)

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        assert await read(backend, directory, double) == CONTENT

    against(tmp_path, answer, use)


def test_redirects_in_a_circle_end(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(301, headers={"location": asked.target})

    raised(tmp_path, answer, BackendDenied)


@pytest.mark.parametrize("bucket", ["name", "ftp://h/d/", "http://h/d", "http://h/d/?x=/", ""])
def test_what_is_not_a_directory_is_no_bucket(tmp_path: Path, bucket: str) -> None:
    async def act() -> None:
        async with web_backend(tmp_path) as backend:
            await backend.head_bucket(bucket)

    with pytest.raises(BucketNotFound):
        run(act())


# What is sent, and what is kept


def test_a_request_says_nothing_of_its_client(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(CONTENT, {"set-cookie": "a=b"})

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        await read(backend, directory, double)
        await read(backend, directory, double)
        for asked in double.asked:
            assert asked.target == "/d/a?token=hidden"
            assert asked.headers["accept-encoding"] == "identity"
            assert not {"cookie", "authorization", "referer"} & asked.headers.keys()

    against(tmp_path, answer, use)


def test_bytes_that_are_compressed_nevertheless_stay_so(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)

    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send_object(packed, {"content-encoding": "gzip", "content-type": "text/csv"})

    async def use(backend: HttpBackend, directory: str, double: Double) -> None:
        reading = await backend.get_object(directory, NAME)
        assert await content_of(reading) == packed
        headers = {"content-encoding": "gzip", "content-type": "text/csv"}
        assert reading.info.attributes.headers == headers

    against(tmp_path, answer, use)


def test_versions_are_refused(tmp_path: Path) -> None:
    async def act() -> None:
        async with web_backend(tmp_path) as backend:
            await backend.get_object("http://127.0.0.1:1/d/", "a", ReadOptions(version="1"))

    with pytest.raises(NotSupported):
        run(act())


# Bodies without a length


def of_no_length(tmp_path: Path, use: Any, **options: Any) -> Any:
    async def act() -> Any:
        async with Site(Kind(lengths=False, ranges=False)) as site:
            site.write("/d/a", CONTENT)
            async with web_backend(tmp_path, **options) as backend:
                return await use(backend, f"{site.url}/d/")

    return run(act())


def test_a_body_without_a_length_has_one_before_it_is_handed_on(tmp_path: Path) -> None:
    async def use(backend: HttpBackend, directory: str) -> None:
        with pytest.raises(LengthUnknown):
            await backend.head_object(directory, "a")
        reading = await backend.get_object(directory, "a")
        assert reading.info.size == len(CONTENT)
        assert await content_of(reading) == CONTENT
        assert not isinstance(reading.body, bytes)
        part = await backend.get_object(directory, "a", ReadOptions(From(499_990)))
        assert part.body == CONTENT[499_990:]
        assert list(tmp_path.iterdir()) == []

    of_no_length(tmp_path, use)


def test_a_body_without_a_length_ends_before_the_disk_is_full(tmp_path: Path) -> None:
    async def use(backend: HttpBackend, directory: str) -> None:
        await backend.get_object(directory, "a")

    with pytest.raises(OutOfSpace):
        of_no_length(tmp_path, use, has_room=no_room)
    with pytest.raises(BackendError, match="TooLarge"):
        of_no_length(tmp_path, use, most_spooled_bytes=len(CONTENT) - 1)
    of_no_length(tmp_path, _left_unread, most_spooled_bytes=len(CONTENT))
    assert list(tmp_path.iterdir()) == []


async def _left_unread(backend: HttpBackend, directory: str) -> None:
    reading = await backend.get_object(directory, "a")
    assert not isinstance(reading.body, bytes)
    async with aclosing(reading.body):
        pass


def test_a_body_in_chunks_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        head = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
        to.writer.write(head.encode())
        to.close()

    raised(tmp_path, answer, BackendUnavailable)
