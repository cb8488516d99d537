"""GetBatch, by the aistore SDK's `Batch`."""

from __future__ import annotations

import io
import tarfile
from importlib import import_module
from typing import Any

import pytest

errors: Any = import_module("aistore.sdk.errors")

NAMES = [f"sample-{number:03}" for number in range(40)]


def _fill(bucket: Any) -> None:
    for name in NAMES:
        bucket.object(name).get_writer().put_content(name.encode() * 50)


def _shard() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("a.jpg", "a.cls", "deep/b.jpg"):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    return packed.getvalue()


@pytest.mark.parametrize("streaming", [True, False])
def test_objects_come_in_the_order_of_the_request(
    client: Any, bucket: Any, streaming: bool
) -> None:
    _fill(bucket)
    wanted = [*reversed(NAMES), NAMES[3], NAMES[3]]
    batch = client.batch(wanted, bucket=bucket, streaming_get=streaming)
    got = [(info.obj_name, data) for info, data in batch.get()]
    assert got == [(name, name.encode() * 50) for name in wanted]


@pytest.mark.parametrize("output", [".tar", ".tgz", ".zip"])
def test_formats(client: Any, bucket: Any, output: str) -> None:
    _fill(bucket)
    batch = client.batch(NAMES, bucket=bucket, output_format=output)
    assert [data for _, data in batch.get()] == [name.encode() * 50 for name in NAMES]


def test_members_of_shards(client: Any, bucket: Any) -> None:
    bucket.object("shard.tar").get_writer().put_content(_shard())
    batch = client.batch(bucket=bucket)
    batch.add("shard.tar", archpath="deep/b.jpg")
    batch.add("shard.tar", archpath="a.cls")
    assert [data for _, data in batch.get()] == [b"deep/b.jpg", b"a.cls"]


def test_opaque_data_comes_back(client: Any, bucket: Any) -> None:
    _fill(bucket)
    batch = client.batch(bucket=bucket, streaming_get=False)
    batch.add(NAMES[0], opaque=b"user-1")
    batch.add(NAMES[1], opaque=b"user-2")
    assert [bytes(info.opaque) for info, _ in batch.get()] in (
        [b"user-1", b"user-2"],
        [b"dXNlci0x", b"dXNlci0y"],
    )


@pytest.mark.parametrize("streaming", [True, False])
def test_a_missing_object_does_not_end_a_batch_that_goes_on(
    client: Any, bucket: Any, streaming: bool
) -> None:
    _fill(bucket)
    batch = client.batch(
        [NAMES[0], "missing", NAMES[1]], bucket=bucket, cont_on_err=True, streaming_get=streaming
    )
    got = list(batch.get())
    assert [data for _, data in got] == [NAMES[0].encode() * 50, b"", NAMES[1].encode() * 50]
    # Only the metadata, which a stream has not, can say why.
    assert streaming or got[1][0].err_msg


def test_a_missing_object_ends_one_that_does_not(client: Any, bucket: Any) -> None:
    batch = client.batch(["missing"], bucket=bucket, cont_on_err=False)
    with pytest.raises(errors.AISError):
        list(batch.get())


def test_several_buckets(client: Any, bucket: Any) -> None:
    other = client.bucket(f"{bucket.name}-other").create()
    try:
        bucket.object("k").get_writer().put_content(b"one")
        other.object("k").get_writer().put_content(b"two")
        batch = client.batch(bucket=bucket)
        batch.add(bucket.object("k"))
        batch.add(other.object("k"))
        assert [data for _, data in batch.get()] == [b"one", b"two"]
    finally:
        other.delete()
