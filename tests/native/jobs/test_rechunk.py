"""Objects that are there already are kept in other chunks, by a job; and kinds of jobs that are
started by one of their names."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from cluster.jobs.catalog import BY_NAME, NAMES
from cluster.jobs.kinds import Start
from s3gw.native.smap import target_id
from tests.chunked_buckets import keep_in_chunks, kept
from tests.native.jobs.asking import refused
from tests.native.jobs.scene import JobScene
from tests.native.scene import CLUSTER, told
from tests.storage.bodies import pattern

BODY = pattern(250_000)
SMALL = b"small"


def rechunk(
    scene: JobScene, bucket: str, limit: int | str, size: int, **more: Any
) -> dict[str, Any]:
    value = {"objsize-limit": limit, "chunk-size": size, "prefix": "", "sync-remote": False, **more}
    return scene.done("POST", f"buckets/{bucket}", "rechunk", value)


def head(scene: JobScene, bucket: str, key: str) -> dict[str, str]:
    headers = dict(scene.send("HEAD", f"objects/{bucket}/{key}").headers)
    # The one is the request's, the other moves when the object is read.
    del headers["ais-request-id"], headers["ais-atime"]
    return headers


def test_objects_are_cut_and_put_together_again(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "k", BODY, headers={"ais-custom-md": "a=b"})
    scene.put(bucket, "small", SMALL)
    before = head(scene, bucket, "k")
    s3_before = scene.s3.head_object(Bucket=bucket, Key="k")
    snap = rechunk(scene, bucket, 100_000, 60_000)
    assert (snap["err"], snap["aborted"]) == ("", False)
    assert (snap["stats"]["loc-objs"], snap["stats"]["loc-bytes"]) == ("2", str(250_000 + 5))
    assert snap["ctlmsg"] == "objsize-limit:100000, chunk-size:60000"
    chunks = {"ais-chunks-count": "5", "ais-chunks-max-chunk-size": "60000"}
    assert head(scene, bucket, "k") == before | chunks
    assert scene.s3.head_object(Bucket=bucket, Key="k")["ETag"] == s3_before["ETag"]
    assert scene.send("GET", f"objects/{bucket}/k").body == BODY
    assert kept(scene, bucket, "small").chunks == 0
    assert rechunk(scene, bucket, 0, 60_000)["ctlmsg"].startswith("objsize-limit:0")
    assert head(scene, bucket, "k") == before
    assert scene.send("GET", f"objects/{bucket}/k").body == BODY


def test_only_what_has_the_prefix_is_cut(scene: JobScene, bucket: str) -> None:
    for name in ("in/a", "out"):
        scene.put(bucket, name, BODY)
    snap = rechunk(scene, bucket, 1, 100_000, prefix="in/")
    assert (snap["stats"]["loc-objs"], snap["ctlmsg"]) == (
        "1",
        "prefix:in/, objsize-limit:1, chunk-size:100000",
    )
    assert [kept(scene, bucket, name).chunks for name in ("in/a", "out")] == [3, 0]


def test_the_parts_of_an_upload_stay_its_clients(scene: JobScene, bucket: str) -> None:
    upload = scene.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    bodies = [pattern(5 << 20, 1), b"tail"]
    parts = [
        {"PartNumber": n, "ETag": scene.s3.upload_part(**where, PartNumber=n, Body=body)["ETag"]}
        for n, body in enumerate(bodies, 1)
    ]
    scene.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    before = scene.s3.head_object(Bucket=bucket, Key="k", PartNumber=2)
    for limit, size, count in ((1, 1 << 20, 6), (0, 1 << 20, 0), (1, 3 << 20, 2)):
        rechunk(scene, bucket, limit, size)
        assert kept(scene, bucket, "k").chunks == count
        after = scene.s3.head_object(Bucket=bucket, Key="k", PartNumber=2)
        assert (after["PartsCount"], after["ContentLength"]) == (2, 4)
        assert after["ETag"] == before["ETag"]
        got = scene.s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read()
        assert got == bodies[0]


def test_older_versions_and_locked_objects_are_cut(scene: JobScene) -> None:
    bucket = f"locked-{scene.new_bucket()}"
    scene.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    versions = [
        scene.s3.put_object(Bucket=bucket, Key="k", Body=BODY, ObjectLockLegalHoldStatus="ON")[
            "VersionId"
        ]
        for _ in range(2)
    ]
    scene.s3.delete_object(Bucket=bucket, Key="k")
    snap = rechunk(scene, bucket, 1, 100_000)
    assert snap["stats"]["loc-objs"] == "2"
    for version in versions:
        assert kept(scene, bucket, "k", version).chunks == 3
        held = scene.s3.get_object_legal_hold(Bucket=bucket, Key="k", VersionId=version)
        assert held["LegalHold"]["Status"] == "ON"
    listed = scene.s3.list_object_versions(Bucket=bucket)
    assert [each["VersionId"] for each in listed["Versions"]] == versions[::-1]


def test_what_is_encrypted_stays_so_and_what_has_a_customers_key_is_left(
    scene: JobScene, bucket: str
) -> None:
    key = bytes(range(32))
    customer = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
    scene.s3.put_object(Bucket=bucket, Key="a", Body=BODY, ServerSideEncryption="AES256")
    headers = {
        f"x-amz-server-side-encryption-customer-{n}": t
        for n, t in (
            ("algorithm", "AES256"),
            ("key", customer["SSECustomerKey"]),
            ("key-MD5", customer["SSECustomerKeyMD5"]),
        )
    }
    scene.put(bucket, "b", BODY, headers=headers)
    scene.put(bucket, "c", BODY)
    snap = rechunk(scene, bucket, 1, 100_000)
    assert snap["err"] == "b: it is encrypted with a key of the customer's"
    assert (snap["aborted"], snap["stats"]["loc-objs"]) == (False, "2")
    assert [kept(scene, bucket, name).chunks for name in "abc"] == [3, 0, 3]
    got = scene.s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (BODY, "AES256")


def test_no_event_is_sent_for_bytes_that_stay_the_same(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "k", BODY)
    scene.events()
    rechunk(scene, bucket, 1, 100_000)
    assert scene.events() == []


def test_it_is_started_with_the_sizes_of_the_bucket(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "k", BODY)
    keep_in_chunks(scene, bucket, 100_000, 120_000)
    asked = {"Kind": "rechunk", "Bck": {"name": bucket, "provider": "ais"}}
    snap = scene.done("PUT", "cluster", "start", asked)
    assert (snap["kind"], snap["bck"]["name"]) == ("rechunk", bucket)
    assert kept(scene, bucket, "k").chunks == 3
    rechunk(scene, bucket, "200000", 0)
    assert kept(scene, bucket, "k").largest_chunk == 120_000


def test_the_same_job_is_not_begun_twice(scene: JobScene, bucket: str) -> None:
    value = {"objsize-limit": 10, "chunk-size": 2048}
    first = scene.begin("POST", f"buckets/{bucket}", "rechunk", value)
    assert scene.begin("POST", f"buckets/{bucket}", "rechunk", value) == first
    other = refused(scene, "POST", f"buckets/{bucket}", "rechunk", {**value, "chunk-size": 4096})
    assert other.status == 409
    assert first in other.message
    assert scene.begin("POST", f"buckets/{bucket}", "rechunk", {**value, "prefix": "a"}) != first
    scene.run_jobs()
    scene.done("POST", f"buckets/{bucket}", "rechunk", {**value, "chunk-size": 4096})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"objsize-limit": -1}, "invalid rechunk objsize-limit = -1: must be bytes from 0 to 1TiB"),
        ({"objsize-limit": (1 << 40) + 1}, "objsize-limit"),
        ({"chunk-size": 1023}, "chunk-size = 1023: must be 0, or bytes from 1KiB to 5GiB"),
        ({"chunk-size": (5 << 30) + 1}, "chunk-size"),
        ({"chunk-size": "many"}, "chunk-size"),
        ({"chunk-size": []}, "invalid value"),
        ({"sync-remote": True}, "no remote backend"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(
    scene: JobScene, bucket: str, value: Any, text: str
) -> None:
    error = refused(scene, "POST", f"buckets/{bucket}", "rechunk", value)
    assert error.status == 400
    assert text in error.message


def test_only_who_may_change_the_bucket_has_it_rechunked(scene: JobScene, bucket: str) -> None:
    for token, status in (("reader", 403), ("writer", 403), ("patcher", 200)):
        answer = scene.act("POST", f"buckets/{bucket}", "rechunk", {}, token=token)
        assert answer.status == status
    scene.run_jobs()
    missing = refused(scene, "POST", "buckets/never-made", "rechunk", {})
    assert (missing.status, missing.tcode) == (404, "ErrBckNotFound")


# Starting by name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_kind_is_started_or_refused_under_both_names(
    scene: JobScene, bucket: str, name: str
) -> None:
    kind = BY_NAME.get(NAMES[name])
    scene.put(bucket, "k")
    asked = {"Kind": name, "Bck": {"name": bucket}, "DaemonID": target_id(CLUSTER)}
    answer = scene.act("PUT", "cluster", "start", asked)
    if kind is not None and kind.start is Start.BY_NAME:
        assert answer.status == 200
        scene.run_jobs()
        snap = scene.snap(answer.body.decode())
        assert (snap["kind"], snap["aborted"], snap["err"]) == (kind.name, False, "")
    else:
        expected = 501 if kind is None else 400
        assert told(answer).status == expected
        assert f'"{NAMES[name]}"' in told(answer).message


def test_what_warms_up_counts_what_it_read(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a", SMALL)
    asked = {"Kind": "warm-up-metadata", "Bck": {"name": bucket}}
    snap = scene.done("PUT", "cluster", "start", asked)
    assert snap["stats"]["loc-objs"] == "1"


@pytest.mark.parametrize("kind", ["rechunk", "load-lom-cache"])
def test_a_job_of_a_bucket_needs_one(scene: JobScene, kind: str) -> None:
    error = refused(scene, "PUT", "cluster", "start", {"Kind": kind})
    assert error.status == 400
    assert "needs a bucket" in error.message


@pytest.mark.parametrize(("node", "status"), [("", 501), ("tNobody", 404)])
def test_mountpaths_are_those_of_one_target(scene: JobScene, node: str, status: int) -> None:
    asked = {"Kind": "resilver", "DaemonID": node}
    assert refused(scene, "PUT", "cluster", "start", asked).status == status
