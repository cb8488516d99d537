"""What a batch may say."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.objects.batch import InvalidBatch, decode_batch
from s3gw.objects.batch.request import MAX_ITEMS, Item
from storage.archives import ArchiveFormat
from storage.ranges import Between, From


def decoded(entry: dict[str, Any], **more: Any) -> Item:
    return decode_batch(json.dumps({"in": [entry], **more}).encode(), "home").items[0]


def test_what_the_sdk_sends_is_read() -> None:
    document = (
        b'{"in":[{"objname":"a","bucket":"b","provider":"ais","archpath":"c/d","opaque":"QUI=",'
        b'"start":1,"length":2}],"mime":".tar","coer":true,"onob":false,"strm":true,"later":1}'
    )
    batch = decode_batch(document, "home")
    assert batch.items == (Item("b", "a", "c/d", Between(1, 3), b"AB"),)
    assert (batch.format, batch.continue_on_error) == (ArchiveFormat.TAR, True)
    assert (batch.only_names, batch.streaming) == (False, True)


def test_what_is_left_out_is_as_in_go() -> None:
    batch = decode_batch(b'{"in":[{"objname":"a"}]}', "home")
    assert batch.items == (Item("home", "a"),)
    assert (batch.format, batch.continue_on_error) == (ArchiveFormat.TAR, False)
    assert (batch.only_names, batch.streaming) == (False, False)


@pytest.mark.parametrize(
    ("start", "length", "part"),
    [
        (0, 0, None),
        (0, 1, Between(0, 1)),
        (7, 5, Between(7, 12)),
        (0, -1, From(0)),
        (9, -1, From(9)),
        (1 << 61, 1, Between(1 << 61, (1 << 61) + 1)),
    ],
)
def test_start_and_length_are_a_range(start: int, length: int, part: object) -> None:
    assert decoded({"objname": "a", "start": start, "length": length}).part == part


@pytest.mark.parametrize(
    ("start", "length"),
    [(1, 0), (-1, 0), (-1, 5), (0, -2), (-1, -1), (1 << 62, 1), (0, 1 << 63), (0, (1 << 62) + 1)],
)
def test_other_ranges_are_refused(start: int, length: int) -> None:
    with pytest.raises(InvalidBatch):
        decoded({"objname": "a", "start": start, "length": length})


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("", ArchiveFormat.TAR), (".tar", ArchiveFormat.TAR), (".tgz", ArchiveFormat.TGZ),
        (".tar.gz", ArchiveFormat.TGZ), (".tar.lz4", ArchiveFormat.TAR_LZ4),
        (".zip", ArchiveFormat.ZIP), ("application/x-tar", ArchiveFormat.TAR),
    ],
)  # fmt: skip
def test_the_formats_have_their_names(mime: str, kind: ArchiveFormat) -> None:
    document = json.dumps({"in": [{"objname": "a"}], "mime": mime}).encode()
    assert decode_batch(document, "home").format is kind


@pytest.mark.parametrize("opaque", ["+/+/", "-_-_", "+/-_"])
def test_opaque_data_come_in_both_alphabets(opaque: str) -> None:
    assert decoded({"objname": "a", "opaque": opaque}).opaque == bytes.fromhex("fbffbf")


def test_a_uname_says_bucket_and_object_at_once() -> None:
    assert decoded({"uname": "ais/@#/b2/d/e"}) == Item("b2", "d/e")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"objname": ""},
        {"objname": "a", "provider": "aws"},
        {"objname": "n" * 1025},
        {"objname": "ü" * 513},
        {"objname": "a", "archpath": "p" * 4097},
        {"objname": "\ud800"},
        {"objname": 5},
        {"objname": "a", "opaque": "?"},
        {"objname": "a", "opaque": "QQ"},
        {"objname": "a", "opaque": "\xfc"},
        {"objname": "a", "opaque": 1},
        {"objname": "a", "start": "1"},
        {"uname": "ais/@#/b"},
        {"uname": "ais/@other#ns/b/o"},
        {"uname": "aws/@#/b/o"},
    ],
)
def test_an_entry_that_names_nothing_here_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidBatch):
        decoded(entry)


@pytest.mark.parametrize(
    "document",
    [b"", b"x", b"[]", b"{}", b'{"in":[]}', b'{"in":{}}', b'{"in":[1]}', b"[" * 100_000,
     b'{"in":[{"objname":"a"}],"mime":".rar"}', b'{"in":[{"objname":"a"}],"coloc":3}',
     b'{"in":[{"objname":"\xff"}]}'],
)  # fmt: skip
def test_what_is_no_batch_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidBatch):
        decode_batch(document, "home")


def test_the_number_of_entries_is_limited() -> None:
    def of(count: int) -> bytes:
        return b'{"in":[' + b",".join([b'{"objname":"a"}'] * count) + b"]}"

    assert len(decode_batch(of(MAX_ITEMS), "home").items) == MAX_ITEMS
    with pytest.raises(InvalidBatch):
        decode_batch(of(MAX_ITEMS + 1), "home")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_batch_or_refused(document: bytes) -> None:
    with suppress(InvalidBatch):
        decode_batch(document, "home")


def test_entries_are_counted_before_they_are_built() -> None:
    for text in (b'{"in":[' + b"{}," * 300_000 + b"{}]}", b"{" * 300_000):
        with pytest.raises(InvalidBatch, match="entries"):
            decode_batch(text, "b")


def test_braces_in_names_are_no_entries() -> None:
    name = "{" * 1000
    document = {"in": [{"objname": f"{name}{at}"} for at in range(300)]}
    assert len(decode_batch(json.dumps(document).encode(), "b").items) == 300
