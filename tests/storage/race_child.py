"""Creates forty names if they are not there, several at once, and prints how often it won."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from storage.backends.local import LocalStore
from storage.errors import PreconditionFailed
from storage.values import Condition
from tests.storage.bodies import body_of
from tests.storage.sync_bucket import put_options


async def create_all(store: LocalStore) -> int:
    condition = Condition(if_none_match=("*",))

    async def create(number: int) -> int:
        options = put_options(condition=condition)
        try:
            await store.put_object("bucket", f"{number:02}", body_of(b"x" * number * 2000), options)
        except PreconditionFailed:
            return 0
        return 1

    return sum(await asyncio.gather(*(create(number) for number in range(40))))


if __name__ == "__main__":
    store = LocalStore.open([Path(sys.argv[1])], slot=f"race-{sys.argv[2]}")
    print(asyncio.run(create_all(store)))
    store.close()
