"""Statements are compiled once: SQLite would compile them anew for each value that is bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import apsw.sqlite_extra
import pytest

from storage.backends.local import StoreOptions
from storage.clock import SystemClock
from storage.values import (
    BucketOptions,
    DeleteRequest,
    ListQuery,
    Versioning,
    VersionQuery,
)
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.local_stores import local_store, mountpaths_in
from tests.storage.sync_bucket import OWNER, SyncBucket

ROUNDS = 5


@contextmanager
def opened() -> Iterator[list[apsw.Connection]]:
    """All connections that are opened meanwhile."""
    found: list[apsw.Connection] = []
    apsw.connection_hooks.append(found.append)
    try:
        yield found
    finally:
        apsw.connection_hooks.remove(found.append)


def compiled_anew(connections: list[apsw.Connection]) -> list[tuple[str, int]]:
    """The statements that were, and how often; of connections that are still open."""
    found: list[tuple[str, int]] = []
    for connection in connections:
        with suppress(apsw.ConnectionClosedError):
            apsw.sqlite_extra.load(connection, "stmt")
            found += connection.execute("SELECT sql, reprep FROM sqlite_stmt WHERE reprep > 0")
    return found


def use(bucket: SyncBucket) -> None:
    """Every kind of look-up, listing and change, with values of different lengths."""
    for number in range(ROUNDS):
        name = f"folder/{'long' * number}{number}"
        bucket.put(name, b"inline")
        bucket.put(name, pattern(300_000))
        assert bucket.read(name) == pattern(300_000)
        assert bucket.info(name).size == 300_000
        bucket.read_many((name, None), ("none", None))
        bucket.names(ListQuery(prefix="folder/" * (number % 2), delimiter="/", after="f" * number))
        bucket.versions(VersionQuery(prefix="folder/", after="f" * number))
        upload = bucket.upload_of(f"upload-{number}", b"part")
        bucket.parts(upload)
        bucket.uploads()
        bucket.complete(upload, 1)
        for version in bucket.history(name):
            bucket.read_version(name, version)
        bucket.delete(name)
        bucket.delete_many(DeleteRequest("a" * number), DeleteRequest(f"upload-{number}"))


@pytest.mark.parametrize("mountpaths", [1, 2])
def test_the_index_compiles_no_statement_anew(tmp_path: Path, mountpaths: int) -> None:
    paths = mountpaths_in(tmp_path, mountpaths)
    for path in paths:
        path.mkdir()
    with opened() as connections, local_store(paths, SystemClock(), StoreOptions()) as store:
        run(store.create_bucket("bucket", BucketOptions(OWNER)))
        bucket = SyncBucket(store, "bucket")
        use(bucket)
        bucket.set_versioning(Versioning.ENABLED)
        use(bucket)
        assert compiled_anew(connections) == []
