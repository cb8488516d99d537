"""The end of an adoption: one transaction, and clients see its buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.adopting.comparing import BucketCounts
from cluster.adopting.copying import unlimited
from cluster.adopting.entries import Entries, write_entries
from cluster.adopting.errors import AdoptionRefused
from cluster.adopting.ledger import Ledger, held_ledger
from cluster.adopting.obstacles import bucket_obstacles, entry_obstacles
from cluster.database.connecting import Connection, Database
from storage import failpoints
from storage.index.rows import encode
from storage.index.versions import Bucket

_PUBLISHING_S = 3600.0
_ADD_BUCKETS = """
INSERT INTO s3gw.buckets(id, name, row) OVERRIDING SYSTEM VALUE
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])"""
_ADD_LABELS = (
    "INSERT INTO s3gw.labels(bucket, label) SELECT * FROM unnest($1::bigint[], $2::text[])"
)
_ADD_USAGE = """
INSERT INTO s3gw.usage(bucket, objects, bytes)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"""
_COUNT_CHANGES = """
INSERT INTO s3gw.counters VALUES ('buckets', $1)
ON CONFLICT (name) DO UPDATE SET value = counters.value + $1"""
_FINISH = """
UPDATE s3gw.adoptions SET finished = clock_timestamp(), report = $2 WHERE store = $1"""


async def publish(
    database: Database,
    ledger: Ledger,
    buckets: Sequence[Bucket],
    counts: Mapping[int, BucketCounts],
    entries: Entries | None,
    report: bytes,
) -> None:
    """Add the buckets, and the entries unless they stay; `counts` are by the new ids of buckets.
    Raises `AdoptionRefused` for what came into the way meanwhile, `DatabaseAway`."""
    async with database.connection(_PUBLISHING_S) as connection, connection.transaction():
        await unlimited(connection)
        await held_ledger(connection, ledger)
        # No bucket is created or renamed meanwhile; objects change as ever.
        await connection.execute("LOCK TABLE s3gw.buckets IN SHARE ROW EXCLUSIVE MODE")
        obstacles = await bucket_obstacles(connection, buckets)
        if entries is not None:
            # A server may be making the first ones.
            await connection.execute("SELECT pg_advisory_xact_lock(3, 0)")
            obstacles += await entry_obstacles(connection)
        if obstacles:
            raise AdoptionRefused("\n".join(obstacles))
        await _add_buckets(connection, ledger, buckets, counts)
        if entries is not None:
            await write_entries(connection, entries.moved)
        await connection.execute(_FINISH, ledger.store, report)
        failpoints.hit("adopt_inside_publishing")
    failpoints.hit("adopt_after_publishing")


async def _add_buckets(
    connection: Connection,
    ledger: Ledger,
    buckets: Sequence[Bucket],
    counts: Mapping[int, BucketCounts],
) -> None:
    ids = [ledger.ids(buckets)[each.key] for each in buckets]
    names, rows = [each.info.name for each in buckets], [encode(each.info) for each in buckets]
    await connection.execute(_ADD_BUCKETS, ids, names, rows)
    labels = [(key, each.info.label) for key, each in zip(ids, buckets, strict=True)]
    labelled = [(key, label) for key, label in labels if label]
    await connection.execute(
        _ADD_LABELS, [key for key, _ in labelled], [label for _, label in labelled]
    )
    of = [counts[key] for key in ids]
    objects = [each.objects + each.versions for each in of]
    await connection.execute(_ADD_USAGE, ids, objects, [each.bytes for each in of])
    await connection.execute(_COUNT_CHANGES, max(len(buckets), 1))
