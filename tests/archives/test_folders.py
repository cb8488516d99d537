"""Members of archives listed among objects, against one list of all names as the model."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from storage.archives import ArchiveFormat, Contents, FolderPage, Folders, format_of_name
from storage.errors import MalformedArchive, NotAnArchive
from storage.listing import common_prefix, object_page
from storage.values import NO_ATTRIBUTES, ListQuery, ObjectInfo, Page
from tests.archives.made import made
from tests.archives.stored import BUCKET, Stored, in_memory
from tests.storage.event_loop import run

# Few names that meet in every way: below, before and behind the slash that follows an archive.
OBJECTS = (
    *("a", "a.tar", "a.tar.gz", "a.tar-b", "a.tar/", "a.tar/b", "a.tar/b.zip", "a.tar0"),
    *("b/a.tar", "b/a.tar.b", "b/c", "c.zip", "c.zip!", "é.tgz", "é.tgz/b"),
)
MEMBERS = ("a", "b", "b/c", "b.zip/d", "b/c/d", "./b", "/e", "é", "-")
Held = Mapping[str, tuple[str, ...]]
held = st.dictionaries(
    st.sampled_from(OBJECTS), st.lists(st.sampled_from(MEMBERS), max_size=5).map(tuple), max_size=7
)
texts = st.sampled_from(
    ("", "a", "a.tar", "a.tar/", "a.tar/b", "a.tar/b/", "b/", "b/a.tar/", "c.zip/b", "é.tgz/", "z")
)
afters = st.one_of(texts, st.sampled_from((*OBJECTS, "a.tar.", "a.tar/b/c", "b/a.tar/b", "c.zip/")))
queries = st.builds(
    ListQuery, texts, st.sampled_from(("", "/", "b", ".t")), afters, st.integers(1, 4)
)


def store_of(held: Held) -> Stored:
    stored = in_memory()
    for name, members in held.items():
        kind = format_of_name(name)
        files = [(member, member.encode() * 3) for member in dict.fromkeys(members)]
        stored.put(name, made(kind, files) if kind else b"")
    return stored


async def look(stored: Stored, info: ObjectInfo) -> Contents | None:
    kind = format_of_name(info.name)
    assert kind is not None
    shard = stored.archives.of(stored.store, BUCKET, info, kind)
    try:
        return await shard.contents()
    except (MalformedArchive, NotAnArchive):
        return None


def folders(stored: Stored) -> Folders:
    return Folders(stored.store, BUCKET, lambda info: look(stored, info))


def modelled(held: Held, query: ListQuery, archives: list[str]) -> Page:
    """As if every member of those archives were an object."""
    names = set(held)
    for archive in archives:
        names |= {f"{archive}/{member.removeprefix('./').lstrip('/')}" for member in held[archive]}
    infos = [ObjectInfo(name, 0, "", 0, NO_ATTRIBUTES) for name in sorted(names)]
    return object_page(infos, query)


def modelled_every(held: Held, query: ListQuery) -> list[str]:
    """The rows and one more: objects as without archives, and all members of those objects."""
    infos = [ObjectInfo(name, 0, "", 0, NO_ATTRIBUTES) for name in sorted(held)]
    page = object_page(infos, replace(query, after="", limit=1000))
    listed = {info.name for info in page.objects}
    names = {
        f"{archive}/{member.removeprefix('./').lstrip('/')}"
        for archive, members in held.items()
        if format_of_name(archive) and not folded(archive, query)
        for member in members
    }
    inside = {name for name in names if name.startswith(query.prefix)}
    rows = sorted({*listed, *page.common_prefixes, *inside})
    # A prefix that `after` is, is skipped whole.
    return [name for name in rows if name > query.after][: query.limit + 1]


def folded(name: str, query: ListQuery) -> bool:
    folder = query.delimiter and common_prefix(name, query.prefix, query.delimiter)
    return bool(folder)


def assert_same(found: FolderPage, expected: Page) -> None:
    page = found.page
    assert [info.name for info in page.objects] == [info.name for info in expected.objects]
    assert page.common_prefixes == expected.common_prefixes
    assert page.next_after == expected.next_after


@given(held=held, query=queries)
@example(held={"a.tar": ("b",), "a.tar.gz": ("b",)}, query=ListQuery("", "", "a.tar.gz", 4))
@example(held={"b/a.tar": ("a",)}, query=ListQuery("", "/", "b/a.tar/", 1))
@settings(max_examples=500, deadline=None)
def test_members_are_listed_among_the_objects(held: Held, query: ListQuery) -> None:
    found = run(folders(store_of(held)).every(query))
    rows = [*(info.name for info in found.page.objects), *found.page.common_prefixes]
    expected = modelled_every(held, query)
    assert sorted(rows) == expected[: query.limit]
    more = len(expected) > query.limit
    assert found.page.next_after == (expected[query.limit - 1] if more else None)
    if not query.delimiter:
        archives = [name for name in held if format_of_name(name)]
        assert_same(found, modelled(held, query, archives))
        assert found.members == {info.name for info in found.page.objects} - set(held)


@given(held=held, delimiter=st.sampled_from(("", "/", "b")), limit=st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_pages_of_members_come_to_an_end_and_leave_nothing_out(
    held: Held, delimiter: str, limit: int
) -> None:
    stored, listed = folders(store_of(held)), list[str]()
    after: str | None = ""
    while after is not None:
        page = run(stored.every(ListQuery("", delimiter, after, limit))).page
        listed += sorted([*(info.name for info in page.objects), *page.common_prefixes])
        after = page.next_after
    assert listed == modelled_every(held, ListQuery("", delimiter, "", 1000))


@given(held=held, query=queries)
@settings(max_examples=300, deadline=None)
def test_below_a_prefix_only_that_archive_is_a_folder(held: Held, query: ListQuery) -> None:
    prefix = query.prefix
    reached = sorted(
        name for name in held if format_of_name(name) and prefix.startswith(name + "/")
    )
    found = run(folders(store_of(held)).below(query))
    assert_same(found, modelled(held, query, reached[:1]))


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_many_members_come_page_by_page(kind: ArchiveFormat) -> None:
    stored, archive = in_memory(), f"s{kind.value}"
    names = [f"{number:05}" for number in range(2500)]
    stored.put(archive, made(kind, [(name, name.encode()) for name in reversed(names)]))
    listed: list[str] = []
    page = Page((), (), "")
    while page.next_after is not None:
        query = ListQuery(archive, after=page.next_after, limit=999)
        page = run(folders(stored).every(query)).page
        listed += [info.name for info in page.objects]
        assert len(page.objects) == 999 or page.next_after is None
    assert listed == [archive, *(f"{archive}/{name}" for name in names)]


def test_an_object_that_is_no_archive_is_just_an_object() -> None:
    stored = in_memory()
    stored.put("a.tar", b"no tar" * 200)
    stored.put("b.zip", b"")
    stored.put("c.txt", b"")
    found = run(folders(stored).every(ListQuery()))
    assert [info.name for info in found.page.objects] == ["a.tar", "b.zip", "c.txt"]
    assert (found.archives, found.members) == (frozenset(), frozenset())


def test_of_one_name_the_first_member_is_listed_and_found() -> None:
    stored = in_memory()
    stored.put("a.tar", made(ArchiveFormat.TAR, [("x", b"1"), ("./x", b"22"), ("y", b"")]))
    page = run(folders(stored).every(ListQuery())).page
    assert [(info.name, info.size) for info in page.objects[1:]] == [("a.tar/x", 1), ("a.tar/y", 0)]
    contents = run(look(stored, page.objects[0]))
    assert contents is not None
    assert contents.find("x") == page.objects[1]
    assert contents.find("./x") is None


def test_names_that_are_no_text_are_left_out() -> None:
    stored = in_memory()
    stored.put("a.tar", made(ArchiveFormat.TAR, [("ok", b""), ("\udcff", b"")]))
    page = run(folders(stored).every(ListQuery())).page
    assert [info.name for info in page.objects] == ["a.tar", "a.tar/ok"]


def test_an_etag_lasts_as_long_as_the_archive() -> None:
    stored = in_memory()

    def etags() -> dict[str, str]:
        page = run(folders(stored).every(ListQuery("s.tar/"))).page
        return {info.name: info.etag for info in page.objects}

    stored.put("s.tar", made(ArchiveFormat.TAR, [("a", b"1"), ("b", b"1")]))
    first = etags()
    assert first == etags()
    assert len(set(first.values())) == 2
    stored.put("s.tar", made(ArchiveFormat.TAR, [("a", b"2"), ("b", b"1")]))
    assert set(first.values()).isdisjoint(etags().values())
