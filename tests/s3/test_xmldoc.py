"""The XML reader and writer, by properties: what goes out comes back, and strangers are refused."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.ops.delete import Delete
from s3gw.s3.error_document import error_document
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import (
    MAX_ATTRIBUTES,
    TimeNs,
    document,
    escape,
    from_xml,
    named,
    to_xml,
    within,
    xsi_type,
)

SPEAKABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))


@dataclass(frozen=True, slots=True)
class Inner:
    etag: str
    part_number: int = 0
    checksum_crc64nvme: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    inner: Inner | None = None
    truth: bool | None = None


@document("Keyed")
@dataclass(frozen=True, slots=True)
class Keyed:
    key: str


@document("Outer")
@dataclass(frozen=True, slots=True)
class Outer:
    id: str
    truth: bool
    inner: Inner | None = None
    items: tuple[Inner, ...] = named("Item", default=())
    wrapped: tuple[str, ...] = within("Wrapped", "Word", default=())
    rows: tuple[Row, ...] = named("Row", default=())


INNERS = st.builds(Inner, SPEAKABLE, st.integers(0, 10**18 - 1), st.none() | SPEAKABLE)
ROWS = st.builds(Row, SPEAKABLE, st.none() | INNERS, st.none() | st.booleans())
OUTERS = st.builds(
    Outer,
    SPEAKABLE,
    st.booleans(),
    st.none() | INNERS,
    st.lists(INNERS, max_size=3).map(tuple),
    st.lists(SPEAKABLE, max_size=3).map(tuple),
    st.lists(ROWS, max_size=3).map(tuple),
)


@given(OUTERS)
def test_what_is_written_is_read_again(outer: Outer) -> None:
    assert from_xml(Outer, to_xml(outer)) == outer


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_every_text_can_be_told_in_an_error(text: str) -> None:
    told = error_document(S3Error(Code.NoSuchKey, Key=text), "id")
    root = ElementTree.fromstring(told)
    speakable = "".join(c if c in "\t\n\r" or c >= " " else "\ufffd" for c in text)
    speakable = speakable.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert root.findtext("Key", "") == speakable


@given(SPEAKABLE)
def test_escaped_text_is_no_markup(text: str) -> None:
    escaped = escape(text)
    assert not {"<", ">", '"'} & set(escaped)
    assert ElementTree.fromstring(f"<a>{escaped}</a>").text == (text or None)


def test_line_ends_survive_as_references() -> None:
    assert escape("a\r\n\tb\x01") == "a&#xd;&#xa;&#x9;b&#x1;"


@dataclass(frozen=True, slots=True)
class Typed:
    name: str
    kind: str = xsi_type(default='a"b')


@document("Holder")
@dataclass(frozen=True, slots=True)
class Holder:
    typed: Typed
    when: TimeNs


def test_types_are_attributes_and_times_whole_seconds() -> None:
    text = to_xml(Holder(Typed("n"), TimeNs(1_700_000_000_999_999_999))).decode()
    assert "<When>2023-11-14T22:13:20.000Z</When>" in text
    assert 'xsi:type="a&quot;b"' in text


def test_namespaces_comments_and_unknown_elements_do_not_matter() -> None:
    body = (
        b'<s:Delete xmlns:s="urn:x"><?pi x?><!-- c --><s:Unknown><s:Key>no</s:Key></s:Unknown>'
        b"<s:Object><s:Key>a<!-- c -->b<![CDATA[<c>]]></s:Key></s:Object></s:Delete>"
    )
    read = from_xml(Delete, body)
    assert [one.key for one in read.objects] == ["ab<c>"]


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8)
)
HOSTILE = [
    BOMB + b"]><Delete><Object><Key>&i;</Key></Object></Delete>",
    b'<!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd"><Delete/>',
    b'<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><Delete/>',
    b"<Delete>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Delete>",
    b"<Delete><Object><Key>" + b"x" * 20_000_000 + b"</Key></Object></Delete>",
    b"<Delete " + b" ".join(b'a%d=""' % n for n in range(1000)) + b"><Object/></Delete>",
    b"\xff\xfe<\x00D\x00",
    b'<?xml version="1.0" encoding="utf-16"?><Delete/>',
    b"\x00",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_documents_are_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as error:
        from_xml(Delete, body)
    assert error.value.code is Code.MalformedXML


@given(st.binary(max_size=200))
def test_bytes_that_are_no_document_are_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as error:
        from_xml(Delete, body)
    assert error.value.code is Code.MalformedXML


@pytest.mark.parametrize("text", ["", "+1", "-1", "1_0", "1.0", "٣", "9" * 19, "0x1"])
def test_a_number_is_decimal_digits(text: str) -> None:
    body = f"<Outer><ID>i</ID><Truth>true</Truth><Item><ETag>e</ETag><PartNumber>{text}"
    with pytest.raises(S3Error):
        from_xml(Outer, f"{body}</PartNumber></Item></Outer>".encode())


def test_elements_are_counted_before_they_are_built() -> None:
    @document("Root", elements=100)
    @dataclass(frozen=True, slots=True)
    class Root:
        each: tuple[str, ...] = named("Each")

    def with_so_many(count: int) -> bytes:
        return b"<Root>" + b"<Each>x</Each>" * count + b"</Root>"

    assert len(from_xml(Root, with_so_many(99)).each) == 99
    with pytest.raises(S3Error) as raised:
        from_xml(Root, with_so_many(100))
    assert raised.value.code is Code.MalformedXML


def test_attributes_are_counted_before_they_are_built() -> None:
    """Equals signs and quotation marks of texts count only if there are many of both."""
    marks = b"=" * (MAX_ATTRIBUTES + 1)
    assert from_xml(Keyed, b"<Keyed><Key>" + marks + b"</Key></Keyed>").key == marks.decode()
    many = b" ".join(b"a%d=''" % number for number in range(MAX_ATTRIBUTES + 1))
    with pytest.raises(S3Error) as error:
        from_xml(Keyed, b"<Keyed " + many + b"><Key>k</Key></Keyed>")
    assert error.value.code is Code.MalformedXML
    few = b" ".join(b"a%d=''" % number for number in range(100))
    assert from_xml(Keyed, b"<Keyed " + few + b"><Key>k</Key></Keyed>").key == "k"
