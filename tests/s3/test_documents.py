"""Documents under way: bounded one by one, and together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from s3gw.http import documents
from s3gw.http.documents import TooLong, read_whole
from s3gw.http.memory_room import Room, TooBusy

PIECE = bytes(64 << 10)


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE


def test_what_is_read_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(16 * len(PIECE))
    monkeypatch.setattr(documents, "UNDER_WAY", room)

    async def work() -> None:
        text, memory = await read_whole(pieces(8), 1 << 20, "a")
        assert len(text) == room.taken == 8 * len(PIECE)
        # One client has no more than half of it, another one gets the rest.
        with pytest.raises(TooBusy):
            await read_whole(pieces(2), 1 << 20, "a")
        short, free = await read_whole(pieces(1), 1 << 20, "a")
        assert (len(short), free) == (len(PIECE), None)
        _, other = await read_whole(pieces(8), 1 << 20, "b")
        assert room.taken == room.size
        del memory, other
        assert room.taken == 0

    asyncio.run(work())


def test_a_document_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(1 << 30)
    monkeypatch.setattr(documents, "UNDER_WAY", room)
    with pytest.raises(TooLong):
        asyncio.run(read_whole(pieces(3), 2 * len(PIECE), "a"))
    assert room.taken == 0
