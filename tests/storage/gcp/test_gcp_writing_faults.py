"""What goes wrong while an object is written: its writer knows it, and nothing is left."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from storage.backends.gcp import GcpBackend
from storage.errors import BackendUnavailable, Corrupt
from storage.values import CompleteOptions, Condition, PutOptions
from tests.storage.aws.double import Answerer, Asked, Double
from tests.storage.bodies import body_of, broken_body, pattern
from tests.storage.digests import Md5Digest, Refused
from tests.storage.gcp.answers import GENERATION, against, md5, refuse, resource
from tests.storage.sync_bucket import join_etags

CONTENT = pattern(500_000)
NEW = Condition(if_none_match=("*",))
PIECE = 256 << 10


async def put(backend: GcpBackend, size: int, condition: Condition = Condition()) -> None:  # noqa: B008
    options = PutOptions(Md5Digest(), condition=condition, size=size)
    await backend.put_object("bucket", "a", body_of(pattern(size)), options)


@pytest.mark.parametrize(("status", "attempts"), [(503, 1), (429, 2)])
def test_a_put_is_repeated_and_one_with_a_condition_only_if_it_was_not_done(
    status: int, attempts: int
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await refuse(to, status, "busy")

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 10)
        assert len(double.asked) == 2
        with pytest.raises(BackendUnavailable):
            await put(backend, 10, NEW)
        assert len(double.asked) == 2 + attempts

    against(answer, use, attempts=2)


def test_a_put_has_its_checksum_and_its_condition() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, resource(CONTENT[:70_000]))

    async def use(backend: GcpBackend, double: Double) -> None:
        await put(backend, 70_000, NEW)
        (sent,) = double.asked
        assert "ifGenerationMatch=0" in sent.target
        assert int(sent.headers["content-length"]) == len(sent.body)
        document = re.search(rb"\{.*?\}", sent.body)
        assert document is not None
        assert json.loads(document[0]) == {
            "crc32c": json.loads(resource(pattern(70_000)))["crc32c"]
        }
        assert pattern(70_000) in sent.body

    against(answer, use)


class Pieces:
    """Takes an upload in pieces; `meets` is asked first, and answers itself if it returns True."""

    def __init__(self, meets: Callable[[Asked, Answerer], bool] = lambda *_: False) -> None:
        self.received = b""
        self.done = False
        self.aborted = 0
        self.lies: dict[str, str] = {}
        self._meets = meets

    async def answer(self, asked: Asked, to: Answerer) -> None:
        if asked.method == "POST":
            where = f"http://{asked.headers['host']}/session"
            await to.send(200, headers={"location": where})
        elif asked.method == "DELETE":
            self.aborted += asked.target == "/session"
            await to.send(499 if asked.target == "/session" else 204)
        elif not self._meets(asked, to):
            await self.take(asked, to)

    async def take(self, asked: Asked, to: Answerer) -> None:
        where, _, total = asked.headers["content-range"].removeprefix("bytes ").partition("/")
        if where != "*" and not self.done:
            assert int(where.partition("-")[0]) == len(self.received)
            self.received += asked.body
        self.done = total == str(len(self.received))
        await self.say(to)

    async def say(self, to: Answerer) -> None:
        if self.done:
            await to.send(200, resource(self.received, **self.lies))
        else:
            headers = {"range": f"bytes=0-{len(self.received) - 1}"} if self.received else {}
            await to.send(308, headers=headers)


def test_a_piece_that_breaks_off_goes_on_from_where_it_arrived() -> None:
    def meets(asked: Asked, to: Answerer) -> bool:
        if asked.headers["content-range"] != f"bytes {PIECE}-{2 * PIECE - 1}/*":
            return False
        pieces.received += asked.body[:1000]
        to.reset()
        return True

    async def use(backend: GcpBackend, double: Double) -> None:
        await put(backend, 5 * PIECE // 2)
        assert pieces.received == pattern(5 * PIECE // 2)
        ranges = [asked.headers.get("content-range") for asked in double.asked]
        assert ranges[2:5] == [
            f"bytes {PIECE}-{2 * PIECE - 1}/*",
            "bytes */*",
            f"bytes {PIECE + 1000}-{2 * PIECE - 1}/*",
        ]
        assert pieces.aborted == 0

    pieces = Pieces(meets)
    against(pieces.answer, use, piece_bytes=PIECE, attempts=2)


def test_the_last_answer_of_an_upload_is_given_again() -> None:
    def meets(asked: Asked, to: Answerer) -> bool:
        if pieces.done or not asked.headers["content-range"].endswith(str(2 * PIECE)):
            return False
        pieces.received += asked.body
        pieces.done = True
        to.reset()
        return True

    async def use(backend: GcpBackend, double: Double) -> None:
        await put(backend, 2 * PIECE, NEW)
        assert pieces.received == pattern(2 * PIECE)

    pieces = Pieces(meets)
    against(pieces.answer, use, piece_bytes=PIECE, attempts=2)


def test_an_upload_that_does_not_get_on_ends() -> None:
    def meets(asked: Asked, to: Answerer) -> bool:
        to.reset()
        return True

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendUnavailable):
            await put(backend, 2 * PIECE)
        assert pieces.aborted == 1

    pieces = Pieces(meets)
    against(pieces.answer, use, piece_bytes=PIECE, attempts=2)


@pytest.mark.parametrize("size", [PIECE + 1, 3 * PIECE])
def test_a_body_in_pieces_that_breaks_is_given_up(size: int) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        body = broken_body(pattern(size))
        with pytest.raises(Refused):
            await backend.put_object("bucket", "a", body, PutOptions(Md5Digest()))
        assert not pieces.done
        assert pieces.aborted == 1

    pieces = Pieces()
    against(pieces.answer, use, piece_bytes=PIECE)


def test_what_did_not_arrive_as_it_was_sent_is_corrupt_and_removed() -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(Corrupt):
            await put(backend, 2 * PIECE)
        last = double.asked[-1]
        assert last.method == "DELETE"
        assert f"generation={GENERATION}" in last.target

    pieces = Pieces()
    pieces.lies = {"crc32c": "AAAAAA=="}
    against(pieces.answer, use, piece_bytes=PIECE)


def test_a_completion_may_take_longer_than_other_requests() -> None:
    """Of a large object it takes minutes."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "POST":
            await asyncio.sleep(0.5)
            await to.send(200, b"<CompleteMultipartUploadResult/>")
        else:
            await _answer_for_an_upload(asked, to)

    async def use(backend: GcpBackend, double: Double) -> None:
        options = CompleteOptions((1,), join_etags)
        info = await backend.complete_upload("bucket", "a", "one", options)
        assert info.version == GENERATION

    against(answer, use, read_timeout_s=0.2)


async def _answer_for_an_upload(asked: Asked, to: Answerer) -> None:
    """One part of one byte."""
    if "uploads" in asked.target:
        upload = b"<Upload><Key>a</Key><UploadId>one</UploadId></Upload>"
        await to.send(200, b"<ListMultipartUploadsResult>%b</ListMultipartUploadsResult>" % upload)
    elif "uploadId" in asked.target:
        etag = md5(b"x").hex().encode()
        part = b"<PartNumber>1</PartNumber><Size>1</Size><ETag>%b</ETag>" % etag
        await to.send(200, b"<ListPartsResult><Part>%b</Part></ListPartsResult>" % part)
    else:
        await to.send(200, resource(b"x"))


def test_a_completion_is_not_repeated_and_an_error_in_a_good_answer_is_one() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "POST":
            completions.append(asked)
            await to.send(200, b"<Error><Code>InternalError</Code></Error>")
        else:
            await _answer_for_an_upload(asked, to)

    async def use(backend: GcpBackend, double: Double) -> None:
        options = CompleteOptions((1,), join_etags)
        with pytest.raises(BackendUnavailable, match="InternalError"):
            await backend.complete_upload("bucket", "a", "one", options)
        assert len(completions) == 1

    completions: list[Asked] = []
    against(answer, use, attempts=3)
