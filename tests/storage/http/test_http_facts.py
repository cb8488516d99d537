"""What an answer says of its object, and what it promises."""

from __future__ import annotations

import pytest

from storage.backends.http.facts import (
    Facts,
    condition_headers,
    facts_of,
    is_same,
    resuming_headers,
)
from storage.ranges import Between
from storage.values import ObjectInfo

TIME = "Tue, 01 Dec 2026 00:00:00 GMT"
NOW_NS = 1_796_083_200 * 10**9 + 60 * 10**9
LATER = "Tue, 01 Dec 2026 00:00:01 GMT"


def facts(**headers: str) -> Facts:
    return facts_of({name.replace("_", "-"): value for name, value in headers.items()}, 200)


def info(**headers: str) -> ObjectInfo:
    found = facts(**headers)
    assert found.size is not None
    return found.info("a", found.size)


def test_a_strong_etag_is_kept_without_its_quotes() -> None:
    known = info(etag='"abc"', last_modified=TIME, content_length="5")
    assert (known.etag, known.size, known.modified_ns) == ("abc", 5, 1_796_083_200 * 10**9)
    assert condition_headers(known) == {"If-None-Match": '"abc"'}
    assert resuming_headers(known, NOW_NS) == {"If-Range": '"abc"'}


def test_a_weak_etag_promises_no_bytes() -> None:
    known = info(etag='W/"abc"', last_modified=TIME, content_length="5")
    assert known.etag == "W/abc"
    assert condition_headers(known) == {"If-None-Match": 'W/"abc"'}
    assert resuming_headers(known, NOW_NS) is None
    assert is_same(known, facts(etag='W/"abc"', last_modified=TIME, content_length="5"))
    assert not is_same(known, facts(etag='W/"abc"', last_modified=LATER, content_length="5"))
    assert not is_same(known, facts(etag='"abc"', last_modified=TIME, content_length="5"))


def test_time_and_size_stand_for_an_etag() -> None:
    known = info(last_modified=TIME, content_length="5")
    assert condition_headers(known) == {"If-Modified-Since": TIME}
    assert resuming_headers(known, NOW_NS) == {"If-Range": TIME}
    assert resuming_headers(known, NOW_NS - 1) is None
    assert is_same(known, facts(last_modified=TIME, content_length="5"))
    assert not is_same(known, facts(last_modified=TIME, content_length="6"))
    assert not is_same(known, facts(last_modified=LATER, content_length="5"))


def test_what_nothing_is_said_of_is_never_the_same() -> None:
    known = info(content_length="5")
    assert condition_headers(known) == {}
    assert resuming_headers(known, NOW_NS) is None
    assert not is_same(known, facts(content_length="5"))


def test_another_length_is_another_object() -> None:
    known = info(etag='"abc"', content_length="5")
    assert not is_same(known, facts(etag='"abc"', content_length="6"))
    assert is_same(known, facts(etag='"abc"'))


@pytest.mark.parametrize(
    "etag", ['"W/abc"', '"~1-2"', '"?x"', '"' + "a" * 300 + '"', '"a"b"', "", '""', '"é"']
)
def test_an_odd_etag_is_not_taken_for_another_kind(etag: str) -> None:
    known = info(etag=etag, last_modified=TIME, content_length="5")
    assert known.etag.isascii()
    assert len(known.etag) <= 256
    assert not known.etag.startswith(("W/", "?"))
    if known.etag.startswith("~"):
        assert known.etag == info(last_modified=TIME, content_length="5").etag
    assert is_same(known, facts(etag=etag, last_modified=TIME, content_length="5"))


@pytest.mark.parametrize("time", ["", "yesterday", "Tue, 99 Dec 2026 00:00:00 GMT"])
def test_a_time_that_cannot_be_read_is_none(time: str) -> None:
    assert facts(last_modified=time).modified_ns == 0


def test_headers_of_the_content_are_kept_and_others_are_not() -> None:
    found = facts(content_type="text/csv", content_encoding="gzip", set_cookie="a=b", x_secret="c")
    assert found.headers == {"content-type": "text/csv", "content-encoding": "gzip"}
    assert facts(content_encoding="identity").headers == {}


@pytest.mark.parametrize("text", ["-1", "5, 5", "1e3", "", "9" * 30])
def test_a_length_that_cannot_be_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        facts(content_length=text)


def test_a_body_in_chunks_has_no_length() -> None:
    assert facts(transfer_encoding="chunked").size is None


def test_a_range_has_its_place() -> None:
    found = facts_of({"content-range": "bytes 2-4/10", "content-length": "3"}, 206)
    assert (found.size, found.span) == (10, Between(2, 5))
    assert facts_of({"content-range": "bytes 2-4/*"}, 206).size is None


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", "3"),
        ("bytes 2-4", "3"),
        ("items 2-4/10", "3"),
        ("bytes 4-2/10", "3"),
        ("bytes 2-4/4", "3"),
        ("bytes 2-4/10", "4"),
    ],
)
def test_a_range_that_contradicts_itself_is_an_error(text: str, length: str) -> None:
    with pytest.raises(ValueError, match=r"range|number"):
        facts_of({"content-range": text, "content-length": length}, 206)
