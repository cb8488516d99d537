"""boto3, feature by feature: what buckets can be told to do with their objects."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from compat.clients.target import endpoint, new_name, noise
from compat.clients.test_boto3 import connect, refused

BODY = noise(6_000_000, 3)
CUSTOMER_KEY = base64.b64encode(noise(32, 4)).decode()
OTHER_KEY = base64.b64encode(noise(32, 5)).decode()


@pytest.fixture(scope="module", name="s3")
def _s3() -> Any:
    return connect()


@pytest.fixture(scope="module", name="stranger")
def _stranger() -> Any:
    return connect(signature_version=UNSIGNED)


@pytest.fixture(name="bucket")
def _bucket(s3: Any) -> Iterator[str]:
    name = new_name("features")
    s3.create_bucket(Bucket=name)
    yield name
    remove(s3, name)


def remove(s3: Any, bucket: str, **how: Any) -> None:
    """The bucket with every version that is in it; `how` says that locked ones go, too."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for row in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            named = {"Bucket": bucket, "Key": row["Key"], "VersionId": row["VersionId"]}
            s3.delete_object(**named, **how)
    s3.delete_bucket(Bucket=bucket)


def read(s3: Any, bucket: str, **more: Any) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key="k", **more)["Body"].read())


def test_versions_come_back(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with refused("NoSuchKey", 404):
        read(s3, bucket)
    assert [read(s3, bucket, VersionId=version) for version in ids] == [b"1", b"2"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": ids[0]}
    )
    assert read(s3, bucket) == b"1"
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["VersionId"] for row in listed[1:]] == ids[::-1]
    assert [row["IsLatest"] for row in listed] == [True, False, False]


def test_what_is_locked_stays(s3: Any) -> None:
    bucket = new_name("locked")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=1)
    version = s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
    )["VersionId"]
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]["Mode"] == "GOVERNANCE"
    remove(s3, bucket, BypassGovernanceRetention=True)


@pytest.mark.parametrize(
    "asked",
    [
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64decode(CUSTOMER_KEY)},
    ],
    ids=["SSE-S3", "SSE-KMS", "SSE-C"],
)
def test_what_is_encrypted_reads_as_it_was(s3: Any, bucket: str, asked: dict[str, Any]) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, **asked)
    given = {name: value for name, value in asked.items() if name.startswith("SSECustomer")}
    assert read(s3, bucket, **given) == BODY
    assert read(s3, bucket, Range="bytes=524200-1048700", **given) == BODY[524200:1048701]
    facts = s3.head_object(Bucket=bucket, Key="k", **given)
    assert facts["ContentLength"] == len(BODY)
    said = facts.get("ServerSideEncryption") or facts["SSECustomerAlgorithm"]
    assert said == asked.get("ServerSideEncryption", "AES256")


def test_only_the_customers_key_opens_the_customers_object(s3: Any, bucket: str) -> None:
    mine = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64decode(CUSTOMER_KEY)}
    other = mine | {"SSECustomerKey": base64.b64decode(OTHER_KEY)}
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret", **mine)
    with refused("InvalidRequest", 400):
        read(s3, bucket)
    with refused("AccessDenied", 403):
        read(s3, bucket, **other)


def test_a_bucket_encrypts_by_default(s3: Any, bucket: str) -> None:
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        s3.get_bucket_encryption(Bucket=bucket)
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_lifecycle_rules_read_as_they_were_written(s3: Any, bucket: str) -> None:
    rule = {
        "ID": "old-logs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    put = s3.put_object(Bucket=bucket, Key="logs/1", Body=b"x")
    assert 'rule-id="old-logs"' in put["Expiration"]


def test_a_policy_lets_strangers_read_and_no_more(s3: Any, stranger: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"public")
    with refused("AccessDenied", 403):
        read(stranger, bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert read(stranger, bucket) == b"public"
    for call in (stranger.delete_object, stranger.get_object_acl):
        with refused("AccessDenied", 403):
            call(Bucket=bucket, Key="k")
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("AccessDenied", 403):
        read(stranger, bucket)


def test_a_public_object_is_public(s3: Any, stranger: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"public", ACL="public-read")
    assert read(stranger, bucket) == b"public"
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    with refused("AccessDenied", 403):
        read(stranger, bucket)


def test_a_page_of_another_origin_is_let_in(s3: Any, bucket: str) -> None:
    rule = {"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["PUT"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT"}
    assert preflight(bucket, asked) == (200, "https://app.example.com")
    assert preflight(bucket, asked | {"Origin": "https://example.org"}) == (403, None)


def preflight(bucket: str, headers: dict[str, str]) -> tuple[int, str | None]:
    parts = urlsplit(endpoint())
    assert parts.hostname is not None
    if parts.scheme == "https":
        unverified = ssl._create_unverified_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=30, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("OPTIONS", f"/{bucket}/k", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Access-Control-Allow-Origin")


def test_what_consoles_ask_is_answered(s3: Any, bucket: str) -> None:
    """As Terraform reads a bucket: what is not set is not there, and says so by its name."""
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.get_bucket_accelerate_configuration(Bucket=bucket)
    for ask, code in {
        s3.get_bucket_cors: "NoSuchCORSConfiguration",
        s3.get_bucket_lifecycle_configuration: "NoSuchLifecycleConfiguration",
        s3.get_bucket_policy: "NoSuchBucketPolicy",
        s3.get_bucket_replication: "ReplicationConfigurationNotFoundError",
        s3.get_bucket_tagging: "NoSuchTagSet",
        s3.get_bucket_website: "NoSuchWebsiteConfiguration",
        s3.get_object_lock_configuration: "ObjectLockConfigurationNotFoundError",
        s3.get_public_access_block: "NoSuchPublicAccessBlockConfiguration",
    }.items():
        with refused(code, 404):
            ask(Bucket=bucket)


def test_a_renamed_object_is_the_same_one(s3: Any, bucket: str) -> None:
    if not hasattr(s3, "rename_object"):
        pytest.skip("this boto3 does not know RenameObject")
    etag = s3.put_object(Bucket=bucket, Key="a", Body=BODY)["ETag"]
    s3.rename_object(Bucket=bucket, Key="k", RenameSource=f"{bucket}/a")
    assert read(s3, bucket) == BODY
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == etag
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key="a")


def test_a_query_over_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"name,age\nann,31\nbob,7\n")
    answer = s3.select_object_content(
        Bucket=bucket,
        Key="k",
        ExpressionType="SQL",
        Expression="SELECT s.name FROM S3Object s WHERE s.age > 8",
        InputSerialization={"CSV": {"FileHeaderInfo": "USE"}},
        OutputSerialization={"JSON": {}},
        RequestProgress={"Enabled": True},
    )
    events = list(answer["Payload"])
    texts = [event["Records"]["Payload"] for event in events if "Records" in event]
    assert b"".join(texts) == b'{"name":"ann"}\n'
    assert [next(iter(event)) for event in events[-2:]] == ["Stats", "End"]
    with refused("InvalidTableAlias", 400):
        s3.select_object_content(
            Bucket=bucket,
            Key="k",
            ExpressionType="SQL",
            Expression="SELECT * FROM other",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )


def test_an_inventory_configuration(s3: Any, bucket: str) -> None:
    place = {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV", "Prefix": "reports"}
    wanted = {
        "Destination": {"S3BucketDestination": place},
        # The bucket goes with the test: no report is made.
        "IsEnabled": False,
        "Id": "all",
        "IncludedObjectVersions": "Current",
        "OptionalFields": ["Size", "ETag"],
        "Schedule": {"Frequency": "Daily"},
    }
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="all", InventoryConfiguration=wanted)
    got = s3.get_bucket_inventory_configuration(Bucket=bucket, Id="all")
    assert got["InventoryConfiguration"] == wanted
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)
    assert [each["Id"] for each in listed["InventoryConfigurationList"]] == ["all"]
    s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="all")
    with refused("NoSuchConfiguration", 404):
        s3.get_bucket_inventory_configuration(Bucket=bucket, Id="all")
