"""A whole server in front of a container of Azure, for clients of S3 and of the native API."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.backends.azure import AzureBackend
from storage.errors import ObjectNotFound
from storage.values import Attributes, BucketOptions
from tests.server_process import ServerProcess, eventually
from tests.storage.azure.azurite import Azurite, azurite
from tests.storage.digests import md5_of
from tests.storage.event_loop import run
from tests.storage.sync_bucket import SyncBucket, put_options

LARGE = os.urandom(20 << 20)


class FastTier(ServerProcess):
    """Two workers without authentication, in front of that Azurite."""

    def __init__(self, folder: Path, remote: Azurite) -> None:
        flags = ("--backend", "azure", "--no-auth")
        super().__init__(folder, flags=flags, environment=remote.environment, workers=2)
        self.remote = remote

    def native(
        self, method: str, path: str, message: Any = None
    ) -> tuple[list[tuple[str, str]], bytes]:
        """The headers and the body of a good answer."""
        connection = self.connection()
        try:
            headers = {"Content-Type": "application/json"}
            body = json.dumps(message) if message is not None else None
            connection.request(method, f"/v1/{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return [(name.lower(), value) for name, value in answer.getheaders()], text
        finally:
            connection.close()

    def names(self, bucket: str, **query: Any) -> list[str]:
        asked = {"action": "list", "value": {"props": "name,size", **query}}
        _, page = self.native("GET", f"buckets/{bucket}?provider=az", asked)
        return [each["name"] for each in json.loads(page)["entries"] or []]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastTier]:
    with azurite(tmp_path_factory.mktemp("azurite")) as remote:
        with FastTier(tmp_path_factory.mktemp("server"), remote) as made:
            assert isinstance(made, FastTier)
            yield made


@pytest.fixture
def cloud(server: FastTier, request: pytest.FixtureRequest) -> Iterator[SyncBucket]:
    """A container, as another client of Azure sees it."""
    name = request.node.name.replace("_", "-")[:40].rstrip("-")
    backend = AzureBackend(server.remote.options())
    run(backend.create_bucket(name, BucketOptions("")))
    yield SyncBucket(backend, name)
    run(backend.aclose())


def test_the_native_api_reads_a_container_and_keeps_what_it_read(
    server: FastTier, cloud: SyncBucket
) -> None:
    for number in range(5):
        cloud.put(f"d/{number}", b"%d" % number)
    said = Attributes({"content-type": "text/plain"}, {"content-id": "gr\u00fcn"})
    there = cloud.put("a", b"one", options=put_options(attributes=said))
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    assert server.names(cloud.bucket) == ["a", *(f"d/{number}" for number in range(5))]
    assert server.names(cloud.bucket, prefix="d/", start_after="d/2") == ["d/3", "d/4"]
    assert server.names(cloud.bucket, flags="1") == []
    headers, _ = server.native("HEAD", f"objects/{cloud.bucket}/a?provider=az")
    assert ("content-length", "3") in headers
    for pair in ("source=azure", f"ETag={there.etag}", f"md5={md5_of(b'one')}"):
        assert ("ais-custom-md", pair) in headers
    _, body = server.native("GET", f"objects/{cloud.bucket}/a?provider=az")
    assert body == b"one"
    assert server.names(cloud.bucket, flags="1") == ["a"]
    os.kill(server.remote.pid, signal.SIGSTOP)
    try:
        assert server.native("GET", f"objects/{cloud.bucket}/a?provider=azure")[1] == b"one"
    finally:
        os.kill(server.remote.pid, signal.SIGCONT)


def test_what_clients_of_s3_write_is_in_the_container(server: FastTier, cloud: SyncBucket) -> None:
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    s3, bucket = server.client(), cloud.bucket
    s3.put_object(
        Bucket=bucket, Key="small", Body=b"x", ContentType="text/x", Metadata={"a-b.c": "v"}
    )
    s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
    found = cloud.info("small").attributes
    assert (found.headers["content-type"], found.custom) == ("text/x", {"a-b.c": "v"})
    assert cloud.read("large") == LARGE
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    parts: list[Any] = []
    for number, content in enumerate((LARGE[: 6 << 20], LARGE[6 << 20 : 8 << 20]), start=1):
        answer = s3.upload_part(
            Bucket=bucket, Key="parts", UploadId=upload, PartNumber=number, Body=content
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert cloud.read("parts") == LARGE[: 8 << 20]
    assert [part.number for part in cloud.parts_of("parts")] == [1, 2]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "small"})
    s3.put_object_tagging(
        Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]}
    )
    assert cloud.info("copy").attributes.tags == {"t": "v"}
    s3.delete_object(Bucket=bucket, Key="small")
    with pytest.raises(ObjectNotFound):
        cloud.info("small")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == ["copy", "large", "parts"]


def test_a_job_fetches_from_a_container(server: FastTier, cloud: SyncBucket) -> None:
    for number in range(20):
        cloud.put(f"d/{number:02}", b"%d" % number)
    where = f"buckets/{cloud.bucket}?provider=azure"
    server.native("HEAD", where)
    chosen = {"action": "prefetch-listrange", "value": {"template": "d/{00..14}"}}
    server.native("POST", where, chosen)
    eventually(lambda: len(server.names(cloud.bucket, flags="1")) == 15, "prefetched")


def test_the_null_version_is_the_object_itself(server: FastTier, cloud: SyncBucket) -> None:
    cloud.put("a", b"one")
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    s3: Any = server.client()
    which = {"Bucket": cloud.bucket, "Key": "a", "VersionId": "null"}
    assert s3.get_object(**which, Range="bytes=1-")["Body"].read() == b"ne"
    assert s3.get_object(**which)["Body"].read() == b"one"
    s3.put_object_tagging(**which, Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    assert cloud.info("a").attributes.tags == {"t": "v"}
    s3.delete_object(**which)
    assert cloud.names() == []
    with pytest.raises(s3.exceptions.ClientError, match="versions on azure"):
        s3.get_object(Bucket=cloud.bucket, Key="a", VersionId="1" * 32)


def test_a_large_object_comes_in_many_ranges(server: FastTier, cloud: SyncBucket) -> None:
    cloud.put("large", LARGE)
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    orders = {"chunk-size": 1 << 20, "num-workers": 4}
    asked = {"action": "blob-download", "name": "large", "value": orders}
    server.native("POST", f"objects/{cloud.bucket}?provider=azure", asked)
    eventually(lambda: server.names(cloud.bucket, flags="1") == ["large"], "fetched")
    assert server.native("GET", f"objects/{cloud.bucket}/large?provider=azure")[1] == LARGE


def test_an_upload_that_another_one_ended_can_be_aborted(
    server: FastTier, cloud: SyncBucket
) -> None:
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    s3: Any = server.client()
    which = {"Bucket": cloud.bucket, "Key": "a"}
    upload = s3.create_multipart_upload(Bucket=cloud.bucket, Key="a")["UploadId"]
    part: Any = {"UploadId": upload, "PartNumber": 1}
    tag = s3.upload_part(**which, **part, Body=b"one")["ETag"]
    cloud.complete(cloud.upload_of("a", b"two"), 1)
    chosen: Any = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchUpload"):
        s3.complete_multipart_upload(**which, UploadId=upload, MultipartUpload=chosen)
    s3.abort_multipart_upload(**which, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=cloud.bucket)
    assert s3.get_object(**which)["Body"].read() == b"two"


def test_what_azure_would_change_or_not_take_is_refused(
    server: FastTier, cloud: SyncBucket
) -> None:
    server.native("HEAD", f"buckets/{cloud.bucket}?provider=azure")
    s3 = server.client()
    with pytest.raises(s3.exceptions.ClientError, match="a dot at the end of a segment"):
        s3.put_object(Bucket=cloud.bucket, Key="a./b", Body=b"x")
    tags = "&".join(f"tag{number}={'%E6%BC%A2' * 256}" for number in range(10))
    with pytest.raises(s3.exceptions.ClientError, match="MetadataTooLarge"):
        s3.put_object(Bucket=cloud.bucket, Key="b", Body=b"x", Tagging=tags)
    assert cloud.names() == []


def test_no_key_is_in_the_logs(server: FastTier) -> None:
    assert server.remote.key not in server.errors + server.output
    assert "SharedKey" not in server.errors + server.output
