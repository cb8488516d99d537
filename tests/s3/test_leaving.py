"""Clients that leave while the server works for them: the work ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from s3gw.http.leaving import ClientLeft, Connected
from storage.backends.memory import MemoryBackend
from storage.values import ObjectRead, Reading
from tests.s3.gateway import ALICE, ENDPOINT, Gateway, signed


class Endless(MemoryBackend):
    """Reads that nobody lives to see, and whether they were given up."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = 0

    async def get_objects(self, reads: Sequence[ObjectRead], room: int) -> list[Any]:
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1
        raise AssertionError

    async def get_object(self, *_: Any, **__: Any) -> Reading:
        return (await self.get_objects((), 0))[0]  # type: ignore[no-any-return]


async def leaving_after(body: bytes) -> AsyncIterator[Any]:
    yield {"type": "http.request", "body": body, "more_body": False}
    while True:
        yield {"type": "http.disconnect"}


@pytest.mark.parametrize("streaming", [False, True])
def test_a_batch_ends_when_its_client_leaves(*, streaming: bool) -> None:
    store = Endless()
    gateway = Gateway(store)
    bucket = gateway.new_bucket()
    gateway.client().put_object(Bucket=bucket, Key="k", Body=b"x" * 100)
    document = {"in": [{"objname": "k"}], "strm": streaming, "coer": True}
    body = json.dumps(document).encode()
    target = f"/{bucket}?get-batch"
    headers = {"host": ENDPOINT.removeprefix("http://"), "content-length": str(len(body))}
    sent = signed("POST", target, headers, body, ALICE)
    messages = leaving_after(body)
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(n.lower().encode(), v.encode()) for n, v in sent.items()],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    written: list[Any] = []

    async def send(message: Any) -> None:
        written.append(message)

    gateway.server.run(gateway.server.app(scope, messages.__anext__, send))
    gateway.close()
    assert store.given_up > 0
    assert gateway.observer.exchanges[-1].status == (200 if written else 499)


def run(work: Any) -> Any:
    return asyncio.run(work)


async def never() -> Any:
    await asyncio.Event().wait()


async def left() -> Any:
    return {"type": "http.disconnect"}


def test_a_block_ends_when_the_client_leaves() -> None:
    async def work() -> None:
        with pytest.raises(ClientLeft):
            async with Connected(left, after_s=0):
                await asyncio.Event().wait()
        await asyncio.wait_for(asyncio.sleep(0), 60)

    run(work())


def test_a_block_that_ends_first_is_not_cancelled_later() -> None:
    async def work() -> int:
        async with Connected(left, after_s=0) as client:
            client.listen()
            # Runs the listener to its end; the block ends in the same moment.
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        return 7

    assert run(work()) == 7


def test_an_error_in_the_block_is_the_error() -> None:
    async def work() -> None:
        async with Connected(never):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(work())


def test_a_cancelled_task_is_cancelled() -> None:
    async def work() -> None:
        async def wait() -> None:
            async with Connected(never, after_s=0):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())


def test_an_error_at_the_moment_of_leaving_is_the_error() -> None:
    async def fail() -> None:
        async with Connected(left, after_s=0) as client:
            client.listen()
            await asyncio.sleep(0)
            raise KeyError("mine")

    async def work() -> int:
        with pytest.raises(KeyError, match="mine"):
            await fail()
        for _ in range(10):
            await asyncio.sleep(0)
        return 7

    assert run(work()) == 7


def test_who_is_cancelled_while_the_client_leaves_is_cancelled() -> None:
    async def work() -> None:
        async def wait() -> None:
            async with Connected(left, after_s=0) as client:
                client.listen()
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        for _ in range(2):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())
