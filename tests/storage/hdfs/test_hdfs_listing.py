"""Listings of HDFS beside those of the model, for names that both can hold."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from storage.backends.hdfs import HdfsBackend
from storage.backends.memory import MemoryBackend
from storage.values import BucketOptions, ListQuery
from tests.storage.contract_listing import page_by_page
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.hdfs.remotes import KINDS, remote
from tests.storage.sync_bucket import OWNER, SyncBucket

# Of them, some are folders: names that begin as others do, beside the slash and ASCII's end.
TREE = (
    "a-b",
    "a.txt",
    "a/!",
    "a/b",
    "a/b-c",
    "a/b0/d",
    "a/b0/\u00e9",
    "a/\u65e5\u672c/\u8a9e",
    "a/\u65e5-",
    "a0",
    "a~",
    "a\u00e9/x",
    "a\U0001f600",
    "b",
    "b-/x",
    "b!/y/z",
    "c/d/e/f/g",
    "c/d0",
    "c/d\x7f",
    "\u00e9/x",
    "\u00e9a",
    "\u00e9\uffff/x",
    "\uffff",
    "\U00010000",
    *(f"many/{number:02}" for number in range(20)),
    *(f"many\u00e9/\u00e9{number:02}" for number in range(20)),
)
PREFIXES = ("", "a", "a/", "a/b", "a/\u65e5", "b", "many", "many/1", "\u00e9", "zz", "a//", "../")
DELIMITERS = ("", "/", "b", "-", "/b", "\u00e9", "//")
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=KINDS)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HdfsBackend]:
    with remote(request.param, tmp_path_factory.mktemp("dfs")) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(backend: HdfsBackend) -> SyncBucket:
    run(backend.create_bucket("tree", BucketOptions("")))
    made = SyncBucket(backend, "tree")
    made.put_all(*TREE)
    return made


@pytest.fixture(scope="module")
def model() -> SyncBucket:
    memory = MemoryBackend(FakeClock())
    run(memory.create_bucket("tree", BucketOptions(OWNER)))
    made = SyncBucket(memory, "tree")
    made.put_all(*TREE)
    return made


def rows(bucket: SyncBucket, query: ListQuery) -> list[tuple[list[str], tuple[str, ...], object]]:
    """Names, common prefixes and the marker of each page."""
    return [
        ([info.name for info in page.objects], page.common_prefixes, page.next_after)
        for page in page_by_page(bucket, query)
    ]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_listings_are_those_of_the_model(
    bucket: SyncBucket, model: SyncBucket, delimiter: str
) -> None:
    for prefix in PREFIXES:
        query = ListQuery(prefix, delimiter)
        assert rows(bucket, query) == rows(model, query), query


@pytest.mark.parametrize("delimiter", ["", "/", "b"])
def test_pages_are_those_of_the_model(
    bucket: SyncBucket, model: SyncBucket, delimiter: str
) -> None:
    for prefix, limit in (("", 3), ("a", 2), ("many", 9)):
        query = ListQuery(prefix, delimiter, limit=limit)
        assert rows(bucket, query) == rows(model, query), query


def test_a_listing_goes_on_after_any_name(bucket: SyncBucket, model: SyncBucket) -> None:
    chance = random.Random(1)
    letters = "a/b-.0c~\u00e9\u65e5\uffff\U0001f600"
    markers = ["".join(chance.choices(letters, k=chance.randint(1, 5))) for _ in range(60)]
    for after in (*TREE, *(f"{name}/" for name in TREE[::3]), *markers):
        delimiter = chance.choice(("", "/"))
        query = ListQuery("", delimiter, after, limit=4)
        ours, theirs = bucket.page(query), model.page(query)
        assert [info.name for info in ours.objects] == [info.name for info in theirs.objects], query
        assert ours.common_prefixes == theirs.common_prefixes, query
        assert ours.next_after == theirs.next_after, query


def test_a_folder_without_objects_is_not_a_common_prefix(backend: HdfsBackend) -> None:
    name = f"empty{next(_numbers)}"
    run(backend.create_bucket(name, BucketOptions("")))
    bucket = SyncBucket(backend, name)
    bucket.put("b/c/d")
    for folder in ("a", f"a/x{next(_numbers)}", "b/e", "z"):
        run(backend.create_bucket(f"x:/{name}/{folder}", BucketOptions("")))
    assert bucket.page(ListQuery(delimiter="/")).common_prefixes == ("b/",)
    assert bucket.page(ListQuery("b/", "/")).common_prefixes == ("b/c/",)
    assert bucket.names() == ["b/c/d"]
