"""What is done to objects by the native API is told as S3's doing the same."""

from __future__ import annotations

import pytest

from tests.native.jobs.scene import JobScene


@pytest.fixture
def telling(scene: JobScene, bucket: str) -> str:
    """A bucket that tells of everything."""
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    rule = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:hook", "Events": events}
    scene.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    scene.put(bucket, "old")
    scene.events()
    return bucket


def told(scene: JobScene) -> list[tuple[str, str]]:
    return [(each["eventName"], each["s3"]["object"]["key"]) for each in scene.events()]


def test_a_rename_is_told(scene: JobScene, telling: str) -> None:
    scene.act("POST", f"objects/{telling}/old", "rename-obj", name="new")
    assert told(scene) == [("ObjectCreated:Copy", "new"), ("ObjectRemoved:Delete", "old")]


def test_a_copy_is_told_by_its_target(scene: JobScene, telling: str) -> None:
    quiet = scene.new_bucket()
    scene.put(quiet, "k")
    to = f"object_to=ais/@%23/{telling}/new"
    assert scene.send("PUT", f"objects/{quiet}/k?{to}").status == 200
    assert told(scene) == [("ObjectCreated:Copy", "new")]
    to = f"object_to=ais/@%23/{quiet}/new"
    assert scene.send("PUT", f"objects/{telling}/old?{to}").status == 200
    assert told(scene) == []


def test_an_append_is_told_when_it_is_flushed(scene: JobScene, telling: str) -> None:
    target = f"objects/{telling}/old?append_handle="
    handle = scene.send("PUT", f"{target}&append_type=append", body=b"x").headers
    assert told(scene) == []
    flush = f"{target}{handle['ais-append-handle']}&append_type=flush"
    assert scene.send("PUT", flush).status == 200
    assert told(scene) == [("ObjectCreated:CompleteMultipartUpload", "old")]


def test_an_upload_is_told_when_it_is_complete(scene: JobScene, telling: str) -> None:
    target = f"objects/{telling}/k"
    upload = scene.act("POST", target, "mpt-upload").body.decode()
    scene.send("PUT", f"{target}?uploadId={upload}&partNumber=1", body=b"x")
    assert told(scene) == []
    value = [{"part-number": 1, "etag": ""}]
    scene.act("POST", f"{target}?uploadId={upload}", "mpt-complete", value)
    assert told(scene) == [("ObjectCreated:CompleteMultipartUpload", "k")]
