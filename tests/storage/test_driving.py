"""Mutations in the thread of an index: run to their end in one step, or refused."""

from __future__ import annotations

import asyncio

import pytest

from storage.backends.local.transaction import drive
from storage.errors import ObjectNotFound


async def _value(value: int) -> int:
    return value


async def _sum() -> int:
    return await _value(1) + await _value(2)


def test_what_it_returns_is_returned() -> None:
    assert drive(_sum()) == 3


def test_what_it_raises_is_raised() -> None:
    async def refuse() -> None:
        await _value(1)
        raise ObjectNotFound("name")

    with pytest.raises(ObjectNotFound, match="name"):
        drive(refuse())


def test_one_that_waits_for_something_else_is_ended_there() -> None:
    ended = []

    async def wait() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="waits"):
        drive(wait())
    assert ended == [True]
