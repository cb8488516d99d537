"""Ranges, ETags, dates and conditions as they stand in headers."""

from __future__ import annotations

from contextlib import suppress
from email.utils import formatdate
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3gw.ops.bucket import check_bucket_name
from s3gw.s3.headers import (
    check_tags,
    http_date,
    quoted,
    read_condition,
    read_tagging_header,
    read_write_condition,
    unquoted,
)
from s3gw.s3.range_headers import read_range
from s3gw.wire.errors import S3Error
from storage.ranges import Between, From, Last
from storage.values import ALWAYS

SIZES = st.integers(0, 10**18 - 1)


@given(SIZES, SIZES)
def test_a_range_is_read_as_it_is_written(first: int, last: int) -> None:
    expected = Between(first, last + 1) if first <= last else None
    assert read_range(f"bytes={first}-{last}") == expected
    assert read_range(f"bytes={first}-") == From(first)
    assert read_range(f"bytes=-{last}") == Last(last)


@given(st.text(max_size=40))
@example("bytes=٣-٤")
@example("bytes=-")
@example("bytes=1-2,3-4")
@example("bytes=" + "1" * 5000 + "-")
def test_a_range_that_nobody_can_read_is_none(text: str) -> None:
    plain = text.replace(" ", "")
    if not (plain.startswith("bytes=") and set(plain[6:]) <= set("0123456789-")):
        assert read_range(text) is None


@given(st.text("0123456789abcdef-", min_size=1))
def test_an_etag_is_the_same_however_it_is_written(etag: str) -> None:
    for written in (etag, quoted(etag), f"W/{quoted(etag)}", f"&quot;{etag}&quot;", f" {etag} "):
        assert unquoted(written) == etag
    assert unquoted(f"&#34;{etag}&#34;") == etag


@given(st.integers(0, 253_402_300_799))
def test_a_date_is_read_as_it_is_written(seconds: int) -> None:
    condition = read_condition({"if-unmodified-since": http_date(seconds)})
    assert condition.if_unmodified_since == seconds
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


def test_dates_are_read_in_all_three_forms_of_http() -> None:
    forms = (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    )
    for form in forms:
        assert read_condition({"if-modified-since": form}).if_modified_since == 784111777


@given(st.text())
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 -0000")
@example("1" * 5000)
def test_a_date_that_nobody_can_read_is_no_condition(text: str) -> None:
    seconds = read_condition({"if-unmodified-since": text}).if_unmodified_since
    assert seconds is None or isinstance(seconds, int)


@given(st.lists(st.text("abc*", min_size=1), min_size=1, max_size=4))
def test_a_list_of_etags_is_read_whole(etags: list[str]) -> None:
    text = ", ".join(quoted(etag) for etag in etags)
    assert read_condition({"if-match": text}).if_match == tuple(etags)
    prefixed = read_condition({"x-amz-copy-source-if-none-match": text}, "x-amz-copy-source-")
    assert prefixed.if_none_match == tuple(etags)


def test_no_condition_is_the_one_that_always_holds() -> None:
    assert read_condition({"range": "x"}) is ALWAYS
    assert read_write_condition({"if-modified-since": "x"}) is ALWAYS


TAG_TEXT = st.text("aZ9 +-=._:/@ü日", max_size=8)


@given(st.dictionaries(TAG_TEXT.filter(bool), TAG_TEXT, max_size=10))
def test_a_tagging_header_is_a_query(tags: dict[str, str]) -> None:
    assert read_tagging_header(urlencode(tags)) == tags
    assert check_tags(list(tags.items())) == tags


@given(st.text())
def test_a_tagging_header_is_read_or_refused(text: str) -> None:
    tags: dict[str, str] = {}
    with suppress(S3Error):
        tags = read_tagging_header(text)
    assert tags == check_tags(list(tags.items()))


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True))
def test_a_label_is_a_bucket_name_unless_it_is_reserved(name: str) -> None:
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(
        ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
    )
    if reserved:
        with pytest.raises(S3Error):
            check_bucket_name(name)
    else:
        check_bucket_name(name)
