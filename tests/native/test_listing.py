"""What is in a bucket, as AIStore's clients list it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from storage.backends.memory import MemoryBackend
from storage.values import PutOptions
from tests.native.scene import Scene, services, told
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest

CACHED, IS_DIR = 1 << 6, 1 << 8
NAME_ONLY, NAME_SIZE, NO_RECURSION, NO_DIRS = "16", "32", "2048", "8192"
NAMES = ["a", "b/1", "b/2", "b/c/3", "b0", "d", "z", "é/x"]


@pytest.fixture(scope="module")
def filled(scene: Scene) -> str:
    bucket = scene.new_bucket()
    for number, name in enumerate(NAMES):
        scene.s3.put_object(Bucket=bucket, Key=name, Body=b"x" * number)
    return bucket


def names(page: dict[str, Any]) -> list[str]:
    return [entry["n"] for entry in page["Entries"]]


def test_names_come_in_the_order_of_their_bytes(scene: Scene, filled: str) -> None:
    page = scene.listing(filled)
    assert names(page) == NAMES
    assert [entry.get("s", 0) for entry in page["Entries"]] == list(range(len(NAMES)))
    assert all(entry["f"] == CACHED for entry in page["Entries"])
    assert (page["ContinuationToken"], page["Flags"]) == ("", 0)


def test_one_wildcard_at_the_end_of_a_prefix_means_nothing(scene: Scene, filled: str) -> None:
    assert names(scene.listing(filled, prefix="b/*")) == ["b/1", "b/2", "b/c/3"]
    assert names(scene.listing(filled, prefix="*")) == NAMES
    assert names(scene.listing(filled, prefix="b/**")) == []
    assert names(scene.listing(filled, prefix="*b")) == []


@pytest.mark.parametrize("size", [1, 2, 3, len(NAMES), 100])
def test_pages_lead_to_the_end(scene: Scene, filled: str, size: int) -> None:
    found: list[str] = []
    token, listing = "", ""
    while True:
        page = scene.listing(filled, pagesize=size, continuation_token=token, uuid=listing)
        assert page["UUID"]
        assert listing in ("", page["UUID"])
        assert len(page["Entries"]) <= size
        found += names(page)
        token, listing = page["ContinuationToken"], page["UUID"]
        if not token:
            break
    assert found == NAMES


def test_a_prefix_and_a_start(scene: Scene, filled: str) -> None:
    assert names(scene.listing(filled, prefix="b/")) == ["b/1", "b/2", "b/c/3"]
    assert names(scene.listing(filled, start_after="b/2")) == NAMES[3:]
    assert names(scene.listing(filled, prefix="b", start_after="b/2")) == ["b/c/3", "b0"]
    # The token goes on from a page, and the start was for the first one only.
    page = scene.listing(filled, start_after="a", continuation_token="d")
    assert names(page) == ["z", "é/x"]


def test_an_empty_bucket_is_an_empty_page(scene: Scene, bucket: str) -> None:
    page = scene.listing(bucket)
    assert (page["Entries"], page["ContinuationToken"]) == ([], "")


def test_no_recursion_rolls_folders_up(scene: Scene, filled: str) -> None:
    page = scene.listing(filled, flags=NO_RECURSION)
    assert names(page) == ["a", "b/", "b0", "d", "z", "é/"]
    folders = {entry["n"] for entry in page["Entries"] if entry["f"] & IS_DIR}
    assert folders == {"b/", "é/"}
    flags = str(int(NO_RECURSION) | int(NO_DIRS))
    # AIStore's own tests have the virtual folders there too.
    assert names(scene.listing(filled, flags=flags)) == ["a", "b/", "b0", "d", "z", "é/"]
    assert names(scene.listing(filled, flags=NO_RECURSION, prefix="b/")) == ["b/1", "b/2", "b/c/"]


def test_folders_are_on_pages_too(scene: Scene, filled: str) -> None:
    first = scene.listing(filled, flags=NO_RECURSION, pagesize=2)
    assert names(first) == ["a", "b/"]
    token = first["ContinuationToken"]
    more = scene.listing(filled, flags=NO_RECURSION, pagesize=2, continuation_token=token)
    assert names(more) == ["b0", "d"]


def test_only_what_is_asked_for_is_told(scene: Scene, filled: str) -> None:
    def keys(**asked: Any) -> set[str]:
        return set(scene.listing(filled, prefix="z", **asked)["Entries"][0])

    assert keys(flags=NAME_ONLY) == {"n", "f"}
    assert keys(props="name") == {"n", "f"}
    assert keys(flags=NAME_SIZE, props="name,checksum") == {"n", "s", "f"}
    assert keys() == {"n", "s", "f"}
    assert keys(flags="1") == {"n", "s", "cs", "a", "f"}
    every = "name,size,version,checksum,atime,cached,copies,location,custom,ec,status"
    assert keys(props=every) == {"n", "s", "cs", "a", "v", "t", "c", "f"}
    assert keys(props="name, node, target_url") == {"n", "t", "f"}


def test_versions_and_custom_properties_are_listed(scene: Scene, bucket: str) -> None:
    status = {"Status": "Enabled"}
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=status)
    version = scene.put(bucket, "k", headers={"ais-custom-md": "a=1,b=2"}).headers["ais-version"]
    entry = scene.listing(bucket, props="version,custom")["Entries"][0]
    assert (entry["v"], entry["m"]) == (version, "[a:1 b:2]")


@pytest.mark.parametrize(
    ("layout", "length"),
    [("", 19), ("2006-01-02T15:04:05Z07:00", 20), ("Mon, 02 Jan 2006 15:04:05 MST", 29)],
)
def test_times_are_written_as_asked(scene: Scene, filled: str, layout: str, length: int) -> None:
    page = scene.listing(filled, props="atime", time_format=layout)
    assert {len(entry["a"]) for entry in page["Entries"]} == {length}


def test_json_is_for_those_who_do_not_ask_for_msgpack(scene: Scene, filled: str) -> None:
    answer = scene.act("GET", f"buckets/{filled}", "list", {"props": "name,size", "pagesize": 2})
    assert answer.headers["content-type"] == "application/json"
    page = json.loads(answer.body)
    assert page["entries"] == [
        {"name": "a", "flags": 64},
        {"name": "b/1", "size": "1", "flags": 64},
    ]
    assert page["continuation_token"] == "b/1"
    assert page["uuid"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"flags": "x"}, 400),
        ({"flags": "-1"}, 400),
        ({"flags": str(1 << 40)}, 400),
        ({"flags": str(1 << 15)}, 404),
        ({"target": "t1"}, 501),
        ({"props": "name,colour"}, 400),
        ({"pagesize": -1}, 400),
        ({"pagesize": "many"}, 400),
        ({"prefix": 7}, 400),
        ({"props": "atime", "time_format": "noon"}, 400),
        ([], 400),
    ],
)
def test_what_cannot_be_listed_is_refused(
    scene: Scene, filled: str, asked: object, status: int
) -> None:
    assert told(scene.act("GET", f"buckets/{filled}", "list", asked)).status == status


def test_flags_and_sizes_may_be_numbers(scene: Scene, filled: str) -> None:
    assert len(scene.listing(filled, flags=16, pagesize="2")["Entries"]) == 2


def test_a_page_has_at_most_ten_thousand_entries(scene: Scene, filled: str) -> None:
    assert len(scene.listing(filled, pagesize=10**9)["Entries"]) == len(NAMES)


def test_a_page_has_ten_thousand_names_at_most() -> None:
    """Whatever is asked for, and where nothing is."""
    store = MemoryBackend()
    with closing(Scene(store, services(store))) as scene:
        bucket = scene.new_bucket()

        async def fill() -> None:
            for number in range(10_001):
                options = PutOptions(Md5Digest())
                await store.put_object(bucket, f"{number:05}", body_of(b""), options)

        scene.server.run(fill())
        for asked in ({}, {"pagesize": 0}, {"pagesize": 10_001}, {"pagesize": 1_000_000}):
            page = scene.listing(bucket, **asked)
            assert len(page["Entries"]) == 10_000
            assert page["ContinuationToken"] == "09999"


@pytest.mark.parametrize("name", ["RFC822", "RFC1123Z", "RFC3339", "Stamp", "StampMilli"])
def test_a_format_of_times_has_a_name(scene: Scene, filled: str, name: str) -> None:
    page = scene.listing(filled, props="name,atime", time_format=name)
    assert all(entry["a"] for entry in page["Entries"])
