"""A name costs the same in a bucket of any size, also before the tables were analyzed once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cluster.index import lookups, transaction, version_listing
from cluster.store import ClusterStore, Place
from storage.values import BucketOptions
from tests.cluster.store.cluster_stores import Keeper, cluster_store
from tests.cluster.store.plans import rows_read
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket

NAMES = 3000
# Of each of two names, one row of each table.
FEW = 10


@pytest.fixture(scope="module")
def bucket(place: Place, keeper: Keeper) -> Iterator[int]:
    """The key of a bucket whose tables have no statistics, as those of a new cluster."""
    with cluster_store(place) as opened:
        _fill(opened, keeper)
        ((key,),) = keeper.rows("SELECT id FROM s3gw.buckets WHERE name = 'big'")
        yield key


def _fill(store: ClusterStore, keeper: Keeper) -> None:
    for table in ("objects", "versions", "uploads"):
        keeper.execute(f"ALTER TABLE s3gw.{table} SET (autovacuum_enabled = off)")
    run(store.create_bucket("big", BucketOptions(OWNER)))
    SyncBucket(store, "big").put("n0", b"")
    name = "convert_to(format('n%s', n), 'UTF8')"
    seed = "FROM s3gw.objects o, generate_series(1, $1) n WHERE o.name = 'n0'::bytea"
    columns = f"SELECT o.bucket, {name}"
    keeper.execute(f"INSERT INTO s3gw.objects {columns}, o.row, o.payload {seed}", NAMES)
    versions = f"{columns}, n, n::text, false, o.row, o.payload"
    keeper.execute(f"INSERT INTO s3gw.versions {versions} {seed} AND n % 3 > 0", NAMES)
    keeper.execute(f"INSERT INTO s3gw.uploads {columns}, n::text, o.row {seed}", NAMES)


TWO = [b"n1000", b"n2000"]
FOUND = [["big"] * 2, TWO, [None, None], [True, True], [True, True]]
VERSIONS = [["big"] * 2, TWO, ["1000", "2000"], [True, True], [True, True]]


@pytest.mark.parametrize("values", [FOUND, VERSIONS], ids=["current", "versions"])
def test_a_lookup_reads_its_names(bucket: int, keeper: Keeper, values: list[Any]) -> None:
    assert rows_read(keeper, lookups._LOOK_UP, *values) <= FEW


@pytest.mark.parametrize("versions", [[None, None], ["1000", "2000"]])
def test_a_mutation_reads_its_names(
    bucket: int, keeper: Keeper, versions: list[str | None]
) -> None:
    assert rows_read(keeper, transaction.FIND, [bucket] * 2, TWO, versions) <= FEW


def test_a_marker_of_a_page_is_found_by_its_key(bucket: int, keeper: Keeper) -> None:
    assert rows_read(keeper, version_listing._AGE, "big", TWO[0], "1000") <= FEW


def test_what_goes_is_found_by_its_key(bucket: int, keeper: Keeper) -> None:
    uploads = rows_read(keeper, transaction.REMOVE_UPLOADS, bucket, TWO, ["1000", "2000"])
    assert uploads <= FEW
    assert rows_read(keeper, transaction.ERASE_VERSIONS, bucket, TWO, [1000, 2000]) <= FEW
