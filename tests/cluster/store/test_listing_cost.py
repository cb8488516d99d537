"""A page reads what it shows, whatever number of names its folders have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cluster.index import listing, version_listing
from cluster.store import ClusterStore, Place
from storage.index.paging import CURRENT
from storage.values import BucketOptions, ListQuery, VersionQuery
from tests.cluster.store.cluster_stores import Keeper, cluster_store
from tests.cluster.store.plans import rows_read
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket

FOLDERS, NAMES = 50, 200
LIMIT = 10


@pytest.fixture(scope="module")
def store(place: Place, keeper: Keeper) -> Iterator[ClusterStore]:
    with cluster_store(place) as opened:
        run(opened.create_bucket("bucket", BucketOptions(OWNER)))
        SyncBucket(opened, "bucket").put("seed", b"")
        keeper.execute(
            """INSERT INTO s3gw.objects SELECT o.bucket,
                convert_to(format('f%s/%s', lpad(f::text, 3, '0'), n), 'UTF8'), o.row, o.payload
            FROM s3gw.objects o, generate_series(1, $1) f, generate_series(1, $2) n""",
            FOLDERS,
            NAMES,
        )
        for table in ("objects", "versions"):
            keeper.execute(f"VACUUM ANALYZE s3gw.{table}")
        yield opened


def test_pages_of_folders_are_whole(store: ClusterStore) -> None:
    page = run(store.list_objects("bucket", ListQuery(delimiter="/")))
    folders = tuple(f"f{number:03}/" for number in range(1, FOLDERS + 1))
    assert page.common_prefixes == folders
    assert [info.name for info in page.objects] == ["seed"]
    versions = run(store.list_versions("bucket", VersionQuery(delimiter="/")))
    assert versions.common_prefixes == folders


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (listing._OF_OBJECTS[0], (b"", b"\xff", LIMIT, "")),
        (listing._OF_OBJECTS[1], (b"", b"\xff", LIMIT, "", 1, b"/")),
        (version_listing._PLAIN_PAGE, (b"", b"\xff", LIMIT, b"", CURRENT)),
        (version_listing._ROLLED_UP_PAGE, (b"", b"\xff", LIMIT, b"", 1, b"/", CURRENT)),
    ],
    ids=["objects", "folders", "versions", "folders of versions"],
)
def test_a_page_reads_a_few_rows_for_each_entry(
    store: ClusterStore, keeper: Keeper, sql: str, values: tuple[Any, ...]
) -> None:
    assert rows_read(keeper, sql, "bucket", *values) <= 5 * LIMIT
