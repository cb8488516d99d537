"""What every backend promises of names and of listing them."""

from __future__ import annotations

import pytest

from storage.capabilities import Capability
from storage.values import Attributes, ListedPage, ListQuery, Page
from tests.storage.event_loop import run
from tests.storage.needs import needs
from tests.storage.sync_bucket import SyncBucket, put_options

ODD_NAMES = (
    "a",
    "a/",
    "a/b",
    "a/\u00e9",
    "a/\U0001f600",
    "/",
    "//",
    "/a",
    "a//b",
    ".",
    "..",
    "../../etc/passwd",
    "a/../b",
    "./a",
    " ",
    "a ",
    "%2F",
    "a%00b",
    "a+b",
    "?",
    "#",
    "\\",
    "'\";--",
    "*",
    "\x01",
    "\t\n\r",
    "\x1f\x7f",
    "\u0085",
    "\u00e9",
    "e\u0301",
    "\u2028",
    "\ufeff",
    "\ufffd",
    "\uffff",
    "\U0001f600",
    "\U0010ffff",
    "CON",
    "A",
)
LONGEST = ("x" * 1024, "/" * 1024, "\u00e9" * 512, "\U0001f600" * 256, "a/" * 512)
TREE = ("a", "a/", "a/b", "a/c/d", "a0", "b/", "b/x", "b/y/z", "c")
DELIMITERS = ("", "/", "//", "b", "/b/", "\u00e9")


def page_by_page(bucket: SyncBucket, query: ListQuery) -> list[Page]:
    pages = [bucket.page(query)]
    while (after := pages[-1].next_after) is not None:
        pages.append(bucket.page(ListQuery(query.prefix, query.delimiter, after, query.limit)))
    return pages


class ListingContract:
    def test_any_name_is_kept_as_it_is(self, bucket: SyncBucket) -> None:
        for name in (*ODD_NAMES, *LONGEST):
            assert bucket.put(name, name.encode()).name == name
            assert bucket.read(name) == name.encode()
            assert bucket.names() == [name]
            assert bucket.delete(name) is True

    def test_odd_names_are_all_different_and_in_byte_order(self, bucket: SyncBucket) -> None:
        bucket.put_all(*ODD_NAMES, *LONGEST)
        assert bucket.names() == sorted([*ODD_NAMES, *LONGEST], key=str.encode)

    def test_names_are_ordered_by_utf8_not_by_utf16(self, bucket: SyncBucket) -> None:
        bucket.put_all("\U00010000", "\uffff", "\ue000", "z")
        assert bucket.names() == ["z", "\ue000", "\uffff", "\U00010000"]

    def test_an_empty_bucket_lists_nothing(self, bucket: SyncBucket) -> None:
        assert bucket.page() == Page(())

    @needs(Capability.UPLOADS)
    def test_a_listing_tells_what_head_tells(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        bucket.put_in_parts("b", b"one", b"two")
        assert bucket.page().objects == (bucket.info("a"), bucket.info("b"))

    def test_a_page_shows_what_was_said_of_an_object(self, bucket: SyncBucket) -> None:
        said = Attributes(
            headers={"content-type": "text/plain"},
            custom={"mtime": "1"},
            tags={"a": "b"},
            storage_class="GLACIER",
            owner="someone",
            acl="an opaque document",
        )
        bucket.put("a", b"x", options=put_options(attributes=said))

        def show(page: ListedPage) -> tuple[object, ...]:
            (of,) = (listed.attributes for listed in page.listed)
            return list(page.names), of.custom, of.storage_class, of.owner, of.encryption

        shown = run(bucket.backend.show_objects(bucket.bucket, ListQuery(), show))
        assert shown == (["a"], {"mtime": "1"}, "GLACIER", "someone", None)

    def test_what_showing_a_page_raises_comes_out(self, bucket: SyncBucket) -> None:
        def show(page: ListedPage) -> None:
            raise LookupError(page.names)

        with pytest.raises(LookupError):
            run(bucket.backend.show_objects(bucket.bucket, ListQuery(), show))

    @needs(Capability.UPLOADS)
    def test_unfinished_uploads_are_not_objects(self, bucket: SyncBucket) -> None:
        bucket.upload_of("a", b"part")
        assert bucket.page() == Page(())

    @pytest.mark.parametrize(
        ("prefix", "names"),
        [
            ("", list(TREE)),
            ("a", ["a", "a/", "a/b", "a/c/d", "a0"]),
            ("a/", ["a/", "a/b", "a/c/d"]),
            ("a/c/d", ["a/c/d"]),
            ("a/c/d/", []),
            ("zz", []),
        ],
    )
    def test_a_prefix_chooses(self, bucket: SyncBucket, prefix: str, names: list[str]) -> None:
        bucket.put_all(*TREE)
        assert bucket.names(ListQuery(prefix)) == names

    @pytest.mark.parametrize("last", ["\x7f", "\u07ff", "\ud7ff", "\uffff", "\U0010ffff"])
    def test_a_prefix_may_end_with_the_last_of_its_kind(
        self, bucket: SyncBucket, last: str
    ) -> None:
        """The end of a prefix's names is not its last character plus one."""
        bucket.put_all("a", f"a{last}", f"a{last}{last}", f"a{last}\U0010ffff", "b")
        expected = [f"a{last}", *sorted({f"a{last}{last}", f"a{last}\U0010ffff"})]
        assert bucket.names(ListQuery(f"a{last}")) == expected

    @pytest.mark.parametrize("wildcard", ["%", "_", "*", "?", "[a]"])
    def test_a_prefix_has_no_wildcards(self, bucket: SyncBucket, wildcard: str) -> None:
        bucket.put_all("a", "b", f"{wildcard}a")
        assert bucket.names(ListQuery(wildcard)) == [f"{wildcard}a"]

    def test_a_prefix_knows_case(self, bucket: SyncBucket) -> None:
        bucket.put_all("A", "a")
        assert bucket.names(ListQuery("a")) == ["a"]

    @pytest.mark.parametrize(
        ("prefix", "delimiter", "names", "prefixes"),
        [
            ("", "/", ["a", "a0", "c"], ("a/", "b/")),
            ("a", "/", ["a", "a0"], ("a/",)),
            ("a/", "/", ["a/", "a/b"], ("a/c/",)),
            ("b/y", "/", [], ("b/y/",)),
            ("", "0", ["a", "a/", "a/b", "a/c/d", "b/", "b/x", "b/y/z", "c"], ("a0",)),
            ("", "/c/", ["a", "a/", "a/b", "a0", "b/", "b/x", "b/y/z", "c"], ("a/c/",)),
            ("", "nowhere", list(TREE), ()),
            ("", "a", ["b/", "b/x", "b/y/z", "c"], ("a",)),
            ("zz", "/", [], ()),
        ],
    )
    def test_a_delimiter_rolls_up_what_stands_behind_the_prefix(
        self,
        bucket: SyncBucket,
        prefix: str,
        delimiter: str,
        names: list[str],
        prefixes: tuple[str, ...],
    ) -> None:
        bucket.put_all(*TREE)
        page = bucket.page(ListQuery(prefix, delimiter))
        assert [info.name for info in page.objects] == names
        assert page.common_prefixes == prefixes
        assert page.next_after is None

    def test_a_delimiter_may_have_many_bytes_and_overlap_itself(self, bucket: SyncBucket) -> None:
        bucket.put_all("a//b", "a/b", "a///b", "x\U0001f600y", "x\U0001f600z")
        assert bucket.page(ListQuery(delimiter="//")).common_prefixes == ("a//",)
        smiling = bucket.page(ListQuery(delimiter="\U0001f600"))
        assert smiling.common_prefixes == ("x\U0001f600",)

    def test_names_and_common_prefixes_may_take_turns(self, bucket: SyncBucket) -> None:
        """With names that begin like a prefix, and bytes next to the delimiter's on both sides."""
        names = ["b", "b.", "b/x", "b0", "c/", "c/x", "c0/y", "d", "é/x", "é\uffff", "é\uffff/"]
        bucket.put_all(*names)
        page = bucket.page(ListQuery(delimiter="/"))
        assert [info.name for info in page.objects] == ["b", "b.", "b0", "d", "é\uffff"]
        assert page.common_prefixes == ("b/", "c/", "c0/", "é/", "é\uffff/")

    @pytest.mark.parametrize(
        ("after", "names"),
        [("", ["a", "b", "d"]), ("a", ["b", "d"]), ("c", ["d"]), ("d", []), ("z", [])],
    )
    def test_a_listing_goes_on_behind_a_name_there_or_not(
        self, bucket: SyncBucket, after: str, names: list[str]
    ) -> None:
        bucket.put_all("a", "b", "d")
        assert bucket.names(ListQuery(after=after)) == names

    @pytest.mark.parametrize(("after", "names"), [("a", ["b1", "b2"]), ("b1", ["b2"]), ("c", [])])
    def test_a_marker_may_stand_outside_the_prefix(
        self, bucket: SyncBucket, after: str, names: list[str]
    ) -> None:
        bucket.put_all("a", "b1", "b2", "c")
        assert bucket.names(ListQuery("b", after=after)) == names

    def test_a_common_prefix_as_marker_is_skipped_whole(self, bucket: SyncBucket) -> None:
        bucket.put_all(*TREE)
        page = bucket.page(ListQuery(delimiter="/", after="a/"))
        assert [info.name for info in page.objects] == ["a0", "c"]
        assert page.common_prefixes == ("b/",)

    def test_a_common_prefix_without_names_is_skipped_too(self, bucket: SyncBucket) -> None:
        bucket.put_all("a", "b/c", "c")
        page = bucket.page(ListQuery(delimiter="/", after="aa/"))
        assert ([info.name for info in page.objects], page.common_prefixes) == (["c"], ("b/",))

    def test_a_marker_inside_a_common_prefix_is_behind_all_of_it(self, bucket: SyncBucket) -> None:
        bucket.put_all(*TREE)
        page = bucket.page(ListQuery(delimiter="/", after="a/b"))
        assert page.common_prefixes == ("b/",)
        behind = bucket.page(ListQuery(delimiter="/", after="a/c/d"))
        assert behind.common_prefixes == ("b/",)

    def test_a_marker_that_ends_with_the_delimiter_is_a_name_behind_a_longer_prefix(
        self, bucket: SyncBucket
    ) -> None:
        bucket.put_all(*TREE)
        page = bucket.page(ListQuery("a/", "/", after="a/"))
        assert [info.name for info in page.objects] == ["a/b"]
        assert page.common_prefixes == ("a/c/",)

    def test_without_a_delimiter_a_marker_skips_only_itself(self, bucket: SyncBucket) -> None:
        bucket.put_all(*TREE)
        assert bucket.names(ListQuery(after="b/")) == ["b/x", "b/y/z", "c"]

    @pytest.mark.parametrize(
        ("limit", "next_after"), [(1, "a"), (2, "b"), (3, None), (4, None), (1000, None)]
    )
    def test_a_full_page_names_its_last_when_there_is_more(
        self, bucket: SyncBucket, limit: int, next_after: str | None
    ) -> None:
        bucket.put_all("a", "b", "c")
        page = bucket.page(ListQuery(limit=limit))
        assert len(page.objects) == min(limit, 3)
        assert page.next_after == next_after

    def test_common_prefixes_count_against_the_limit(self, bucket: SyncBucket) -> None:
        bucket.put_all(*TREE)
        page = bucket.page(ListQuery(delimiter="/", limit=2))
        assert [info.name for info in page.objects] == ["a"]
        assert (page.common_prefixes, page.next_after) == (("a/",), "a/")

    def test_a_page_that_ends_with_the_last_common_prefix_is_the_last(
        self, bucket: SyncBucket
    ) -> None:
        bucket.put_all("a", "b/c", "b/d", "b/e")
        page = bucket.page(ListQuery(delimiter="/", limit=2))
        assert (page.common_prefixes, page.next_after) == (("b/",), None)

    def test_a_limit_of_nothing_gives_an_empty_last_page(self, bucket: SyncBucket) -> None:
        bucket.put_all(*TREE)
        assert bucket.page(ListQuery(limit=0)) == Page(())

    @pytest.mark.parametrize("delimiter", DELIMITERS)
    def test_pages_joined_are_the_listing_at_once(self, bucket: SyncBucket, delimiter: str) -> None:
        bucket.put_all(*ODD_NAMES, *TREE)
        for prefix in ("", "a", "/", "\u00e9"):
            for limit in (1, 2, 7):
                self._assert_pages(bucket, ListQuery(prefix, delimiter, limit=limit))

    def _assert_pages(self, bucket: SyncBucket, query: ListQuery) -> None:
        whole = bucket.page(ListQuery(query.prefix, query.delimiter))
        pages = page_by_page(bucket, query)
        assert sum((page.objects for page in pages), ()) == whole.objects
        assert sum((page.common_prefixes for page in pages), ()) == whole.common_prefixes
        full = [len(page.objects) + len(page.common_prefixes) for page in pages[:-1]]
        assert full == [query.limit] * len(full)

    def test_a_large_listing_is_complete(self, bucket: SyncBucket) -> None:
        names = [f"{number % 7}/{number:04}" for number in range(300)]
        bucket.put_all(*names)
        assert bucket.names() == sorted(names)
        assert len(page_by_page(bucket, ListQuery(limit=100))) == 3
        assert len(page_by_page(bucket, ListQuery(delimiter="/", limit=3))) == 3
