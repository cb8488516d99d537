"""What a plain bucket answers to those who look at every one of its settings."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code_of, details, xml_of

# Method and sub-resource, and the answer of a bucket that nothing was done to.
NOT_THERE = [
    ("GET", "cors", "NoSuchCORSConfiguration"),
    ("GET", "tagging", "NoSuchTagSet"),
    ("GET", "website", "NoSuchWebsiteConfiguration"),
    ("GET", "replication", "ReplicationConfigurationNotFoundError"),
    ("GET", "metadataConfiguration", "MetadataConfigurationNotFound"),
    ("DELETE", "metadataConfiguration", "MetadataConfigurationNotFound"),
    ("GET", "metadataTable", "MetadataConfigurationNotFound"),
    ("DELETE", "metadataTable", "MetadataConfigurationNotFound"),
    *[
        (method, f"{marker}&id=x", "NoSuchConfiguration")
        for method in ("GET", "DELETE")
        for marker in ("analytics", "inventory", "metrics", "intelligent-tiering")
    ],
]


@pytest.mark.parametrize(("method", "marker", "code"), NOT_THERE)
def test_what_is_not_configured_is_said_in_the_words_of_aws(
    gateway: Gateway, bucket: str, method: str, marker: str, code: str
) -> None:
    assert code_of(gateway.send(method, f"/{bucket}?{marker}")) == (404, code)
    missing = gateway.send(method, f"/no-such-bucket?{marker}")
    assert code_of(missing) == (404, "NoSuchBucket")


@pytest.mark.parametrize("marker", ["cors", "tagging", "website", "replication"])
def test_deleting_what_is_not_there_is_no_error(gateway: Gateway, bucket: str, marker: str) -> None:
    answer = gateway.send("DELETE", f"/{bucket}?{marker}")
    assert (answer.status, answer.body) == (204, b"")


LISTS = {
    "list_bucket_analytics_configurations": "AnalyticsConfigurationList",
    "list_bucket_inventory_configurations": "InventoryConfigurationList",
    "list_bucket_metrics_configurations": "MetricsConfigurationList",
    "list_bucket_intelligent_tiering_configurations": "IntelligentTieringConfigurationList",
}


@pytest.mark.parametrize(("call", "rows"), LISTS.items())
def test_lists_of_configurations_are_empty(s3: Any, bucket: str, call: str, rows: str) -> None:
    answer = getattr(s3, call)(Bucket=bucket)
    assert answer["IsTruncated"] is False
    assert rows not in answer


def test_the_owner_pays_for_requests(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    configuration = {"Payer": "BucketOwner"}
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=configuration)
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_bucket_request_payment(
            Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"}
        )
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_acceleration_is_unset_then_suspended_and_never_enabled(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    with pytest.raises(ClientError, match="NotImplemented"):
        accelerate(s3, bucket, "Enabled")
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    accelerate(s3, bucket, "Suspended")
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"


def accelerate(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": status}
    )


def test_acceleration_of_a_dotted_name_is_refused_as_at_aws(s3: Any, bucket: str) -> None:
    s3.create_bucket(Bucket=f"{bucket}.dotted")
    with pytest.raises(ClientError, match="InvalidRequest"):
        accelerate(s3, f"{bucket}.dotted", "Suspended")


def test_access_by_tags_is_disabled_and_stays_so(s3: Any, bucket: str) -> None:
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Disabled"})
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"]["Status"] == "Disabled"


MALFORMED = [
    (
        "requestPayment",
        b"<RequestPaymentConfiguration><Payer>me</Payer></RequestPaymentConfiguration>",
    ),
    ("requestPayment", b"<RequestPaymentConfiguration/>"),
    ("accelerate", b"<AccelerateConfiguration><Status>enabled</Status></AccelerateConfiguration>"),
    ("accelerate", b"<AccelerateConfiguration/>"),
    ("abac", b"<AbacStatus><Status>on</Status></AbacStatus>"),
    ("cors", b"<CORSConfiguration/>"),
    ("website", b"<WebsiteConfiguration><IndexDocument/></WebsiteConfiguration>"),
]


@pytest.mark.parametrize(("marker", "body"), MALFORMED)
def test_a_document_with_other_words_is_malformed(
    gateway: Gateway, bucket: str, marker: str, body: bytes
) -> None:
    answer = gateway.send("PUT", f"/{bucket}?{marker}", body=body)
    assert code_of(answer) == (400, "MalformedXML")


@pytest.mark.parametrize("marker", ["accelerate", "cors", "requestPayment", "tagging", "website"])
def test_settings_are_not_for_strangers(gateway: Gateway, bucket: str, marker: str) -> None:
    for method in ("GET", "PUT"):
        answer = gateway.send(method, f"/{bucket}?{marker}", account=None)
        assert code_of(answer) == (403, "AccessDenied")


def test_an_object_that_is_not_archived_cannot_be_restored(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", StorageClass="STANDARD_IA")
    with pytest.raises(ClientError, match="InvalidObjectState") as error:
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert details(error)["StorageClass"] == "STANDARD_IA"
    assert code_of(gateway.send("POST", f"/{bucket}/k?restore"))[1] == "InvalidObjectState"
    assert code_of(gateway.send("POST", f"/{bucket}/nope?restore"))[1] == "NoSuchKey"


@pytest.mark.parametrize(
    "more",
    [
        {"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}},
        {"CreateBucketConfiguration": {"Location": {"Type": "LocalZone", "Name": "z"}}},
        {"BucketNamespace": "account-regional"},
    ],
)
def test_a_bucket_of_another_kind_is_not_made(s3: Any, bucket: str, more: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.create_bucket(Bucket=f"{bucket}-other", **more)
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=f"{bucket}-other")


def test_documents_outlive_one_another(s3: Any, bucket: str) -> None:
    """They are kept in one place; writing one must not lose another."""
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    website = {"IndexDocument": {"Suffix": "index.html"}}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=website)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    accelerate(s3, bucket, "Suspended")
    s3.delete_bucket_website(Bucket=bucket)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}]
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"


def test_an_empty_answer_is_a_whole_document(gateway: Gateway, bucket: str) -> None:
    root = xml_of(gateway.send("GET", f"/{bucket}?accelerate"))
    assert (root.tag, len(root)) == ("AccelerateConfiguration", 0)
