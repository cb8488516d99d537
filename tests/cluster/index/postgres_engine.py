"""PostgreSQL as an engine of the tests that compare engines (`tests.storage.index.engines`)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from cluster.database.connecting import Database
from cluster.index.committing import Committer
from storage.clock import Clock
from storage.index.rows import decode_bucket, decode_part, decode_row, decode_upload
from storage.index.transaction import Mutation
from tests.storage.event_loop import run
from tests.storage.index.engines import Histories

_TABLES = (
    "buckets", "trash", "labels", "objects", "versions", "uploads", "parts", "completed", "renamed",
    "garbage", "usage", "usage_delta", "counters", "done",
)  # fmt: skip


class Postgres:
    """An empty index in a database that has the schema."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self.committer = Committer(database, clock=clock)
        tables = ", ".join(f"s3gw.{table}" for table in _TABLES)
        run(self._execute(f"TRUNCATE {tables} RESTART IDENTITY"))

    def commit(self, mutation: Mutation[Any]) -> object:
        return run(self.committer.run(mutation))

    def histories(self) -> Histories:
        found: Histories = defaultdict(list)
        for bucket, name, row, payload in self.all("bucket, name, row, payload", "objects"):
            found[bucket, name].append((decode_row(row), payload))
        for bucket, name, row, payload, version, marker in self.all(
            "bucket, name, row, payload, version, marker", "versions ORDER BY age"
        ):
            decoded, before = decode_row(row), found[bucket, name]
            assert (version, marker) == (decoded.version, decoded.delete_marker)
            assert before or marker, "no version is current"
            before.append((decoded, payload))
        return found

    def others(self) -> dict[str, object]:
        usage = {key: [objects, size] for key, objects, size in self.all("*", "usage")}
        for key, objects, size in self.all("*", "usage_delta"):
            usage[key][0] += objects
            usage[key][1] += size
        return {
            "buckets": {
                key: decode_bucket(row) for key, row in self.all("id, row", "buckets ORDER BY id")
            },
            "trash": {
                key: decode_bucket(row) for key, row in self.all("id, row", "trash ORDER BY id")
            },
            "labels": sorted(self.all("label, bucket", "labels")),
            "usage": {key: tuple(counts) for key, counts in sorted(usage.items())},
            "garbage": sorted(("", tuple(blobs)) for (blobs,) in self.all("blobs", "garbage")),
            "renamed": sorted(self.all("bucket, label, blob, name", "renamed")),
            "uploads": {
                tuple(key): decode_upload(row)
                for *key, row in self.all("bucket, name, id, row", "uploads ORDER BY 3")
            },
            "parts": {
                tuple(key): decode_part(row)
                for *key, row in self.all("upload, number, row", "parts ORDER BY 1, 2")
            },
            "completed": {
                upload: (bucket, name, time_ns, decode_row(row))
                for upload, bucket, name, time_ns, row in self.all(
                    "upload, bucket, name, time, row", "completed ORDER BY 1"
                )
            },
            "bucket changes": sum(value for (value,) in self.all("value", "counters")),
        }

    def all(self, columns: str, source: str) -> list[tuple[Any, ...]]:
        """Return rows of a table."""
        return [tuple(row) for row in run(self._fetch(f"SELECT {columns} FROM s3gw.{source}"))]

    async def _fetch(self, sql: str) -> list[Any]:
        async with self._database.connection() as connection:
            return await connection.fetch(sql)

    async def _execute(self, sql: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql)

    def close(self) -> None:
        """The database is its owner's."""
