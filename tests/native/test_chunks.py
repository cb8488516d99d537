"""Objects in chunks over the native API: what HEAD and the list tell of them, and the ranges that
readers with several workers ask for."""

from __future__ import annotations

import pytest

from s3gw.config.bucket_properties import Chunks
from s3gw.objects.bucket_chunks import chunking
from storage.chunking import Chunking
from tests.chunked_buckets import keep_in_chunks, kept
from tests.native.scene import Scene
from tests.storage.bodies import pattern

LIMIT, SIZE = 100_000, 60_000
BODY = pattern(250_000)
COUNT, LARGEST = "ais-chunks-count", "ais-chunks-max-chunk-size"
KIB, GIB, TIB = 1 << 10, 1 << 30, 1 << 40


@pytest.fixture
def chunked(scene: Scene) -> str:
    name = scene.new_bucket()
    keep_in_chunks(scene, name, LIMIT, SIZE)
    return name


def test_head_tells_how_many_chunks_and_how_large(scene: Scene, chunked: str) -> None:
    scene.put(chunked, "k", BODY)
    scene.put(chunked, "small", BODY[:10])
    for target in ("k?props=chunked", "k?props=size,chunked", "k"):
        headers = scene.send("HEAD", f"objects/{chunked}/{target}").headers
        assert (headers[COUNT], headers[LARGEST]) == ("5", str(SIZE))
        assert headers["content-length"] == str(len(BODY))
    for target in ("small?props=chunked", "small", "k?props=name"):
        headers = scene.send("HEAD", f"objects/{chunked}/{target}").headers
        assert COUNT not in headers
        assert LARGEST not in headers


def test_the_parts_of_an_upload_are_chunks(scene: Scene, bucket: str) -> None:
    upload = scene.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, body in enumerate((bytes(5 << 20), b"tail"), 1):
        done = scene.s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    scene.s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    headers = scene.send("HEAD", f"objects/{bucket}/k?props=chunked").headers
    assert (headers[COUNT], headers[LARGEST]) == ("2", str(5 << 20))


def test_a_list_marks_what_is_in_chunks(scene: Scene, chunked: str) -> None:
    scene.put(chunked, "k", BODY)
    scene.put(chunked, "small", BODY[:10])
    entries = scene.listing(chunked, props="name,size,chunked")["Entries"]
    assert [bool(entry["f"] & 1 << 13) for entry in entries] == [True, False]


def test_chunks_are_read_side_by_side(scene: Scene, chunked: str) -> None:
    """As the client's readers with several workers do: by the largest chunk's size."""
    scene.put(chunked, "k", BODY)
    step = int(scene.send("HEAD", f"objects/{chunked}/k?props=chunked").headers[LARGEST])
    pieces = []
    for start in range(0, len(BODY), step):
        asked = {"range": f"bytes={start}-{min(start + step, len(BODY)) - 1}"}
        answer = scene.send("GET", f"objects/{chunked}/k", headers=asked)
        assert answer.status == 206
        assert len(answer.body) == min(step, len(BODY) - start)
        pieces.append(answer.body)
    assert b"".join(pieces) == BODY


def test_a_body_that_does_not_say_how_long_it_is_is_cut(scene: Scene, chunked: str) -> None:
    headers = {"content-length": "", "transfer-encoding": "chunked"}
    scene.put(chunked, "k", BODY, headers=headers)
    info = kept(scene, chunked, "k")
    assert (info.chunks, info.largest_chunk) == (4, LIMIT)
    assert scene.send("GET", f"objects/{chunked}/k").body == BODY


# What an administrator chooses


def test_what_an_administrator_chooses_is_kept_to(scene: Scene, bucket: str) -> None:
    value = {"chunks": {"objsize_limit": "64KiB", "chunk_size": "16KiB"}}
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200
    for size, count in ((65_535, 0), (65_536, 4), (65_537, 5)):
        scene.put(bucket, "k", BODY[:size])
        assert kept(scene, bucket, "k").chunks == count
    value = {"chunks": {"objsize_limit": "0"}}
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200
    scene.put(bucket, "k", BODY)
    assert kept(scene, bucket, "k").chunks == 0


def test_what_is_not_said_is_the_default() -> None:
    assert chunking(Chunks()) == Chunking(TIB + 1, GIB)
    assert chunking(Chunks(max_monolithic_size=GIB)) == Chunking(GIB + 1, GIB)
    assert chunking(Chunks(GIB, 0, KIB)) == Chunking(GIB, KIB)
