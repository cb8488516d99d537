"""What goes wrong between two clusters: a reader has the whole object or an error."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import xxhash

from storage.backends.ais import AisBackend, Cluster
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    Corrupt,
    ObjectChanged,
    ObjectNotFound,
    StorageError,
)
from storage.values import ListQuery, PutOptions
from tests.storage.ais.remotes import FAST, UUID, Attached
from tests.storage.aws.double import Answer, Answerer, Asked, Double
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run

CONTENT = pattern(500_000)
OTHER = pattern(500_000, seed=1)
TOKEN = "a-token-that-nobody-sees"
BUCKET = f"@{UUID}/b"

Use = Callable[[AisBackend, Double], Awaitable[Any]]


def smap(*urls: str, uuid: str = UUID) -> bytes:
    nodes = {f"n{at}": {"public_net": {"direct_url": url}} for at, url in enumerate(urls)}
    return json.dumps({"uuid": uuid, "version": "1", "pmap": nodes, "tmap": {}}).encode()


def facts(content: bytes = CONTENT, version: str = "1", kind: str = "xxhash2") -> dict[str, str]:
    value = xxhash.xxh64(content).hexdigest()
    return {"ais-checksum-type": kind, "ais-checksum-value": value, "ais-version": version}


class Gateway:
    """A gateway with the answers to requests of objects; `nodes` are its map."""

    def __init__(self, answer: Answer, uuid: str = UUID) -> None:
        self.answer = answer
        self.uuid = uuid
        self.nodes: tuple[str, ...] = ()
        self.double = Double(self._answer)

    async def _answer(self, asked: Asked, to: Answerer) -> None:
        if asked.target.startswith("/v1/daemon?what=smap"):
            await to.send(200, smap(*self.nodes, uuid=self.uuid))
        else:
            await self.answer(asked, to)

    @property
    def targets(self) -> list[str]:
        return [
            f"{asked.method} {asked.target.partition('?')[0]}"
            for asked in self.double.asked
            if "smap" not in asked.target
        ]


def against(answer: Answer, use: Use) -> Any:
    """What `use` returns, with a cluster that answers so."""

    async def act() -> Any:
        gateway = Gateway(answer)
        async with gateway.double as double:
            known = Cluster("far", (double.endpoint,), UUID, TOKEN)
            async with AisBackend(Attached(known), FAST) as backend:
                return await use(backend, double)

    return run(act())


async def read(backend: AisBackend, double: Double) -> bytes:
    return await content_of(await backend.get_object(BUCKET, "a"))


def test_a_body_that_breaks_off_goes_on_at_the_next_byte() -> None:
    spans: list[str] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "HEAD":
            await to.send(200, b"", facts(), length=len(CONTENT))
        elif "range" in asked.headers:
            spans.append(asked.headers["range"])
            first = int(spans[-1].removeprefix("bytes=").partition("-")[0])
            place = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
            await to.send(206, CONTENT[first:], {**facts(), "content-range": place})
        else:
            await to.send(200, CONTENT[:200_000], facts(), length=len(CONTENT))
            to.reset()

    assert against(answer, read) == CONTENT
    (span,) = spans
    assert 0 < int(span.removeprefix("bytes=").partition("-")[0]) <= 200_000


def test_what_was_replaced_while_it_was_read_is_an_error() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.method == "HEAD":
            await to.send(200, b"", facts(OTHER, "2"), length=len(OTHER))
        else:
            await to.send(200, CONTENT[:200_000], facts(), length=len(CONTENT))
            to.reset()

    with pytest.raises(ObjectChanged):
        against(answer, read)


def test_other_bytes_than_the_checksum_says_are_an_error() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, CONTENT[:-1] + b"?", facts())

    with pytest.raises(Corrupt, match="xxhash2"):
        against(answer, read)


def test_other_bytes_than_were_sent_are_an_error() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, b"", facts(b"something else"))

    async def write(backend: AisBackend, double: Double) -> None:
        await backend.put_object(BUCKET, "a", body_of(), PutOptions(Md5Digest(), size=0))

    with pytest.raises(Corrupt):
        against(answer, write)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_says_what_to_do_and_not_what_it_is(status: int) -> None:
    sent: list[str] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        sent.append(asked.headers["authorization"])
        await to.send(status, b'{"tcode":"","message":"invalid token"}')

    with pytest.raises(BackendDenied, match="see the file far") as refused:
        against(answer, read)
    assert sent == [f"Bearer {TOKEN}"]
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(Cluster("far", (), UUID, TOKEN))


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (404, {"tcode": "ErrBckNotFound"}, BucketNotFound),
        (404, {"tcode": "ErrRemoteBckNotFound"}, BucketNotFound),
        (404, {"tcode": "ErrNotFound"}, ObjectNotFound),
        (404, {}, ObjectNotFound),
        (400, {"message": "it is not so"}, BackendError),
        (503, {}, BackendBusy),
    ],
)
def test_errors_are_those_of_storage(
    status: int, document: dict[str, str], expected: type[StorageError]
) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(status, json.dumps(document).encode())

    with pytest.raises(StorageError) as raised:
        against(answer, read)
    assert type(raised.value) is expected


def test_a_busy_cluster_is_asked_again() -> None:
    asked_for: list[str] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        asked_for.append(asked.method)
        if len(asked_for) < 3:
            await to.send(503)
        else:
            await to.send(200, CONTENT, facts())

    assert against(answer, read) == CONTENT
    assert len(asked_for) == 3


def test_a_write_that_was_sent_is_not_sent_again() -> None:
    puts: list[str] = []

    async def answer(asked: Asked, to: Answerer) -> None:
        puts.append(asked.method)
        await to.send(503)

    async def write(backend: AisBackend, double: Double) -> None:
        await backend.put_object(BUCKET, "a", body_of(), PutOptions(Md5Digest(), size=0))

    with pytest.raises(BackendUnavailable):
        against(answer, write)
    assert puts == ["PUT"]


@pytest.mark.parametrize("status", [403, 307])
def test_nothing_follows_on_a_connection_whose_body_was_not_sent(status: int) -> None:
    """The answer comes instead of `100 Continue`. Else the next request would be read as the
    body."""
    connections: list[object] = []

    async def act() -> list[str]:
        async def answer(asked: Asked, to: Answerer) -> None:
            connections.append(to.writer)
            if asked.method == "GET":
                await to.send(200, CONTENT, facts())
            else:
                await to.send(status, b"{}", {"location": "http://127.0.0.1:1/v1/elsewhere"})

        gateway = Unreading(answer)
        async with gateway.double as double:
            known = Cluster("far", (double.endpoint,), UUID)
            async with AisBackend(Attached(known), FAST) as backend:
                options = PutOptions(Md5Digest(), size=100)
                with pytest.raises(BackendError):
                    await backend.put_object(BUCKET, "a", body_of(b"x" * 100), options)
                assert await read(backend, double) == CONTENT
        return gateway.targets

    assert run(act()) == ["PUT /v1/objects/b/a", "GET /v1/objects/b/a"]
    assert len(set(connections)) == len(connections)


class Unreading(Gateway):
    """A gateway that answers as soon as it has a request's head, and does not close."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.double = Unread(self._answer)


class Unread(Double):
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split("\r\n")[0].split(" ")
                asked = Asked(method, target, {}, b"")
                self.asked.append(asked)
                await self.answer(asked, Answerer(writer))
        writer.close()


def test_a_redirect_to_no_address_is_an_error() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(307, b"", {"location": "http://[::1/v1/objects/b/a"})

    with pytest.raises(BackendError, match="it redirects to no address"):
        against(answer, read)


def test_a_redirect_is_followed_to_a_node_of_the_cluster_only() -> None:
    async def serve(asked: Asked, to: Answerer) -> None:
        await to.send(200, CONTENT, facts())

    async def act(*, is_node: bool) -> tuple[bytes, list[str]]:
        target = Gateway(serve)
        async with target.double:

            async def redirect(asked: Asked, to: Answerer) -> None:
                where = f"{target.double.endpoint}/v1/objects/b/a"
                await to.send(307, b"", {"location": where})

            gateway = Gateway(redirect)
            async with gateway.double as double:
                if is_node:
                    gateway.nodes = (target.double.endpoint,)
                known = Cluster("far", (double.endpoint,), UUID, TOKEN)
                async with AisBackend(Attached(known), FAST) as backend:
                    try:
                        return await read(backend, double), target.targets
                    except BackendError as error:
                        return error.code.encode(), target.targets

    assert run(act(is_node=True)) == (CONTENT, ["GET /v1/objects/b/a"])
    assert run(act(is_node=False)) == (b"Redirect", [])


def test_the_next_url_is_used_when_one_is_down_or_of_another_cluster() -> None:
    async def serve(asked: Asked, to: Answerer) -> None:
        await to.send(200, CONTENT, facts())

    async def act() -> tuple[bytes, list[str]]:
        other, good = Gateway(serve, uuid="another"), Gateway(serve)
        async with other.double, good.double:
            down = "http://127.0.0.1:1"
            urls = down, other.double.endpoint, good.double.endpoint
            async with AisBackend(Attached(Cluster("far", urls, UUID)), FAST) as backend:
                return await read(backend, good.double), other.targets

    assert run(act()) == (CONTENT, [])


def test_a_cluster_that_became_another_one_is_not_read() -> None:
    async def serve(asked: Asked, to: Answerer) -> None:
        await to.send(200, CONTENT, facts())

    async def act() -> None:
        other = Gateway(serve, uuid="another")
        async with other.double as double:
            known = Cluster("far", (double.endpoint,), UUID)
            async with AisBackend(Attached(known), FAST) as backend:
                await read(backend, double)

    with pytest.raises(BackendUnavailable, match="another cluster"):
        run(act())


@pytest.mark.parametrize(
    ("said", "expected_ns"),
    [
        ({"last-modified": "Tue, 01 Dec 2026 00:00:00 GMT", "ais-atime": "5"}, 1796083200 * 10**9),
        ({"ais-atime": "1796083200000000005"}, 1796083200 * 10**9 + 5),
        ({"last-modified": "yesterday"}, 0),
        ({}, 0),
    ],
)
def test_the_time_is_what_there_is_of_one(said: dict[str, str], expected_ns: int) -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, b"", {**facts(b""), **said})

    async def modified_ns(backend: AisBackend, double: Double) -> int:
        return (await backend.get_object(BUCKET, "a")).info.modified_ns

    assert against(answer, modified_ns) == expected_ns


def test_a_listing_that_is_none_is_an_error() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        await to.send(200, b"<html>")

    async def listed(backend: AisBackend, double: Double) -> None:
        await backend.list_objects(BUCKET, ListQuery())

    with pytest.raises(BackendError, match="not a listing"):
        against(answer, listed)
