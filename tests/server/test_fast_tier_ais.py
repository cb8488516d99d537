"""Two whole servers: one reads the buckets of the other, through the native API and S3."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import xxhash

from tests.server_process import ServerProcess, clean_environment, eventually

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

LARGE = os.urandom(3 << 20)
ALIAS, URL = "Ais-Remote-Ais-Alias", "Ais-Remote-Ais-Url"
NO_HEADERS: Mapping[str, str] = {}


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Cluster(ServerProcess):
    """Calls go with `token` if there is one."""

    token = ""

    def native(
        self,
        method: str,
        path: str,
        message: Any = None,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
    ) -> Answered:
        sent = dict(headers)
        if message is not None:
            body = json.dumps(message).encode()
            sent["Content-Type"] = "application/json"
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        connection = self.connection()
        try:
            connection.request(method, f"/v1/{path}", body, sent)
            answer = connection.getresponse()
            return Answered(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def make_token(self) -> str:
        command = [sys.executable, "-m", "s3gw", "auth", "token", "--data", str(self.data[0])]
        made = subprocess.run(
            command, env=clean_environment(), capture_output=True, check=True, text=True
        )
        return made.stdout.strip()

    def attach(self, alias: str, url: str) -> Answered:
        headers = {ALIAS: alias, URL: url}
        return self.native("PUT", "cluster/attach?what=remote", headers=headers)

    def detach(self, alias: str) -> Answered:
        return self.native("PUT", "cluster/detach?what=remote", headers={ALIAS: alias})

    def remote(self) -> dict[str, dict[str, Any]]:
        listed = self.native("GET", "cluster?what=remote").document["a"]
        return {each["alias"]: each for each in listed}


class Pair(NamedTuple):
    near: Cluster
    far: Cluster
    tokens: Path

    @property
    def uuid(self) -> str:
        return str(self.far.native("GET", "daemon?what=smap").document["uuid"])

    def put_there(self, name: str, content: bytes) -> None:
        assert self.far.native("PUT", f"objects/train/{name}", body=content).status == 200


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The far one has authentication; the near one has its token in a file."""
    folder = tmp_path_factory.mktemp("clusters")
    tokens = folder / "tokens"
    tokens.mkdir()
    far = Cluster(folder / "far")
    near = Cluster(
        folder / "near",
        flags=("--no-auth", "--backend", "ais"),
        environment={"AIS_REMOTE_TOKENS": str(tokens)},
        workers=2,
    )
    with far, near:
        far.token = far.make_token()
        write_token(tokens / "far", far.token)
        assert far.native("POST", "buckets/train", {"action": "create-bck"}).status == 200
        assert near.attach("far", far.endpoint).status == 200
        yield Pair(near, far, tokens)


def write_token(file: Path, token: str) -> None:
    aside = file.with_suffix(".new")
    aside.write_text(token + "\n")
    aside.chmod(0o600)
    aside.replace(file)


def test_what_is_attached_is_shown_as_aistore_shows_it(pair: Pair) -> None:
    shown = pair.near.remote()["far"]
    assert (shown["url"], shown["uuid"]) == (pair.far.endpoint, pair.uuid)
    assert shown["smap"]["uuid"] == pair.uuid
    config = pair.near.native("GET", "cluster?what=cluster_config").document
    assert config["backend"]["ais"] == {"far": [pair.far.endpoint]}
    everything = pair.near.native("GET", "cluster?what=remote").body
    assert pair.far.token.encode() not in everything


@pytest.mark.parametrize("space", ["@far", "@UUID"])
def test_a_bucket_is_listed_looked_at_and_read_by_alias_and_uuid(pair: Pair, space: str) -> None:
    space = space.replace("UUID", pair.uuid)
    name = f"read{space[1:4]}"
    pair.put_there(name, LARGE)
    path = f"objects/train/{name}?namespace={space}"
    head = pair.near.native("HEAD", path)
    assert (head.status, head.headers["Ais-Present"]) == (200, "false")
    assert head.headers["Content-Length"] == str(len(LARGE))
    for _ in range(3):
        got = pair.near.native("GET", path)
        assert (got.status, got.body) == (200, LARGE)
    assert got.headers["Ais-Checksum-Value"] == xxhash.xxh64(LARGE).hexdigest()
    assert pair.near.native("HEAD", path).headers["Ais-Present"] == "true"
    value = {"props": "name,size,cached,version", "prefix": name}
    asked = {"action": "list", "value": value}
    (entry,) = pair.near.native("GET", f"buckets/train?namespace={space}", asked).document[
        "entries"
    ]
    assert (entry["name"], entry["size"], entry["flags"]) == (name, str(len(LARGE)), 64)


@pytest.mark.parametrize("space", ["@far", "@", "@@%23", "@UUID"])
def test_buckets_of_clusters_are_listed(pair: Pair, space: str) -> None:
    asked = {"action": "list"}
    path = f"buckets?provider=ais&namespace={space.replace('UUID', pair.uuid)}"
    listed = pair.near.native("GET", path, asked).document
    assert listed == [
        {"name": "train", "provider": "ais", "namespace": {"uuid": pair.uuid, "name": ""}}
    ]


def test_buckets_of_namespaces_are_told_apart(pair: Pair) -> None:
    made = {"action": "create-bck"}
    assert pair.far.native("POST", "buckets/train?namespace=%23ns", made).status == 200
    try:
        pair.put_there("same", b"global")
        far = pair.far.native("PUT", "objects/train/same?namespace=%23ns", body=b"in ns")
        assert far.status == 200
        near = [
            pair.near.native("GET", f"objects/train/same?namespace={space}").body
            for space in ("@far", "@far%23ns")
        ]
        assert near == [b"global", b"in ns"]
        own = pair.near.native("POST", "buckets/train", made)
        assert own.status == 200
        assert pair.near.native("GET", "objects/train/same").status == 404
        assert pair.near.native("DELETE", "buckets/train", {"action": "destroy-bck"}).status == 200
    finally:
        gone = {"action": "destroy-bck"}
        assert pair.far.native("DELETE", "buckets/train?namespace=%23ns", gone).status == 200


def test_a_bucket_is_created_and_destroyed_in_the_other_cluster(pair: Pair) -> None:
    made, gone = {"action": "create-bck"}, {"action": "destroy-bck"}
    value = {"checksum": {"type": "md5"}}
    near, far = pair.near, pair.far
    assert (
        near.native("POST", "buckets/made?namespace=@far", {**made, "value": value}).status == 200
    )
    try:
        there = far.native("HEAD", "buckets/made").headers["Ais-Bucket-Props"]
        assert json.loads(there)["checksum"]["type"] == "md5"
        again = near.native("POST", "buckets/made?namespace=@far", made)
        assert (again.status, again.document["tcode"]) == (409, "ErrBucketAlreadyExists")
        assert near.native("PUT", "objects/made/a?namespace=@far", body=LARGE).status == 200
        assert far.native("GET", "objects/made/a").body == LARGE
        own = near.native("HEAD", "buckets/made")
        assert own.status == 404
    finally:
        destroyed = near.native("DELETE", "buckets/made?namespace=@far", gone)
    assert destroyed.status == 200, destroyed.body
    assert far.native("HEAD", "buckets/made").status == 404
    assert near.native("GET", "objects/made/a?namespace=@far").status == 404
    again = near.native("DELETE", "buckets/made?namespace=@far", gone)
    assert (again.status, again.document["tcode"]) == (404, "ErrRemoteBckNotFound")


def test_what_the_other_cluster_refuses_is_not_created(pair: Pair) -> None:
    near = pair.near
    value = {"checksum": {"type": "nonsense"}}
    refused = near.native(
        "POST", "buckets/odd?namespace=@far", {"action": "create-bck", "value": value}
    )
    assert (refused.status, "checksum.type" in refused.document["message"]) == (400, True)
    bad = near.native("POST", "buckets/a%23b?namespace=@far", {"action": "create-bck"})
    assert bad.status == 400
    trusting = "buckets/odd?namespace=@far&dont_head_remote_bck=true"
    assert near.native("POST", trusting, {"action": "create-bck"}).status == 501
    assert pair.far.native("HEAD", "buckets/odd").status == 404
    nowhere = near.native("POST", "buckets/odd?namespace=@nosuch", {"action": "create-bck"})
    assert (nowhere.status, nowhere.document["tcode"]) == (404, "ErrRemoteBckNotFound")


def test_a_range_comes_from_there_and_the_object_follows(pair: Pair) -> None:
    pair.put_there("range", LARGE)
    path = "objects/train/range?namespace=@far"
    got = pair.near.native("GET", path, headers={"Range": "bytes=100-199"})
    assert (got.status, got.body) == (206, LARGE[100:200])
    assert pair.near.native("GET", path).body == LARGE


def test_writing_and_deleting_are_done_in_both(pair: Pair) -> None:
    path = "objects/train/new?namespace=@far"
    put = pair.near.native("PUT", path, body=LARGE)
    assert put.status == 200
    there = pair.far.native("GET", "objects/train/new")
    assert there.body == LARGE
    assert there.headers["Ais-Checksum-Value"] == put.headers["Ais-Checksum-Value"]
    assert pair.near.native("HEAD", path).headers["Ais-Present"] == "true"
    assert pair.near.native("DELETE", path).status == 200
    assert pair.far.native("HEAD", "objects/train/new").status == 404
    assert pair.near.native("GET", path).status == 404


def test_what_changed_there_is_read_again_when_the_latest_is_wanted(pair: Pair) -> None:
    path = "objects/train/changes?namespace=@far"
    pair.put_there("changes", b"one")
    assert pair.near.native("GET", path).body == b"one"
    pair.put_there("changes", b"two")
    assert pair.near.native("GET", path).body == b"one"
    assert pair.near.native("GET", path + "&latest-ver=true").body == b"two"
    assert pair.near.native("GET", path).body == b"two"


def test_prefetch_brings_objects_and_evict_removes_them_here_only(pair: Pair) -> None:
    for number in range(3):
        pair.put_there(f"shard-{number}", b"x" * 1000)
    bucket = "buckets/train?namespace=@far"
    value = {"template": "shard-{0..2}"}
    started = pair.near.native("POST", bucket, {"action": "prefetch-listrange", "value": value})
    assert started.status == 200, started.body
    wait_for(pair.near, started.body.decode())
    path = "objects/train/shard-1?namespace=@far"
    assert pair.near.native("HEAD", path).headers["Ais-Present"] == "true"
    value_of = {"action": "evict-listrange", "value": {"objnames": ["shard-1"]}}
    evicted = pair.near.native("DELETE", bucket, value_of)
    wait_for(pair.near, evicted.body.decode())
    assert pair.near.native("HEAD", path).headers["Ais-Present"] == "false"
    assert pair.far.native("HEAD", "objects/train/shard-1").status == 200


def test_a_large_object_comes_in_many_ranges(pair: Pair) -> None:
    pair.put_there("blob", LARGE)
    path = "objects/train/blob?namespace=@far"
    asked = {"Ais-Blob-Download": "true", "Ais-Blob-Chunk": "256KiB", "Ais-Blob-Workers": "4"}
    assert pair.near.native("GET", path, headers=asked).body == LARGE
    assert pair.near.native("HEAD", path).headers["Ais-Present"] == "true"


def test_a_batch_has_objects_of_the_other_cluster(pair: Pair) -> None:
    pair.put_there("batched", b"in a batch")
    entry = {"objname": "batched", "bucket": "train", "namespace": {"uuid": "far", "name": ""}}
    message = {"in": [{**entry, "provider": "ais"}], "mime": ".tar", "strm": True}
    got = pair.near.native("GET", "ml/moss/train?namespace=@far", message)
    assert got.status == 200, got.body
    with tarfile.open(fileobj=io.BytesIO(got.body)) as archive:
        (member,) = archive.getmembers()
        content = archive.extractfile(member)
        assert content is not None
        assert (member.name, content.read()) == ("train/batched", b"in a batch")


def wait_for(server: Cluster, job: str) -> None:
    def is_over() -> bool:
        snaps = server.native("GET", "cluster?what=qryxstats", {"id": job}).document
        shown = [snap for each in snaps.values() for snap in each or ()]
        ended = [snap for snap in shown if not snap["end-time"].startswith("0001")]
        return bool(ended)

    eventually(is_over, f"job {job} over")


def test_a_bucket_is_copied_from_the_other_cluster(pair: Pair) -> None:
    pair.put_there("copied", LARGE)
    path = "buckets/train?namespace=@far&bck_to=ais/@%23/copy/"
    started = pair.near.native("POST", path, {"action": "copy-bck", "value": {"prefix": "copied"}})
    assert started.status == 200, started.body
    wait_for(pair.near, started.body.decode())
    assert pair.near.native("GET", "objects/copy/copied").body == LARGE


def test_an_object_is_copied_to_the_other_cluster(pair: Pair) -> None:
    assert pair.near.native("POST", "buckets/own", {"action": "create-bck"}).status == 200
    assert pair.near.native("PUT", "objects/own/a", body=LARGE).status == 200
    path = "objects/own/a?object_to=ais/@far%23/train/from-near"
    copied = pair.near.native("PUT", path)
    assert copied.status == 200, copied.body
    assert pair.far.native("GET", "objects/train/from-near").body == LARGE


def test_s3_reads_a_bucket_of_our_own_that_is_connected(pair: Pair) -> None:
    pair.put_there("by-s3", LARGE)
    assert pair.near.native("POST", "buckets/mine", {"action": "create-bck"}).status == 200
    backend = {"name": "train", "provider": "ais", "namespace": {"uuid": "far"}}
    change = {"action": "set-bprops", "value": {"backend_bck": backend}}
    assert pair.near.native("PATCH", "buckets/mine", change).status == 200
    s3 = pair.near.client()
    listed = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert ("mine" in listed, "train" in listed) == (True, False)
    assert s3.get_object(Bucket="mine", Key="by-s3")["Body"].read() == LARGE
    s3.put_object(Bucket="mine", Key="put", Body=b"x", ContentType="text/html", Metadata={"k": "v"})
    head = s3.head_object(Bucket="mine", Key="put")
    assert (head["ContentType"], head["Metadata"]) == ("text/html", {"k": "v"})
    there = pair.far.native("HEAD", "objects/train/put")
    assert there.status == 200
    props = json.loads(pair.near.native("HEAD", "buckets/mine").headers["Ais-Bucket-Props"])
    assert props["backend_bck"] == {**backend, "namespace": {"uuid": pair.uuid, "name": ""}}


def test_an_upload_in_parts_is_written_there_as_one_object(pair: Pair) -> None:
    assert pair.near.native("POST", "buckets/parts", {"action": "create-bck"}).status == 200
    backend = {"name": "train", "provider": "ais", "namespace": {"uuid": "far"}}
    change = {"action": "set-bprops", "value": {"backend_bck": backend}}
    assert pair.near.native("PATCH", "buckets/parts", change).status == 200
    s3, large = pair.near.client(), LARGE * 2
    upload = s3.create_multipart_upload(Bucket="parts", Key="up", Metadata={"k": "v"})["UploadId"]
    parts: list[CompletedPartTypeDef] = []
    for number, body in ((1, large), (2, b"end")):
        sent = s3.upload_part(
            Bucket="parts", Key="up", UploadId=upload, PartNumber=number, Body=body
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    assert pair.far.native("HEAD", "objects/train/up").status == 404
    s3.complete_multipart_upload(
        Bucket="parts", Key="up", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert pair.far.native("GET", "objects/train/up").body == large + b"end"
    assert s3.get_object(Bucket="parts", Key="up")["Body"].read() == large + b"end"
    other = s3.create_multipart_upload(Bucket="parts", Key="up2")["UploadId"]
    s3.abort_multipart_upload(Bucket="parts", Key="up2", UploadId=other)
    assert pair.far.native("HEAD", "objects/train/up2").status == 404


def test_a_wrong_token_is_refused_with_what_to_do_and_a_new_one_is_read(pair: Pair) -> None:
    pair.put_there("secret", b"x")
    path = "objects/train/secret?namespace=@far"
    write_token(pair.tokens / "far", "not-a-token")
    try:
        refused = pair.near.native("GET", path)
        assert refused.status == 403
        assert str(pair.tokens / "far") in refused.document["message"]
        assert "not-a-token" not in refused.document["message"]
        (pair.tokens / "far").chmod(0o644)
        assert "chmod 600" in pair.near.native("GET", path).document["message"]
    finally:
        write_token(pair.tokens / "far", pair.far.token)
    assert pair.near.native("GET", path).body == b"x"
    assert pair.far.token not in pair.near.errors + pair.near.output


@pytest.mark.parametrize(
    ("alias", "url"),
    [
        ("", "http://127.0.0.1:1"),
        ("a", "http://127.0.0.1:1"),
        ("a/b", "http://127.0.0.1:1"),
        ("what", "http://127.0.0.1:1"),
        ("other", ""),
        ("other", "ftp://127.0.0.1"),
        ("other", "http://user:password@127.0.0.1"),
        ("other", "http://127.0.0.1/?a=b"),
        ("other", "http://[::1"),
    ],
)
def test_an_attachment_that_cannot_be_is_refused(pair: Pair, alias: str, url: str) -> None:
    refused = pair.near.attach(alias, url)
    assert refused.status == 400
    assert b"failed to attach remote cluster" in refused.body
    assert list(pair.near.remote()) == ["far"]


def test_one_cluster_has_one_alias_and_one_alias_one_cluster(pair: Pair) -> None:
    refused = pair.near.attach("second", pair.far.endpoint)
    assert (refused.status, str(pair.tokens / "second") in refused.document["message"]) == (
        403,
        True,
    )
    write_token(pair.tokens / "second", pair.far.token)
    assert b"attached already" in pair.near.attach("second", pair.far.endpoint).body
    assert b"different clusters" in pair.near.attach("far", pair.near.endpoint).body
    shown = pair.near.remote()
    assert list(shown) == ["far"]
    assert (shown["far"]["url"], shown["far"]["uuid"]) == (pair.far.endpoint, pair.uuid)


def test_a_cluster_that_does_not_answer_is_attached_as_offline(pair: Pair) -> None:
    assert pair.near.attach("offline", "http://127.0.0.1:1,http://127.0.0.1:2").status == 200
    shown = pair.near.remote()["offline"]
    assert (shown["uuid"], shown["smap"]) == ("defunct", None)
    missing = pair.near.native("GET", "objects/train/a?namespace=@offline")
    assert missing.status == 404
    assert "is not attached" in missing.document["message"]
    assert pair.near.detach("offline").status == 200
    assert pair.near.detach("offline").status == 404
    assert list(pair.near.remote()) == ["far"]


def test_attaching_needs_a_token_and_the_configured_backend(pair: Pair) -> None:
    """The far cluster has authentication, and no such backend."""
    headers = {ALIAS: "near", URL: pair.near.endpoint}
    path = "cluster/attach?what=remote"
    assert pair.far.native("PUT", path, headers={**headers, "Authorization": "x"}).status == 401
    refused = pair.far.native("PUT", path, headers=headers)
    assert (refused.status, "--backend ais" in refused.document["message"]) == (501, True)


def test_what_is_here_is_read_while_the_other_is_down_or_detached(pair: Pair) -> None:
    pair.put_there("kept", LARGE)
    kept = "objects/train/kept?namespace=@far"
    assert pair.near.native("GET", kept).body == LARGE
    uuid = pair.uuid
    pair.far.stop()
    try:
        assert pair.near.native("GET", kept).body == LARGE
        cold = pair.near.native("GET", "objects/train/cold?namespace=@far")
        assert cold.status == 503
        shown = pair.near.remote()["far"]
        assert (shown["uuid"], shown["smap"]) == (uuid, None)
        pair.near.restart()
        assert pair.near.native("GET", kept).body == LARGE
    finally:
        pair.far.start()
    assert pair.near.native("GET", "objects/train/range?namespace=@far").body == LARGE
    assert pair.near.detach(uuid).status == 200
    by_uuid = f"objects/train/kept?namespace=@{uuid}"
    assert pair.near.native("GET", by_uuid).body == LARGE
    cold = pair.near.native("GET", f"objects/train/cold?namespace=@{uuid}")
    assert (cold.status, "is not attached" in cold.document["message"]) == (404, True)
    write_token(pair.tokens / "renamed", pair.far.token)
    assert pair.near.attach("renamed", pair.far.endpoint).status == 200
    assert pair.near.native("GET", "objects/train/range?namespace=@renamed").body == LARGE
