"""Buckets of a backend by the native API: learnt, listed, fetched, evicted and connected."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from storage.errors import BackendDenied, BackendError, BackendUnavailable
from storage.values import DeleteRequest
from tests.native.jobs.cloud_scene import AWS, CloudScene, cloud_scene
from tests.native.scene import told
from tests.s3.conftest import backend_of
from tests.services import tier_of

_CACHED, _CHUNKED = 64, 8192


@pytest.fixture(params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudScene]:
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as local:
        yield from cloud_scene(local, tmp_path_factory.mktemp("scene"))


def test_a_bucket_is_known_from_its_first_use(scene: CloudScene) -> None:
    asked = {"action": "list"}
    every = [{"name": name, "provider": "aws"} for name in ("other", "train")]
    listed = scene.json("GET", f"buckets?{AWS}&presence=0", asked)
    assert [{"name": b["name"], "provider": b["provider"]} for b in listed] == every
    assert scene.json("GET", f"buckets?{AWS}&presence=2", asked) == []
    props = scene.send("HEAD", f"buckets/train?{AWS}").headers["ais-bucket-props"]
    assert '"provider":"aws"' in props
    known = scene.json("GET", f"buckets?{AWS}&presence=2", asked)
    assert [each["name"] for each in known] == ["train"]
    ours = scene.json("GET", "buckets?provider=ais", asked)
    assert "train" not in [each["name"] for each in ours]


def test_a_bucket_that_the_backend_does_not_have_is_not_found(scene: CloudScene) -> None:
    answer = scene.send("HEAD", f"buckets/no-such?{AWS}")
    assert told(answer).tcode == "ErrRemoteBckNotFound"
    assert "aws://no-such" in told(answer).message
    assert scene.send("HEAD", "buckets/train?provider=gcp").status == 404
    assert scene.send("HEAD", f"buckets/train?{AWS}", token="").status == 401
    assert scene.json("GET", f"buckets?{AWS}&presence=2", {"action": "list"}) == []


def test_presence_of_an_object(scene: CloudScene) -> None:
    scene.upload("a", b"one")
    statuses = {p: scene.head("a", presence=p).status for p in range(6)}
    assert statuses == {0: 200, 1: 200, 2: 404, 3: 404, 4: 404, 5: 200}
    cold = scene.head("a").headers
    assert (cold["ais-present"], cold["content-length"]) == ("false", "3")
    assert "ais-location" not in cold
    assert scene.send("GET", f"objects/train/a?{AWS}").body == b"one"
    statuses = {p: scene.head("a", presence=p).status for p in range(6)}
    assert statuses == {0: 200, 1: 200, 2: 200, 3: 200, 4: 200, 5: 404}
    warm = scene.head("a").headers
    assert warm["ais-present"] == "true"
    assert warm["etag"] == cold["etag"]
    custom = scene.custom("a")
    assert (custom["source"], custom["ETag"]) == ("aws", custom["md5"])
    assert custom["LastModified"].endswith("Z")
    assert scene.head("no-such").status == 404


def test_a_listing_marks_what_is_here(scene: CloudScene) -> None:
    for name in ("a", "b", "c"):
        scene.upload(name)
    scene.send("GET", f"objects/train/b?{AWS}")
    assert scene.listed() == {"a": 0, "b": _CACHED, "c": 0}
    assert scene.listed(flags=1) == {"b": _CACHED}


def test_prefetch_and_evict(scene: CloudScene) -> None:
    for number in range(30):
        scene.upload(f"d/{number:02}")
    where = f"buckets/train?{AWS}"
    snap = scene.done("POST", where, "prefetch-listrange", {"template": "d/{05..12}"})
    assert (snap["stats"]["loc-objs"], snap["err"]) == ("8", "")
    assert list(scene.listed(flags=1)) == [f"d/{number:02}" for number in range(5, 13)]
    again = scene.done("POST", where, "prefetch-listrange", {"objnames": ["d/05", "no-such"]})
    assert again["stats"]["loc-objs"] == "0"
    assert "aws://train/no-such does not exist" in again["err"]
    scene.done("DELETE", where, "evict-listrange", {"template": "d/{05..06}"})
    assert (
        scene.send("DELETE", f"objects/train/d/07?{AWS}", {"action": "evict-listrange"}).status
        == 200
    )
    assert list(scene.listed(flags=1)) == [f"d/{number:02}" for number in range(8, 13)]
    scene.done("DELETE", where, "evict-listrange", {"template": ""})
    assert scene.listed(flags=1) == {}
    assert len(scene.listed()) == 30


def test_what_is_here_is_evicted_while_the_backend_is_down(scene: CloudScene) -> None:
    for name in ("d/1", "d/2", "e"):
        scene.upload(name)
        scene.send("GET", f"objects/train/{name}?{AWS}")
    scene.cloud.is_down = True
    snap = scene.done("DELETE", f"buckets/train?{AWS}", "evict-listrange", {"template": "d/"})
    assert (snap["stats"]["loc-objs"], snap["err"]) == ("2", "")
    scene.cloud.is_down = False
    assert scene.listed(flags=1) == {"e": _CACHED}


def shards(scene: CloudScene, *names: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("member"), io.BytesIO())
    for name in names:
        scene.upload(name, packed.getvalue())


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("index-shard", {}),
        ("rechunk", {"objsize-limit": "1KiB", "chunk-size": "2KiB"}),
    ],
)
def test_jobs_about_what_is_here_fetch_nothing(
    scene: CloudScene, action: str, value: dict[str, Any]
) -> None:
    shards(scene, "a.tar", "b.tar")
    scene.send("GET", f"objects/train/a.tar?{AWS}")
    before = scene.cloud.requests["get"]
    snap = scene.done("POST", f"buckets/train?{AWS}", action, value)
    assert (snap["stats"]["loc-objs"], snap["err"]) == ("1", "")
    assert scene.cloud.requests["get"] == before
    chunked = _CHUNKED if action == "rechunk" else 0
    assert scene.listed() == {"a.tar": _CACHED | chunked, "b.tar": 0}


def test_prefetch_brings_what_is_newer(scene: CloudScene) -> None:
    scene.upload("a", b"one")
    where = f"buckets/train?{AWS}"
    scene.done("POST", where, "prefetch-listrange", {"objnames": ["a"]})
    scene.upload("a", b"two")
    scene.done("POST", where, "prefetch-listrange", {"objnames": ["a"]})
    assert scene.send("GET", f"objects/train/a?{AWS}").body == b"one"
    scene.done("POST", where, "prefetch-listrange", {"objnames": ["a"], "latest-ver": True})
    assert scene.send("GET", f"objects/train/a?{AWS}").body == b"two"


def test_a_blob_download_brings_an_object_in_chunks(scene: CloudScene) -> None:
    content = os.urandom(5 * (64 << 10) + 1)
    scene.upload("big", content)
    orders = {"chunk-size": "64KiB", "num-workers": 2}
    snap = scene.done("POST", f"objects/train?{AWS}", "blob-download", orders, name="big")
    assert (snap["stats"]["loc-objs"], snap["stats"]["loc-bytes"]) == ("1", str(len(content)))
    assert scene.listed()["big"] & (_CACHED | _CHUNKED) == _CACHED | _CHUNKED
    assert scene.send("GET", f"objects/train/big?{AWS}").body == content
    again = scene.done("POST", f"objects/train?{AWS}", "blob-download", orders, name="big")
    assert again["stats"]["loc-objs"] == "0"


def test_a_blob_download_of_nothing_says_so(scene: CloudScene) -> None:
    snap = scene.done("POST", f"objects/train?{AWS}", "blob-download", {}, name="nosuch")
    assert (snap["aborted"], "aws://train/nosuch does not exist" in snap["abort-err"]) == (
        True,
        True,
    )


@pytest.mark.parametrize(
    "orders",
    [{"chunk-size": 1}, {"chunk-size": "17MiB"}, {"num-workers": 129}],
)
def test_a_blob_download_keeps_to_its_bounds(scene: CloudScene, orders: dict[str, Any]) -> None:
    scene.upload("big")
    answer = scene.act("POST", f"objects/train?{AWS}", "blob-download", orders, name="big")
    (key,) = orders
    assert (answer.status, f"invalid blob download {key}" in told(answer).message) == (400, True)


def test_a_read_may_fetch_in_chunks(scene: CloudScene) -> None:
    content = os.urandom(200_000)
    scene.upload("big", content)
    headers = {"Ais-Blob-Download": "true", "Ais-Blob-Chunk": "64kib", "Ais-Blob-Workers": "8"}
    answer = scene.send("GET", f"objects/train/big?{AWS}", headers=headers)
    assert (answer.status, answer.body) == (200, content)
    assert scene.listed()["big"] & _CHUNKED
    (snaps,) = scene.ask("qryxstats", {"kind": "blob-download"}).values()
    assert [snap["stats"]["loc-bytes"] for snap in snaps] == [str(len(content))]
    scene.upload("other", content)
    for threshold, chunked in (("1MiB", 0), ("128kib", _CHUNKED)):
        asked = {"Ais-Blob-Threshold": threshold, "Ais-Blob-Chunk": "64kib"}
        answer = scene.send("GET", f"objects/train/other?{AWS}", headers=asked)
        assert (answer.body, scene.listed()["other"] & _CHUNKED) == (content, chunked)
        scene.done("DELETE", f"buckets/train?{AWS}", "evict-listrange", {"objnames": ["other"]})
    headers["Ais-Blob-Chunk"] = "32mb"
    assert scene.send("GET", f"objects/train/big?{AWS}", headers=headers).status == 400


def test_a_prefetch_fetches_large_objects_in_chunks(scene: CloudScene) -> None:
    scene.upload("big", os.urandom(2 << 20))
    scene.upload("small", os.urandom(1 << 10))
    orders = {"template": "", "blob-threshold": "1MiB", "blob-chunk-size": "512KiB"}
    snap = scene.done("POST", f"buckets/train?{AWS}", "prefetch-listrange", orders)
    assert "blob-threshold:1MiB" in snap["ctlmsg"]
    chunked = {name: bool(flags & _CHUNKED) for name, flags in scene.listed().items()}
    assert chunked == {"big": True, "small": False}
    (snaps,) = scene.ask("qryxstats", {"kind": "blob-download"}).values()
    assert [snap["stats"]["loc-bytes"] for snap in snaps] == [str(2 << 20)]


def test_the_latest_is_read_when_it_is_wanted(scene: CloudScene) -> None:
    scene.upload("a", b"one")
    scene.send("GET", f"objects/train/a?{AWS}")
    scene.upload("a", b"two")
    assert scene.send("GET", f"objects/train/a?{AWS}&latest-ver=true").body == b"two"
    for name, body in (("validate_warm_get", b"three"), ("synchronize", b"four")):
        scene.upload("a", body)
        props = {"versioning": {name: True}}
        assert scene.act("PATCH", f"buckets/train?{AWS}", "set-bprops", props).status == 200
        assert scene.send("GET", f"objects/train/a?{AWS}").body == body


@pytest.mark.parametrize("bucket", ["train", "other"])
def test_archives_are_read_and_listed(scene: CloudScene, bucket: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    scene.upload("a.tar", packed.getvalue(), bucket)
    assert scene.send("GET", f"objects/{bucket}/a.tar?{AWS}&archpath=two").body == b"hello"
    scene.server.run(tier_of(scene.store).downloads.settled())
    names = ["a.tar", "a.tar/one", "a.tar/two"]
    assert list(scene.listed(flags=8, bucket=bucket)) == names
    scene.send("GET", f"objects/{bucket}/a.tar?{AWS}")
    assert list(scene.listed(flags=9, bucket=bucket)) == names


@pytest.mark.parametrize("old", [b"", b"old, "])
def test_what_is_appended_goes_to_the_backend_when_it_is_flushed(
    scene: CloudScene, old: bytes
) -> None:
    if old:
        scene.upload("a", old)
    handle = append(scene, b"one, ")
    handle = append(scene, b"two", handle)
    assert not old or scene.in_cloud("a") == old
    assert flush(scene, handle).status == 200
    assert scene.in_cloud("a") == old + b"one, two"
    assert scene.listed()["a"] & _CACHED
    before = scene.cloud.requests["get"]
    assert scene.send("GET", f"objects/train/a?{AWS}").body == old + b"one, two"
    assert scene.cloud.requests["get"] == before


def test_an_append_does_not_replace_what_others_wrote(scene: CloudScene) -> None:
    handle = append(scene, b"one")
    scene.upload("a", b"of others")
    assert flush(scene, handle).status == 409
    assert scene.in_cloud("a") == b"of others"
    assert scene.send("GET", f"objects/train/a?{AWS}").body == b"of others"


def append(scene: CloudScene, body: bytes, handle: str = "") -> str:
    where = f"objects/train/a?{AWS}&append_type=append&append_handle={handle}"
    answer = scene.send("PUT", where, body=body)
    assert answer.status == 200, answer.body
    return answer.headers["ais-append-handle"]


def flush(scene: CloudScene, handle: str) -> Any:
    return scene.send("PUT", f"objects/train/a?{AWS}&append_type=flush&append_handle={handle}")


def test_an_object_is_copied_between_clouds_and_here(scene: CloudScene) -> None:
    own = scene.new_bucket()
    scene.upload("a", b"one")
    scene.send("GET", f"objects/train/a?{AWS}")
    scene.upload("a", b"two")
    # A copy changes nothing of its source.
    for latest, content in (("false", b"one"), ("true", b"two"), ("false", b"one")):
        to = f"object_to=ais/@%23/{own}/copy&latest-ver={latest}"
        assert scene.send("PUT", f"objects/train/a?{AWS}&{to}").status == 200
        assert scene.send("GET", f"objects/{own}/copy").body == content
    to = "object_to=aws/@%23/train/back"
    assert scene.send("PUT", f"objects/{own}/copy?{to}").status == 200
    assert scene.in_cloud("back") == b"one"


def copied(scene: CloudScene, target: str, **orders: Any) -> dict[str, Any]:
    orders = {"template": "d/{0..9}", "tobck": {"name": target}, **orders}
    return scene.done("POST", f"buckets/train?{AWS}", "copy-listrange", orders)


def test_copies_of_many_are_of_what_is_here_or_of_the_latest(scene: CloudScene) -> None:
    own = scene.new_bucket()
    scene.upload("d/1", b"one")
    scene.send("GET", f"objects/train/d/1?{AWS}")
    scene.upload("d/1", b"two")
    for latest, content in ((False, b"one"), (True, b"two")):
        copied(scene, own, **{"latest-ver": latest})
        assert scene.send("GET", f"objects/{own}/d/1").body == content
    assert scene.send("GET", f"objects/train/d/1?{AWS}").body == b"one"


def test_a_bucket_is_copied_to_a_backend(scene: CloudScene) -> None:
    own = scene.new_bucket()
    scene.put(own, "d/1", b"one")
    scene.done("POST", f"buckets/{own}?bck_to=aws/@%23/train/", "copy-bck", {})
    assert scene.in_cloud("d/1") == b"one"
    answer = scene.act("POST", f"buckets/{own}?bck_to=aws/@%23/nosuch/", "copy-bck", {})
    assert (answer.status, "aws://nosuch" in told(answer).message) == (404, True)


def test_a_copy_that_synchronizes_removes_what_the_backend_has_not(scene: CloudScene) -> None:
    own = scene.new_bucket()
    for name in ("d/1", "d/2"):
        scene.upload(name)
    copied(scene, own)
    scene.server.run(scene.cloud.delete_object("train", DeleteRequest("d/2")))
    copied(scene, own, synchronize=True)
    assert list(scene.listed(bucket=own, query="")) == ["d/1"]


def test_a_copy_of_a_remote_bucket_onto_itself_refreshes_what_is_here(scene: CloudScene) -> None:
    for name in ("d/1", "d/2"):
        scene.upload(name, b"old")
        scene.send("GET", f"objects/train/{name}?{AWS}")
    scene.upload("d/1", b"new")
    scene.server.run(scene.cloud.delete_object("train", DeleteRequest("d/2")))
    itself = {"name": "train", "provider": "aws"}
    snap = copied(scene, "", tobck=itself, synchronize=True)
    assert (snap["stats"]["loc-bytes"], snap["err"]) == ("3", "")
    assert scene.send("GET", f"objects/train/d/1?{AWS}").body == b"new"
    assert scene.send("GET", f"objects/train/d/2?{AWS}").status == 404
    message = {"template": "", "tobck": itself}
    answer = scene.act("POST", f"buckets/train?{AWS}", "copy-listrange", message)
    assert (answer.status, "onto itself" in told(answer).message) == (400, True)


@pytest.mark.parametrize(("with_remote", "remote"), [("true", ("3", "600")), ("false", ("0", "0"))])
def test_a_summary_counts_what_is_here_and_what_is_there(
    scene: CloudScene, with_remote: str, remote: tuple[str, str]
) -> None:
    for number in (1, 2, 3):
        scene.upload(f"d/{number}", bytes(number * 100))
    scene.upload("e")
    scene.send("GET", f"objects/train/d/2?{AWS}")
    where = f"buckets/train/d/?{AWS}&presence=0&bsumm_remote={with_remote}"
    begun = scene.send("HEAD", where)
    assert begun.status == 202
    scene.run_jobs()
    answer = scene.send("HEAD", f"{where}&uuid={begun.headers['ais-xaction-id']}")
    summary = json.loads(answer.headers["ais-bucket-summ"])
    count, size = summary["ObjCount"], summary["TotalSize"]
    assert (count["obj_count_present"], size["size_all_present_objs"]) == ("1", "200")
    assert (count["obj_count_remote"], size["size_all_remote_objs"]) == remote


def test_a_batch_reads_what_is_here_and_what_is_not(scene: CloudScene) -> None:
    for name in ("a", "b", "c"):
        scene.upload(name, name.encode() * 1000)
    scene.send("GET", f"objects/train/b?{AWS}")
    entries = [{"objname": name, "bucket": "train", "provider": "aws"} for name in "abc"]
    batch = {"in": entries, "mime": ".tar", "strm": True}
    answer = scene.send("GET", f"ml/moss/train?{AWS}", batch)
    assert answer.status == 200, answer.body
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        found = [(each.name, each.size) for each in archive]
    assert found == [(f"train/{name}", 1000) for name in "abc"]


def test_writes_and_deletions_go_through(scene: CloudScene) -> None:
    assert scene.send("PUT", f"objects/train/a?{AWS}", body=b"new").status == 200
    assert scene.in_cloud("a") == b"new"
    assert scene.listed() == {"a": _CACHED}
    assert scene.send("DELETE", f"objects/train/a?{AWS}").status == 200
    assert scene.listed() == {}
    assert scene.send("GET", f"objects/train/a?{AWS}").status == 404


def test_evicting_a_bucket(scene: CloudScene) -> None:
    scene.upload("a")
    scene.send("GET", f"objects/train/a?{AWS}")
    where = f"buckets/train?{AWS}"
    assert scene.act("DELETE", f"{where}&keep_bck_md=true", "evict-remote-bck").status == 200
    asked = {"action": "list"}
    assert len(scene.json("GET", f"buckets?{AWS}&presence=2", asked)) == 1
    assert scene.listed() == {"a": 0}
    assert scene.act("DELETE", where, "evict-remote-bck").status == 200
    assert scene.json("GET", f"buckets?{AWS}&presence=2", asked) == []
    assert scene.in_cloud("a") == b"x"


def test_what_only_remote_buckets_have_is_refused_for_others(scene: CloudScene) -> None:
    own = scene.new_bucket()
    for method, action in (
        ("POST", "prefetch-listrange"),
        ("DELETE", "evict-listrange"),
        ("DELETE", "evict-remote-bck"),
    ):
        error = told(scene.act(method, f"buckets/{own}", action, {"objnames": ["a"]}))
        assert (error.status, "no remote backend" in error.message) == (400, True)


def test_a_bucket_of_ours_stands_for_one_of_the_backend(scene: CloudScene) -> None:
    own = scene.new_bucket()
    scene.upload("a", b"one")
    backend = {"backend_bck": {"name": "train", "provider": "aws"}}
    assert scene.act("PATCH", f"buckets/{own}", "set-bprops", backend).status == 200
    assert scene.listed(bucket=own, query="provider=ais") == {"a": 0}
    assert scene.send("GET", f"objects/{own}/a").body == b"one"
    assert scene.listed(bucket=own, query="provider=ais") == {"a": _CACHED}
    none = {"backend_bck": {"name": "", "provider": ""}}
    assert scene.act("PATCH", f"buckets/{own}", "set-bprops", none).status == 200
    scene.upload("b")
    assert scene.listed(bucket=own, query="provider=ais") == {"a": _CACHED}
    missing = {"backend_bck": {"name": "no-such", "provider": "aws"}}
    answer = scene.act("PATCH", f"buckets/{own}", "set-bprops", missing)
    assert told(answer).tcode == "ErrRemoteBckNotFound"


def test_s3_clients_name_the_bucket_without_a_provider(scene: CloudScene) -> None:
    scene.upload("d/a", b"one")
    with pytest.raises(ClientError, match="404"):
        scene.s3.head_bucket(Bucket="train")
    scene.send("HEAD", f"buckets/train?{AWS}")
    scene.s3.head_bucket(Bucket="train")
    page = scene.s3.list_objects_v2(Bucket="train", Prefix="d/")
    assert (page["Name"], [each["Key"] for each in page["Contents"]]) == ("train", ["d/a"])
    got = scene.s3.get_object(Bucket="train", Key="d/a")
    assert got["Body"].read() == b"one"
    head = scene.s3.head_object(Bucket="train", Key="d/a")
    assert head["ETag"] == got["ETag"] == page["Contents"][0]["ETag"]
    scene.s3.put_object(Bucket="train", Key="b", Body=b"two")
    assert scene.in_cloud("b") == b"two"
    assert scene.s3.get_object(Bucket="train", Key="b", Range="bytes=1-")["Body"].read() == b"wo"
    scene.s3.copy_object(Bucket="train", Key="c", CopySource="train/b")
    assert scene.in_cloud("c") == b"two"
    scene.s3.delete_objects(Bucket="train", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    assert list(scene.listed()) == ["d/a"]
    assert "train" in [each["Name"] for each in scene.s3.list_buckets()["Buckets"]]


def test_an_upload_in_parts_goes_through(scene: CloudScene) -> None:
    scene.send("HEAD", f"buckets/train?{AWS}")
    begun = scene.s3.create_multipart_upload(Bucket="train", Key="big")
    about = {"Bucket": "train", "Key": "big", "UploadId": begun["UploadId"]}
    blocks = [b"a" * (5 << 20), b"b" * 100]
    parts = []
    for number, block in enumerate(blocks, 1):
        made = scene.s3.upload_part(**about, PartNumber=number, Body=block)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    done = scene.s3.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})
    assert scene.in_cloud("big") == b"".join(blocks)
    head = scene.s3.head_object(Bucket="train", Key="big")
    assert head["ETag"] == done["ETag"]
    assert scene.listed() == {"big": _CACHED | _CHUNKED}


@pytest.mark.parametrize(
    "call",
    [
        lambda s3: s3.put_bucket_versioning(
            Bucket="train", VersioningConfiguration={"Status": "Enabled"}
        ),
        lambda s3: s3.put_bucket_lifecycle_configuration(
            Bucket="train",
            LifecycleConfiguration={
                "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]
            },
        ),
        lambda s3: s3.put_bucket_encryption(
            Bucket="train",
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        ),
        lambda s3: s3.put_object(Bucket="train", Key="a", ACL="public-read"),
        lambda s3: s3.put_object_acl(Bucket="train", Key="there", ACL="public-read"),
        lambda s3: s3.list_object_versions(Bucket="train"),
        lambda s3: s3.delete_bucket(Bucket="train"),
    ],
)
def test_what_would_hold_here_only_is_refused(scene: CloudScene, call: Any) -> None:
    scene.upload("there")
    scene.send("HEAD", f"buckets/train?{AWS}")
    with pytest.raises(ClientError) as refused:
        call(scene.s3)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BackendError("aws://train/a", "EntityTooSmall", "Too small"), 400, "EntityTooSmall"),
        (BackendError("aws://train/a", "SomethingNew", "No"), 400, "InvalidRequest"),
        (BackendError("aws://train/a", "InternalError", "Oops"), 503, "ServiceUnavailable"),
        (BackendUnavailable("aws://train/a", "SlowDown", "Later"), 503, "ServiceUnavailable"),
        (BackendDenied("aws://train/a", "ExpiredToken", "Old"), 403, "AccessDenied"),
    ],
)
def test_what_a_backend_refuses_has_its_own_code(
    scene: CloudScene, error: BackendError, status: int, code: str
) -> None:
    scene.send("HEAD", f"buckets/train?{AWS}")
    scene.cloud.refusal = error
    answer = scene.send("GET", f"objects/train/a?{AWS}")
    assert (answer.status, str(error) in told(answer).message) == (status, True)
    with pytest.raises(ClientError) as refused:
        scene.s3.get_object(Bucket="train", Key="a")
    assert refused.value.response["Error"]["Code"] == code


def test_a_download_of_a_backend_fetches_what_begins_and_ends_so(scene: CloudScene) -> None:
    for name in ("d/a.tar", "d/b.tar", "d/c.txt", "e.tar"):
        scene.upload(name, b"content")
    message = {"type": "backend", "bucket": {"name": "train", "provider": "aws"}}
    asked = {**message, "prefix": "d/", "suffix": ".tar"}
    xid = scene.json("POST", "download", asked, token="reader")["id"]
    scene.run_jobs()
    status = scene.json("GET", "download", {"id": xid})
    assert (status["finished_cnt"], status["total"], status["all_dispatched"]) == (2, -1, True)
    assert status["description"] == "remote bucket prefetch -> aws://train"
    assert sorted(scene.listed(flags=1)) == ["d/a.tar", "d/b.tar"]
    scene.upload("d/b.tar", b"newer")
    xid = scene.json("POST", "download", asked)["id"]
    scene.run_jobs()
    status = scene.json("GET", "download", {"id": xid})
    assert (status["finished_cnt"], status["skipped_cnt"]) == (2, 1)
    single = {"bucket": message["bucket"], "from_remote": True, "object_name": "e.tar"}
    scene.json("POST", "download", {"type": "single", **single})
    scene.run_jobs()
    assert "e.tar" in scene.listed(flags=1)
    assert told(scene.send("POST", "download", asked, token="nobody")).status == 403


@pytest.mark.parametrize("word", ["sync", "synchronize"])
def test_a_download_that_synchronizes_removes_here_what_is_gone_there(
    scene: CloudScene, word: str
) -> None:
    names = [f"d/{number}.tar" for number in range(8)]
    for name in (*names, "d/other.txt", "e/1.tar"):
        scene.upload(name, b"content")
        scene.send("GET", f"objects/train/{name}?{AWS}")
    for name in (*names[::2], "d/other.txt", "e/1.tar"):
        scene.server.run(scene.cloud.delete_object("train", DeleteRequest(name)))
    scene.upload("d/new.tar", b"content")
    message = {"type": "backend", "bucket": {"name": "train", "provider": "aws"}}
    asked = {**message, "prefix": "d/", "suffix": ".tar", word: True}
    assert told(scene.send("POST", "download", asked, token="reader")).status == 403
    scene.json("POST", "download", {**asked, word: False})
    scene.run_jobs()
    assert set(names[::2]) <= scene.here()
    scene.json("POST", "download", asked, token="owner")
    scene.run_jobs()
    # What is not selected stays, though the cloud has not got it any more.
    assert scene.here() == {*names[1::2], "d/new.tar", "d/other.txt", "e/1.tar"}


def test_nothing_is_removed_while_the_backend_cannot_say_what_it_has(scene: CloudScene) -> None:
    scene.upload("a", b"content")
    scene.send("GET", f"objects/train/a?{AWS}")
    message = {"type": "backend", "bucket": {"name": "train", "provider": "aws"}, "sync": True}
    xid = scene.json("POST", "download", message)["id"]
    scene.cloud.is_down = True
    scene.run_jobs()
    scene.cloud.is_down = False
    assert scene.here() == {"a"}
    assert scene.snap(xid)["aborted"] is True


def test_a_query_filters_the_listing_of_the_cloud(scene: CloudScene) -> None:
    for number in range(20):
        scene.upload(f"{number:02}.jpg", b"x" * number)
    scene.upload("a.txt", b"x" * 15)
    large = {"type": "F", "filter_name": "size_ge", "args": ["15"]}
    images = {"type": "F", "filter_name": "ext", "args": ["jpg"]}
    query = {
        "from": {"bucket": {"name": "train", "provider": "aws"}},
        "where": {"filter": {"type": "AND", "inner_filters": [large, images]}},
    }
    handle = scene.send("POST", "query/init", {"query": query}).body.decode()
    asked = {"handle": handle, "size": 3}
    pages = [scene.json("GET", "query/next", asked) for _ in range(2)]
    assert [[each["name"] for each in page] for page in pages] == [
        ["15.jpg", "16.jpg", "17.jpg"],
        ["18.jpg", "19.jpg"],
    ]
    assert told(scene.send("GET", "query/next", asked)).status == 410
