"""obstore: writes on conditions, which tables of Delta and Iceberg are built on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.obstore import Driver
from compat.clients.target import MIB, endpoint, noise

# It lives in this suite's own environment only.
exceptions = import_module("obstore.exceptions")


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("obstore") as name:
        yield name


@pytest.fixture(name="store")
def _store(bucket: str) -> Any:
    return Driver(endpoint()).store(bucket)


def test_what_is_there_is_not_created_again(store: Any, bucket: str) -> None:
    store.put("k", b"first", mode="create")
    with pytest.raises(exceptions.AlreadyExistsError):
        store.put("k", b"second", mode="create")
    assert raw.get(bucket, "k") == b"first"


def test_an_update_wants_the_version_that_was_read(store: Any, bucket: str) -> None:
    first = store.put("k", b"first")
    read = {"e_tag": first["e_tag"]}
    store.put("k", b"second", mode=read)
    with pytest.raises(exceptions.PreconditionError):
        store.put("k", b"third", mode=read)
    assert raw.get(bucket, "k") == b"second"


def test_parts_are_written_side_by_side(store: Any, bucket: str) -> None:
    store.put("k", noise(32 * MIB), use_multipart=True, chunk_size=6 * MIB)
    assert raw.get(bucket, "k") == noise(32 * MIB)


def test_many_ranges_are_read_at_once(store: Any, bucket: str) -> None:
    body = noise(MIB)
    raw.put(bucket, "k", body)
    starts = [0, 10, 500_000, MIB - 7]
    got = store.get_ranges("k", starts=starts, lengths=[7] * 4)
    assert [bytes(one) for one in got] == [body[start : start + 7] for start in starts]


def test_attributes_are_kept(store: Any) -> None:
    said = {"Content-Type": "text/x-test", "colour": "red"}
    store.put("k", b"x", attributes=said)
    assert store.get("k").attributes == said


def test_folders_are_listed(store: Any, bucket: str) -> None:
    raw.put_many(bucket, ["a/1", "a/2", "b/1", "top"])
    found = store.list_with_delimiter()
    assert sorted(found["common_prefixes"]) == ["a", "b"]
    assert [row["path"] for row in found["objects"]] == ["top"]
