"""The operations that the failpoints interrupt: what each needs, does, and may leave behind.

Every operation works on a key or an upload of its own, so that one server can be interrupted in
all of them, and each is judged by itself afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.objects import (
    BUCKET,
    Facts,
    begin_upload,
    complete,
    content,
    etag_of,
    joined,
    put,
    put_part,
    read_back,
    whole,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PART = 5 << 20
OLD = whole("old", content(1, 700_000))
SMALL = whole("small", content(2, 1000))
LARGE = whole("large", content(3, 1_200_000))
COPIED = whole("copied", content(4, 100_000))
FIRST, SECOND, THIRD = content(5, PART), content(6, 300), content(7, 600_000)
COMPLETED = joined("parts", FIRST, SECOND)
UNFINISHED = joined("parts", FIRST, THIRD)

Part = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Uploads:
    """The ids of unfinished uploads that the seed left."""

    complete: str
    part: str


@dataclass(frozen=True, slots=True)
class Operation:
    """`run` returns when the server acknowledged. `before` and `after` are what `seen` may be."""

    run: Callable[[S3Client, Uploads], object]
    seen: Callable[[S3Client, Uploads], object]
    before: object
    after: object


def seed(client: S3Client) -> Uploads:
    client.create_bucket(Bucket=BUCKET)
    for key, facts in (("overwrite", OLD), ("delete", OLD), ("source", COPIED), ("idle", LARGE)):
        put(client, key, facts)
    put(client, "idle-small", SMALL)
    uploads = Uploads(
        begin_upload(client, "complete", "parts"), begin_upload(client, "part", "parts")
    )
    for upload, key in ((uploads.complete, "complete"), (uploads.part, "part")):
        put_part(client, key, upload, 1, FIRST)
        put_part(client, key, upload, 2, SECOND)
    return uploads


def finish(client: S3Client, upload: str) -> None:
    """The upload that was interrupted still takes parts and becomes an object."""
    put_part(client, "part", upload, 2, THIRD)
    complete(client, "part", upload, FIRST, THIRD)
    assert read_back(client, "part") == UNFINISHED


def _parts(client: S3Client, upload: str) -> list[Part]:
    found = client.list_parts(Bucket=BUCKET, Key="part", UploadId=upload).get("Parts", [])
    return [(part["ETag"].strip('"'), part["Size"]) for part in found]


def _part_facts(*bodies: bytes) -> list[Part]:
    return [(etag_of(body), len(body)) for body in bodies]


def _object(key: str) -> Callable[[S3Client, Uploads], Facts | None]:
    return lambda client, _: read_back(client, key)


def _copy(client: S3Client) -> object:
    source = f"{BUCKET}/source"
    return client.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)


OPERATIONS = {
    "put_inline": Operation(
        lambda client, _: put(client, "inline", SMALL), _object("inline"), None, SMALL
    ),
    "put_blob": Operation(
        lambda client, _: put(client, "blob", LARGE), _object("blob"), None, LARGE
    ),
    "copy": Operation(lambda client, _: _copy(client), _object("copy"), None, COPIED),
    "overwrite": Operation(
        lambda client, _: put(client, "overwrite", LARGE), _object("overwrite"), OLD, LARGE
    ),
    "complete": Operation(
        lambda client, uploads: complete(client, "complete", uploads.complete, FIRST, SECOND),
        _object("complete"),
        None,
        COMPLETED,
    ),
    "delete": Operation(
        lambda client, _: client.delete_object(Bucket=BUCKET, Key="delete"),
        _object("delete"),
        OLD,
        None,
    ),
    "upload_part": Operation(
        lambda client, uploads: put_part(client, "part", uploads.part, 2, THIRD),
        lambda client, uploads: _parts(client, uploads.part),
        _part_facts(FIRST, SECOND),
        _part_facts(FIRST, THIRD),
    ),
}
