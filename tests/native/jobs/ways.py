"""Every way of changing an object: through S3, natively and by jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from s3gw.events.events import EventName
from s3gw.jobs.log_writing import LogWriter
from s3gw.keys.ring import new_ring
from s3gw.objects.promotion.files import Promotable
from storage.backends.memory import MemoryBackend
from tests.archives.made import tar
from tests.native.jobs.scene import JobScene
from tests.s3.forms import BOUNDARY, form, signed
from tests.s3.gateway import ENDPOINT, ROOT

TARGET = "arn:aws:sqs:us-east-1:123456789012:hook"


class Events(JobScene):
    """A bucket that announces everything; the object `old` is in it."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        (self.files / "f").write_bytes(b"a file")
        ring = new_ring(folder / "keyring.json", os.urandom(32))
        super().__init__(MemoryBackend(), ring, folder, Promotable((str(self.files),)))
        self.bucket, self.other = self.new_bucket(), self.new_bucket()
        for key in ("old", "d/1"):
            self.put(self.bucket, key)
            self.put(self.other, key)
        self.put(self.bucket, "s.tar", tar([("a", b"1")]))
        rule = {"QueueArn": TARGET, "Events": sorted({each.group for each in EventName})}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        self.events()

    def object(self, key: str, query: str = "") -> str:
        return f"objects/{self.bucket}/{quote(key)}{'?' if query else ''}{query}"

    def announced(self) -> list[str]:
        return [event["eventName"] for event in self.events()]


# S3


def s3_put(scene: Events) -> None:
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")


def s3_form(scene: Events) -> None:
    body = form(signed_form(scene.bucket))
    head = [
        ("host", ENDPOINT.removeprefix("http://")),
        ("content-type", f"multipart/form-data; boundary={BOUNDARY}"),
        ("content-length", str(len(body))),
    ]
    answer = scene.server.request("POST", f"/{scene.bucket}", head, body)
    assert answer.status == 204, answer.body


def signed_form(bucket: str) -> dict[str, str]:
    return {"key": "k", **signed([{"bucket": bucket}, {"key": "k"}], ROOT)}


def s3_copy(scene: Events) -> None:
    scene.s3.copy_object(Bucket=scene.bucket, Key="k", CopySource=f"{scene.bucket}/old")


def s3_copy_onto_itself(scene: Events) -> None:
    scene.s3.copy_object(
        Bucket=scene.bucket,
        Key="old",
        CopySource=f"{scene.bucket}/old",
        MetadataDirective="REPLACE",
        Metadata={"a": "b"},
    )


def s3_upload(scene: Events) -> None:
    place = {"Bucket": scene.bucket, "Key": "k"}
    upload = {**place, "UploadId": scene.s3.create_multipart_upload(**place)["UploadId"]}
    part = scene.s3.upload_part(**upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    scene.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def s3_copied_part(scene: Events) -> None:
    place = {"Bucket": scene.bucket, "Key": "k"}
    upload = {**place, "UploadId": scene.s3.create_multipart_upload(**place)["UploadId"]}
    source = f"{scene.bucket}/old"
    part = scene.s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    scene.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def s3_rename(scene: Events) -> None:
    scene.s3.rename_object(Bucket=scene.bucket, Key="k", RenameSource=f"{scene.bucket}/old")


def s3_delete(scene: Events) -> None:
    scene.s3.delete_object(Bucket=scene.bucket, Key="old")


def s3_delete_many(scene: Events) -> None:
    scene.s3.delete_objects(Bucket=scene.bucket, Delete={"Objects": [{"Key": "old"}]})


def s3_tag(scene: Events) -> None:
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    scene.s3.put_object_tagging(Bucket=scene.bucket, Key="old", Tagging=tags)


def s3_untag(scene: Events) -> None:
    scene.s3.delete_object_tagging(Bucket=scene.bucket, Key="old")


def s3_acl(scene: Events) -> None:
    scene.s3.put_object_acl(Bucket=scene.bucket, Key="old", ACL="private")


# Native


def good(answer: Any) -> None:
    assert answer.status == 200, answer.body


def native_put(scene: Events) -> None:
    scene.put(scene.bucket, "k")


def native_append(scene: Events) -> None:
    answer = scene.send("PUT", scene.object("k", "append_type=append"), body=b"x")
    handle = answer.headers["ais-append-handle"]
    good(scene.send("PUT", scene.object("k", f"append_type=flush&append_handle={handle}")))


def native_append_to_old(scene: Events) -> None:
    answer = scene.send("PUT", scene.object("old", "append_type=append"), body=b"x")
    handle = answer.headers["ais-append-handle"]
    good(scene.send("PUT", scene.object("old", f"append_type=flush&append_handle={handle}")))


def native_upload(scene: Events) -> None:
    upload = scene.begin("POST", scene.object("k"), "mpt-upload")
    good(scene.send("PUT", scene.object("k", f"uploadId={upload}&partNumber=1"), body=b"x"))
    parts = [{"part-number": 1, "etag": ""}]
    good(scene.act("POST", scene.object("k", f"uploadId={upload}"), "mpt-complete", parts))


def native_rename(scene: Events) -> None:
    good(scene.act("POST", scene.object("old"), "rename-obj", name="k"))


def native_copy(scene: Events) -> None:
    to = quote(f"ais/@#/{scene.bucket}/k", safe="")
    good(scene.send("PUT", scene.object("old", f"object_to={to}")))


def native_archive(scene: Events) -> None:
    good(scene.send("PUT", scene.object("k.tar", "archpath=a"), body=b"x"))


def native_archive_append(scene: Events) -> None:
    target = scene.object("s.tar", "archpath=b")
    good(scene.send("PUT", target, body=b"x", headers={"ais-pine": "1"}))


def native_promote(scene: Events) -> None:
    source = str(scene.files / "f")
    value = {"src": source, "obj": "k"}
    good(scene.act("POST", f"objects/{scene.bucket}", "promote", value, name=source))


def native_delete(scene: Events) -> None:
    good(scene.send("DELETE", scene.object("old")))


# Jobs


def job_promote(scene: Events) -> None:
    source = str(scene.files)
    value = {"src": source, "obj": ""}
    scene.done("POST", f"objects/{scene.bucket}", "promote", value, name=source)


def job_copy(scene: Events) -> None:
    target = f"buckets/{scene.other}?bck_to={quote(f'ais/@#/{scene.bucket}/', safe='')}"
    scene.done("POST", target, "copy-bck", {"prefix": "d/", "prepend": "copy-"})


def job_archive(scene: Events) -> None:
    value = {"archname": "k.tar", "objnames": ["old"]}
    scene.done("PUT", f"buckets/{scene.bucket}", "archive", value)


def job_log(scene: Events) -> None:
    async def write() -> None:
        bucket = await scene.store.head_bucket(scene.bucket)
        await LogWriter(scene.objects).put(bucket, "k", b"a line of a log")

    scene.server.run(write())


def job_delete(scene: Events) -> None:
    value = {"objnames": ["old"]}
    scene.done("DELETE", f"buckets/{scene.bucket}", "delete-listrange", value)
