"""AIStore's command line, and buckets of an S3 that the server is in front of: added or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compat.clients.ais_cli import Ais, column
from compat.clients.client import Failed
from compat.clients.cloud_bucket import CloudBucket
from compat.clients.target import new_name, noise

ais = Ais()
KEYS = ("a", "d/b", "d/c")


@pytest.fixture(name="cloud")
def _cloud() -> CloudBucket:
    bucket = CloudBucket(new_name("cloud"))
    for number, key in enumerate(KEYS):
        bucket.put(key, noise(1000, number))
    return bucket


@pytest.fixture(name="name")
def _name(cloud: CloudBucket) -> Iterator[str]:
    name = f"s3://{cloud.name}"
    yield name
    if is_known(name):
        ais("evict", name, "-y")


def is_known(name: str) -> bool:
    return name in ais("ls", "s3:")


def listed(name: str, *flags: str) -> list[str]:
    return column(ais.table("ls", name, *flags), "NAME")


def test_a_bucket_of_the_cloud_is_known_from_its_first_use(name: str) -> None:
    assert name in ais("ls", "s3:", "--all")
    assert not is_known(name)
    with pytest.raises(Failed, match="--all"):
        ais("ls", name)
    assert listed(name, "--all") == list(KEYS)
    assert is_known(name)
    assert listed(name) == list(KEYS)


def test_a_bucket_is_listed_and_stays_unknown(name: str) -> None:
    assert listed(name, "--all", "--dont-add") == list(KEYS)
    assert not is_known(name)


def test_a_bucket_is_added_with_a_look_or_without(name: str) -> None:
    assert "created" in ais("create", name, "--skip-lookup")
    assert is_known(name)
    ais("evict", name, "-y")
    assert "created" in ais("create", name)
    assert listed(name) == list(KEYS)


def test_a_bucket_is_neither_created_nor_destroyed_in_the_cloud(name: str) -> None:
    missing = f"s3://{new_name('none')}"
    with pytest.raises(Failed, match="does not exist"):
        ais("create", missing)
    ais("create", name)
    with pytest.raises(Failed, match="not supported"):
        ais("rmb", name, "-y")
    assert listed(name) == list(KEYS)


def test_what_is_here_is_shown_and_evicted(name: str) -> None:
    ais("prefetch", name, "--prefix", "d/", "--wait")
    assert listed(name, "--cached") == ["d/b", "d/c"]
    assert ais.bytes("object", "cat", f"{name}/a") == noise(1000, 0)
    assert listed(name, "--cached") == list(KEYS)
    ais("evict", f"{name}/a", "-y")
    assert listed(name, "--cached") == ["d/b", "d/c"]


def test_the_rate_of_requests_to_the_cloud_is_set_and_shown(name: str) -> None:
    ais("create", name)
    ais("bucket", "props", "set", name, "rate_limit.backend.enabled=true",
        "rate_limit.backend.max_tokens=600")  # fmt: skip
    shown = {row[0]: row[-1] for row in ais.table("bucket", "props", "show", name, "rate_limit")}
    assert shown["rate_limit.backend.enabled"] == "true"
    assert shown["rate_limit.backend.max_tokens"] == "600"
    assert ais.bytes("object", "cat", f"{name}/a") == noise(1000, 0)
