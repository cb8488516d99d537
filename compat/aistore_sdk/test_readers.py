"""Reading, by the aistore SDK: whole objects, ranges, streams, files, several workers."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.flaky import flaky
from compat.aistore_sdk.scene import errors, new_name, put, refused
from compat.clients.target import noise

sdk: Any = import_module("aistore.sdk")
file_errors: Any = import_module("aistore.sdk.obj.obj_file.errors")
BlobDownload: Any = import_module("aistore.sdk.blob_download_config").BlobDownloadConfig

BODY = noise(3_000_000, 1)


@pytest.fixture(name="stored", scope="module")
def _stored(client: Any) -> Any:
    """An object, for reading only."""
    made = client.bucket(new_name()).create()
    yield put(made, "k", BODY)
    made.delete()


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_content_that_was_put_is_read(bucket: Any, size: int) -> None:
    assert put(bucket, "k", BODY[:size]).get_reader().read_all() == BODY[:size]


@pytest.mark.parametrize("size", [1000, 65_536, 10_000_000])
def test_content_comes_in_pieces(stored: Any, size: int) -> None:
    pieces = list(stored.get_reader(chunk_size=size))
    assert b"".join(pieces) == BODY
    assert max(map(len, pieces)) == min(size, len(BODY))


def test_the_answer_itself_can_be_read(stored: Any) -> None:
    raw = stored.get_reader().raw()
    assert raw.read(10) == BODY[:10]
    assert raw.read() == BODY[10:]


def test_a_reader_can_be_read_again(stored: Any) -> None:
    reader = stored.get_reader()
    assert reader.read_all() == reader.read_all() == b"".join(reader) == BODY


def test_a_reader_writes_into_a_file(stored: Any, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        stored.get_reader(writer=file)
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_reader_knows_what_it_reads(stored: Any) -> None:
    told = stored.get_reader().head()
    assert (told.size, told.checksum_type) == (len(BODY), "xxhash2")
    assert stored.get_reader().attributes.checksum_value == told.checksum_value


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("0-9", 0, 10),
        ("5-", 5, None),
        ("-7", -7, None),
        ("0-0", 0, 1),
        ("2999999-", -1, None),
        ("10-99999999", 10, None),
    ],
)
def test_ranges(stored: Any, asked: str, start: int, stop: int | None) -> None:
    assert stored.get_reader(byte_range=f"bytes={asked}").read_all() == BODY[start:stop]


def test_a_range_outside_is_refused(stored: Any) -> None:
    with refused(416):
        stored.get_reader(byte_range="bytes=3000000-").read_all()


def test_a_range_is_read_in_pieces(stored: Any) -> None:
    reader = stored.get_reader(byte_range="bytes=100-9999", chunk_size=1000)
    assert b"".join(reader) == BODY[100:10_000]


def test_a_reader_is_a_file(stored: Any) -> None:
    with stored.get_reader().as_file() as file:
        assert file.readable()
        assert file.read(10) == BODY[:10]
        assert file.read(0) == b""
        assert file.read() == BODY[10:]
        assert file.read() == b""
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_a_file_is_read_by_python_s_own_means(bucket: Any) -> None:
    put(bucket, "k", b"one\ntwo\nthree")
    with bucket.object("k").get_reader().as_file() as file:
        assert io.BytesIO(file.read()).readlines() == [b"one\n", b"two\n", b"three"]


def test_a_range_is_a_file(stored: Any) -> None:
    with stored.get_reader(byte_range="bytes=7-106").as_file() as file:
        assert file.read(50) + file.read() == BODY[7:107]


def test_a_file_that_breaks_off_is_read_on(stored: Any, endpoint: str) -> None:
    with over_flaky(endpoint) as server:
        server.breaks, server.after = 2, 1_000_000
        theirs = sdk.Client(server.endpoint).bucket(stored.bucket_name).object("k")
        with theirs.get_reader().as_file(max_resume=2) as file:
            assert file.read() == BODY
        first, second, third = server.ranges[-3:]
    assert first == ""
    # The rest only, and not what is there already.
    assert [each.startswith("bytes=") and each.endswith("-") for each in (second, third)]
    assert 0 < int(second[6:-1]) < int(third[6:-1]) < len(BODY)


def test_a_file_that_breaks_off_too_often_is_an_error(stored: Any, endpoint: str) -> None:
    with over_flaky(endpoint) as server:
        server.breaks, server.after = 3, 500_000
        theirs = sdk.Client(server.endpoint).bucket(stored.bucket_name).object("k")
        with pytest.raises(file_errors.ObjectFileReaderMaxResumeError):
            with theirs.get_reader().as_file(max_resume=1) as file:
                file.read()


def over_flaky(endpoint: str) -> Any:
    if endpoint.startswith("https:"):
        pytest.skip("who relays TLS cannot break off an answer")
    return flaky(endpoint)


def test_a_number_of_resumes_below_zero_is_told_by_the_sdk(stored: Any) -> None:
    with pytest.raises(ValueError, match="max_resume"):
        stored.get_reader().as_file(max_resume=-1)


def test_readers_go_straight_to_the_target(stored: Any) -> None:
    assert stored.get_reader(direct=True).read_all() == BODY


def test_a_missing_object_is_missing_at_the_target_too(bucket: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("none").get_reader(direct=True).read_all()


@pytest.mark.parametrize(("workers", "chunk"), [(2, None), (3, 1_000_000), (4, 700_001)])
def test_several_workers_read_one_object(stored: Any, workers: int, chunk: int | None) -> None:
    with stored.get_reader(num_workers=workers, chunk_size=chunk).read_all() as read:
        assert (len(read), read.tobytes()) == (len(BODY), BODY)


def test_several_workers_read_one_object_in_pieces(stored: Any) -> None:
    pieces = [bytes(piece) for piece in stored.get_reader(num_workers=2, chunk_size=1 << 20)]
    assert b"".join(pieces) == BODY


def test_several_workers_read_a_file(stored: Any) -> None:
    with stored.get_reader(num_workers=2, chunk_size=1 << 20).as_file() as file:
        assert file.read(10) + file.read() == BODY


def test_several_workers_read_a_single_byte(bucket: Any) -> None:
    with put(bucket, "k", b"x").get_reader(num_workers=2).read_all() as read:
        assert read.tobytes() == b"x"


def test_several_workers_read_no_empty_object(bucket: Any) -> None:
    with pytest.raises(ValueError, match="non-empty"):
        put(bucket, "k", b"").get_reader(num_workers=2).read_all()


@pytest.mark.parametrize(
    "how",
    [
        {"num_workers": 1},
        {"num_workers": 2, "byte_range": "bytes=0-1"},
        {"byte_range": "bytes=0-1", "blob_download_config": BlobDownload()},
    ],
    ids=["one worker", "workers and range", "range and blob"],
)
def test_what_cannot_go_together_is_told_by_the_sdk(stored: Any, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        stored.get_reader(**how)


def test_the_latest_version_of_a_bucket_without_a_backend_is_the_one_here(stored: Any) -> None:
    assert stored.get_reader(latest=True).read_all() == BODY


def test_a_blob_download_of_what_is_here_is_a_read(stored: Any) -> None:
    blob = BlobDownload(chunk_size="1mb", num_workers="2")
    assert stored.get_reader(blob_download_config=blob).read_all() == BODY


def test_what_is_missing_has_its_own_exception(client: Any, bucket: Any) -> None:
    for how in ({}, {"byte_range": "bytes=0-1"}, {"latest": True}):
        with pytest.raises(errors.ErrObjNotFound):
            bucket.object("none").get_reader(**how).read_all()
    with pytest.raises(errors.ErrBckNotFound):
        client.bucket(new_name()).object("k").get_reader().read_all()
