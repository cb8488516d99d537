"""Hadoop's S3A: files, folders, renames, commits, and objects that change while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.client import Failed, cannot
from compat.clients.program import Driver
from compat.clients.target import MIB, endpoint, new_name, noise

SIZES = (0, 5, 3 * MIB, 12 * MIB)
# Hadoop's paths have neither empty elements nor `.` and `..`.
KEYS = (
    "plain.txt", "a/b", "sp ace +plus%20percent%2Fslash", "quote'\"<tag>&amp;",
    "ünïcödé/日本語/🙂", "semi;comma,equals=question?hash#star*",
    "(parens)[brackets]{braces}~tilde!|", "+ +", "%2F%252F", "é" * 256,
)  # fmt: skip
CREATION = "fs.s3a.create.checksum.algorithm"
DETECTION = "fs.s3a.change.detection"
SMALL_READS = {"fs.s3a.experimental.input.fadvise": "random", "fs.s3a.readahead.range": "64K"}


@pytest.fixture(scope="module", name="client")
def _client() -> Driver:
    return Driver(endpoint())


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("s3a") as name:
        yield name


def written(file: Path, body: bytes) -> Path:
    file.write_bytes(body)
    return file


def fill(bucket: str, *keys: str) -> None:
    for key in keys:
        raw.put(bucket, key, key.encode())


def ask(client: Driver, command: str, bucket: str, key: str, **more: Any) -> Any:
    return client.ask(command, bucket=bucket, key=key, **more)


def body_of(client: Driver, bucket: str, key: str, **more: Any) -> bytes:
    return bytes.fromhex(ask(client, "read", bucket, key, **more))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("buffer", ["disk", "array", "bytebuffer"])
def test_a_file_comes_back(
    client: Driver, bucket: str, tmp_path: Path, size: int, buffer: str
) -> None:
    """From 5 MiB on it is written in parts."""
    file = written(tmp_path / "file", noise(size))
    how = {"fs.s3a.fast.upload.buffer": buffer}
    ask(client, "write", bucket, "k", file=file, **how)
    assert raw.get(bucket, "k") == noise(size) == body_of(client, bucket, "k")
    assert ask(client, "status", bucket, "k")["size"] == size
    assert ("-" in raw.etag(bucket, "k")) == (size > 5 * MIB)


@pytest.mark.parametrize("checksum", ["CRC32", "CRC32C", "SHA1", "SHA256"])
@pytest.mark.parametrize("size", [5, 12 * MIB])
def test_a_file_is_written_with_a_checksum(
    client: Driver, bucket: str, tmp_path: Path, checksum: str, size: int
) -> None:
    if checksum.startswith("SHA") and endpoint().startswith("http:"):
        # Its SDK, 2.29.52, takes the digest twice where it signs the trailer.
        cannot("sends the sum of nothing in a signed trailer")
    file = written(tmp_path / "file", noise(size))
    ask(client, "write", bucket, "k", file=file, **{CREATION: checksum})
    validated = {"fs.s3a.checksum.validation": "true"}
    assert body_of(client, bucket, "k", **validated) == noise(size)


@pytest.mark.parametrize("key", KEYS)
def test_odd_names_are_written_listed_renamed_and_removed(
    client: Driver, bucket: str, tmp_path: Path, key: str
) -> None:
    ask(client, "write", bucket, key, file=written(tmp_path / "file", b"body"))
    assert raw.listed(bucket) == [key]
    assert ask(client, "tree", bucket, "") == [key]
    assert body_of(client, bucket, key) == b"body"
    assert ask(client, "rename", bucket, key, target=f"new/{key}")
    assert raw.get(bucket, f"new/{key}") == b"body"
    assert ask(client, "delete", bucket, "new", recursive="yes")
    assert [name for name in raw.listed(bucket) if not name.endswith("/")] == []


@pytest.mark.parametrize("policy", ["sequential", "random", "vector"])
def test_ranges_are_read(client: Driver, bucket: str, policy: str) -> None:
    body = noise(3 * MIB)
    raw.put(bucket, "k", body)
    how = {"fs.s3a.experimental.input.fadvise": policy}
    for start, length in ((0, 1), (MIB, MIB), (3 * MIB - 5, 5)):
        found = ask(client, "read_at_once", bucket, "k", start=start, length=length, **how)
        assert bytes.fromhex(found) == body[start : start + length]
    assert body_of(client, bucket, "k", start=2 * MIB, **how) == body[2 * MIB :]
    spans = ((10, 5), (MIB, 100), (2 * MIB, MIB))
    asked = ",".join(f"{start}+{length}" for start, length in spans)
    found = ask(client, "read_vectored", bucket, "k", ranges=asked, **how)
    assert [bytes.fromhex(each) for each in found] == [body[s : s + n] for s, n in spans]
    with pytest.raises(Failed, match="EOF"):
        ask(client, "read_at_once", bucket, "k", start=3 * MIB - 1, length=2, **how)


def test_folders_are_made_listed_and_removed(client: Driver, bucket: str) -> None:
    fill(bucket, "d/1", "d/2", "d/e/3", "d-4", "d0")
    assert ask(client, "mkdirs", bucket, "empty/deep")
    assert "empty/deep/" in raw.listed(bucket)
    assert ask(client, "mkdirs", bucket, "d")
    found = ask(client, "list", bucket, "")
    assert sorted((each["name"], each["folder"]) for each in found) == [
        ("d", True), ("d-4", False), ("d0", False), ("empty", True),
    ]  # fmt: skip
    assert ask(client, "tree", bucket, "d") == ["d/1", "d/2", "d/e/3"]
    assert ask(client, "status", bucket, "d")["folder"]
    assert not ask(client, "list", bucket, "empty/deep")
    with pytest.raises(Failed, match="not empty"):
        ask(client, "delete", bucket, "d")
    assert ask(client, "delete", bucket, "d", recursive="yes")
    assert sorted(raw.listed(bucket)) == ["d-4", "d0", "empty/deep/"]


def test_a_folder_of_more_than_a_page_is_renamed_and_removed(client: Driver, bucket: str) -> None:
    fill(bucket, *(f"from/{number:03}" for number in range(30)))
    paged = {"fs.s3a.paging.maximum": "7", "fs.s3a.bulk.delete.page.size": "7"}
    assert ask(client, "rename", bucket, "from", target="to", **paged)
    assert raw.listed(bucket) == [f"to/{number:03}" for number in range(30)]
    assert raw.get(bucket, "to/007") == b"from/007"
    assert ask(client, "delete", bucket, "to", recursive="yes", **paged)
    assert not any(key.startswith("to/") for key in raw.listed(bucket))


def test_a_large_file_is_renamed_in_parts(client: Driver, bucket: str, tmp_path: Path) -> None:
    ask(client, "write", bucket, "large", file=written(tmp_path / "file", noise(12 * MIB)))
    assert ask(client, "rename", bucket, "large", target="renamed")
    assert raw.listed(bucket) == ["renamed"]
    assert raw.get(bucket, "renamed") == noise(12 * MIB)


def test_a_file_is_created_once(client: Driver, bucket: str, tmp_path: Path) -> None:
    file = written(tmp_path / "file", b"body")
    ask(client, "write", bucket, "k", file=file, once="yes")
    with pytest.raises(Failed, match="already exists"):
        ask(client, "write", bucket, "k", file=file, once="yes")
    ask(client, "write", bucket, "k", file=file)


def test_attributes_are_those_of_the_object(client: Driver, bucket: str, tmp_path: Path) -> None:
    body = b"body"
    ask(client, "write", bucket, "k", file=written(tmp_path / "file", body))
    found = ask(client, "attributes", bucket, "k")
    assert found["header.Content-Length"] == "4"
    assert found["header.ETag"].strip('"') == hashlib.md5(body).hexdigest()
    assert ask(client, "status", bucket, "k")["etag"].strip('"') == hashlib.md5(body).hexdigest()


def test_what_is_missing_is_missing(client: Driver, bucket: str) -> None:
    for command in ("read", "status", "list"):
        with pytest.raises(Failed, match="FileNotFound"):
            ask(client, command, bucket, "none")
    assert ask(client, "delete", bucket, "none") is False
    with pytest.raises(Failed, match=r"UnknownStore|NoSuchBucket"):
        ask(client, "status", new_name("none"), "k")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {f"{DETECTION}.source": "etag", f"{DETECTION}.mode": "server"},
        {f"{DETECTION}.source": "etag", f"{DETECTION}.mode": "client"},
    ],
)
def test_a_file_that_changes_under_its_reader_is_an_error(
    client: Driver, bucket: str, tmp_path: Path, how: Mapping[str, str]
) -> None:
    raw.put(bucket, "k", noise(3 * MIB))
    file = written(tmp_path / "file", noise(3 * MIB, 1))
    with pytest.raises(Failed, match="RemoteFileChanged"):
        ask(
            client, "read_while_it_changes", bucket, "k",
            file=file, start=2 * MIB, length=MIB, **how, **SMALL_READS,
        )  # fmt: skip


def test_a_reader_keeps_to_its_version(client: Driver, tmp_path: Path) -> None:
    how = {f"{DETECTION}.source": "versionid", f"{DETECTION}.mode": "server"}
    bucket = new_name("s3a")
    raw.make_bucket(bucket)
    raw.keep_versions(bucket)
    raw.put(bucket, "k", noise(3 * MIB))
    file = written(tmp_path / "file", noise(3 * MIB, 1))
    words = {"file": file, "start": 2 * MIB, "length": MIB}
    found = ask(client, "read_while_it_changes", bucket, "k", **words, **how, **SMALL_READS)
    assert bytes.fromhex(found) == noise(3 * MIB)[2 * MIB :]
    assert raw.get(bucket, "k") == noise(3 * MIB, 1)


@pytest.mark.parametrize("committer", ["magic", "directory", "partitioned"])
@pytest.mark.parametrize("size", [5, 6 * MIB])
def test_a_job_commits_its_files_at_its_end(
    client: Driver, bucket: str, tmp_path: Path, committer: str, size: int
) -> None:
    file = written(tmp_path / "file", noise(size))
    words = {"committer": committer, "uuid": new_name("job"), "file": file}
    made = ask(client, "commit", bucket, "out", **words)
    assert committer in made["committer"].lower()
    assert made["early"] is False
    assert raw.get(bucket, "out/part-00000") == noise(size)
    left = [key for key in raw.listed(bucket) if not key.endswith("/")]
    assert left == ["out/_SUCCESS", "out/part-00000"]
    assert raw.uploads(bucket) == []


@pytest.mark.parametrize("committer", ["magic", "directory"])
def test_a_job_that_is_given_up_leaves_nothing(
    client: Driver, bucket: str, tmp_path: Path, committer: str
) -> None:
    file = written(tmp_path / "file", noise(6 * MIB))
    words = {"committer": committer, "uuid": new_name("job"), "file": file, "abort": "yes"}
    ask(client, "commit", bucket, "out", **words)
    assert [key for key in raw.listed(bucket) if not key.endswith("/")] == []
    assert raw.uploads(bucket) == []
