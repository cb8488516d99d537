"""Numbers in requests: a number has as many digits as its sender gives it."""

from __future__ import annotations

import pytest

from tests.s3.forms import allowed, form, post
from tests.s3.gateway import Gateway, code_of, error_of

LARGEST = "9223372036854775807"
MORE = "1" + "0" * 5000
BODY = bytes(range(100))
# What a range header asks of BODY.
RANGES = [
    ("bytes=10-9223372036854775806", BODY[10:]),
    (f"bytes=10-{LARGEST}", BODY[10:]),
    (f"bytes=10-{MORE}", BODY[10:]),
    (f"bytes=-{MORE}", BODY),
    (f"bytes={'0' * 30}10-{'0' * 30}19", BODY[10:20]),
    ("BYTES=10-19", BODY[10:20]),
    ("Bytes=10-", BODY[10:]),
    ("bytes = 10-19", BODY[10:20]),
]


@pytest.mark.parametrize(("wanted", "expected"), RANGES, ids=range(len(RANGES)))
def test_a_range_may_end_anywhere(
    gateway: Gateway, bucket: str, wanted: str, expected: bytes
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    got = gateway.send("GET", f"/{bucket}/k", {"range": wanted})
    assert (got.status, got.body) == (206, expected)
    first = len(BODY) - len(expected) if len(expected) != 10 else 10
    assert got.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/100"


@pytest.mark.parametrize("first", [LARGEST, MORE, "0" * 30 + "100"])
def test_a_range_behind_the_object_is_not_satisfiable(
    gateway: Gateway, bucket: str, first: str
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    assert code_of(gateway.send("GET", f"/{bucket}/k", {"range": f"bytes={first}-"})) == (
        416,
        "InvalidRange",
    )


@pytest.mark.parametrize("wanted", ["bytes=1 0-20", "bytes=-", "bytes=+1-2", "bytes=٣-٤", "b=0-1"])
def test_what_is_not_a_range_is_ignored(gateway: Gateway, bucket: str, wanted: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    got = gateway.send("GET", f"/{bucket}/k", {"range": wanted})
    assert (got.status, got.body) == (200, BODY)


def test_a_copied_range_that_ends_behind_its_source_is_named_so(
    gateway: Gateway, bucket: str
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    begun = gateway.send("POST", f"/{bucket}/copy?uploads").body.decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    headers = {"x-amz-copy-source": f"{bucket}/k", "x-amz-copy-source-range": f"bytes=0-{MORE}"}
    refused = gateway.send("PUT", f"/{bucket}/copy?partNumber=1&uploadId={upload}", headers)
    assert "Range specified is not valid for source object" in error_of(refused)["Message"]


@pytest.mark.parametrize("most", [int(LARGEST), LARGEST, int("9" * 30), "9" * 30, "0" * 30 + "99"])
def test_a_form_may_allow_any_length(gateway: Gateway, bucket: str, most: int | str) -> None:
    fields = allowed(bucket, {"key": "k"}, ["content-length-range", 0, most])
    assert post(gateway, bucket, form(fields)).status == 204


def test_leading_zeros_of_a_number_in_a_query_count_nothing(gateway: Gateway, bucket: str) -> None:
    assert gateway.send("GET", f"/{bucket}?list-type=2&max-keys={'0' * 30}1").status == 200
    refused = gateway.send("GET", f"/{bucket}?list-type=2&max-keys={MORE}")
    assert code_of(refused) == (400, "InvalidArgument")


def test_a_part_number_with_leading_zeros_is_that_number(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=BODY)
    got = gateway.send("GET", f"/{bucket}/k?partNumber={'0' * 30}1")
    assert (got.status, got.body) == (206, BODY)


def test_an_object_may_be_too_large_with_any_digits(gateway: Gateway, bucket: str) -> None:
    refused = gateway.send("PUT", f"/{bucket}/k", {"content-length": "9" * 30})
    assert code_of(refused) == (400, "EntityTooLarge")
