"""Object lock: what is locked stays, whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code, code_of

LATER = datetime(2140, 1, 1, tzinfo=UTC)
SOONER = datetime(2130, 1, 1, tzinfo=UTC)
DAY = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
}


@pytest.fixture
def locked(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    return bucket


def put(s3: Any, bucket: str, **more: Any) -> str:
    return str(s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)["VersionId"])


def retain(s3: Any, bucket: str, mode: str, until: datetime, **more: Any) -> None:
    retention = {"Mode": mode, "RetainUntilDate": until}
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention, **more)


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return code(error)


def test_a_bucket_may_be_made_to_lock(s3: Any, bucket: str) -> None:
    name = f"{bucket}-locked"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    answer = s3.get_object_lock_configuration(Bucket=name)
    assert answer["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


def test_a_bucket_that_locks_keeps_its_versions(s3: Any, locked: str) -> None:
    suspended = {"Status": "Suspended"}
    assert (
        refused(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspended)
        == "InvalidBucketState"
    )


def test_a_bucket_without_versions_cannot_lock(s3: Any, bucket: str) -> None:
    wanted = {"Bucket": bucket, "ObjectLockConfiguration": DAY}
    assert refused(s3.put_object_lock_configuration, **wanted) == "InvalidBucketState"
    missing = refused(s3.get_object_lock_configuration, Bucket=bucket)
    assert missing == "ObjectLockConfigurationNotFoundError"


def test_the_default_is_told_as_it_was_set_and_given_to_new_versions(s3: Any, locked: str) -> None:
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=DAY)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == DAY
    put(s3, locked)
    facts = s3.head_object(Bucket=locked, Key="k")
    ahead = facts["ObjectLockRetainUntilDate"] - datetime.now(UTC)
    assert facts["ObjectLockMode"] == "GOVERNANCE"
    assert timedelta(hours=23) < ahead <= timedelta(days=1)


def test_a_copy_and_an_upload_get_the_default_too(s3: Any, locked: str) -> None:
    put(s3, locked)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=DAY)
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/k")
    upload = s3.create_multipart_upload(Bucket=locked, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=locked,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    for key in ("copy", "parts"):
        assert s3.head_object(Bucket=locked, Key=key)["ObjectLockMode"] == "GOVERNANCE"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode>", "MalformedXML"),
        ("<Mode>governance</Mode><Days>1</Days>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode><Days>0</Days>", "InvalidRetentionPeriod"),
        ("<Mode>COMPLIANCE</Mode><Years>-1</Years>", "InvalidRetentionPeriod"),
        ("<Mode>COMPLIANCE</Mode><Days>36501</Days>", "InvalidRetentionPeriod"),
        ("<Mode>COMPLIANCE</Mode><Days>many</Days>", "MalformedXML"),
    ],
)
def test_a_default_that_makes_no_sense_is_refused(
    gateway: Gateway, locked: str, rule: str, expected: str
) -> None:
    document = (
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        f"<DefaultRetention>{rule}</DefaultRetention></Rule></ObjectLockConfiguration>"
    )
    answer = gateway.send("PUT", f"/{locked}?object-lock", body=document.encode())
    assert code_of(answer) == (400, expected)


def test_a_retained_version_is_not_removed_but_may_be_hidden(s3: Any, locked: str) -> None:
    version = put(s3, locked)
    retain(s3, locked, "GOVERNANCE", LATER)
    removal = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, **removal) == "AccessDenied"
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    assert refused(s3.delete_object, **removal) == "AccessDenied"
    s3.delete_object(**removal, BypassGovernanceRetention=True)


def test_nobody_bypasses_compliance(s3: Any, locked: str) -> None:
    version = put(s3, locked, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=LATER)
    removal = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, **removal, BypassGovernanceRetention=True) == "AccessDenied"
    for mode, until in (("COMPLIANCE", SOONER), ("GOVERNANCE", LATER)):
        change = {"Mode": mode, "RetainUntilDate": until}
        for bypass in (True, False):
            assert (
                refused(
                    s3.put_object_retention,
                    Bucket=locked,
                    Key="k",
                    Retention=change,
                    BypassGovernanceRetention=bypass,
                )
                == "AccessDenied"
            )
    retain(s3, locked, "COMPLIANCE", LATER + timedelta(days=1))


def test_governance_may_be_extended_by_all_and_weakened_by_those_who_bypass(
    s3: Any, locked: str
) -> None:
    put(s3, locked)
    retain(s3, locked, "GOVERNANCE", SOONER)
    retain(s3, locked, "GOVERNANCE", LATER)
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": SOONER}
    other = {"Mode": "COMPLIANCE", "RetainUntilDate": LATER}
    for change in (weaker, other, {}):
        attempt = {"Bucket": locked, "Key": "k", "Retention": change}
        assert refused(s3.put_object_retention, **attempt) == "AccessDenied"
    retain(s3, locked, "GOVERNANCE", SOONER, BypassGovernanceRetention=True)
    told = s3.get_object_retention(Bucket=locked, Key="k")["Retention"]
    assert told == {"Mode": "GOVERNANCE", "RetainUntilDate": SOONER}
    s3.put_object_retention(Bucket=locked, Key="k", Retention={}, BypassGovernanceRetention=True)
    missing = refused(s3.get_object_retention, Bucket=locked, Key="k")
    assert missing == "NoSuchObjectLockConfiguration"


def test_a_legal_hold_holds_until_it_is_off(s3: Any, locked: str) -> None:
    version = put(s3, locked, ObjectLockLegalHoldStatus="ON")
    removal = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, **removal, BypassGovernanceRetention=True) == "AccessDenied"
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(**removal)


def test_a_version_that_never_had_a_hold_has_none(s3: Any, locked: str) -> None:
    put(s3, locked)
    missing = refused(s3.get_object_legal_hold, Bucket=locked, Key="k")
    assert missing == "NoSuchObjectLockConfiguration"


def test_locks_are_of_versions(s3: Any, locked: str) -> None:
    old, new = put(s3, locked), put(s3, locked)
    retain(s3, locked, "GOVERNANCE", LATER, VersionId=old)
    s3.delete_object(Bucket=locked, Key="k", VersionId=new)
    removal = {"Bucket": locked, "Key": "k", "VersionId": old}
    assert refused(s3.delete_object, **removal) == "AccessDenied"


def test_many_deletions_refuse_what_is_locked_and_no_more(s3: Any, locked: str) -> None:
    held, free = put(s3, locked), put(s3, locked)
    retain(s3, locked, "GOVERNANCE", LATER, VersionId=held)
    objects = [{"Key": "k", "VersionId": held}, {"Key": "k", "VersionId": free}]
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": objects})
    assert [row["VersionId"] for row in answer["Deleted"]] == [free]
    (error,) = answer["Errors"]
    assert (error["Code"], error["VersionId"]) == ("AccessDenied", held)
    answer = s3.delete_objects(
        Bucket=locked, Delete={"Objects": objects}, BypassGovernanceRetention=True
    )
    assert "Errors" not in answer


def test_a_bucket_that_does_not_lock_takes_a_bypass_only_for_versions(s3: Any, bucket: str) -> None:
    for bypass in (True, False):
        for removal in ({"Key": "k"}, {"Key": "k", "VersionId": "null"}):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x")
            s3.put_object(Bucket=bucket, Key="l", Body=b"x")
            asked: dict[str, Any] = {"Bucket": bucket, "BypassGovernanceRetention": bypass}
            assert refused(s3.delete_object, **asked, **removal) == "InvalidArgument"
            unversioned = [{"Key": "l", "VersionId": "null"}, {"Key": "k"}]
            asked["Delete"] = {"Objects": unversioned}
            assert refused(s3.delete_objects, **asked) == "InvalidArgument"
            asked["Delete"] = {"Objects": [{"Key": key, "VersionId": "null"} for key in "kl"]}
            answer = s3.delete_objects(**asked)
            assert [row["Key"] for row in answer["Deleted"]] == ["k", "l"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_is_locked_is_not_renamed(s3: Any, locked: str) -> None:
    version = put(s3, locked, ObjectLockLegalHoldStatus="ON")
    attempt = {"Bucket": locked, "Key": "other", "RenameSource": f"{locked}/k"}
    assert refused(s3.rename_object, **attempt) == "AccessDenied"
    assert s3.head_object(Bucket=locked, Key="k")["VersionId"] == version


def test_a_bucket_that_does_not_lock_promises_nothing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    named = {"Bucket": bucket, "Key": "k"}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": LATER}
    assert refused(s3.put_object_retention, **named, Retention=retention) == "InvalidRequest"
    assert refused(s3.put_object_legal_hold, **named, LegalHold={"Status": "ON"}) == (
        "InvalidRequest"
    )
    assert refused(s3.get_object_retention, **named) == "InvalidRequest"
    assert refused(s3.get_object_legal_hold, **named) == "InvalidRequest"
    assert refused(s3.put_object, **named, ObjectLockLegalHoldStatus="ON") == "InvalidRequest"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-object-lock-mode": "GOVERNANCE"},
        {"x-amz-object-lock-retain-until-date": "2140-01-01T00:00:00Z"},
        {
            "x-amz-object-lock-mode": "governance",
            "x-amz-object-lock-retain-until-date": "2140-01-01T00:00:00Z",
        },
        {
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": "2020-01-01T00:00:00Z",
        },
        {
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": "tomorrow",
        },
        {"x-amz-object-lock-legal-hold": "maybe"},
    ],
)
def test_a_lock_that_makes_no_sense_is_refused(
    gateway: Gateway, locked: str, headers: dict[str, str]
) -> None:
    answer = gateway.send("PUT", f"/{locked}/k", headers, b"x")
    assert code_of(answer) == (400, "InvalidArgument")
    assert gateway.send("HEAD", f"/{locked}/k").status == 404


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<Mode>GOVERNANCE</Mode>", "MalformedXML"),
        ("<Mode>abc</Mode><RetainUntilDate>2140-01-01T00:00:00Z</RetainUntilDate>", "MalformedXML"),
        (
            "<Mode>GOVERNANCE</Mode><RetainUntilDate>2020-01-01T00:00:00Z</RetainUntilDate>",
            "InvalidArgument",
        ),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused(
    gateway: Gateway, s3: Any, locked: str, document: str, expected: str
) -> None:
    put(s3, locked)
    body = f"<Retention>{document}</Retention>".encode()
    answer = gateway.send("PUT", f"/{locked}/k?retention", body=body)
    assert code_of(answer) == (400, expected)
