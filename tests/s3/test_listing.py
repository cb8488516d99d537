"""Lists: every version of the call tells the same story, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.s3.gateway import ALICE, Gateway, code_of, values, xml_of

KEYS = ["a", "a/", "a/1", "a/2", "a/b/1", "b", "b//c", "c::1", "c::2::3", "d", "z", "ü/1", "🦀"]


@pytest.fixture
def full(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def model(keys: list[str], prefix: str, delimiter: str, after: str) -> list[str]:
    """The rows of a listing, by its definition: keys, and the prefixes they are rolled up into."""
    rows = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        row = key if at < 0 else key[: at + len(delimiter)]
        passed = key <= after or (at >= 0 and after.startswith(row))
        if not passed and row not in rows:
            rows.append(row)
    return rows


def rows_of(page: dict[str, Any]) -> list[str]:
    keys = [each["Key"] for each in page.get("Contents", page.get("Versions", []))]
    return sorted(
        keys + [each["Prefix"] for each in page.get("CommonPrefixes", [])], key=str.encode
    )


PREFIXES = ["", "a", "a/", "b/", "c::", "ü", "nothing"]
DELIMITERS = ["", "/", "::", "//", "x"]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_pages_make_up_the_listing(s3: Any, full: str, operation: str, size: int) -> None:
    for prefix in PREFIXES:
        for delimiter in DELIMITERS:
            pages = s3.get_paginator(operation).paginate(
                Bucket=full,
                Prefix=prefix,
                Delimiter=delimiter,
                PaginationConfig={"PageSize": size},
            )
            found = [row for page in pages for row in rows_of(page)]
            assert found == model(KEYS, prefix, delimiter, "")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    prefix=st.sampled_from(PREFIXES),
    delimiter=st.sampled_from(DELIMITERS),
    after=st.sampled_from(["", *KEYS, "a/b/", "c::", "aa", "0", "~"]),
)
def test_a_listing_begins_behind_any_key(
    shared: tuple[Any, str], prefix: str, delimiter: str, after: str
) -> None:
    s3, bucket = shared
    arguments = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter}
    expected = model(KEYS, prefix, delimiter, after)
    assert rows_of(s3.list_objects_v2(**arguments, StartAfter=after)) == expected
    assert rows_of(s3.list_objects(**arguments, Marker=after)) == expected
    assert rows_of(s3.list_object_versions(**arguments, KeyMarker=after)) == expected


@pytest.fixture(scope="module")
def shared(gateway: Gateway) -> tuple[Any, str]:
    s3, bucket = gateway.client(), gateway.new_bucket()
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key)
    return s3, bucket


def test_prefixes_count_as_keys_do(s3: Any, full: str) -> None:
    page = s3.list_objects_v2(Bucket=full, Delimiter="/", MaxKeys=3)
    assert [each["Key"] for each in page["Contents"]] == ["a", "b"]
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["a/"]
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (3, 3, True)


def test_a_row_says_what_a_head_says(s3: Any, full: str) -> None:
    for version in ("list_objects", "list_objects_v2"):
        row = getattr(s3, version)(Bucket=full, Prefix="ü")["Contents"][0]
        head = s3.head_object(Bucket=full, Key=row["Key"])
        assert (row["ETag"], row["Size"]) == (head["ETag"], head["ContentLength"])
        assert row["LastModified"] == head["LastModified"]
        assert row["StorageClass"] == "STANDARD"
        assert row["ChecksumAlgorithm"] == ["CRC32"]
        assert row["ChecksumType"] == "FULL_OBJECT"


def test_the_owner_is_told_to_who_asks(s3: Any, full: str) -> None:
    owner = {"ID": ALICE.account, "DisplayName": ALICE.display_name}
    assert s3.list_objects(Bucket=full)["Contents"][0]["Owner"] == owner
    assert "Owner" not in s3.list_objects_v2(Bucket=full)["Contents"][0]
    asked = s3.list_objects_v2(Bucket=full, FetchOwner=True)["Contents"][0]
    assert asked["Owner"] == owner


@pytest.mark.parametrize("query", ["list-type=2&", "", "versions&"])
def test_no_keys_are_a_whole_page(gateway: Gateway, full: str, query: str) -> None:
    root = xml_of(gateway.send("GET", f"/{full}?{query}max-keys=0"))
    assert values(root, "IsTruncated") == ["false"]
    assert values(root, "Key") == []


@pytest.mark.parametrize("query", ["list-type=2&", "", "versions&"])
def test_more_than_a_thousand_keys_are_a_thousand(gateway: Gateway, full: str, query: str) -> None:
    for count in ("1000", "1001", "2147483647", ""):
        root = xml_of(gateway.send("GET", f"/{full}?{query}max-keys={count}"))
        assert values(root, "MaxKeys") == ["1000"]


@pytest.mark.parametrize("count", ["-1", "x", "2147483648", "1.5", "9" * 5000, "%C2%B2"])
def test_a_number_that_is_none_is_refused(gateway: Gateway, full: str, count: str) -> None:
    for query in ("", "list-type=2&", "versions&"):
        answer = gateway.send("GET", f"/{full}?{query}max-keys={count}")
        assert code_of(answer) == (400, "InvalidArgument")


def test_empty_arguments_mean_nothing(gateway: Gateway, full: str) -> None:
    query = "list-type=2&prefix=&delimiter=&start-after=&max-keys="
    root = xml_of(gateway.send("GET", f"/{full}?{query}"))
    assert values(root, "Key") == KEYS
    query = "prefix=&delimiter=&marker=&max-keys="
    assert values(xml_of(gateway.send("GET", f"/{full}?{query}")), "Key") == KEYS


def test_a_page_repeats_what_was_asked(gateway: Gateway, full: str) -> None:
    query = "list-type=2&prefix=a&delimiter=%2F&start-after=a&max-keys=1"
    root = xml_of(gateway.send("GET", f"/{full}?{query}"))
    asked = {child.tag: child.text for child in root}
    assert asked["Name"] == full
    assert (asked["Prefix"], asked["Delimiter"], asked["StartAfter"]) == ("a", "/", "a")
    token = values(root, "NextContinuationToken")
    assert token == []
    first = xml_of(gateway.send("GET", f"/{full}?list-type=2&max-keys=1"))
    token = values(first, "NextContinuationToken")
    second = xml_of(
        gateway.send("GET", f"/{full}?list-type=2&continuation-token={quote(token[0])}")
    )
    assert values(second, "ContinuationToken") == token
    assert values(second, "Key") == KEYS[1:]


def test_a_token_wins_over_a_start(s3: Any, full: str) -> None:
    token = s3.list_objects_v2(Bucket=full, MaxKeys=1)["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=full, ContinuationToken=token, StartAfter="zz")
    assert rows_of(page) == KEYS[1:]


@pytest.mark.parametrize("token", ["x", "%00", "%C3%BC", "===", "////8"])
def test_a_token_that_nobody_gave_is_no_fault_of_ours(
    gateway: Gateway, full: str, token: str
) -> None:
    answer = gateway.send("GET", f"/{full}?list-type=2&continuation-token={token}")
    assert answer.status in (200, 400)


def test_a_marker_is_repeated_only_with_a_delimiter(gateway: Gateway, full: str) -> None:
    plain = xml_of(gateway.send("GET", f"/{full}?max-keys=1"))
    assert values(plain, "NextMarker") == []
    rolled = xml_of(gateway.send("GET", f"/{full}?max-keys=2&delimiter=/"))
    assert values(rolled, "NextMarker") == ["a/"]


def test_keys_are_url_encoded_for_who_asks(gateway: Gateway, s3: Any, bucket: str) -> None:
    key = "a b/ü+%&\x01"
    s3.put_object(Bucket=bucket, Key=key)
    for query in ("list-type=2&", "", "versions&"):
        root = xml_of(gateway.send("GET", f"/{bucket}?{query}encoding-type=url&prefix=a%20b/"))
        assert values(root, "Key") == [quote(key)]
        assert root.findtext("Prefix") == "a%20b/"
        assert values(root, "EncodingType") == ["url"]


@pytest.mark.parametrize("query", ["list-type=2&", "", "versions&", "uploads&"])
def test_an_unknown_encoding_is_refused(gateway: Gateway, bucket: str, query: str) -> None:
    answer = gateway.send("GET", f"/{bucket}?{query}encoding-type=base64")
    assert code_of(answer) == (400, "InvalidArgument")


def test_versions_of_a_plain_bucket_are_null(s3: Any, full: str) -> None:
    listed = s3.list_object_versions(Bucket=full)
    assert {(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]} == {("null", True)}
    assert [v["Key"] for v in listed["Versions"]] == KEYS
    assert "DeleteMarkers" not in listed
    assert listed["Versions"][0]["Owner"]["ID"] == ALICE.account


def test_a_version_marker_needs_a_key(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("GET", f"/{bucket}?versions&version-id-marker=null")
    assert code_of(answer) == (400, "InvalidArgument")


def test_an_unknown_list_type_is_not_the_first(gateway: Gateway, bucket: str) -> None:
    assert code_of(gateway.send("GET", f"/{bucket}?list-type=3")) == (501, "NotImplemented")


def test_uploads_are_listed_by_key_and_in_pages(s3: Any, bucket: str) -> None:
    made = [
        (key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
        for key in ("a/1", "a/2", "b", "b", "c")
    ]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    found = [(u["Key"], u["UploadId"]) for page in pages for u in page["Uploads"]]
    assert sorted(found) == sorted(made)
    assert [key for key, _ in found] == ["a/1", "a/2", "b", "b", "c"]
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in rolled["CommonPrefixes"]] == ["a/"]
    assert [u["Key"] for u in rolled["Uploads"]] == ["b", "b", "c"]
    assert rolled["Uploads"][0]["Owner"]["ID"] == ALICE.account
    assert rolled["Uploads"][0]["Initiator"]["ID"] == ALICE.account
    one = s3.list_multipart_uploads(Bucket=bucket, Prefix="c")["Uploads"]
    assert [(u["Key"], u["UploadId"]) for u in one] == made[-1:]


# Versions of the listing, and repeated parameters


def test_the_first_version_can_be_asked_for(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k")
    first = gateway.send("GET", f"/{bucket}?list-type=1").body
    assert first == gateway.send("GET", f"/{bucket}").body
    assert b"<KeyCount>" in gateway.send("GET", f"/{bucket}?list-type=2").body


@pytest.mark.parametrize("version", ["", "0", "3", "x"])
def test_other_versions_are_none(gateway: Gateway, bucket: str, version: str) -> None:
    refused = gateway.send("GET", f"/{bucket}?list-type={version}")
    assert code_of(refused) == (501, "NotImplemented")


def test_the_first_of_repeated_parameters_counts(gateway: Gateway, bucket: str) -> None:
    for key in ("a/1", "b/1"):
        gateway.send("PUT", f"/{bucket}/{key}")
    page = xml_of(gateway.send("GET", f"/{bucket}?prefix=a/&prefix=b/&list-type=2&list-type=3"))
    assert values(page, "Key") == ["a/1"]


@pytest.mark.parametrize("listing", ["list_objects", "list_objects_v2"])
def test_a_listing_says_where_its_bucket_is(s3: Any, bucket: str, listing: str) -> None:
    """As AWS was recorded to answer (LocalStack, test_region_header_exists_outside_us_east_1)."""
    answer = getattr(s3, listing)(Bucket=bucket)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"
