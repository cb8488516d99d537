"""What is particular about objects of another cluster, over a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import xxhash

from storage.backends.ais import AisBackend
from storage.errors import ClusterNotAttached, NotSupported, ObjectNotFound, PreconditionFailed
from storage.ranges import Between
from storage.values import (
    Attributes,
    BucketOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    PutOptions,
    ReadOptions,
    UpdateOptions,
)
from tests.storage.ais.remotes import Attached, InCluster, backend_of, cluster
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run

NEW = Condition(if_none_match=("*",))
# What AIStore takes; in the order of their bytes.
ODD_NAMES = sorted(
    ["a b", "a%2Fb", "a+b", "a//b", "a?b=c", "a#b", "ä/ö", "a/b/c", "a.b..c", "~a", "a\\b", 'a"b'],
    key=str.encode,
)


@pytest.fixture(scope="module")
def over_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AisBackend]:
    with cluster(tmp_path_factory.mktemp("far")) as endpoint:
        backend = run(backend_of(endpoint))
        yield backend
        run(backend.aclose())


@pytest.fixture
def bucket(over_cluster: AisBackend) -> InCluster:
    clusters = over_cluster.clusters
    assert isinstance(clusters, Attached)
    made = InCluster(over_cluster, clusters.clusters[0].uuid)
    run(made.create_bucket("b", BucketOptions("")))
    return made


def put(bucket: InCluster, name: str, content: bytes, **options: Any) -> Any:
    return run(bucket.put_object("b", name, body_of(content), PutOptions(Md5Digest(), **options)))


def get(bucket: InCluster, name: str, **options: Any) -> bytes:
    async def read() -> bytes:
        return await content_of(await bucket.get_object("b", name, ReadOptions(**options)))

    return run(read())


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1 << 20])
@pytest.mark.parametrize("says_size", [True, False])
def test_an_object_reads_as_it_was_written(bucket: InCluster, size: int, says_size: bool) -> None:
    content = pattern(size)
    made = put(bucket, "a", content, size=size if says_size else None)
    assert get(bucket, "a") == content
    there = run(bucket.head_object("b", "a")).info
    assert there == made
    assert (there.size, there.etag) == (size, xxhash.xxh64(content).hexdigest())


def test_a_write_changes_version_or_checksum_and_so_the_origin(bucket: InCluster) -> None:
    first = put(bucket, "a", b"one")
    second = put(bucket, "a", b"two")
    again = put(bucket, "a", b"two")
    assert len({(each.etag, each.version) for each in (first, second, again)}) == 3
    run(bucket.delete_object("b", DeleteRequest("a")))
    anew = put(bucket, "a", b"three")
    assert anew.etag != first.etag


def test_listing_and_head_say_the_same_etag_version_and_size(bucket: InCluster) -> None:
    put(bucket, "a", pattern(100_000))
    (listed,) = run(bucket.list_objects("b", ListQuery())).objects
    there = run(bucket.head_object("b", "a")).info
    assert (listed.name, listed.size, listed.etag, listed.version) == (
        there.name,
        there.size,
        there.etag,
        there.version,
    )


def test_odd_names_are_kept_and_listed_in_order(bucket: InCluster) -> None:
    for name in ODD_NAMES:
        put(bucket, name, name.encode())
    assert [get(bucket, name).decode() for name in ODD_NAMES] == ODD_NAMES
    listed = run(bucket.list_objects("b", ListQuery())).objects
    assert [each.name for each in listed] == ODD_NAMES


@pytest.mark.parametrize("delimiter", ["", "/", "b"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_joined_are_the_listing_at_once(
    bucket: InCluster, delimiter: str, limit: int
) -> None:
    for name in ODD_NAMES:
        put(bucket, name, b"")
    whole = run(bucket.list_objects("b", ListQuery(delimiter=delimiter)))
    names, prefixes, after = [], [], ""
    while True:
        query = ListQuery(delimiter=delimiter, after=after, limit=limit)
        page = run(bucket.list_objects("b", query))
        names += [each.name for each in page.objects]
        prefixes += page.common_prefixes
        if page.next_after is None:
            break
        after = page.next_after
    assert names == [each.name for each in whole.objects]
    assert tuple(prefixes) == whole.common_prefixes


def test_metadata_and_content_type_are_custom_properties_there(bucket: InCluster) -> None:
    kept = Attributes(headers={"content-type": "text/html"}, custom={"k": "v", "l": "ä, b"})
    kept = Attributes(kept.headers, {name: _kept(text) for name, text in kept.custom.items()})
    put(bucket, "a", b"x", attributes=kept)
    assert run(bucket.head_object("b", "a")).info.attributes == kept
    plain = Attributes(custom={"m": "n"})
    run(bucket.update_object("b", "a", lambda _: plain, UpdateOptions()))
    assert run(bucket.head_object("b", "a")).info.attributes == plain
    assert get(bucket, "a") == b"x"


def _kept(text: str) -> str:
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(tags={"a": "b"}),
        Attributes(storage_class="GLACIER"),
        Attributes(headers={"cache-control": "no-store"}),
        Attributes(custom={"source": "aws"}),
    ],
)
def test_what_would_get_lost_is_refused_and_nothing_is_written(
    bucket: InCluster, attributes: Attributes
) -> None:
    with pytest.raises(NotSupported):
        put(bucket, "a", b"x", attributes=attributes)
    with pytest.raises(ObjectNotFound):
        get(bucket, "a")


def test_conditions_are_looked_at_before(bucket: InCluster) -> None:
    made = put(bucket, "a", b"x", condition=NEW)
    with pytest.raises(PreconditionFailed):
        put(bucket, "a", b"y", condition=NEW)
    with pytest.raises(PreconditionFailed):
        put(bucket, "a", b"y", condition=Condition(if_match=("other",)))
    put(bucket, "a", b"z", condition=Condition(if_match=(made.etag,)))
    assert get(bucket, "a") == b"z"


def test_of_many_creators_one_wins_where_the_other_cluster_keeps_conditions(
    bucket: InCluster,
) -> None:
    async def race() -> list[object]:
        options = PutOptions(Md5Digest(), condition=NEW)
        makes = (bucket.put_object("b", "a", body_of(b"x"), options) for _ in range(8))
        made: list[object] = await asyncio.gather(*makes, return_exceptions=True)
        return made

    outcomes = run(race())
    assert sum(not isinstance(each, PreconditionFailed) for each in outcomes) == 1


def test_a_range_is_of_the_same_object(bucket: InCluster) -> None:
    content = pattern(300_000)
    put(bucket, "a", content)
    assert get(bucket, "a", want=Between(1000, 200_000)) == content[1000:200_000]
    assert get(bucket, "a", want=Between(299_999, 400_000)) == content[299_999:]


def test_a_cluster_that_is_not_attached_has_no_buckets(over_cluster: AisBackend) -> None:
    with pytest.raises(ClusterNotAttached, match='"nobody" is not attached'):
        run(over_cluster.head_bucket("@nobody/b"))
