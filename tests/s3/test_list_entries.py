"""Entries of listings are, byte for byte, what their declarations say."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from s3gw.ops.list_entries import Owners, common_prefixes, contents, versions
from s3gw.s3.key_encoding import Encode
from s3gw.s3.shared_elements import Owner
from s3gw.wire.xmldoc import escape, escaped
from storage.values import (
    Attributes,
    Checksum,
    ChecksumType,
    ListedPage,
    ListedVersionPage,
    ObjectInfo,
    Page,
    VersionEntry,
    VersionPage,
)
from tests.s3 import declared_entries as declared

# Any text that is UTF-8, and often what XML must not carry as it is.
TEXT = st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("a&<>\"'\t\r\n\0\x1f\x7f/;"))
FEW = st.sampled_from(["STANDARD", "GLACIER", "<&>", ""])
INFOS = st.builds(
    ObjectInfo,
    name=TEXT,
    size=st.integers(0, 2**63),
    etag=st.text("0123456789abcdef-") | TEXT,
    modified_ns=st.integers(0, 4 * 10**18),
    attributes=st.builds(Attributes, storage_class=FEW | TEXT, owner=FEW | TEXT),
    checksum=st.none() | st.builds(Checksum, FEW | TEXT, TEXT, st.sampled_from(ChecksumType)),
    version=TEXT,
    delete_marker=st.booleans(),
)
PAGES = st.lists(INFOS, max_size=6).map(lambda infos: Page(tuple(infos)))
ENTRIES = st.lists(st.builds(VersionEntry, INFOS, st.booleans()), max_size=6)
ENCODINGS = st.sampled_from([str, quote])


def _with_name(account: str) -> Owner:
    return Owner(f"{account} & <co>", account)


def _nameless(account: str) -> Owner:
    return Owner(None, account or "the bucket's")


OWNERS = st.sampled_from([_with_name, _nameless])


@given(PAGES, ENCODINGS, st.none() | OWNERS)
def test_objects_are_written_as_declared(page: Page, encode: Encode, owners: Owners | None) -> None:
    expected = [declared.content(info, encode, owners) for info in page.objects]
    assert contents(ListedPage.of(page), encode, owners) == "".join(expected)


@given(ENTRIES, ENCODINGS, OWNERS)
def test_versions_are_written_as_declared(
    entries: list[VersionEntry], encode: Encode, owners: Owners
) -> None:
    page = ListedVersionPage.of(VersionPage(tuple(entries)))
    expected = [declared.version(entry, encode, owners) for entry in entries]
    assert versions(page, encode, owners) == "".join(expected)


@given(st.lists(TEXT, max_size=6), ENCODINGS)
def test_common_prefixes_are_written_as_declared(prefixes: list[str], encode: Encode) -> None:
    expected = [declared.common_prefix(prefix, encode) for prefix in prefixes]
    assert common_prefixes(prefixes, encode) == "".join(expected)


@given(st.lists(TEXT | st.text()))
def test_a_column_is_escaped_as_each_of_its_texts(texts: list[str]) -> None:
    assert list(escaped(texts)) == [escape(text) for text in texts]


def test_every_character_that_is_escaped_is_found() -> None:
    for character in map(chr, range(0x3000)):
        assert list(escaped(["a", character])) == ["a", escape(character)]
