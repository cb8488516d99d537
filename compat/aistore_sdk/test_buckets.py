"""Buckets and listings, by the aistore SDK."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

errors: Any = import_module("aistore.sdk.errors")
Flag: Any = import_module("aistore.sdk.list_object_flag").ListObjectFlag

NAMES = ["a", "b/1", "b/2", "b/c/3", "b0", "d", "z"]


@pytest.fixture(name="filled")
def _filled(bucket: Any) -> Any:
    for number, name in enumerate(NAMES):
        bucket.object(name).get_writer().put_content(b"x" * number)
    return bucket


def test_a_bucket_is_made_once(bucket: Any) -> None:
    with pytest.raises(errors.ErrBckAlreadyExists):
        bucket.create()
    bucket.create(exist_ok=True)


def test_a_bucket_is_deleted_with_what_is_in_it(filled: Any) -> None:
    filled.delete()
    with pytest.raises(errors.ErrBckNotFound):
        filled.delete()
    filled.delete(missing_ok=True)


def test_buckets_are_listed(client: Any, bucket: Any) -> None:
    assert bucket.name in [each.name for each in client.cluster().list_buckets()]
    assert client.cluster().list_buckets(provider="aws") == []


def test_a_bucket_has_properties(bucket: Any) -> None:
    assert '"provider":"ais"' in bucket.head()["Ais-Bucket-Props"]


@pytest.mark.parametrize("name", ["*", ".", "", " ", "bucket/badname", "bucket and name", "#x"])
def test_bad_names_are_refused(client: Any, name: str) -> None:
    with pytest.raises(errors.AISError):
        client.bucket(name).create()


def test_missing_buckets_have_their_own_exceptions(client: Any) -> None:
    with pytest.raises(errors.ErrBckNotFound):
        client.bucket("no-such-bucket").list_objects()
    with pytest.raises(errors.ErrRemoteBckNotFound):
        client.bucket("no-such-bucket", provider="aws").list_objects()
    with pytest.raises(errors.AISError):
        client.bucket("no-such-bucket").head()


@pytest.mark.parametrize("size", [0, 1, 2, 7, 100])
def test_pages_lead_to_the_end(filled: Any, size: int) -> None:
    assert [each.name for each in filled.list_all_objects(page_size=size)] == NAMES
    assert [each.name for each in filled.list_objects_iter(page_size=size)] == NAMES


def test_a_page_is_a_page(filled: Any) -> None:
    page = filled.list_objects(page_size=2, prefix="b")
    assert [each.name for each in page.entries] == ["b/1", "b/2"]
    more = filled.list_objects(
        page_size=2, prefix="b", uuid=page.uuid, continuation_token=page.continuation_token
    )
    assert [each.name for each in more.entries] == ["b/c/3", "b0"]
    assert (more.uuid, more.continuation_token) == (page.uuid, "")


def test_properties_of_entries(filled: Any) -> None:
    props = "name,size,checksum,atime,location,copies"
    entry = filled.list_objects(prefix="z", props=props).entries[0]
    assert (entry.size, entry.copies, entry.is_cached(), entry.is_ok()) == (6, 1, True, True)
    assert len(entry.checksum) == 16
    assert entry.location.startswith("t[")


def test_folders_are_rolled_up(filled: Any) -> None:
    found = filled.list_all_objects(flags=[Flag.NO_RECURSION])
    assert [each.name for each in found] == ["a", "b/", "b0", "d", "z"]
    found = filled.list_all_objects(flags=[Flag.NO_RECURSION, Flag.NO_DIRS])
    assert [each.name for each in found] == ["a", "b0", "d", "z"]


def test_a_listing_can_start_later(filled: Any) -> None:
    found = filled.list_all_objects(start_after="b/2", page_size=2)
    assert [each.name for each in found] == NAMES[3:]


def test_the_cluster_tells_of_itself(client: Any, endpoint: str) -> None:
    smap = client.cluster().get_info()
    assert smap.proxy_si.public_net.direct_url == endpoint
    assert client.cluster().get_primary_url() == endpoint
    assert (len(smap.tmap), len(smap.pmap)) == (1, 1)
    assert len(client.cluster().get_uuid()) >= 9
    assert client.cluster().is_ready()


def test_what_is_not_there_yet_is_refused_at_once(
    client: Any, bucket: Any, connect: Callable[..., Any]
) -> None:
    with pytest.raises(errors.AISError, match="move-bck"):
        bucket.rename("another-name")
    with pytest.raises(errors.AISError, match="not supported"):
        client.cluster().list_etls()
