"""Listings of objects, by the aistore SDK: pages, properties and flags."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import errors, fill, names, put, refused, tar

Flag: Any = import_module("aistore.sdk.list_object_flag").ListObjectFlag

NAMES = ["a", "b/1", "b/2", "b/c/3", "b0", "d", "z"]


@pytest.fixture(name="filled", scope="module")
def _filled(client: Any) -> Any:
    """For reading only."""
    made = client.bucket("sdk-listing").create(exist_ok=True)
    fill(made, {name: b"x" * number for number, name in enumerate(NAMES)})
    yield made
    made.delete()


@pytest.mark.parametrize("size", [0, 1, 2, 7, 100])
def test_pages_lead_to_the_end(filled: Any, size: int) -> None:
    assert [each.name for each in filled.list_all_objects(page_size=size)] == NAMES
    assert [each.name for each in filled.list_objects_iter(page_size=size)] == NAMES


def test_a_page_is_a_page(filled: Any) -> None:
    page = filled.list_objects(page_size=2, prefix="b")
    assert [each.name for each in page.entries] == ["b/1", "b/2"]
    more = filled.list_objects(
        page_size=2, prefix="b", uuid=page.uuid, continuation_token=page.continuation_token
    )
    assert [each.name for each in more.entries] == ["b/c/3", "b0"]
    assert (more.uuid, more.continuation_token) == (page.uuid, "")


def test_a_page_may_be_larger_than_any(filled: Any) -> None:
    page = filled.list_objects(page_size=1_000_000)
    assert (len(page.entries), page.continuation_token) == (7, "")


def test_what_is_put_between_two_pages_is_on_the_second(bucket: Any) -> None:
    fill(bucket, {"a": b"", "b": b"", "d": b""})
    page = bucket.list_objects(page_size=2)
    put(bucket, "c")
    rest = bucket.list_objects(
        page_size=2, uuid=page.uuid, continuation_token=page.continuation_token
    )
    assert [each.name for each in rest.entries] == ["c", "d"]


def test_an_empty_bucket_has_no_entries(bucket: Any) -> None:
    page = bucket.list_objects()
    assert (page.entries, page.continuation_token) == ([], "")
    assert page.uuid
    assert (bucket.list_all_objects(), list(bucket.list_objects_iter())) == ([], [])


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("b", NAMES[1:5]),
        ("b/", NAMES[1:4]),
        ("b/c/3", ["b/c/3"]),
        ("none", []),
        ("/b", []),
    ],
)
def test_a_prefix_is_a_prefix(filled: Any, prefix: str, expected: list[str]) -> None:
    assert names(filled, prefix=prefix) == expected


def test_names_are_sorted_by_their_bytes(bucket: Any) -> None:
    odd = ["é", "Z", "a", "a/", "a b", "~", "日本", "a+b"]
    fill(bucket, dict.fromkeys(odd, b""))
    assert names(bucket) == sorted(odd, key=str.encode)


def test_names_and_sizes_come_without_being_asked_for(filled: Any) -> None:
    entry = filled.list_objects(prefix="z").entries[0]
    assert (entry.name, entry.size, entry.is_ok()) == ("z", 6, True)


def test_properties_of_entries(filled: Any) -> None:
    props = "name,size,checksum,atime,location,copies,cached,status,custom,ec"
    entry = filled.list_objects(prefix="z", props=props).entries[0]
    assert (entry.size, entry.copies, entry.is_cached(), entry.is_ok()) == (6, 1, True, True)
    assert len(entry.checksum) == 16
    assert entry.location.startswith("t[")
    assert entry.atime


@pytest.mark.parametrize(
    ("props", "has_size", "has_checksum"),
    [("name", False, False), ("name,size", True, False), ("name,checksum", False, True)],
)
def test_only_what_is_asked_for_is_told(
    filled: Any, props: str, has_size: bool, has_checksum: bool
) -> None:
    entry = filled.list_objects(prefix="z", props=props).entries[0]
    assert (entry.size > 0, entry.checksum != "") == (has_size, has_checksum)


def test_a_property_that_is_none_is_refused(filled: Any) -> None:
    with refused(400):
        filled.list_objects(props="name,colour")


@pytest.mark.parametrize(("flag", "size"), [(Flag.NAME_ONLY, 0), (Flag.NAME_SIZE, 6)])
def test_less_can_be_asked_for(filled: Any, flag: Any, size: int) -> None:
    entry = filled.list_objects(prefix="z", flags=[flag]).entries[0]
    assert (entry.name, entry.size, entry.checksum) == ("z", size, "")


def test_folders_are_rolled_up(filled: Any) -> None:
    assert names(filled, flags=[Flag.NO_RECURSION]) == ["a", "b/", "b0", "d", "z"]


def test_virtual_folders_are_there_without_folders_too(filled: Any) -> None:
    """As AIStore's own tests have it."""
    found = names(filled, flags=[Flag.NO_RECURSION, Flag.NO_DIRS])
    assert found == ["a", "b/", "b0", "d", "z"]


def test_a_folder_is_marked_as_one(filled: Any) -> None:
    found = filled.list_all_objects(flags=[Flag.NO_RECURSION])
    assert [each.name for each in found if each.flags & 1 << 8] == ["b/"]


def test_a_folder_is_opened(filled: Any) -> None:
    assert names(filled, prefix="b/", flags=[Flag.NO_RECURSION]) == ["b/1", "b/2", "b/c/"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_folders_are_rolled_up_over_pages(filled: Any, size: int) -> None:
    found = names(filled, flags=[Flag.NO_RECURSION], page_size=size)
    assert found == ["a", "b/", "b0", "d", "z"]


def test_everything_is_cached_and_nothing_else_can_be_asked_for(filled: Any) -> None:
    assert names(filled, flags=[Flag.CACHED]) == NAMES
    with refused(501, "NOT_CACHED"):
        filled.list_objects(flags=[Flag.NOT_CACHED])


def test_flags_of_remote_buckets_change_nothing(filled: Any) -> None:
    flags = [Flag.BCK_PRESENT, Flag.DONT_HEAD_REMOTE, Flag.DONT_ADD_REMOTE, Flag.MISSING]
    assert names(filled, flags=flags) == NAMES


@pytest.mark.parametrize(
    ("after", "expected"),
    [("b/2", NAMES[3:]), ("b", NAMES[1:]), ("zz", []), ("", NAMES)],
)
def test_a_listing_can_start_later(filled: Any, after: str, expected: list[str]) -> None:
    assert names(filled, start_after=after, page_size=2) == expected


def test_a_start_and_a_prefix_together(filled: Any) -> None:
    assert names(filled, prefix="b/", start_after="b/1") == ["b/2", "b/c/3"]


def test_a_start_in_a_remote_bucket_is_told_by_the_sdk(client: Any) -> None:
    with pytest.raises(NotImplementedError):
        client.bucket("remote", provider="aws").list_objects(start_after="a")


def test_objects_come_with_what_was_listed(filled: Any) -> None:
    found = list(filled.list_all_objects_iter(prefix="b/"))
    assert [(each.name, each.props_cached.size) for each in found] == [
        ("b/1", 1),
        ("b/2", 2),
        ("b/c/3", 3),
    ]


def test_entries_lead_to_their_objects(filled: Any) -> None:
    page = filled.list_objects(prefix="d")
    assert page.entries[0].object.get_reader().read_all() == b"xxxxx"
    assert page.entries[0].generate_object_props().size == 5


def test_three_pages_of_objects_are_listed(bucket: Any) -> None:
    fill(bucket, {f"{number:03}": b"" for number in range(120)})
    found = bucket.list_all_objects(page_size=50)
    assert [each.name for each in found] == [f"{number:03}" for number in range(120)]


def test_archives_are_opened_like_folders(bucket: Any) -> None:
    packed = tar([("one.txt", b"1"), ("two/three.txt", b"333")])
    fill(bucket, {"a": b"", "shard.tar": packed, "z": b""})
    found = bucket.list_all_objects(flags=[Flag.ARCH_DIR], props="name,size")
    assert [(each.name, each.size) for each in found] == [
        ("a", 0),
        ("shard.tar", len(packed)),
        ("shard.tar/one.txt", 1),
        ("shard.tar/two/three.txt", 3),
        ("z", 0),
    ]
    assert [bool(each.flags & 1 << 7) for each in found] == [False, False, True, True, False]


def test_without_an_inventory_none_is_listed(filled: Any) -> None:
    with pytest.raises(errors.AISError, match=r'inventory "inv" of bucket .* does not exist'):
        filled.list_objects(inventory_name="inv")
