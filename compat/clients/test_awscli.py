"""The AWS command line: what a user types."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compat.clients.target import MIB, endpoint, new_name, noise


def aws(*words: str, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        ["aws", "--endpoint-url", endpoint(), *words], input=stdin, capture_output=True, timeout=300
    )
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


def api(*words: str) -> Any:
    out = aws("s3api", *words, "--output", "json").stdout
    return json.loads(out) if out.strip() else {}


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    name = new_name("cli")
    aws("s3", "mb", f"s3://{name}")
    yield name
    aws("s3", "rb", "--force", f"s3://{name}")


def write_tree(folder: Path, names: dict[str, bytes]) -> None:
    for name, content in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        # `sync` compares with S3's clock, which knows seconds only.
        os.utime(folder / name, (WRITTEN, WRITTEN))


def read_tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


WRITTEN = 1_700_000_000
TREE = {
    "readme.txt": b"hello",
    "empty": b"",
    "deep/er/still/ümläut file.bin": noise(50_000),
    "deep/plus+percent%20.txt": b"odd",
    "more/large": noise(9 * MIB),
}


def test_a_bucket_is_made_listed_and_removed() -> None:
    name = new_name("made")
    assert f"make_bucket: {name}" in aws("s3", "mb", f"s3://{name}").stdout.decode()
    assert name in aws("s3", "ls").stdout.decode()
    aws("s3", "rb", f"s3://{name}")
    assert name not in aws("s3", "ls").stdout.decode()


def test_a_file_is_copied_up_across_and_down(bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(noise(1000))
    aws("s3", "cp", str(source), f"s3://{bucket}/a/b.bin")
    aws("s3", "cp", f"s3://{bucket}/a/b.bin", f"s3://{bucket}/c.bin")
    aws("s3", "cp", f"s3://{bucket}/c.bin", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_a_large_file_goes_in_parts(bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(noise(64 * MIB))
    aws("s3", "cp", str(source), f"s3://{bucket}/large", "--metadata", "a=1")
    aws("s3", "cp", f"s3://{bucket}/large", f"s3://{bucket}/again")
    aws("s3", "cp", f"s3://{bucket}/again", str(target))
    assert target.read_bytes() == source.read_bytes()
    head, again = (api("head-object", "--bucket", bucket, "--key", k) for k in ("large", "again"))
    assert head["ETag"].endswith('-8"')
    assert again["ETag"] == head["ETag"]
    assert head["Metadata"] == {"a": "1"}  # v1 leaves it behind when it copies in parts


def test_standard_input_and_output_are_files_too(bucket: str) -> None:
    body = noise(20 * MIB)
    aws("s3", "cp", "-", f"s3://{bucket}/stream", stdin=body)
    assert aws("s3", "cp", f"s3://{bucket}/stream", "-").stdout == body


def test_a_tree_is_copied_recursively(bucket: str, tmp_path: Path) -> None:
    write_tree(tmp_path / "up", TREE)
    aws("s3", "cp", "--recursive", str(tmp_path / "up"), f"s3://{bucket}/tree/")
    aws("s3", "cp", "--recursive", f"s3://{bucket}/tree/", str(tmp_path / "down"))
    assert read_tree(tmp_path / "down") == TREE


def test_sync_sends_what_is_new_and_deletes_what_is_gone(bucket: str, tmp_path: Path) -> None:
    up, down = tmp_path / "up", tmp_path / "down"
    write_tree(up, TREE)
    where = f"s3://{bucket}/sync"
    assert aws("s3", "sync", str(up), where).stdout.count(b"upload:") == len(TREE)
    assert aws("s3", "sync", str(up), where).stdout == b""
    (up / "readme.txt").write_bytes(b"changed and longer")
    (up / "empty").unlink()
    again = aws("s3", "sync", "--delete", str(up), where).stdout
    assert (again.count(b"upload:"), again.count(b"delete:")) == (1, 1)
    aws("s3", "sync", where, str(down))
    assert read_tree(down) == read_tree(up)
    assert aws("s3", "sync", where, f"s3://{bucket}/other").stdout.count(b"copy:") == len(TREE) - 1


def test_mv_moves(bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"moved")
    aws("s3", "mv", str(source), f"s3://{bucket}/one")
    aws("s3", "mv", f"s3://{bucket}/one", f"s3://{bucket}/two/")
    assert not source.exists()
    assert aws("s3", "cp", f"s3://{bucket}/two/one", "-").stdout == b"moved"
    assert aws("s3", "ls", f"s3://{bucket}/one", check=False).returncode == 1


def test_ls_shows_prefixes_sizes_and_a_sum(bucket: str) -> None:
    for key, size in (("a/1", 10), ("a/2", 20), ("top", 5)):
        aws("s3", "cp", "-", f"s3://{bucket}/{key}", stdin=bytes(size))
    top = aws("s3", "ls", f"s3://{bucket}/").stdout.decode()
    assert "PRE a/" in top
    assert top.splitlines()[1].endswith("5 top")
    everything = aws("s3", "ls", "--recursive", "--summarize", f"s3://{bucket}").stdout.decode()
    assert "Total Objects: 3" in everything
    assert "Total Size: 35" in everything


def test_rm_removes_one_and_all(bucket: str) -> None:
    for number in range(5):
        aws("s3", "cp", "-", f"s3://{bucket}/r/{number}", stdin=b"x")
    aws("s3", "rm", f"s3://{bucket}/r/0")
    assert aws("s3", "rm", "--recursive", f"s3://{bucket}/r/").stdout.count(b"delete:") == 4
    assert api("list-objects-v2", "--bucket", bucket).get("KeyCount", 0) == 0


def test_presign_makes_a_url_that_reads(bucket: str) -> None:
    aws("s3", "cp", "-", f"s3://{bucket}/a b", stdin=b"signed")
    url = aws("s3", "presign", f"s3://{bucket}/a b").stdout.decode().strip()
    with urllib.request.urlopen(url) as got:
        assert got.read() == b"signed"


def test_a_conditional_put_creates_once(bucket: str, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x")
    put = ("put-object", "--bucket", bucket, "--key", "k", "--body", str(body))
    first = aws("s3api", *put, "--if-none-match", "*", check=False)
    if b"Unknown options" in first.stderr:
        pytest.skip("the client has no conditional puts yet")
    assert first.returncode == 0
    again = aws("s3api", *put, "--if-none-match", "*", check=False)
    assert b"PreconditionFailed" in again.stderr


def test_attributes_and_checksums_are_told(bucket: str, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x" * 100)
    where = ("--bucket", bucket, "--key", "k")
    put = api("put-object", *where, "--body", str(body), "--checksum-algorithm", "SHA256")
    told = ("ETag", "Checksum", "ObjectSize", "StorageClass")
    facts = api("get-object-attributes", *where, "--object-attributes", *told)
    assert facts["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert (facts["ObjectSize"], facts["StorageClass"]) == (100, "STANDARD")
    assert f'"{facts["ETag"]}"' == put["ETag"]


def test_a_range_is_written_to_a_file(bucket: str, tmp_path: Path) -> None:
    aws("s3", "cp", "-", f"s3://{bucket}/k", stdin=b"0123456789")
    target = tmp_path / "part"
    api("get-object", "--bucket", bucket, "--key", "k", "--range", "bytes=3-5", str(target))
    assert target.read_bytes() == b"345"


def test_pages_are_followed(bucket: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {f"k{i:02d}": b"" for i in range(25)})
    aws("s3", "cp", "--recursive", str(tmp_path), f"s3://{bucket}/")
    listed = api("list-objects-v2", "--bucket", bucket, "--page-size", "4")
    assert [row["Key"] for row in listed["Contents"]] == [f"k{i:02d}" for i in range(25)]
    some = api("list-objects-v2", "--bucket", bucket, "--max-items", "7")
    assert len(some["Contents"]) == 7
    rest = api("list-objects-v2", "--bucket", bucket, "--starting-token", some["NextToken"])
    assert len(rest["Contents"]) == 18


def test_an_error_is_told_to_the_user(bucket: str) -> None:
    missing = aws("s3", "cp", f"s3://{bucket}/none", os.devnull, check=False)
    assert missing.returncode == 1
    assert b"404" in missing.stderr
    nowhere = aws("s3api", "list-objects-v2", "--bucket", new_name("none"), check=False)
    assert b"NoSuchBucket" in nowhere.stderr


def test_a_query_over_an_object(bucket: str, tmp_path: Path) -> None:
    aws("s3", "cp", "-", f"s3://{bucket}/people.csv", stdin=b"name,age\nann,31\nbob,7\n")
    found = tmp_path / "found.csv"
    aws(
        "s3api", "select-object-content", "--bucket", bucket, "--key", "people.csv",
        "--expression-type", "SQL", "--expression", "SELECT s.name FROM S3Object s WHERE s.age > 8",
        "--input-serialization", '{"CSV": {"FileHeaderInfo": "USE"}}',
        "--output-serialization", '{"CSV": {}}', str(found),
    )  # fmt: skip
    assert found.read_bytes() == b"ann\n"
