"""The pages of a listing against a definition that needs no order of work."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.listing import common_prefix, object_page, upload_page
from storage.values import Attributes, ListQuery, ObjectInfo, UploadInfo, UploadQuery

SHORT = st.text("a/\u00e9\U00010000", max_size=5)
NAMES = st.sets(SHORT.filter(bool), max_size=12)
DELIMITERS = st.sampled_from(["", "/", "a", "//", "/a"])


def infos(names: set[str]) -> list[ObjectInfo]:
    return [ObjectInfo(name, 0, "", 0, Attributes()) for name in sorted(names, key=str.encode)]


@given(NAMES, SHORT, DELIMITERS)
def test_a_listing_is_the_names_that_stand_alone_and_the_prefixes_of_the_rest(
    names: set[str], prefix: str, delimiter: str
) -> None:
    page = object_page(infos(names), ListQuery(prefix, delimiter))
    chosen = {name for name in names if name.startswith(prefix)}
    alone = {name for name in chosen if not delimiter or delimiter not in name[len(prefix) :]}
    assert [info.name for info in page.objects] == sorted(alone)
    prefixes = page.common_prefixes
    assert list(prefixes) == sorted(set(prefixes))
    assert all(delimiter in common[len(prefix) :] for common in prefixes)
    for name in chosen - alone:
        assert len([common for common in prefixes if name.startswith(common)]) == 1


@given(NAMES, SHORT, DELIMITERS, st.integers(1, 4))
def test_pages_joined_are_the_listing(
    names: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    whole = object_page(infos(names), ListQuery(prefix, delimiter))
    page = object_page(infos(names), ListQuery(prefix, delimiter, limit=limit))
    objects, prefixes = page.objects, page.common_prefixes
    while (after := page.next_after) is not None:
        page = object_page(infos(names), ListQuery(prefix, delimiter, after, limit))
        objects, prefixes = objects + page.objects, prefixes + page.common_prefixes
    assert (objects, prefixes) == (whole.objects, whole.common_prefixes)


@given(NAMES, SHORT, DELIMITERS, SHORT)
def test_a_listing_behind_a_marker_has_every_row_with_a_name_behind_it(
    names: set[str], prefix: str, delimiter: str, after: str
) -> None:
    page = object_page(infos(names), ListQuery(prefix, delimiter, after))
    skipped = bool(after) and common_prefix(after, prefix, delimiter) == after
    behind = {name for name in names if name > after}
    if skipped:
        behind = {name for name in behind if not name.startswith(after)}
    assert page == object_page(infos(behind), ListQuery(prefix, delimiter))


@given(
    st.lists(st.tuples(SHORT.filter(bool), st.sampled_from("xyz")), unique=True, max_size=12),
    DELIMITERS,
    st.integers(1, 4),
)
def test_pages_of_uploads_joined_are_the_listing(
    begun: list[tuple[str, str]], delimiter: str, limit: int
) -> None:
    uploads = [UploadInfo(key, name, 0, "", Attributes()) for name, key in sorted(begun)]
    whole = upload_page(uploads, UploadQuery(delimiter=delimiter))
    page = upload_page(uploads, UploadQuery(delimiter=delimiter, limit=limit))
    infos, prefixes = page.uploads, page.common_prefixes
    while page.next_after is not None:
        query = UploadQuery("", delimiter, page.next_after, page.next_id, limit)
        page = upload_page(uploads, query)
        infos, prefixes = infos + page.uploads, prefixes + page.common_prefixes
    assert (infos, prefixes) == (whole.uploads, whole.common_prefixes)
