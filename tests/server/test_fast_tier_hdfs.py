"""A whole server in front of a real HDFS, for clients of S3 and of the native API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.backends.hdfs import HdfsBackend
from storage.errors import ObjectNotFound
from storage.values import BucketOptions
from tests.server_process import ServerProcess, eventually
from tests.storage.event_loop import run
from tests.storage.hdfs.mini_dfs import MiniDfs, mini_dfs
from tests.storage.sync_bucket import SyncBucket

LARGE = os.urandom(20 << 20)


class FastTier(ServerProcess):
    """Two workers without authentication, in front of that HDFS."""

    def __init__(self, folder: Path, remote: MiniDfs) -> None:
        flags = ("--backend", "hdfs", "--no-auth")
        super().__init__(folder, flags=flags, environment=remote.environment, workers=2)
        self.remote = remote

    def native(
        self, method: str, path: str, message: Any = None, status: int = 200
    ) -> tuple[list[tuple[str, str]], bytes]:
        """The headers and the body of an answer."""
        connection = self.connection()
        try:
            headers = {"Content-Type": "application/json"}
            body = json.dumps(message) if message is not None else None
            connection.request(method, f"/v1/{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == status, text
            return [(name.lower(), value) for name, value in answer.getheaders()], text
        finally:
            connection.close()

    def attach(self, bucket: str) -> None:
        folder = {"extra": {"hdfs": {"ref_directory": f"/data/{bucket}"}}}
        message = {"action": "create-bck", "value": folder}
        self.native("POST", f"buckets/{bucket}?provider=hdfs", message)

    def names(self, bucket: str, **query: Any) -> list[str]:
        asked = {"action": "list", "value": {"props": "name,size", **query}}
        _, page = self.native("GET", f"buckets/{bucket}?provider=hdfs", asked)
        return [each["name"] for each in json.loads(page)["entries"] or []]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastTier]:
    with mini_dfs(tmp_path_factory.mktemp("dfs"), namenodes=2) as remote:
        with FastTier(tmp_path_factory.mktemp("server"), remote) as made:
            assert isinstance(made, FastTier)
            yield made


@pytest.fixture
def folder(server: FastTier, request: pytest.FixtureRequest) -> Iterator[SyncBucket]:
    """A folder below `/data`, attached, as another program sees it."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40].rstrip("-")
    backend = HdfsBackend(server.remote.options(root="/data"))
    run(backend.create_bucket(name, BucketOptions("")))
    server.attach(name)
    yield SyncBucket(backend, name)
    run(backend.aclose())


def test_the_native_api_reads_a_folder_and_keeps_what_it_read(
    server: FastTier, folder: SyncBucket
) -> None:
    for number in range(5):
        folder.put(f"d/{number}", b"%d" % number)
    there = folder.put("a", b"one")
    assert server.names(folder.bucket) == ["a", *(f"d/{number}" for number in range(5))]
    assert server.names(folder.bucket, prefix="d/", start_after="d/2") == ["d/3", "d/4"]
    assert server.names(folder.bucket, flags="1") == []
    headers, _ = server.native("HEAD", f"objects/{folder.bucket}/a?provider=hdfs")
    assert ("content-length", "3") in headers
    for pair in ("source=hdfs", f"ETag={there.etag}"):
        assert ("ais-custom-md", pair) in headers
    _, body = server.native("GET", f"objects/{folder.bucket}/a?provider=hdfs")
    assert body == b"one"
    assert server.names(folder.bucket, flags="1") == ["a"]


def test_what_clients_of_s3_write_is_in_the_folder(server: FastTier, folder: SyncBucket) -> None:
    s3, bucket = server.client(), folder.bucket
    s3.put_object(
        Bucket=bucket, Key="d/small", Body=b"x", ContentType="text/x", Metadata={"a-b.c": "v"}
    )
    s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
    found = folder.info("d/small").attributes
    assert (found.headers["content-type"], found.custom) == ("text/x", {"a-b.c": "v"})
    assert folder.read("large") == LARGE
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    parts: list[Any] = []
    for number, content in enumerate((LARGE[: 6 << 20], LARGE[6 << 20 : 8 << 20]), start=1):
        answer = s3.upload_part(
            Bucket=bucket, Key="parts", UploadId=upload, PartNumber=number, Body=content
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert folder.names() == ["d/small", "large"]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert folder.read("parts") == LARGE[: 8 << 20]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "d/small"})
    s3.put_object_tagging(
        Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]}
    )
    assert folder.info("copy").attributes.tags == {"t": "v"}
    s3.delete_object(Bucket=bucket, Key="d/small")
    with pytest.raises(ObjectNotFound):
        folder.info("d/small")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == ["copy", "large", "parts"]


def test_an_object_that_another_program_replaced_is_read_anew(
    server: FastTier, folder: SyncBucket
) -> None:
    folder.put("a", b"one")
    where = f"objects/{folder.bucket}/a?provider=hdfs"
    assert server.native("GET", where)[1] == b"one"
    folder.put("a", b"two")
    assert server.native("GET", where)[1] == b"one"
    assert server.native("GET", f"{where}&latest-ver=true")[1] == b"two"
    assert server.native("GET", where)[1] == b"two"


def test_a_job_fetches_from_a_folder(server: FastTier, folder: SyncBucket) -> None:
    for number in range(20):
        folder.put(f"d/{number:02}", b"%d" % number)
    chosen = {"action": "prefetch-listrange", "value": {"template": "d/{00..14}"}}
    server.native("POST", f"buckets/{folder.bucket}?provider=hdfs", chosen)
    eventually(lambda: len(server.names(folder.bucket, flags="1")) == 15, "prefetched")


def test_a_large_object_comes_in_many_ranges(server: FastTier, folder: SyncBucket) -> None:
    folder.put("large", LARGE)
    orders = {"chunk-size": 1 << 20, "num-workers": 4}
    asked = {"action": "blob-download", "name": "large", "value": orders}
    server.native("POST", f"objects/{folder.bucket}?provider=hdfs", asked)
    eventually(lambda: server.names(folder.bucket, flags="1") == ["large"], "fetched")
    assert server.native("GET", f"objects/{folder.bucket}/large?provider=hdfs")[1] == LARGE


def test_what_hdfs_cannot_hold_is_refused(server: FastTier, folder: SyncBucket) -> None:
    s3 = server.client()
    for key, reason in (("a/", "ends with a slash"), ("a//b", "empty element"), ("a:b", "colon")):
        with pytest.raises(s3.exceptions.ClientError, match=reason):
            s3.put_object(Bucket=folder.bucket, Key=key, Body=b"x")
    s3.put_object(Bucket=folder.bucket, Key="a", Body=b"x")
    with pytest.raises(s3.exceptions.ClientError, match="below that of another object"):
        s3.put_object(Bucket=folder.bucket, Key="a/b", Body=b"x")
    assert folder.names() == ["a"]


def test_in_safe_mode_what_is_here_is_read_and_writes_are_refused(
    server: FastTier, folder: SyncBucket
) -> None:
    folder.put("a", b"one")
    server.native("GET", f"objects/{folder.bucket}/a?provider=hdfs")
    server.remote.command("enter safe mode")
    try:
        assert server.native("GET", f"objects/{folder.bucket}/a?provider=hdfs")[1] == b"one"
        s3 = server.client()
        with pytest.raises(s3.exceptions.ClientError, match="SafeMode"):
            s3.put_object(Bucket=folder.bucket, Key="b", Body=b"x")
    finally:
        server.remote.command("leave safe mode")
    assert folder.names() == ["a"]


def test_when_the_other_namenode_becomes_active_requests_go_there(
    server: FastTier, folder: SyncBucket
) -> None:
    """No test of this module but the last comes after it: the first namenode stays on standby."""
    folder.put("a", b"one")
    server.remote.command("change over")
    s3: Any = server.client()
    s3.put_object(Bucket=folder.bucket, Key="b", Body=b"two")
    assert s3.get_object(Bucket=folder.bucket, Key="a")["Body"].read() == b"one"
    assert folder.names() == ["a", "b"]
    assert folder.read("b") == b"two"


def test_without_hdfs_what_is_here_is_read(server: FastTier, folder: SyncBucket) -> None:
    """The last test of this module: there is no HDFS any more."""
    folder.put("a", b"one")
    folder.put("b", b"two")
    where = f"objects/{folder.bucket}"
    assert server.native("GET", f"{where}/a?provider=hdfs")[1] == b"one"
    server.remote.stop()
    assert server.native("GET", f"{where}/a?provider=hdfs")[1] == b"one"
    _, refusal = server.native("GET", f"{where}/b?provider=hdfs", status=503)
    assert b"ClientConnectorError" in refusal
    s3 = server.client()
    assert s3.get_object(Bucket=folder.bucket, Key="a")["Body"].read() == b"one"
