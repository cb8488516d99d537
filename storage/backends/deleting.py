"""Deletion of many objects where the far side has one request for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from storage.errors import BucketNotFound, NotSupported, StorageError
from storage.values import DeleteRequest, Deletion

Outcome = Deletion | StorageError
# What is wrong with all of them, and not with one object.
_OF_ALL = (BucketNotFound, NotSupported)


async def delete_in_turns(
    requests: Sequence[DeleteRequest],
    at_once: int,
    delete: Callable[[DeleteRequest], Awaitable[Deletion]],
) -> list[Outcome]:
    """Return what each did or raised, in their order. So many are deleted at once; those of one
    name one after the other. Raises `BucketNotFound`, `NotSupported`."""
    outcomes: dict[int, Outcome] = {}
    room = asyncio.Semaphore(at_once)
    turns: dict[str, list[int]] = {}
    for at, request in enumerate(requests):
        turns.setdefault(request.name, []).append(at)

    async def delete_each(places: Sequence[int]) -> None:
        async with room:
            for at in places:
                outcomes[at] = await _outcome(requests[at], delete)

    try:
        async with asyncio.TaskGroup() as tasks:
            for places in turns.values():
                tasks.create_task(delete_each(places))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return [outcomes[at] for at in range(len(requests))]


async def _outcome(
    request: DeleteRequest, delete: Callable[[DeleteRequest], Awaitable[Deletion]]
) -> Outcome:
    try:
        return await delete(request)
    except _OF_ALL:
        raise
    except StorageError as error:
        return error
