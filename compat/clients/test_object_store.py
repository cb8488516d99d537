"""object_store: checksums, and the writes on conditions that tables are built on."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.client import Failed
from compat.clients.object_store import Driver
from compat.clients.target import MIB, endpoint, noise


@pytest.fixture(scope="module", name="client")
def _client() -> Driver:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("object-store") as name:
        yield name


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_bytes(b"body")
    return file


@pytest.mark.parametrize("checksum", [None, "SHA256", "CRC64NVME"])
@pytest.mark.parametrize("unsigned", [None, "yes"])
@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
def test_a_body_arrives_whole(
    client: Driver,
    bucket: str,
    tmp_path: Path,
    checksum: str | None,
    unsigned: str | None,
    size: int,
) -> None:
    file = tmp_path / "body"
    file.write_bytes(noise(size))
    words = {"bucket": bucket, "key": "k", "checksum": checksum, "unsigned": unsigned}
    client.ask("put", file=file, **words)
    assert raw.get(bucket, "k") == noise(size)
    assert client.ask("head", **words)["size"] == size


def test_what_is_there_is_not_created_again(client: Driver, bucket: str, file: Path) -> None:
    client.ask("put_object", bucket=bucket, key="k", file=file, if_none_match="*")
    with pytest.raises(Failed, match="AlreadyExists"):
        client.ask("put_object", bucket=bucket, key="k", file=file, if_none_match="*")


def test_an_update_wants_the_version_that_was_read(
    client: Driver, bucket: str, file: Path, tmp_path: Path
) -> None:
    first = client.ask("put_object", bucket=bucket, key="k", file=file)["etag"]
    other = tmp_path / "other"
    other.write_bytes(b"second")
    client.ask("put_object", bucket=bucket, key="k", file=other, if_match=first)
    with pytest.raises(Failed, match="Precondition"):
        client.ask("put_object", bucket=bucket, key="k", file=file, if_match=first)
    assert raw.get(bucket, "k") == b"second"


def test_a_copy_or_a_move_does_not_replace(client: Driver, bucket: str) -> None:
    raw.put(bucket, "a", b"a")
    client.ask("copy_once", bucket=bucket, key="a", target="b")
    with pytest.raises(Failed, match="AlreadyExists"):
        client.ask("copy_once", bucket=bucket, key="a", target="b")
    client.ask("rename", bucket=bucket, key="a", target="c ü+%2F")
    assert raw.listed(bucket) == ["b", "c ü+%2F"]


def test_a_read_may_have_a_condition(client: Driver, bucket: str, file: Path) -> None:
    etag = client.ask("put_object", bucket=bucket, key="k", file=file)["etag"]
    words = {"bucket": bucket, "key": "k"}
    assert bytes.fromhex(client.ask("get_object", if_match=etag, **words)) == b"body"
    with pytest.raises(Failed, match="Precondition"):
        client.ask("get_object", if_match='"other"', **words)
    with pytest.raises(Failed, match="NotModified"):
        client.ask("get_object", if_none_match=etag, **words)


def test_ranges_are_counted_from_either_end(client: Driver, bucket: str) -> None:
    raw.put(bucket, "k", b"body")
    for text, expected in (("1-", b"ody"), ("-1", b"y"), ("0-99", b"body"), ("1-2", b"od")):
        found = client.ask("get_object", bucket=bucket, key="k", range=text)
        assert bytes.fromhex(found) == expected


def test_a_listing_has_folders_and_an_offset(client: Driver, bucket: str) -> None:
    raw.put_many(bucket, ["a/1", "a/b/2", "a/b/3", "a/c ü/4", "z"])
    found = client.ask("folders", bucket=bucket, prefix="a")
    assert found == [["a/1"], ["a/b", "a/c ü"]]
    assert client.ask("keys_after", bucket=bucket, key="a/b/2") == ["a/b/3", "a/c ü/4", "z"]


def test_a_presigned_upload_stores(client: Driver, bucket: str) -> None:
    url = client.ask("presign", bucket=bucket, key="ü +%2F", method="PUT")
    with urllib.request.urlopen(urllib.request.Request(url, b"body", method="PUT")) as answer:
        assert answer.status == 200
    assert raw.get(bucket, "ü +%2F") == b"body"
