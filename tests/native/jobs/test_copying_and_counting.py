"""Copying and counting many objects over the native API."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.native.jobs.asking import (
    NEVER,
    attach_policy,
    copy,
    copy_bucket,
    copy_message,
    keeping_out,
    notify,
    refused,
)
from tests.native.jobs.scene import JobScene

# Copying


def test_a_copy_is_the_same_object_under_another_name(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    scene.s3.put_object(
        Bucket=bucket,
        Key="a",
        Body=b"hello",
        ContentType="text/x-thing",
        CacheControl="no-store",
        Metadata={"color": "red"},
        Tagging="k=v",
        ChecksumAlgorithm="SHA256",
    )
    snap = copy(scene, bucket, target, objnames=["a"], prepend="new/")
    assert snap["stats"]["loc-objs"] == "1"
    source = scene.s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    made = scene.s3.get_object(Bucket=target, Key="new/a", ChecksumMode="ENABLED")
    assert made["Body"].read() == b"hello"
    for what in ("ContentType", "CacheControl", "Metadata", "ETag", "ChecksumSHA256"):
        assert made[what] == source[what]
    tags = scene.s3.get_object_tagging(Bucket=target, Key="new/a")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]


def test_a_bucket_is_copied_into_one_that_is_made_for_it(scene: JobScene, bucket: str) -> None:
    for name in ("in/a", "in/b", "out"):
        scene.put(bucket, name)
    new = f"{bucket}-new"
    snap = copy_bucket(scene, bucket, new, prefix="in/", prepend="x-")
    assert scene.names(new) == ["x-in/a", "x-in/b"]
    assert snap["dst-bck"]["name"] == new
    assert snap["end-time"] != NEVER
    copy_bucket(scene, bucket, new)
    assert scene.names(new) == ["in/a", "in/b", "out", "x-in/a", "x-in/b"]


def test_a_new_target_has_the_properties_of_the_source(scene: JobScene, bucket: str) -> None:
    """As in AIStore, whatever the cluster's defaults are; what only S3 knows is not copied."""
    changed = {"checksum.type": "md5", "versioning.enabled": True, "extra.custom": "of mine"}
    scene.act("PATCH", f"buckets/{bucket}", "set-bprops", changed)
    scene.put(bucket, "a")
    attach_policy(scene, bucket, keeping_out(bucket, "s3:GetObject", "none"))
    for kind, target in ((copy_bucket, f"{bucket}-b"), (copy, f"{bucket}-o")):
        kind(scene, bucket, target, **({} if kind is copy_bucket else {"objnames": ["a"]}))
        props = props_of(scene, target)
        assert (props["checksum"]["type"], props["extra"]["custom"]) == ("md5", "of mine")
        assert props["versioning"]["enabled"]
        assert props["created"] != props_of(scene, bucket)["created"]
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            scene.s3.get_bucket_policy(Bucket=target)


def test_a_copy_of_a_read_only_bucket_is_whole_and_read_only(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"access": "ro"})
    new = f"{bucket}-new"
    copy_bucket(scene, bucket, new)
    assert scene.names(new) == ["a"]
    assert scene.send("PUT", f"objects/{new}/b", body=b"x").status == 403
    assert props_of(scene, new)["access"] == props_of(scene, bucket)["access"]


def test_a_target_that_exists_keeps_its_properties(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"checksum.type": "md5"})
    before = props_of(scene, target)
    copy_bucket(scene, bucket, target)
    assert props_of(scene, target) == before


def test_a_wildcard_at_the_end_of_a_prefix_is_dropped(scene: JobScene, bucket: str) -> None:
    for name in ("in/a", "in/b", "out"):
        scene.put(bucket, name)
    copy_bucket(scene, bucket, f"{bucket}-b", prefix="in/*")
    assert scene.names(f"{bucket}-b") == ["in/a", "in/b"]
    copy(scene, bucket, f"{bucket}-o", template="in/*")
    assert scene.names(f"{bucket}-o") == ["in/a", "in/b"]
    begun = scene.act("GET", f"buckets/{bucket}", "summary-bck", {"prefix": "in/*"})
    scene.run_jobs()
    assert scene.snap(begun.body.decode())["stats"]["loc-objs"] == "2"


def props_of(scene: JobScene, bucket: str) -> Any:
    return json.loads(scene.send("HEAD", f"buckets/{bucket}").headers["ais-bucket-props"])


def test_a_dry_run_makes_neither_objects_nor_the_bucket(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a", b"12345")
    snap = copy_bucket(scene, bucket, f"{bucket}-dry", dry_run=True)
    assert (snap["stats"]["loc-objs"], snap["stats"]["loc-bytes"]) == ("1", "5")
    assert scene.send("HEAD", f"buckets/{bucket}-dry").status == 404


def test_encrypted_objects_are_copied_and_encrypted_as_the_target_says(
    scene: JobScene, bucket: str
) -> None:
    target = scene.new_bucket()
    body = os.urandom(100_000)
    scene.s3.put_object(Bucket=bucket, Key="a", Body=body, ServerSideEncryption="AES256")
    scene.s3.put_object(Bucket=bucket, Key="clear", Body=body)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    scene.s3.put_bucket_encryption(
        Bucket=target, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    copy(scene, bucket, target, objnames=["a", "clear"])
    for name in ("a", "clear"):
        made = scene.s3.get_object(Bucket=target, Key=name)
        assert made["ServerSideEncryption"] == "aws:kms"
        assert made["Body"].read() == body


def test_what_is_under_a_customers_key_is_not_copied_and_told(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    scene.s3.put_object(Bucket=bucket, Key="a", Body=b"x", **key)
    scene.put(bucket, "b")
    ended = copy(scene, bucket, target, objnames=["a"])
    assert ended["aborted"]
    assert ended["abort-err"].startswith("a: ")
    gone_on = copy(scene, bucket, target, objnames=["a", "b"], coer=True)
    assert (gone_on["aborted"], gone_on["stats"]["loc-objs"]) == (False, "1")
    assert gone_on["err"].startswith("a: ")
    assert scene.names(target) == ["b"]


def test_a_copy_takes_the_targets_lock_and_versions(scene: JobScene, bucket: str) -> None:
    target = f"{bucket}-locked"
    scene.s3.create_bucket(Bucket=target, ObjectLockEnabledForBucket=True)
    days = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    scene.s3.put_object_lock_configuration(
        Bucket=target,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": days},
    )
    scene.put(bucket, "a")
    copy(scene, bucket, target, objnames=["a"])
    made = scene.s3.head_object(Bucket=target, Key="a")
    assert made["ObjectLockMode"] == "GOVERNANCE"
    assert made["VersionId"] != "null"


def test_copying_needs_rights_on_both_sides(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    target = scene.new_bucket()
    where = f"buckets/{bucket}"
    message = copy_message(target, objnames=["a"])
    for token in ("nobody", "reader", "destroyer"):
        assert refused(scene, "POST", where, "copy-listrange", message, token=token).status == 403
    assert scene.begin("POST", where, "copy-listrange", message, token="writer")
    # To make a bucket is another right.
    fresh = copy_message(f"{bucket}-fresh", objnames=["a"])
    assert refused(scene, "POST", where, "copy-listrange", fresh, token="writer").status == 403
    assert scene.send("HEAD", f"buckets/{bucket}-fresh").status == 404
    assert scene.begin("POST", where, "copy-listrange", fresh, token="owner")


def test_policies_of_both_buckets_are_asked_about_each_name(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "free")
    scene.put(bucket, "kept")
    target = scene.new_bucket()
    attach_policy(scene, bucket, keeping_out(bucket, "s3:GetObject", "kept"))
    attach_policy(scene, target, keeping_out(target, "s3:PutObject", "no/*"))
    where = f"buckets/{bucket}"
    for message in (
        copy_message(target, objnames=["free", "kept"]),
        copy_message(target, template=""),
        copy_message(target, objnames=["free"], prepend="no/"),
    ):
        error = refused(scene, "POST", where, "copy-listrange", message, token="writer")
        assert error.status == 403
    good = copy_message(target, objnames=["free"])
    scene.done("POST", where, "copy-listrange", good, token="writer")
    assert scene.names(target) == ["free"]


def test_copies_may_have_other_extensions(scene: JobScene, bucket: str) -> None:
    for name in ("a.jpg", "b.png", "jpg"):
        scene.put(bucket, name)
    target = scene.new_bucket()
    copy(scene, bucket, target, template="", ext={"jpg": ".jpeg", "gif": "x"}, prepend="p/")
    assert scene.names(target) == ["p/a.jpeg", "p/b.png", "p/jpg"]


def test_a_copy_is_announced_as_s3s_is(scene: JobScene, bucket: str) -> None:
    target = scene.new_bucket()
    notify(scene, target)
    scene.put(bucket, "a")
    copy(scene, bucket, target, objnames=["a"])
    (event,) = scene.events()
    assert event["eventName"] == "ObjectCreated:Copy"
    assert event["s3"]["bucket"]["name"] == target


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"ext": {"jpg": "txt"}, "synchronize": True}, 400),
        ({"prefix": "p"}, 400),
        ({"tobck": {"name": "b", "provider": "aws"}}, 404),
        ({"tobck": {"name": "../b", "provider": "ais"}}, 400),
        ({"tobck": {"name": "b", "provider": "moon"}}, 400),
    ],
)
def test_a_copy_that_cannot_be_made_as_asked_is_refused(
    scene: JobScene, bucket: str, more: dict[str, Any], status: int
) -> None:
    message = copy_message("target", objnames=["a"]) | more
    error = refused(scene, "POST", f"buckets/{bucket}", "copy-listrange", message)
    assert error.status == status


def test_a_bucket_is_not_copied_onto_itself(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "a")
    where = f"buckets/{bucket}"
    for message in (
        copy_message(bucket, objnames=["a"]),
        copy_message(bucket, template="", prepend="x/"),
    ):
        assert refused(scene, "POST", where, "copy-listrange", message).status == 400
    there = f"{where}?bck_to=ais/@%23/{bucket}/"
    assert refused(scene, "POST", there, "copy-bck", {"prepend": "x/"}).status == 400
    copy(scene, bucket, bucket, objnames=["a"], prepend="x/")
    assert scene.names(bucket) == ["a", "x/a"]


@pytest.mark.parametrize("to", ["", "nonsense", "ais/@%23/", "moon/@%23/b/"])
def test_a_copy_to_nowhere_is_400(scene: JobScene, bucket: str, to: str) -> None:
    where = f"buckets/{bucket}?bck_to={to}"
    assert refused(scene, "POST", where, "copy-bck", {}).status == 400


# Counting


def test_a_summary_is_told_once_it_is_counted(scene: JobScene, bucket: str) -> None:
    scene.put(bucket, "in/a", b"1")
    scene.put(bucket, "in/b", b"12345")
    scene.put(bucket, "out", b"123")
    asked = {"uuid": "", "prefix": "in/", "cached": True, "present": True}
    first = scene.act("GET", f"buckets/{bucket}", "summary-bck", asked)
    assert first.status == 202
    asked["uuid"] = first.body.decode()
    assert scene.act("GET", f"buckets/{bucket}", "summary-bck", asked).status == 202
    scene.run_jobs()
    answer = scene.act("GET", f"buckets/{bucket}", "summary-bck", asked)
    (found,) = json.loads(answer.body)
    assert (answer.status, found["name"], found["is_present"]) == (200, bucket, True)
    assert found["ObjCount"] == {"obj_count_present": "2", "obj_count_remote": "0"}
    assert found["ObjSize"] == {"obj_min_size": 1, "obj_avg_size": 3, "obj_max_size": 5}
    assert found["TotalSize"]["size_all_present_objs"] == "6"
    # Only for who asked, about the bucket that was meant.
    error = refused(scene, "GET", f"buckets/{bucket}", "summary-bck", asked, token="reader")
    assert error.status == 404
    other = scene.new_bucket()
    assert refused(scene, "GET", f"buckets/{other}", "summary-bck", asked).status == 404


@pytest.mark.parametrize(("below", "count"), [("", "2"), ("/in/", "1")])
def test_a_head_of_a_bucket_tells_its_summary(
    scene: JobScene, bucket: str, below: str, count: str
) -> None:
    scene.put(bucket, "in/a")
    scene.put(bucket, "out")
    query = "presence=2&bsumm_remote=True"
    first = scene.send("HEAD", f"buckets/{bucket}{below}?{query}")
    assert first.status == 202
    assert json.loads(first.headers["ais-bucket-props"])["provider"] == "ais"
    xid = first.headers["ais-xaction-id"]
    later = f"buckets/{bucket}?{query}&uuid={xid}"
    assert scene.send("HEAD", later).status == 202
    scene.run_jobs()
    answer = scene.send("HEAD", later)
    assert answer.status == 200
    summary = json.loads(answer.headers["ais-bucket-summ"])
    assert summary["ObjCount"]["obj_count_present"] == count


def test_counting_needs_the_right_to_list(scene: JobScene, bucket: str) -> None:
    for token in ("nobody", "patcher"):
        answer = scene.act("GET", f"buckets/{bucket}", "summary-bck", {}, token=token)
        assert answer.status == 403
        head = scene.send("HEAD", f"buckets/{bucket}?bsumm_remote=False", token=token)
        assert head.status == 403
