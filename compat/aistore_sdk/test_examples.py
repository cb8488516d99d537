"""What the SDK's README and notebooks show how to do, in small versions of our own."""

from __future__ import annotations

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import contents, done, fill, names, new_name, put, tar
from compat.clients.target import noise

_archives: Any = import_module("aistore.sdk.archive_config")
ObjectRange: Any = import_module("aistore.sdk.multiobj").ObjectRange
kinds: Any = import_module("aistore.sdk.xact_const")

EXAMPLES = {f"example_obj_{number}": f"object content {number}".encode() for number in range(10)}


@pytest.fixture(name="filled")
def _filled(bucket: Any) -> Any:
    return fill(bucket, EXAMPLES)


def test_sdk_basics(client: Any) -> None:
    cluster = client.cluster()
    assert cluster.is_ready()
    assert cluster.get_info().model_dump()["proxy_si"]["daemon_type"] == "proxy"
    first = client.bucket(new_name()).create()
    job = client.job(first.rename(new_name()))
    assert job.status().uuid == job.job_id
    done(client, job.job_id)
    assert first.name in [each.name for each in cluster.list_buckets()]
    assert isinstance(cluster.list_running_jobs(), list)
    first.delete()


def test_bucket_management(client: Any, bucket: Any, target: Any) -> None:
    assert bucket.head().get("Ais-Bucket-Props")
    put(bucket, "my-object", b"some test data")
    assert [entry.name for entry in bucket.list_objects().entries] == ["my-object"]
    done(client, bucket.copy(to_bck=target))
    assert contents(target) == contents(bucket)


def test_accessing_objects(filled: Any, tmp_path: Path) -> None:
    put(filled, "prefix-example", b"prefixed object content")
    page = filled.list_objects(page_size=3)
    following = filled.list_objects(
        uuid=page.uuid, continuation_token=page.continuation_token, page_size=3
    )
    found = [*page.entries, *following.entries]
    assert [entry.name for entry in found] == sorted(EXAMPLES)[:6]
    iterator = filled.list_objects_iter(prefix="example_", props="name,size,copies")
    assert [entry.copies for entry in iterator] == [1] * 10
    one = filled.object("example_obj_0")
    assert one.get_reader().raw().read() == one.get_reader().read_all()
    assert next(iter(one.get_reader(chunk_size=3))) == b"obj"
    with (tmp_path / "file").open("ab") as file:
        one.get_reader(writer=file)
    assert (tmp_path / "file").read_bytes() == EXAMPLES["example_obj_0"]


def test_uploading_objects(bucket: Any, tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"file_{number}").write_text("content in each test file")
    bucket.object("my-data-object").get_writer().put_content(b"raw bytes content")
    bucket.object("my-file-object").get_writer().put_file(str(tmp_path / "file_0"))
    bucket.put_files(str(tmp_path), prepend="example-put-")
    assert len(names(bucket, prefix="example-put-file_")) == 10
    writer = put(bucket, "my-object", b"original content\n").get_writer()
    first = writer.append_content(b"first additional line\n", "", False)
    second = writer.append_content(b"second additional line\n", first, False)
    writer.append_content(b"", second, True)
    assert bucket.object("my-object").get_reader().read_all().count(b"\n") == 3


def test_multi_object_operations(client: Any, filled: Any, target: Any) -> None:
    ranged = filled.objects(obj_range=ObjectRange("example_obj_", min_index=1, max_index=3))
    assert ranged.list_names() == filled.objects(obj_template="example_obj_{1..3}").list_names()
    for xid in ranged.copy(to_bck=target):
        job = client.job(job_id=xid, job_kind=kinds.XACT_KIND_COPY_OBJECTS)
        assert job.wait(timeout=1).success
    copied = [entry.name for entry in target.list_all_objects()]
    assert copied == ["example_obj_1", "example_obj_2", "example_obj_3"]
    done(client, target.objects(obj_names=copied).delete())
    assert names(target) == []


def test_multipart_upload(bucket: Any) -> None:
    one = bucket.object("parallel-upload-object")
    upload = one.multipart_upload().create()
    parts = {number: noise(5000, number) for number in range(1, 6)}

    def add(number: int) -> int:
        upload.add_part(number).put_content(parts[number])
        return number

    with ThreadPoolExecutor(max_workers=3) as threads:
        added = [threads.submit(add, number) for number in parts]
        assert sorted(each.result() for each in as_completed(added)) == list(parts)
    upload.complete()
    assert one.get_reader().read_all() == b"".join(parts.values())


def test_batch_requests(client: Any, filled: Any, bucket: Any) -> None:
    batch = client.batch([filled.object(name) for name in EXAMPLES])
    assert {info.obj_name: data for info, data in batch.get()} == EXAMPLES
    for number in range(3):
        members = [(f"file_{each}.txt", f"{number} {each}".encode()) for each in range(5)]
        batch.add(put(bucket, f"archive-{number}.tar", tar(members)), archpath="file_2.txt")
    assert len(batch) == 3
    assert [(info.archpath, data) for info, data in batch.get()] == [
        ("file_2.txt", f"{number} 2".encode()) for number in range(3)
    ]


def test_working_with_archives(bucket: Any, tmp_path: Path) -> None:
    members = [
        (f"sample_{number:03}.{kind}", f"{kind} {number}".encode())
        for number in range(3)
        for kind in ("jpg", "txt", "json")
    ]
    (tmp_path / "webdataset.tar").write_bytes(tar(members))
    shard = bucket.object("webdataset.tar")
    shard.get_writer().put_file(tmp_path / "webdataset.tar")
    listed = bucket.list_archive("webdataset.tar", props="name,size")
    assert len(listed) == 9
    key = _archives.ArchiveConfig(regex="sample_001", mode=_archives.ArchiveMode.WDSKEY)
    with shard.get_reader(archive_config=key).as_file(max_resume=3) as file:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            assert [one.name for one in archive] == [name for name, _ in members[3:6]]


def test_a_resilient_file_is_unpacked_as_it_streams(bucket: Any, tmp_path: Path) -> None:
    members = [(f"{number}", noise(20_000, number)) for number in range(20)]
    put(bucket, "speech.tar.gz", tar(members, "w:gz"))
    with bucket.object("speech.tar.gz").get_reader().as_file(max_resume=3) as file:
        with tarfile.open(fileobj=file, mode="r|*") as archive:
            archive.extractall(tmp_path, filter="data")
    assert {name: (tmp_path / name).read_bytes() for name, _ in members} == dict(members)


def test_the_endpoint_comes_from_the_environment(
    endpoint: str, filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all of the notebooks do it."""
    monkeypatch.setenv("AIS_ENDPOINT", endpoint)
    client = import_module("aistore").Client(os.getenv("AIS_ENDPOINT", "http://localhost:8080"))
    assert names(client.bucket(filled.name)) == sorted(EXAMPLES)
