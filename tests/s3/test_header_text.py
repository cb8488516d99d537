"""Text of other scripts in metadata and file names: what is sent comes back, in ASCII."""

from __future__ import annotations

from base64 import b64encode
from email.header import decode_header, make_header
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.s3.header_text import content_disposition, decoded_words, encoded_word
from tests.s3.forms import allowed, form, post
from tests.s3.gateway import Gateway

DASHES = "test_—_file%E2%80%94_é_2?.pdf"
GERMAN = "ÄMÄZÕÑ S3"
# Recorded at AWS: what is stored, and how it goes out.
RECORDED = [
    (DASHES, "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="),
    (GERMAN, "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
    ("\0\1\2\3", "=?UTF-8?B?AAECAw==?="),
    ("\ufffd" * 7, "=?UTF-8?B?77+977+977+977+977+977+977+9?="),
    ("actually-ascii", "actually-ascii"),
    ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    (
        "test_—_file%E2%80%94_é_2👑.pdf",
        "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
    ),
]


def kept(text: str) -> str:
    """The text as the program keeps headers."""
    return text.encode().decode("latin-1")


def b_word(text: str) -> str:
    return f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="


@pytest.mark.parametrize(("text", "sent"), RECORDED)
def test_the_words_are_those_of_aws(text: str, sent: str) -> None:
    assert encoded_word(kept(text)) == sent
    assert decoded_words(sent) == kept(text)


@given(st.text())
def test_a_word_is_read_back_by_everyone(text: str) -> None:
    sent = encoded_word(kept(text))
    assert (sent.isascii() and sent.isprintable()) or "\t" in sent
    assert sent == sent.strip(" \t")
    if sent.startswith("=?UTF-8?") and not text.startswith("=?"):
        assert str(make_header(decode_header(sent))) == text
        assert decoded_words(sent) == kept(text)


@given(st.text(alphabet=st.sampled_from("=?UTFutf-8QqBbé \t_ABC+/\n"), max_size=60))
def test_any_text_is_read(text: str) -> None:
    decoded_words(kept(text))


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("=?utf-8?q?a_b?=", "a b"),
        ("=?UTF-8?Q?a?= =?UTF-8?B?Yg==?=", "ab"),
        ("x =?ISO-8859-1?Q?=E9?= y", "x é y"),
        ("=?UTF-8*de?Q?=C3=A9?=", "é"),
        ("=?UTF-8?B?=GGG?=", "=?UTF-8?B?=GGG?="),
        ("=?UTF-8?Q?=FF?=", "=?UTF-8?Q?=FF?="),
        ("=?rot13?Q?abc?=", "=?rot13?Q?abc?="),
        ("a=?b", "a=?b"),
    ],
)
def test_words_are_decoded_or_left(sent: str, text: str) -> None:
    assert decoded_words(sent) == kept(text)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('attachment; filename="a.txt"', 'attachment; filename="a.txt"'),
        (
            'attachment; filename="ü €.txt"',
            "attachment; filename=\"_ _.txt\"; filename*=UTF-8''%C3%BC%20%E2%82%AC.txt",
        ),
        ("inline;filename=ü.txt; x=y", "inline;filename=_.txt; filename*=UTF-8''%C3%BC.txt; x=y"),
        ('filename="ü\\"b"', 'filename="_\\"b"; filename*=UTF-8\'\'%C3%BC%22b'),
        (
            "attachment; filename=\"ü\"; filename*=UTF-8''%C3%BC",
            "attachment; filename=\"_\"; filename*=UTF-8''%C3%BC",
        ),
        ("ü", "_"),
    ],
)
def test_a_file_name_goes_out_in_ascii_and_in_full(text: str, sent: str) -> None:
    assert content_disposition(kept(text)) == sent


@given(st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cc", "Cs"])))
def test_the_whole_name_can_be_read_back(name: str) -> None:
    sent = content_disposition(kept(f'attachment; filename="{name}"'))
    assert sent.isascii()
    if not name.isascii():
        assert unquote(sent.partition("filename*=UTF-8''")[2]) == name


def shown(gateway: Gateway, bucket: str) -> dict[str, str]:
    answer = gateway.send("GET", f"/{bucket}/k")
    assert all(value.isascii() for value in answer.headers.values())
    return answer.headers


@pytest.mark.parametrize(("text", "sent"), RECORDED[:4])
def test_metadata_in_words_is_decoded_and_encoded_again(
    gateway: Gateway, bucket: str, text: str, sent: str
) -> None:
    gateway.send("PUT", f"/{bucket}/k", {"x-amz-meta-m": b_word(text)})
    assert shown(gateway, bucket)["x-amz-meta-m"] == sent
    gateway.send("PUT", f"/{bucket}/c", {"x-amz-copy-source": f"{bucket}/k"})
    assert gateway.send("HEAD", f"/{bucket}/c").headers["x-amz-meta-m"] == sent


def test_metadata_in_utf_8_goes_out_in_ascii(gateway: Gateway, bucket: str) -> None:
    headers = {"x-amz-meta-m": GERMAN, "content-disposition": f'inline; filename="{GERMAN}"'}
    gateway.send("PUT", f"/{bucket}/k", headers)
    got = shown(gateway, bucket)
    assert got["x-amz-meta-m"] == RECORDED[1][1]
    assert got["content-disposition"].endswith("filename*=UTF-8''%C3%84M%C3%84Z%C3%95%C3%91%20S3")


def test_the_fields_of_a_form_are_text(gateway: Gateway, bucket: str) -> None:
    fields = {"key": "k", "x-amz-meta-a": GERMAN, "x-amz-meta-b": "\0\1\2\3\4"}
    fields["x-amz-meta-c"] = "=?UTF-8?B?YWJj?="
    assert post(gateway, bucket, form(allowed(bucket, fields))).status == 204
    got = shown(gateway, bucket)
    assert got["x-amz-meta-a"] == RECORDED[1][1]
    assert got["x-amz-meta-b"] == "=?UTF-8?B?AAECAwQ=?="
    assert got["x-amz-meta-c"] == "=?UTF-8?B?YWJj?="


def test_other_headers_of_a_form_are_latin_1_as_at_aws(gateway: Gateway, bucket: str) -> None:
    fields = {"key": "k", "Cache-Control": "non-ascii-%E2%80%94_—_é_"}
    assert post(gateway, bucket, form(allowed(bucket, fields))).status == 204
    got = gateway.send("HEAD", f"/{bucket}/k").headers
    assert got["cache-control"] == "non-ascii-%E2%80%94_ _é_"


def test_a_file_name_that_the_reader_chooses_goes_out_in_ascii(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    asked = {"ResponseContentDisposition": 'attachment; filename="é"'}
    got = s3.get_object(Bucket=bucket, Key="k", **asked)
    assert got["ContentDisposition"] == "attachment; filename=\"_\"; filename*=UTF-8''%C3%A9"
