"""What the SDK can ask for and is not there: refused by name and at once, never half done.

The SDK repeats a request that is answered 429, 500, 502, 503 or 504 for a minute and a half, so
none of these is among the answers here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import IS_1, errors, get, put, refused

EtlConfig: Any = import_module("aistore.sdk.etl").ETLConfig


@pytest.fixture(name="remote")
def _remote(client: Any) -> Any:
    return client.bucket("remote", provider="aws")


@pytest.mark.parametrize("asked", ["view", "start", "stop", "delete", "logs"])
def test_an_etl_is_refused(client: Any, asked: str) -> None:
    with refused(501):
        getattr(client.etl("some-etl"), asked)()


def test_an_etl_is_not_begun(client: Any) -> None:
    with refused(501):
        client.etl("some-etl").init(image="some/image", init_timeout="5s")


@pytest.mark.skipif(not IS_1, reason="left with the SDK's version 1")
def test_an_etl_is_not_begun_by_a_specification(client: Any) -> None:
    with refused(501):
        client.etl("some-etl").init_spec(template="kind: Pod", init_timeout="5s")


def test_etls_are_not_listed(client: Any) -> None:
    with refused(501):
        client.cluster().list_etls()


def test_an_etl_s_name_is_checked_by_the_sdk(client: Any) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        client.etl("No")


def test_nothing_is_transformed(bucket: Any, target: Any) -> None:
    """Not even where the transformation would be ignored: what comes back would be wrong."""
    put(bucket, "k", b"abc")
    etl = EtlConfig("some-etl")
    for asking in (
        lambda: get(bucket, "k", etl=etl),
        lambda: bucket.object("k").copy(bucket.object("copy"), etl=etl),
        lambda: bucket.transform("some-etl", target),
        lambda: bucket.inspect("some-etl"),
        lambda: bucket.objects(obj_names=["k"]).transform(target, "some-etl"),
        lambda: bucket.objects(obj_names=["k"]).inspect("some-etl"),
    ):
        with refused(501):
            asking()


def test_remote_buckets_are_not_found(remote: Any, target: Any) -> None:
    for asking in (
        remote.list_objects,
        remote.summary,
        remote.evict,
        lambda: get(remote, "k"),
        lambda: put(remote, "k"),
        remote.object("k").delete,
        lambda: remote.copy(target),
        lambda: remote.objects(obj_names=["k"]).delete(),
        lambda: remote.objects(obj_names=["k"]).evict(),
        lambda: remote.objects(obj_names=["k"]).prefetch(),
        lambda: remote.objects(obj_names=["k"]).copy(target),
    ):
        with pytest.raises(errors.AISError) as caught:
            asking()
        assert caught.value.status_code in (400, 404, 501), caught.value


def test_of_a_remote_bucket_a_head_tells_the_status(remote: Any) -> None:
    for asking in (remote.head, remote.info, remote.object("k").head):
        with refused(404):
            asking()


def test_an_inventory_of_a_bucket_without_a_backend_is_refused(bucket: Any) -> None:
    with refused(400, "inventory"):
        bucket.create_inventory()
    assert bucket.show_inventory() == {}


def test_a_blob_of_a_bucket_without_a_backend_is_not_downloaded(bucket: Any) -> None:
    with refused(400):
        put(bucket, "k").blob_download()
