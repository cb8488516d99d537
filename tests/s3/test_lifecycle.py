"""Lifecycle configurations: what is taken, what is refused, and what answers say of them."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import BOB, Gateway, code_of, error_of, values, xml_of

DAY = timedelta(days=1)
EVERYTHING = "<Filter/><Status>Enabled</Status>"
GONE_IN_A_DAY = "<Expiration><Days>1</Days></Expiration>"


def rule(**more: Any) -> dict[str, Any]:
    return {"ID": "rule", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}, **more}


def put(s3: Any, bucket: str, *rules: dict[str, Any], **more: Any) -> Any:
    return s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more
    )


def send(gateway: Gateway, bucket: str, *rules: str) -> Any:
    inside = "".join(f"<Rule>{each}</Rule>" for each in rules)
    body = f"<LifecycleConfiguration>{inside}</LifecycleConfiguration>"
    return gateway.send("PUT", f"/{bucket}?lifecycle", body=body.encode())


def outcome(gateway: Gateway, bucket: str, *rules: str) -> tuple[int, str, str]:
    answer = send(gateway, bucket, *rules)
    error = error_of(answer)
    return answer.status, error["Code"], error["Message"]


def kept(s3: Any, bucket: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return rules


WHOLE = [
    rule(ID="days", Filter={"Prefix": "a/"}),
    rule(ID="date", Expiration={"Date": datetime(2030, 1, 1, tzinfo=UTC)}),
    rule(ID="marker", Expiration={"ExpiredObjectDeleteMarker": True}),
    rule(ID="off", Status="Disabled", Filter={"Tag": {"Key": "k", "Value": "v"}}),
    rule(ID="larger", Filter={"ObjectSizeGreaterThan": 0}),
    rule(ID="smaller", Filter={"ObjectSizeLessThan": 1}),
    rule(
        ID="and",
        Filter={
            "And": {
                "Prefix": "p",
                "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}],
                "ObjectSizeGreaterThan": 1,
                "ObjectSizeLessThan": 3,
            }
        },
    ),
    {
        "ID": "versions",
        "Status": "Enabled",
        "Filter": {},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 100},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def test_a_configuration_comes_back_as_it_was_put(s3: Any, bucket: str) -> None:
    put(s3, bucket, *WHOLE)
    assert kept(s3, bucket) == WHOLE


def test_the_prefix_of_old_stays_one(s3: Any, bucket: str) -> None:
    rules = [{"ID": "old", "Status": "Enabled", "Prefix": "p/", "Expiration": {"Days": 1}}]
    put(s3, bucket, *rules)
    assert kept(s3, bucket) == rules


def test_the_older_operations_are_the_same_requests(s3: Any, bucket: str) -> None:
    one = {"ID": "old", "Status": "Enabled", "Prefix": "p/", "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [one]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [one]


def test_a_rule_without_an_id_gets_one(gateway: Gateway, s3: Any, bucket: str) -> None:
    assert send(gateway, bucket, EVERYTHING + GONE_IN_A_DAY, "<ID/>" + EVERYTHING + GONE_IN_A_DAY)
    one, other = (each["ID"] for each in kept(s3, bucket))
    assert one != other
    assert uuid.UUID(base64.b64decode(one).decode()).version == 4


def test_an_empty_filter_is_written_as_one(gateway: Gateway, bucket: str) -> None:
    send(gateway, bucket, EVERYTHING + GONE_IN_A_DAY)
    root = xml_of(gateway.send("GET", f"/{bucket}?lifecycle"))
    assert root.tag == "LifecycleConfiguration"
    assert [child.tag for child in root[0]] == ["ID", "Filter", "Status", "Expiration"]
    assert values(root, "Filter") == [""]


def test_what_is_not_there_cannot_be_read_and_can_be_deleted(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration") as error:
        kept(s3, bucket)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    put(s3, bucket, rule())
    for _ in range(2):
        deleted = s3.delete_bucket_lifecycle(Bucket=bucket)
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        kept(s3, bucket)


def test_a_stranger_neither_reads_nor_writes_rules(gateway: Gateway, s3: Any, bucket: str) -> None:
    put(s3, bucket, rule())
    for method in ("GET", "DELETE"):
        answer = gateway.send(method, f"/{bucket}?lifecycle", account=BOB)
        assert code_of(answer) == (403, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        put(gateway.client(BOB), bucket, rule())


def test_the_smallest_size_of_transitions_is_told_again(s3: Any, bucket: str) -> None:
    name = "TransitionDefaultMinimumObjectSize"
    for asked, told in [
        ({}, "all_storage_classes_128K"),
        ({name: "varies_by_storage_class"}, "varies_by_storage_class"),
    ]:
        assert put(s3, bucket, rule(), **asked)[name] == told
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)[name] == told
    with pytest.raises(ClientError, match="Invalid TransitionDefaultMinimum"):
        put(s3, bucket, rule(), **{name: "small"})


MALFORMED = [
    "<Filter/><Status>enabled</Status>" + GONE_IN_A_DAY,
    "<Filter/><Status>Maybe</Status>" + GONE_IN_A_DAY,
    "<Filter/>" + GONE_IN_A_DAY,
    "<Status>Enabled</Status>" + GONE_IN_A_DAY,
    "<Prefix/>" + EVERYTHING + GONE_IN_A_DAY,
    EVERYTHING + "<Expiration/>",
    EVERYTHING + "<Expiration><Days>x</Days></Expiration>",
    EVERYTHING + "<Expiration><Days>2147483648</Days></Expiration>",
    EVERYTHING + "<Expiration><Date>Fri, 01 Jan 2016 00:00:00 GMT</Date></Expiration>",
    EVERYTHING + "<Expiration><Date>2016-13-01</Date></Expiration>",
    EVERYTHING + "<Expiration><Days>1</Days><Date>2016-01-01</Date></Expiration>",
    EVERYTHING
    + "<Expiration><Days>1</Days>"
    + "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    EVERYTHING + "<NoncurrentVersionExpiration/>",
    EVERYTHING
    + "<NoncurrentVersionExpiration><NewerNoncurrentVersions>1</NewerNoncurrentVersions>"
    + "</NoncurrentVersionExpiration>",
    EVERYTHING + "<AbortIncompleteMultipartUpload/>",
    EVERYTHING + "<Transition><Days>1</Days><StorageClass>STANDARD</StorageClass></Transition>",
    "<Filter><And><Prefix>p</Prefix></And></Filter><Status>Enabled</Status>" + GONE_IN_A_DAY,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_does_not_follow_the_schema_is_malformed(
    gateway: Gateway, bucket: str, text: str
) -> None:
    assert outcome(gateway, bucket, text)[:2] == (400, "MalformedXML")


TAG = "<Tag><Key>k</Key><Value>v</Value></Tag>"
TAGGED = f"<Filter>{TAG}</Filter><Status>Enabled</Status>"
TWICE = f"<Filter><And>{TAG}{TAG}</And></Filter><Status>Enabled</Status>"
SIZED = "<Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter><Status>Enabled</Status>"
ABORT = (
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>{}</DaysAfterInitiation>"
    "</AbortIncompleteMultipartUpload>"
)
MARKER = "<Expiration><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration>"
NONCURRENT = (
    "<NoncurrentVersionExpiration><NoncurrentDays>{}</NoncurrentDays>"
    "<NewerNoncurrentVersions>{}</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
)
OLD = "<Prefix>{}</Prefix><Status>Enabled</Status>"
REFUSED = [
    ([EVERYTHING], "InvalidRequest", "At least one action needs to be specified in a rule"),
    ([], "InvalidRequest", "At least one lifecycle rule must be specified."),
    (
        [EVERYTHING + "<Expiration><Days>0</Days></Expiration>"],
        "InvalidArgument",
        "'Days' for Expiration action must be a positive integer",
    ),
    (
        [EVERYTHING + NONCURRENT.format(0, 1)],
        "InvalidArgument",
        "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
    ),
    (
        [EVERYTHING + NONCURRENT.format(1, 0)],
        "InvalidArgument",
        "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive "
        "integer",
    ),
    (
        [EVERYTHING + ABORT.format(0)],
        "InvalidArgument",
        "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive "
        "integer",
    ),
    (
        [EVERYTHING + "<Expiration><Date>2016-01-01T00:00:01Z</Date></Expiration>"],
        "InvalidArgument",
        "'Date' must be at midnight GMT",
    ),
    (
        ["<ID>a</ID>" + EVERYTHING + GONE_IN_A_DAY] * 2,
        "InvalidArgument",
        "Rule ID must be unique. Found same ID for more than one rule",
    ),
    (
        [f"<ID>{'a' * 256}</ID>" + EVERYTHING + GONE_IN_A_DAY],
        "InvalidArgument",
        "ID length should not exceed allowed limit of 255",
    ),
    (
        [TAGGED + ABORT.format(1)],
        "InvalidRequest",
        "AbortIncompleteMultipartUpload cannot be specified with Tags.",
    ),
    (
        [SIZED + ABORT.format(1)],
        "InvalidRequest",
        "AbortIncompleteMultipartUpload cannot be specified with Object Size.",
    ),
    (
        [TAGGED + MARKER],
        "InvalidRequest",
        "ExpiredObjectDeleteMarker cannot be specified with Tags.",
    ),
    (
        [SIZED + MARKER],
        "InvalidRequest",
        "ExpiredObjectDeleteMarker cannot be specified with Object Size.",
    ),
    ([TWICE + GONE_IN_A_DAY], "InvalidRequest", "Duplicate Tag Keys are not allowed."),
    (
        [SIZED.replace("5", "0") + GONE_IN_A_DAY],
        "InvalidRequest",
        "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
    ),
    (
        [
            "<Filter><And><ObjectSizeLessThan>5</ObjectSizeLessThan>"
            "<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>"
            "<Status>Enabled</Status>" + GONE_IN_A_DAY
        ],
        "InvalidRequest",
        "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
    ),
    (
        [OLD.format("a") + GONE_IN_A_DAY, EVERYTHING + GONE_IN_A_DAY],
        "InvalidRequest",
        "Filter element can only be used in Lifecycle V2.",
    ),
    (
        [EVERYTHING + GONE_IN_A_DAY, OLD.format("a") + GONE_IN_A_DAY],
        "InvalidRequest",
        "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the "
        "Filter.",
    ),
    (
        [OLD.format("a") + GONE_IN_A_DAY, OLD.format("") + GONE_IN_A_DAY],
        "InvalidRequest",
        "Found overlapping prefixes '' and 'a' for same action type 'Expiration'",
    ),
    (
        [OLD.format("a") + NONCURRENT.format(1, 1)],
        "InvalidRequest",
        "NewerNoncurrentVersions element can only be used in Lifecycle V2.",
    ),
    (
        [EVERYTHING + GONE_IN_A_DAY] * 1001,
        "InvalidRequest",
        "The number of lifecycle rules must not exceed the allowed limit of 1000 rules.",
    ),
]


@pytest.mark.parametrize(("rules", "code", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_aws_refuses_is_refused_in_its_words(
    gateway: Gateway, s3: Any, bucket: str, rules: list[str], code: str, message: str
) -> None:
    assert outcome(gateway, bucket, *rules) == (400, code, message)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        kept(s3, bucket)


def test_as_much_as_fits_is_taken(gateway: Gateway, s3: Any, bucket: str) -> None:
    ids = [f"{number:04d}" + "a" * 251 for number in range(1000)]
    rules = [f"<ID>{id}</ID>" + EVERYTHING + GONE_IN_A_DAY for id in ids]
    assert send(gateway, bucket, *rules).status == 200
    assert [each["ID"] for each in kept(s3, bucket)] == ids


@pytest.mark.parametrize(
    "action",
    [
        "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>",
        "<NoncurrentVersionTransition><NoncurrentDays>30</NoncurrentDays>"
        "<StorageClass>STANDARD_IA</StorageClass></NoncurrentVersionTransition>",
    ],
)
def test_there_is_no_storage_class_to_move_to(gateway: Gateway, bucket: str, action: str) -> None:
    answer = send(gateway, bucket, EVERYTHING + action + GONE_IN_A_DAY)
    assert code_of(answer) == (400, "InvalidStorageClass")
    assert error_of(answer)["StorageClassRequested"] in ("GLACIER", "STANDARD_IA")


def test_conditions_side_by_side_in_a_filter_count_together(s3: Any, bucket: str) -> None:
    """AWS refuses this as malformed; other servers and their users know it."""
    one = rule(Filter={"Prefix": "p/", "Tag": {"Key": "k", "Value": "v"}})
    put(s3, bucket, one)
    assert kept(s3, bucket) == [one]
    for key, tagging, announced in (("p/k", "k=v", True), ("p/k", "", False), ("k", "k=v", False)):
        answer = s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=tagging)
        assert ("Expiration" in answer) == announced


# What answers say


def test_an_answer_says_when_the_object_will_go_and_by_which_rule(s3: Any, bucket: str) -> None:
    put(s3, bucket, rule(ID="a rule", Filter={"Prefix": "p/"}))
    target = {"Bucket": bucket, "Key": "p/k"}
    source = {"Bucket": bucket, "Key": "p/k"}
    before = datetime.now(UTC)
    answers = [
        s3.put_object(**target, Body=b"x"),
        s3.get_object(**target),
        s3.head_object(**target),
        s3.copy_object(Bucket=bucket, Key="p/copy", CopySource=source),
        finished_upload(s3, bucket, "p/upload"),
    ]
    for answer in answers:
        found = re.fullmatch(r'expiry-date="(.+ GMT)", rule-id="a rule"', answer["Expiration"])
        assert found is not None
        date = parsedate_to_datetime(found[1])
        assert (date.hour, date.minute, date.second) == (0, 0, 0)
        assert before + DAY <= date <= datetime.now(UTC) + 2 * DAY
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="other", Body=b"x")


def finished_upload(s3: Any, bucket: str, key: str) -> Any:
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = [{"PartNumber": 1, "ETag": etag}]
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def test_a_version_that_is_asked_for_by_its_id_is_not_said_to_expire(s3: Any, bucket: str) -> None:
    put(s3, bucket, rule())
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="k", VersionId="null")


def test_tags_count_as_they_are_now(s3: Any, bucket: str) -> None:
    put(s3, bucket, rule(Filter={"Tag": {"Key": "k", "Value": "v"}}))
    target = {"Bucket": bucket, "Key": "k"}
    assert "Expiration" not in s3.put_object(**target, Body=b"x")
    s3.put_object_tagging(**target, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert "Expiration" in s3.head_object(**target)


@pytest.mark.parametrize(
    ("id", "shown"), [("50% off", "50% off"), ('"a"', "%22a%22"), ("ü\t", "%C3%BC%09")]
)
def test_a_rule_id_fits_into_a_header(s3: Any, bucket: str, id: str, shown: str) -> None:
    put(s3, bucket, rule(ID=id, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
    answer = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert answer["Expiration"].endswith(f'rule-id="{shown}"')
    assert s3.create_multipart_upload(Bucket=bucket, Key="k")["AbortRuleId"] == shown


def test_a_day_that_no_calendar_has_is_not_announced(s3: Any, bucket: str) -> None:
    put(s3, bucket, rule(Expiration={"Days": 2**31 - 1}))
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_an_upload_says_when_it_will_be_given_up(s3: Any, bucket: str) -> None:
    abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}
    put(s3, bucket, {"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": "p/"}, **abort})
    upload = {"Bucket": bucket, "Key": "p/k"}
    before = datetime.now(UTC)
    made = s3.create_multipart_upload(**upload)
    listed = s3.list_parts(**upload, UploadId=made["UploadId"])
    for answer in (made, listed):
        assert answer["AbortRuleId"] == "rule"
        assert before + 3 * DAY <= answer["AbortDate"] <= datetime.now(UTC) + 4 * DAY
        assert answer["AbortDate"].hour == 0
    assert "AbortDate" not in s3.create_multipart_upload(Bucket=bucket, Key="other")
