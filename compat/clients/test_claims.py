"""What every client must be able to do with this server; the client under test is COMPAT_DRIVER.

What a client has no means for is skipped with the reason that its driver gives.
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.client import Client, cannot
from compat.clients.relay import relay
from compat.clients.target import MIB, domain, endpoint, new_name, noise

Driver: type[Client] = import_module(f"compat.clients.{os.environ['COMPAT_DRIVER']}").Driver

# Names that a client which maps keys to paths, or encodes once too often, gets wrong.
ODD_KEYS = (
    "a//b",
    "sp ace/two  spaces",
    "plus+percent%20percent%2Fslash",
    "ünïcödé/日本語/🙂",
    "quote'\"<tag>&amp;",
    "semi;colon:comma,equals=question?hash#star*",
    "(parens)[brackets]{braces}~tilde!|",
    "trailing/",
    "dot/./dot/../dot",
    "/leading",
)


@pytest.fixture(scope="module", name="client")
def _client() -> Client:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket(client: Client) -> Iterator[str]:
    name = new_name("claims")
    client.make_bucket(name)
    yield name
    raw.delete_all(name)
    client.remove_bucket(name)


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "file.bin"
    file.write_bytes(b"body")
    return file


def test_a_bucket_is_made_listed_and_removed(client: Client) -> None:
    name = new_name("made")
    client.make_bucket(name)
    assert name in client.buckets()
    client.remove_bucket(name)
    assert name not in client.buckets()


@pytest.mark.parametrize("size", [0, 1, 100_000, 30 * MIB])
def test_what_goes_up_comes_down(client: Client, bucket: str, tmp_path: Path, size: int) -> None:
    """30 MiB are more than one part for every client that writes in parts."""
    up, down, body = tmp_path / "up", tmp_path / "down", noise(size)
    up.write_bytes(body)
    client.put(bucket, "deep/er/k", up)
    assert raw.get(bucket, "deep/er/k") == body
    client.get(bucket, "deep/er/k", down)
    assert down.read_bytes() == body


def test_an_object_is_replaced(client: Client, bucket: str, file: Path) -> None:
    raw.put(bucket, "k", b"old, and longer than the new")
    client.put(bucket, "k", file)
    assert raw.get(bucket, "k") == b"body"


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_odd_key_is_a_key(client: Client, bucket: str, file: Path, key: str) -> None:
    if key in client.cannot_name:
        cannot(client.cannot_name[key])
    back = file.with_name("back")
    client.put(bucket, key, file)
    assert raw.listed(bucket) == [key]
    assert raw.get(bucket, key) == b"body"
    assert client.keys(bucket) == [key]
    client.get(bucket, key, back)
    assert back.read_bytes() == b"body"
    client.delete(bucket, key)
    assert key not in raw.listed(bucket)


def test_a_listing_of_many_pages_is_followed(client: Client, bucket: str) -> None:
    names = [f"many/{number:04d}" for number in range(1_005)]
    raw.put_many(bucket, [*names, "other"])
    assert sorted(client.keys(bucket, "many/")) == names


def test_an_empty_bucket_lists_nothing(client: Client, bucket: str) -> None:
    assert client.keys(bucket) == []


def test_a_range_is_read(client: Client, bucket: str) -> None:
    body = noise(MIB)
    raw.put(bucket, "k", body)
    assert client.read(bucket, "k", 1000, 2000) == body[1000:2000]
    assert client.read(bucket, "k", MIB - 1, MIB) == body[-1:]


@pytest.mark.parametrize("key", ["plain", "sp ace+plus/ünï%20"])
def test_a_copy_is_a_copy(client: Client, bucket: str, key: str) -> None:
    raw.put(bucket, key, b"copied")
    client.copy(bucket, key, f"copy of {key}")
    assert raw.get(bucket, f"copy of {key}") == raw.get(bucket, key) == b"copied"


def test_one_is_deleted_and_the_others_stay(client: Client, bucket: str) -> None:
    raw.put_many(bucket, ["a", "a/b", "ab"])
    client.delete(bucket, "a")
    assert raw.listed(bucket) == ["a/b", "ab"]


def test_all_below_a_prefix_are_deleted(client: Client, bucket: str) -> None:
    raw.put_many(bucket, [*(f"p/{number} &<>ü" for number in range(30)), "p", "q/1"])
    client.delete_below(bucket, "p/")
    assert raw.listed(bucket) == ["p", "q/1"]


@pytest.mark.parametrize("key", ["plain", "sp ace+plus/ünï%20"])
def test_a_presigned_url_reads(client: Client, bucket: str, key: str) -> None:
    raw.put(bucket, key, b"signed")
    with urllib.request.urlopen(client.presign(bucket, key)) as answer:
        assert answer.read() == b"signed"


def test_a_missing_key_is_told(client: Client, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=client.not_there):
        client.get(bucket, "none", tmp_path / "none")


def test_a_missing_bucket_is_told(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=client.not_there):
        client.get(new_name("none"), "none", tmp_path / "none")


def test_a_bucket_may_stand_in_the_host_name(
    bucket: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = file.with_name("back")
    with relay() as relayed:
        monkeypatch.setenv("http_proxy", relayed.proxy)
        monkeypatch.setenv("HTTP_PROXY", relayed.proxy)
        client = Driver(relayed.endpoint, virtual_host=True)
        client.put(bucket, "a/ü b", file)
        assert client.keys(bucket, "a/") == ["a/ü b"]
        client.get(bucket, "a/ü b", back)
    monkeypatch.undo()
    assert back.read_bytes() == raw.get(bucket, "a/ü b") == b"body"
    assert f"{bucket}.{domain()}" in relayed.hosts
