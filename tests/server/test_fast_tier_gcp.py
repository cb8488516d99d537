"""A whole server in front of a Cloud Storage, through the native API and S3."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.server_process import ServerProcess, eventually
from tests.storage.gcp.remotes import cloud_storage

LARGE = os.urandom(3 << 20)
TRAIN = "train"


class Answered:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class FastTier(ServerProcess):
    """Two workers without authentication, in front of the Cloud Storage at `remote`; `cloud_log`
    has its requests."""

    def __init__(self, folder: Path, remote: str, cloud_log: Path) -> None:
        # As Google's library for Go spells it.
        environment = {"STORAGE_EMULATOR_HOST": remote.removeprefix("http://")}
        flags = ("--backend", "gcp", "--no-auth")
        super().__init__(folder, flags=flags, environment=environment, workers=2)
        self.remote = remote.removeprefix("http://")
        self.cloud_log = cloud_log

    def native(
        self, method: str, path: str, message: Any = None, headers: dict[str, str] | None = None
    ) -> Answered:
        connection = self.connection()
        body = json.dumps(message).encode() if message is not None else None
        kind = {"Content-Type": "application/json"} if body else {}
        try:
            connection.request(method, f"/v1/{path}", body, {**kind, **(headers or {})})
            answer = connection.getresponse()
            return Answered(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def list(self, flags: str = "0") -> list[dict[str, Any]]:
        value = {"props": "name,size,version,cached", "flags": flags}
        asked = {"action": "list", "value": value}
        page = json.loads(self.native("GET", f"buckets/{TRAIN}?provider=gs", asked).body)
        found: list[dict[str, Any]] = page["entries"] or []
        return found

    def put_there(self, name: str, content: bytes, resource: dict[str, Any] | None = None) -> Any:
        """Write an object past the server; return its resource."""
        head = (
            b"--x\r\ncontent-type: application/json\r\n\r\n" + json.dumps(resource or {}).encode()
        )
        body = head + b"\r\n--x\r\ncontent-type: a/b\r\n\r\n" + content + b"\r\n--x--"
        path = f"/upload/storage/v1/b/{TRAIN}/o?uploadType=multipart&name={quote(name, safe='')}"
        return self.ask("POST", path, body, "multipart/related; boundary=x")

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> Any:
        connection = HTTPConnection(self.remote)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, text
            return json.loads(text or b"{}")
        finally:
            connection.close()

    def there(self, name: str) -> Any:
        return self.ask("GET", f"/storage/v1/b/{TRAIN}/o/{quote(name, safe='')}")

    def gets(self, name: str) -> int:
        """How often the remote was asked for the object's bytes."""
        path = f"GET /storage/v1/b/{TRAIN}/o/{quote(name, safe='')}?alt=media"
        return self.cloud_log.read_text().count(path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastTier]:
    folder = tmp_path_factory.mktemp("cloud")
    with cloud_storage(folder) as remote:
        made = FastTier(tmp_path_factory.mktemp("server"), remote, folder / "cloud.log")
        with made:
            made.ask("POST", "/storage/v1/b?project=p", b'{"name": "train"}')
            assert made.native("HEAD", f"buckets/{TRAIN}?provider=gcp").status == 200
            yield made


def test_the_native_api_lists_looks_at_and_reads_a_bucket_of_gcp(server: FastTier) -> None:
    """With `gs`, as AIStore calls it too. The second time it is here."""
    made = server.put_there("d/a b", LARGE, {"metadata": {"k": "v"}})
    path = f"objects/{TRAIN}/d/a%20b?provider=gcp"
    head = server.native("HEAD", path)
    assert (head.status, head.headers["Ais-Present"]) == (200, "false")
    assert head.headers["Content-Length"] == str(len(LARGE))
    assert head.headers["Ais-Version"] == made["generation"]
    for _ in range(2):
        got = server.native("GET", path.replace("gcp", "gs"))
        assert (got.status, got.body) == (200, LARGE)
        assert got.headers["ETag"] == f'"{hashlib.md5(LARGE, usedforsecurity=False).hexdigest()}"'
    assert server.gets("d/a b") == 1
    assert server.native("HEAD", path).headers["Ais-Present"] == "true"
    (listed,) = [each for each in server.list() if each["name"] == "d/a b"]
    assert listed["size"] in (len(LARGE), str(len(LARGE)))
    assert listed["version"] == made["generation"]
    buckets = json.loads(server.native("GET", "buckets?provider=gs", {"action": "list"}).body)
    assert [(each["name"], each["provider"]) for each in buckets] == [(TRAIN, "gcp")]


def test_a_range_of_what_is_not_here_is_answered_and_the_whole_follows(server: FastTier) -> None:
    server.put_there("ranged", LARGE)
    path = f"objects/{TRAIN}/ranged?provider=gcp"
    got = server.native("GET", path, headers={"Range": "bytes=1000000-1000099"})
    assert (got.status, got.body) == (206, LARGE[1_000_000:1_000_100])
    assert got.headers["Content-Range"] == f"bytes 1000000-1000099/{len(LARGE)}"
    eventually(lambda: "ranged" in [each["name"] for each in server.list("1")], "fetched")


def test_a_blob_download_reads_many_ranges_of_one_generation(server: FastTier) -> None:
    """One request each, beside the one that is left when the size is known."""
    server.put_there("blob", LARGE)
    headers = {"Ais-Blob-Download": "true", "Ais-Blob-Chunk": "512kib"}
    got = server.native("GET", f"objects/{TRAIN}/blob?provider=gcp", headers=headers)
    assert (got.status, got.body) == (200, LARGE)
    assert server.gets("blob") == 1 + 6
    assert server.cloud_log.read_text().count(f"GET /storage/v1/b/{TRAIN}/o/blob?fields=") == 1
    assert server.native("GET", f"objects/{TRAIN}/blob?provider=gcp").body == LARGE
    assert server.gets("blob") == 1 + 6


def test_clients_of_all_workers_share_one_download(server: FastTier) -> None:
    server.put_there("hot", LARGE)

    def read(_: int) -> bool:
        got = server.client().get_object(Bucket=TRAIN, Key="hot")["Body"].read()
        return bool(got == LARGE)

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(read, range(32)))
    assert server.gets("hot") == 1


def test_what_is_written_is_there_and_here(server: FastTier) -> None:
    """A whole body, one in pieces, and one in parts."""
    client: Any = server.client()
    client.put_object(Bucket=TRAIN, Key="small", Body=b"x", Metadata={"k": "v"})
    client.put_object(Bucket=TRAIN, Key="pieces", Body=LARGE * 4)
    upload = client.create_multipart_upload(Bucket=TRAIN, Key="parts")["UploadId"]
    named = {"Bucket": TRAIN, "Key": "parts", "UploadId": upload}
    parts = []
    for number, content in ((1, LARGE * 2), (2, b"end")):
        etag = client.upload_part(**named, PartNumber=number, Body=content)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    for name, content in (("small", b"x"), ("pieces", LARGE * 4), ("parts", LARGE * 2 + b"end")):
        there = server.there(name)
        head = server.native("HEAD", f"objects/{TRAIN}/{name}?provider=gcp").headers
        assert client.get_object(Bucket=TRAIN, Key=name)["Body"].read() == content
        assert (there["size"], there["generation"]) == (str(len(content)), head["Ais-Version"])
        assert server.gets(name) == 0
    assert server.there("small")["metadata"] == {"k": "v"}
    client.delete_object(Bucket=TRAIN, Key="small")
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=TRAIN, Key="small")


def test_what_changed_there_is_fetched_again_when_the_newest_is_wanted(server: FastTier) -> None:
    server.put_there("changing", b"old")
    path = f"objects/{TRAIN}/changing?provider=gcp"
    assert server.native("GET", path).body == b"old"
    server.put_there("changing", b"new")
    assert server.native("GET", path).body == b"old"
    assert server.native("GET", f"{path}&latest-ver=true").body == b"new"


def test_a_condition_of_a_write_is_that_of_the_cloud(server: FastTier) -> None:
    server.put_there("there", b"first")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        server.client().put_object(Bucket=TRAIN, Key="there", Body=b"x", IfNoneMatch="*")
    assert server.there("there")["size"] == "5"


def test_what_is_missing_says_what(server: FastTier) -> None:
    missing = server.native("GET", f"objects/{TRAIN}/none?provider=gcp")
    assert (missing.status, b"gcp://train/none" in missing.body) == (404, True)
    nowhere = server.native("GET", "objects/no-such/a?provider=gcp")
    assert (nowhere.status, b"ErrRemoteBckNotFound" in nowhere.body) == (404, True)
