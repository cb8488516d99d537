"""Objects, by the aistore SDK's readers and writers."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

errors: Any = import_module("aistore.sdk.errors")

BODY = random.Random(1).randbytes(3_000_000)
ODD_NAMES = ("plain", "a/b/c", "o %?#é.txt", "sp ace+plus", "日本", "semi;colon:comma,", "x" * 500)


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_content_that_was_put_is_read(bucket: Any, size: int) -> None:
    writer = bucket.object("k").get_writer()
    writer.put_content(BODY[:size])
    assert bucket.object("k").get_reader().read_all() == BODY[:size]


def test_a_file_that_was_put_is_read(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    bucket.object("k").get_writer().put_file(tmp_path / "file")
    assert b"".join(bucket.object("k").get_reader()) == BODY
    assert bucket.object("k").get_reader().raw().read() == BODY


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_kept(bucket: Any, name: str) -> None:
    bucket.object(name).get_writer().put_content(name.encode())
    assert bucket.object(name).get_reader().read_all() == name.encode()
    assert [entry.name for entry in bucket.list_all_objects()] == [name]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-9", 0, 10), ("5-", 5, None), ("-7", -7, None)],
)
def test_ranges(bucket: Any, asked: str, start: int, stop: int | None) -> None:
    bucket.object("k").get_writer().put_content(BODY)
    got = bucket.object("k").get_reader(byte_range=f"bytes={asked}").read_all()
    assert got == BODY[start:stop]


def test_a_reader_is_a_file(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(BODY)
    with bucket.object("k").get_reader().as_file() as file:
        assert file.read(10) == BODY[:10]
        assert file.read() == BODY[10:]


def test_readers_go_straight_to_the_target(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(BODY)
    assert bucket.object("k").get_reader(direct=True).read_all() == BODY


def test_several_workers_read_one_object(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(BODY)
    with bucket.object("k").get_reader(num_workers=2).read_all() as read:
        assert read.tobytes() == BODY


def test_properties(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(b"abc")
    props = bucket.object("k").props
    assert (props.size, props.checksum_type, props.present) == (3, "xxhash2", True)
    assert (props.name, props.bucket_name, props.bucket_provider) == ("k", bucket.name, "ais")
    assert len(props.checksum_value) == 16
    assert bucket.object("k").get_reader().attributes.checksum_value == props.checksum_value


def test_custom_properties(bucket: Any) -> None:
    writer = bucket.object("k").get_writer()
    writer.put_content(b"abc")
    writer.set_custom_props({"a": "1", "b": "2"})
    writer.set_custom_props({"b": "3"})
    assert bucket.object("k").props.custom_metadata == {"a": "1", "b": "3"}
    writer.set_custom_props({"c": "4"}, replace_existing=True)
    assert bucket.object("k").props.custom_metadata == {"c": "4"}


def test_an_object_is_replaced(bucket: Any) -> None:
    for body in (BODY, b"short"):
        bucket.object("k").get_writer().put_content(body)
    assert bucket.object("k").get_reader().read_all() == b"short"


def test_an_object_is_deleted(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(b"abc")
    bucket.object("k").delete()
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("k").get_reader().read_all()


def test_what_is_missing_has_its_own_exception(client: Any, bucket: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("none").delete()
    with pytest.raises(errors.ErrBckNotFound):
        client.bucket("no-such-bucket").object("k").get_reader().read_all()
    with pytest.raises(errors.AISError):
        bucket.object("none").head()


def test_what_is_not_there_yet_fails_at_once(bucket: Any) -> None:
    bucket.object("k").get_writer().put_content(b"abc")
    with pytest.raises(errors.AISError, match="append"):
        bucket.object("k").get_writer().append_content(b"def")
    assert bucket.object("k").get_reader().read_all() == b"abc"
