"""Renaming and copying objects by the native API, as S3 renames and copies them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.asgi import Answer
from tests.native.scene import Scene, told
from tests.native.test_access import policy


def rename(scene: Scene, bucket: str, old: str, new: str, **more: Any) -> Answer:
    return scene.act("POST", f"objects/{bucket}/{quote(old)}", "rename-obj", name=new, **more)


def copy(scene: Scene, bucket: str, key: str, to: str, **more: Any) -> Answer:
    asked = more.pop("asked", "&latest-ver=false&synchronize=false")
    target = f"objects/{bucket}/{quote(key)}?provider=ais&object_to={quote(to, safe='')}{asked}"
    return scene.send("PUT", target, **more)


def read(scene: Scene, bucket: str, key: str) -> bytes:
    answer = scene.send("GET", f"objects/{bucket}/{quote(key)}")
    assert answer.status == 200, answer.body
    return answer.body


# Renaming


def test_a_renamed_object_is_the_same_one(scene: Scene, bucket: str) -> None:
    scene.s3.put_object(Bucket=bucket, Key="old", Body=b"x", Metadata={"a": "b"})
    before = scene.s3.head_object(Bucket=bucket, Key="old")
    assert rename(scene, bucket, "old", "folder/new ?%").status == 200
    assert scene.send("HEAD", f"objects/{bucket}/old").status == 404
    after = scene.s3.head_object(Bucket=bucket, Key="folder/new ?%")
    assert (after["ETag"], after["Metadata"]) == (before["ETag"], {"a": "b"})


def test_what_has_the_new_name_is_replaced(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "old", b"1")
    scene.put(bucket, "new", b"2")
    assert rename(scene, bucket, "old", "new").status == 200
    assert read(scene, bucket, "new") == b"1"


def test_a_rename_needs_a_source_and_another_name(scene: Scene, bucket: str) -> None:
    error = told(rename(scene, bucket, "nosuch", "new"))
    assert (error.status, f"ais://{bucket}/nosuch" in error.message) == (404, True)
    scene.put(bucket, "old")
    assert told(rename(scene, bucket, "old", "old")).status == 400
    assert told(rename(scene, bucket, "old", "")).status == 400
    assert told(rename(scene, bucket, "old", "x" * 1025)).status == 400
    assert read(scene, bucket, "old") == b"x"


def test_a_locked_object_keeps_its_name(scene: Scene) -> None:
    name = f"{scene.new_bucket()}-locked"
    scene.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    scene.s3.put_object(Bucket=name, Key="old", Body=b"x", ObjectLockLegalHoldStatus="ON")
    error = told(rename(scene, name, "old", "new"))
    assert (error.status, "is locked" in error.message) == (403, True)
    assert read(scene, name, "old") == b"x"


def test_a_rename_takes_the_right_to_move(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "old")
    for token, status in (("reader", 403), ("owner", 200)):
        assert rename(scene, bucket, "old", "new", token=token).status == status


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteObject", "s3:PutObject"])
def test_a_policy_can_forbid_a_rename(scene: Scene, bucket: str, action: str) -> None:
    scene.put(bucket, "old")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Deny", action))
    assert told(rename(scene, bucket, "old", "new", token="owner")).status == 403


def test_a_rename_leaves_a_delete_marker_where_versions_are_kept(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    scene.put(bucket, "old")
    assert rename(scene, bucket, "old", "new").headers["ais-version"]
    markers = scene.s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    assert [each["Key"] for each in markers] == ["old"]


def test_a_condition_of_a_rename_is_on_its_source(scene: Scene, bucket: str) -> None:
    etag = scene.put(bucket, "old").headers["etag"]
    other = {"if-match": '"' + "0" * 32 + '"'}
    assert rename(scene, bucket, "old", "new", headers=other).status == 412
    assert rename(scene, bucket, "old", "new", headers={"if-match": etag}).status == 200


# Copying


def test_a_copy_has_all_that_was_said_of_the_object(scene: Scene, bucket: str) -> None:
    other = scene.new_bucket()
    scene.s3.put_object(
        Bucket=bucket,
        Key="a/b ?",
        Body=b"x" * 100_000,
        ContentType="text/x",
        Metadata={"c": "d"},
        Tagging="e=f",
    )
    answer = copy(scene, bucket, "a/b ?", f"ais/@#/{other}/c/d %")
    assert (answer.status, answer.body) == (200, b"")
    found = scene.s3.get_object(Bucket=other, Key="c/d %")
    assert found["Body"].read() == b"x" * 100_000
    assert (found["ContentType"], found["Metadata"]) == ("text/x", {"c": "d"})
    tags = scene.s3.get_object_tagging(Bucket=other, Key="c/d %")["TagSet"]
    assert tags == [{"Key": "e", "Value": "f"}]
    assert read(scene, bucket, "a/b ?") == b"x" * 100_000


def test_a_copy_keeps_the_checksum(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    copy(scene, bucket, "k", f"ais/@#/{bucket}/copy")
    one, other = (scene.send("HEAD", f"objects/{bucket}/{key}").headers for key in ("k", "copy"))
    assert one["ais-checksum-value"] == other["ais-checksum-value"]


def test_a_bucket_that_is_not_there_is_no_target(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    error = told(copy(scene, bucket, "k", "ais/@#/nowhere/k"))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")
    assert '"ais://nowhere" does not exist' in error.message


def test_what_is_not_there_is_not_copied(scene: Scene, bucket: str) -> None:
    error = told(copy(scene, bucket, "nosuch", f"ais/@#/{bucket}/k"))
    assert (error.status, f"ais://{bucket}/nosuch" in error.message) == (404, True)
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 404


@pytest.mark.parametrize("to", ["x", "ais/@#/{b}", "ais/@#/{b}/", "/k", "ais/{b}/k", "x/@#/{b}/k"])
def test_a_target_that_cannot_be_read_is_refused(scene: Scene, bucket: str, to: str) -> None:
    scene.put(bucket, "k")
    assert told(copy(scene, bucket, "k", to.format(b=bucket))).status == 400


def test_remote_targets_that_are_nowhere_are_not_found(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    for to in ("aws/@#/b/k", "ais/@remote#/b/k"):
        error = told(copy(scene, bucket, "k", to))
        assert (error.status, error.tcode) == (404, "ErrRemoteBckNotFound")


def test_an_object_is_not_copied_onto_itself(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    assert told(copy(scene, bucket, "k", f"ais/@#/{bucket}/k")).status == 400


@pytest.mark.parametrize(
    ("asked", "word", "status"),
    [
        ("&etl_name=etl-abc", "etl_name", 501),
        ("&etl_pipeline=a,b", "etl_pipeline", 400),
        ("&etl_args={}", "etl_args", 400),
    ],
)
def test_what_a_copy_cannot_do_is_refused_by_name(
    scene: Scene, bucket: str, asked: str, word: str, status: int
) -> None:
    scene.put(bucket, "k")
    error = told(copy(scene, bucket, "k", f"ais/@#/{bucket}/copy", asked=asked))
    assert (error.status, word in error.message) == (status, True)
    assert copy(scene, bucket, "k", f"ais/@#/{bucket}/copy", asked="&latest-ver=True").status == 200


def test_a_copy_has_no_body(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    for headers in ({}, {"content-length": "", "transfer-encoding": "chunked"}):
        answer = copy(scene, bucket, "k", f"ais/@#/{bucket}/copy", body=b"other", headers=headers)
        assert told(answer).status == 400


def test_a_copy_takes_both_rights(scene: Scene, bucket: str) -> None:
    other = scene.new_bucket()
    scene.put(bucket, "k")
    to = f"ais/@#/{other}/k"
    assert told(copy(scene, bucket, "k", to, token="reader")).status == 403
    assert copy(scene, bucket, "k", to, token="writer").status == 200
    scene.s3.put_bucket_policy(Bucket=other, Policy=policy(other, "Deny", "s3:PutObject"))
    error = told(copy(scene, bucket, "k", to, token="writer"))
    assert (error.status, f"ais://{other}" in error.message) == (403, True)
    scene.s3.delete_bucket_policy(Bucket=other)
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Deny", "s3:GetObject"))
    error = told(copy(scene, bucket, "k", to, token="writer"))
    assert (error.status, f"ais://{bucket}" in error.message) == (403, True)


def test_tags_are_copied_only_with_the_rights_to_them(scene: Scene, bucket: str) -> None:
    scene.s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    rule = policy(bucket, "Deny", "s3:GetObjectTagging")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=rule)
    to = f"ais/@#/{bucket}/copy"
    assert told(copy(scene, bucket, "k", to, token="writer")).status == 403


def test_the_access_of_the_target_counts(scene: Scene, bucket: str) -> None:
    other = scene.new_bucket()
    scene.put(bucket, "k")
    scene.act("PATCH", f"buckets/{other}", "set-bprops", {"access": "ro"})
    error = told(copy(scene, bucket, "k", f"ais/@#/{other}/k"))
    assert (error.status, f"ais://{other}" in error.message) == (403, True)


def test_a_copy_is_encrypted_as_its_bucket_says(scene: Scene, bucket: str) -> None:
    other = scene.new_bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    scene.s3.put_bucket_encryption(
        Bucket=other, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    scene.put(bucket, "k", b"abc")
    assert copy(scene, bucket, "k", f"ais/@#/{other}/k").status == 200
    found = scene.s3.get_object(Bucket=other, Key="k")
    assert (found["ServerSideEncryption"], found["Body"].read()) == ("AES256", b"abc")
    assert copy(scene, other, "k", f"ais/@#/{bucket}/back").status == 200
    assert "ServerSideEncryption" not in scene.s3.head_object(Bucket=bucket, Key="back")


def test_a_locked_object_is_not_replaced_by_a_copy(scene: Scene, bucket: str) -> None:
    name = f"{bucket}-locked"
    scene.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    scene.s3.put_object(Bucket=name, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")
    scene.put(bucket, "k", b"new")
    # As with S3's own copies, the locked version stays below a new one.
    assert copy(scene, bucket, "k", f"ais/@#/{name}/k").status == 200
    assert len(scene.s3.list_object_versions(Bucket=name)["Versions"]) == 2
