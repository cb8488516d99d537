"""How many objects a second one gateway commits: `python -m tests.cluster.index.rates`.

A primary whose commits wait for a synchronous standby, both on this machine, and 64 clients; each
mutation alone, and those that wait at the same time together.
"""

from __future__ import annotations

import asyncio
import resource
import time
from unittest.mock import patch

from cluster.database.connecting import Database
from cluster.index import committing
from cluster.index.committing import Committer
from storage.index.bucket_mutations import CreateBucket
from storage.index.mutations import PutObject
from storage.index.rows import Chunk, Row, Single
from storage.values import ALWAYS, NO_ATTRIBUTES, BucketInfo
from tests.cluster.postgres import PostgresServer, replicated_pair

CLIENTS = 64
_ROW = Row(4096, "e" * 32, 1, NO_ATTRIBUTES, Single(Chunk("a" * 32, 4096, b"r" * 16)))


async def rate(primary: PostgresServer, name: str, count: int) -> None:
    """Put so many objects into a new bucket, and print what it took."""
    database = Database(primary.address())
    await database.open()
    committer = Committer(database)
    bucket = await committer.run(CreateBucket(BucketInfo(f"{name}-{time.time_ns()}", "o", 0)))
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            put = PutObject(bucket, f"folder/{number:08}", _ROW, None, ALWAYS)
            await committer.run(put)

    began, ours, theirs = time.perf_counter(), _ours(), primary.processor_s()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    seconds = time.perf_counter() - began
    gateway_us = (_ours() - ours) / count * 1e6
    server_us = (primary.processor_s() - theirs) / count * 1e6
    print(
        f"{name:10} {count / seconds:7.0f} objects/s, processor time for each: "
        f"gateway {gateway_us:5.0f} us, PostgreSQL {server_us:5.0f} us"
    )
    await committer.close()
    await database.close()


def _ours() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    with replicated_pair() as (primary, _):
        for _ in range(3):
            with patch.object(committing, "TOGETHER", ()):
                asyncio.run(rate(primary, "alone", 1_500))
            asyncio.run(rate(primary, "together", 6_000))


if __name__ == "__main__":
    main()
