"""What every backend promises of listing versions."""

from __future__ import annotations

import pytest

from storage.capabilities import Capability
from storage.values import NULL_VERSION, Versioning, VersionPage, VersionQuery
from tests.storage.needs import all_need
from tests.storage.sync_bucket import SyncBucket

Row = tuple[str, str]


def rows_of(page: VersionPage) -> list[Row]:
    return [(entry.info.name, entry.info.version) for entry in page.versions]


def page_by_page(bucket: SyncBucket, query: VersionQuery) -> list[VersionPage]:
    pages = [bucket.versions(query)]
    while (after := pages[-1].next_after) is not None:
        version = pages[-1].next_version
        onward = VersionQuery(query.prefix, query.delimiter, after, version, query.limit)
        pages.append(bucket.versions(onward))
    return pages


@all_need(Capability.VERSIONS)
class VersionListingContract:
    @pytest.fixture
    def history(self, bucket: SyncBucket) -> list[Row]:
        """Names with versions of every kind, and what a listing of all says."""
        bucket.put_all("a", "b/null")
        bucket.set_versioning(Versioning.ENABLED)
        for name in ("a", "b/1", "b/1", "b/2/x", "b/null", "c", "c", "c", "d/1", "e"):
            bucket.put(name, b"x")
        for name in ("b/1", "d/1", "d/2", "e"):
            bucket.remove(name)
        bucket.put("e", b"back")
        names = ["a"] * 2 + ["b/1"] * 3 + ["b/2/x"] + ["b/null"] * 2 + ["c"] * 3
        names += ["d/1"] * 2 + ["d/2"] + ["e"] * 3
        rows = rows_of(bucket.versions())
        assert [name for name, _ in rows] == names
        return rows

    def test_a_bucket_without_versioning_lists_null_versions(self, bucket: SyncBucket) -> None:
        bucket.put_all("a", "b")
        page = bucket.versions()
        assert rows_of(page) == [("a", NULL_VERSION), ("b", NULL_VERSION)]
        assert all(entry.latest for entry in page.versions)

    def test_the_first_of_each_name_is_the_latest(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        seen = set()
        for entry in bucket.versions().versions:
            assert entry.latest == (entry.info.name not in seen)
            seen.add(entry.info.name)
        markers = [e.info.name for e in bucket.versions().versions if e.info.delete_marker]
        assert markers == ["b/1", "d/1", "d/2", "e"]

    def test_an_entry_is_what_head_tells(self, bucket: SyncBucket, history: list[Row]) -> None:
        for entry in bucket.versions().versions:
            if not entry.info.delete_marker:
                assert bucket.info(entry.info.name, entry.info.version) == entry.info

    def test_a_common_prefix_stands_for_all_versions_under_it(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        page = bucket.versions(VersionQuery(delimiter="/"))
        assert {name for name, _ in rows_of(page)} == {"a", "c", "e"}
        assert rows_of(page) == [row for row in history if "/" not in row[0]]
        assert [entry.latest for entry in page.versions].count(True) == 3
        assert page.common_prefixes == ("b/", "d/")
        page = bucket.versions(VersionQuery("b/", "/"))
        assert rows_of(page) == [row for row in history if row[0] in ("b/1", "b/null")]
        assert page.common_prefixes == ("b/2/",)

    @pytest.mark.parametrize("delimiter", ["", "/"])
    @pytest.mark.parametrize("prefix", ["", "b/", "c"])
    def test_pages_of_versions_joined_are_the_listing_at_once(
        self, bucket: SyncBucket, history: list[Row], prefix: str, delimiter: str
    ) -> None:
        whole = bucket.versions(VersionQuery(prefix, delimiter))
        assert whole.next_after is None
        for limit in (1, 2, 3, 7):
            pages = page_by_page(bucket, VersionQuery(prefix, delimiter, limit=limit))
            assert sum((page.versions for page in pages), ()) == whole.versions
            assert sum((page.common_prefixes for page in pages), ()) == whole.common_prefixes
            full = [len(page.versions) + len(page.common_prefixes) for page in pages[:-1]]
            assert full == [limit] * len(full)

    def test_a_name_as_marker_skips_all_its_versions(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        page = bucket.versions(VersionQuery(after="c"))
        assert rows_of(page) == [row for row in history if row[0] > "c"]

    def test_a_version_as_marker_leaves_the_older_ones(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        for at, (name, version) in enumerate(history):
            page = bucket.versions(VersionQuery(after=name, after_version=version))
            assert rows_of(page) == history[at + 1 :]

    def test_a_version_marker_that_is_gone_leaves_all_versions_of_its_name(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        mine = [row for row in history if row[0] >= "c"]
        bucket.remove(*mine[1])
        page = bucket.versions(VersionQuery(after="c", after_version=mine[1][1]))
        assert rows_of(page) == [mine[0], *mine[2:]]
        assert page.versions[0].latest

    def test_a_version_marker_of_a_name_that_is_gone_goes_on_behind_it(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        page = bucket.versions(VersionQuery(after="bb", after_version="0" * 32))
        assert rows_of(page) == [row for row in history if row[0] > "bb"]

    def test_a_common_prefix_as_marker_skips_all_versions_under_it(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        for version in ("", "0" * 32):
            page = bucket.versions(VersionQuery("", "/", "b/", version))
            assert rows_of(page) == [r for r in history if r[0] in ("c", "e")]
            assert page.common_prefixes == ("d/",)

    def test_a_limit_of_nothing_gives_no_versions(
        self, bucket: SyncBucket, history: list[Row]
    ) -> None:
        assert bucket.versions(VersionQuery(limit=0)) == VersionPage(())

    def test_a_name_of_many_versions_pages_in_order(self, bucket: SyncBucket) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        bucket.put_all("a", "z")
        made = [bucket.put("m", b"%d" % number).version for number in range(60)]
        pages = page_by_page(bucket, VersionQuery(limit=7))
        rows = [row for page in pages for row in rows_of(page)]
        assert [version for name, version in rows if name == "m"] == made[::-1]
        assert len(rows) == 62
        assert [entry.latest for page in pages for entry in page.versions].count(True) == 3
