"""An AWS SDK in another language: what it does beyond the claims that hold for every client."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.client import Failed
from compat.clients.program import Driver as Program
from compat.clients.target import CHECKSUMS, MIB, endpoint, noise
from compat.clients.test_claims import ODD_KEYS

Driver: type[Program] = import_module(f"compat.clients.{os.environ['COMPAT_DRIVER']}").Driver

SIZES = (0, 5, 3 * MIB)
# In a path each of these is written in more than one way.
KEYS = (*ODD_KEYS, "a/../b", "//", "a///b//", "%2F/%252F", "+ +")
PARTS = noise(12 * MIB)
Words = dict[str, str | int | Path | None]


@pytest.fixture(scope="module", name="client")
def _client() -> Program:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("sdk") as name:
        yield name


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return written(tmp_path / "file", b"body")


def written(file: Path, body: bytes) -> Path:
    file.write_bytes(body)
    return file


def body_of(client: Program, bucket: str, key: str, **more: str) -> bytes:
    return bytes.fromhex(client.ask("get_object", bucket=bucket, key=key, **more))


@pytest.mark.parametrize("unsummed", ["yes", None])
@pytest.mark.parametrize("unchunked", ["yes", None])
@pytest.mark.parametrize("stream", ["yes", None])
@pytest.mark.parametrize("size", SIZES)
def test_a_body_arrives_however_it_is_framed(
    client: Program,
    bucket: str,
    tmp_path: Path,
    stream: str | None,
    unchunked: str | None,
    unsummed: str | None,
    size: int,
) -> None:
    file = written(tmp_path / "body", noise(size))
    how = {"stream": stream, "unchunked": unchunked, "unsummed": unsummed}
    client.ask("put_object", bucket=bucket, key="k", file=file, **how)
    assert raw.get(bucket, "k") == noise(size) == body_of(client, bucket, "k")


@pytest.mark.parametrize("stream", ["yes", None])
@pytest.mark.parametrize("checksum", CHECKSUMS)
def test_a_checksum_is_kept_and_told(
    client: Program, bucket: str, tmp_path: Path, checksum: str, stream: str | None
) -> None:
    client.skip_if_it_lacks(checksum)
    file = written(tmp_path / "body", noise(MIB))
    client.ask("put_object", bucket=bucket, key="k", file=file, checksum=checksum, stream=stream)
    told = client.ask("head", bucket=bucket, key="k")["checksums"]
    assert told[checksum]
    assert body_of(client, bucket, "k") == noise(MIB)


@pytest.mark.parametrize("key", KEYS)
def test_an_odd_key_is_put_headed_copied_and_presigned(
    client: Program, bucket: str, file: Path, key: str
) -> None:
    client.skip_if_it_lacks(key)
    client.ask("put_object", bucket=bucket, key=key, file=file)
    assert raw.listed(bucket) == client.keys(bucket) == [key]
    assert client.ask("head", bucket=bucket, key=key)["size"] == 4
    assert raw.get(bucket, key) == body_of(client, bucket, key) == b"body"
    with urllib.request.urlopen(client.presign(bucket, key)) as answer:
        assert answer.read() == b"body"
    client.copy(bucket, key, f"{key}/copy")
    assert raw.get(bucket, f"{key}/copy") == b"body"
    client.delete(bucket, key)
    assert raw.listed(bucket) == [f"{key}/copy"]


@pytest.mark.parametrize("key", KEYS)
def test_a_presigned_upload_stores(client: Program, bucket: str, key: str) -> None:
    client.skip_if_it_lacks(key)
    url = client.ask("presign", bucket=bucket, key=key, method="PUT")
    with urllib.request.urlopen(urllib.request.Request(url, b"body", method="PUT")) as answer:
        assert answer.status == 200
    assert raw.get(bucket, key) == b"body"


def test_what_is_said_of_an_object_comes_back(client: Program, bucket: str, file: Path) -> None:
    said = {"content_type": "text/x-test", "mark": "a  b"}
    put = client.ask("put_object", bucket=bucket, key="k", file=file, tagging="a=1", **said)
    found = client.ask("head", bucket=bucket, key="k")
    assert {name: found[name] for name in said} == said
    assert found["etag"].strip('"') == put["etag"].strip('"') == raw.etag(bucket, "k").strip('"')
    assert client.ask("tags", bucket=bucket, key="k") == {"a": "1"}
    client.ask("tag", bucket=bucket, key="k", name="ü b", value="+/=")
    assert client.ask("tags", bucket=bucket, key="k") == {"ü b": "+/="}


def test_a_write_may_have_a_condition(client: Program, bucket: str, file: Path) -> None:
    put = client.ask("put_object", bucket=bucket, key="k", file=file, if_none_match="*")
    for condition in ({"if_none_match": "*"}, {"if_match": '"other"'}):
        with pytest.raises(Failed, match="412"):
            client.ask("put_object", bucket=bucket, key="k", file=file, **condition)
    client.ask("put_object", bucket=bucket, key="k", file=file, if_match=put["etag"])


def test_a_read_may_have_a_condition(client: Program, bucket: str, file: Path) -> None:
    etag = client.ask("put_object", bucket=bucket, key="k", file=file)["etag"]
    assert body_of(client, bucket, "k", if_match=etag) == b"body"
    with pytest.raises(Failed, match="412"):
        body_of(client, bucket, "k", if_match='"other"')
    with pytest.raises(Failed, match="304"):
        body_of(client, bucket, "k", if_none_match=etag)


def test_ranges_are_counted_from_either_end(client: Program, bucket: str, file: Path) -> None:
    client.ask("put_object", bucket=bucket, key="k", file=file)
    for text, expected in (("bytes=1-", b"ody"), ("bytes=-1", b"y"), ("bytes=0-99", b"body")):
        assert body_of(client, bucket, "k", range=text) == expected
    with pytest.raises(Failed, match="416"):
        body_of(client, bucket, "k", range="bytes=4-")


def test_versions_come_back(client: Program, bucket: str, tmp_path: Path) -> None:
    client.ask("versioning", bucket=bucket)
    ids = [
        client.ask("put_object", bucket=bucket, key="k", file=written(tmp_path / "b", body))
        for body in (b"1", b"2")
    ]
    first, second = (str(each["version"]) for each in ids)
    client.delete(bucket, "k")
    with pytest.raises(Failed, match="404"):
        body_of(client, bucket, "k")
    found = client.ask("versions", bucket=bucket)
    assert found["versions"] == [second, first]
    (marker,) = found["markers"]
    assert body_of(client, bucket, "k", version=first) == b"1"
    assert client.ask("head", bucket=bucket, key="k", version=second)["version"] == second
    for version in (marker, second, first):
        client.ask("delete", bucket=bucket, key="k", version=version)
    assert client.ask("versions", bucket=bucket) == {"versions": [], "markers": []}


@pytest.mark.parametrize("checksum", [None, *CHECKSUMS])
def test_an_upload_in_parts_is_whole(
    client: Program, bucket: str, tmp_path: Path, checksum: str | None
) -> None:
    client.skip_if_it_lacks(checksum)
    words: Words = {"bucket": bucket, "key": "a//b", "checksum": checksum, "part_size": 5 * MIB}
    file = written(tmp_path / "parts", PARTS)
    done = client.ask("multipart", file=file, if_none_match="*", **words)
    assert done["etag"].strip('"').endswith("-3")
    assert raw.get(bucket, "a//b") == PARTS
    with pytest.raises(Failed, match="412"):
        client.ask("multipart", file=file, if_none_match="*", **words)


def test_an_object_is_made_of_ranges_of_another(client: Program, bucket: str) -> None:
    raw.put(bucket, "a//ü +", PARTS)
    words = {"part_size": 5 * MIB, "size": len(PARTS)}
    client.ask("copy_parts", bucket=bucket, key="a//ü +", target="k", **words)
    assert raw.get(bucket, "k") == PARTS


def test_an_upload_is_given_up(client: Program, bucket: str) -> None:
    assert client.ask("abort", bucket=bucket, key="a//ü +") == [["a//ü +"], []]


def test_errors_have_their_status_and_code(client: Program, bucket: str, file: Path) -> None:
    # CRT asks for an object's head first, and the answer to that has no code.
    with pytest.raises(Failed, match=told(404, "NoSuchKey|null")):
        body_of(client, bucket, "none")
    with pytest.raises(Failed, match="404"):
        client.ask("head", bucket=bucket, key="none")
    with pytest.raises(Failed, match=told(404, "NoSuchBucket")):
        client.ask("put_object", bucket=f"{bucket}-none", key="k", file=file)
    with pytest.raises(Failed, match=told(409, "BucketAlreadyOwnedByYou")):
        client.ask("make_bucket", bucket=bucket, location="eu-west-1")


def told(status: int, code: str) -> str:
    """A pattern for the two, in whatever order."""
    return rf"(?s)(?=.*\b{status}\b)(?=.*(?:{code}))"
