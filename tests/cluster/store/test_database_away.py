"""While the database is away requests wait, then they are refused; nothing has to be restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from cluster.store import ClusterOptions, ClusterStore, Place
from s3gw.native.errors import as_native_error
from s3gw.wire.errors import Code, as_s3_error
from storage.errors import DatabaseUnavailable
from storage.values import BucketOptions, DeleteRequest, ListQuery, PutOptions, VersionQuery
from tests.cluster.postgres import PostgresServer
from tests.cluster.store.cluster_stores import cluster_store
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import OWNER, SyncBucket

LARGE = b"large" * 10_000


async def put(store: ClusterStore) -> object:
    return await store.put_object("bucket", "new", body_of(LARGE), PutOptions(Md5Digest()))


OPERATIONS: dict[str, Callable[[ClusterStore], Awaitable[object]]] = {
    "get": lambda store: store.get_object("bucket", "a"),
    "put": put,
    "list": lambda store: store.list_objects("bucket", ListQuery()),
    "list-versions": lambda store: store.list_versions("bucket", VersionQuery()),
    "delete": lambda store: store.delete_object("bucket", DeleteRequest("a")),
    "create-bucket": lambda store: store.create_bucket("other", BucketOptions(OWNER)),
    "usage": lambda store: store.usage(),
}


@pytest.fixture(scope="module")
def patient(place: Place) -> Iterator[ClusterStore]:
    with cluster_store(place) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        yield store


@pytest.fixture(scope="module")
def impatient(place: Place, patient: ClusterStore) -> Iterator[ClusterStore]:
    with cluster_store(place, options=ClusterOptions(patience_s=0.2)) as store:
        yield store


@pytest.fixture
def stopped(server: PostgresServer, impatient: ClusterStore) -> Iterator[PostgresServer]:
    SyncBucket(impatient, "bucket").put("a", b"a")
    server.stop()
    yield server
    server.stop()
    server.start()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_impatient_request_is_refused(
    operation: str, impatient: ClusterStore, stopped: PostgresServer, place: Place
) -> None:
    with pytest.raises(DatabaseUnavailable):
        run(_awaited(OPERATIONS[operation](impatient)))
    assert blobs_in([place.folder]) == {"lock"}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_patient_request_goes_on_when_it_is_back(
    operation: str, patient: ClusterStore, stopped: PostgresServer
) -> None:
    async def wait() -> None:
        request = asyncio.ensure_future(OPERATIONS[operation](patient))
        await asyncio.to_thread(stopped.start)
        await request

    run(wait())
    if operation == "put":
        assert SyncBucket(patient, "bucket").read("new") == LARGE


def test_both_apis_tell_the_client_to_try_again() -> None:
    error = DatabaseUnavailable("no server can be reached")
    s3 = as_s3_error(error)
    assert (s3.code, s3.headers) == (Code.SlowDown, {"Retry-After": "1"})
    native = as_native_error(error, None)
    assert (native.status, native.headers) == (503, {"Retry-After": "1"})


async def _awaited(work: Awaitable[object]) -> object:
    return await work
