"""Inventory configurations: kept as they were put, listed in pages, refused as at AWS."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import details


def configuration(id: str, target: str, **place: Any) -> dict[str, Any]:
    return {
        "Destination": {
            "S3BucketDestination": {
                "Bucket": f"arn:aws:s3:::{target}", "Format": "CSV", "Prefix": "reports", **place,
            }
        },
        "IsEnabled": True,
        "Filter": {"Prefix": "logs/"},
        "Id": id,
        "IncludedObjectVersions": "All",
        "OptionalFields": ["Size", "ETag"],
        "Schedule": {"Frequency": "Weekly"},
    }  # fmt: skip


def put(s3: Any, bucket: str, wanted: dict[str, Any], id: str = "one") -> None:
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id=id, InventoryConfiguration=wanted)


@pytest.mark.parametrize(
    "encryption", [None, {"SSES3": {}}, {"SSEKMS": {"KeyId": "team-a"}}], ids=str
)
def test_a_configuration_comes_back_as_it_was(s3: Any, bucket: str, encryption: Any) -> None:
    place = {} if encryption is None else {"Encryption": encryption}
    wanted = configuration("one", bucket, **place)
    put(s3, bucket, wanted)
    got = s3.get_bucket_inventory_configuration(Bucket=bucket, Id="one")
    assert got["InventoryConfiguration"] == wanted
    s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="one")
    for gone in (
        s3.get_bucket_inventory_configuration,
        s3.delete_bucket_inventory_configuration,
    ):
        with pytest.raises(ClientError, match="NoSuchConfiguration"):
            gone(Bucket=bucket, Id="one")


def test_lists_have_pages_of_a_hundred(s3: Any, bucket: str) -> None:
    assert s3.list_bucket_inventory_configurations(Bucket=bucket)["IsTruncated"] is False
    ids = [f"i{n:03}" for n in range(101)]
    for id in ids:
        put(s3, bucket, configuration(id, bucket), id)
    first = s3.list_bucket_inventory_configurations(Bucket=bucket)
    token = first["NextContinuationToken"]
    second = s3.list_bucket_inventory_configurations(Bucket=bucket, ContinuationToken=token)
    assert (first["IsTruncated"], second["IsTruncated"]) == (True, False)
    pages = first["InventoryConfigurationList"] + second["InventoryConfigurationList"]
    assert [each["Id"] for each in pages] == ids


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("Id",), "other", "IdMismatch"),
        (("IncludedObjectVersions",), "Some", "MalformedXML"),
        (("Schedule", "Frequency"), "Hourly", "MalformedXML"),
        (("OptionalFields",), ["Size", "Colour"], "MalformedXML"),
        (("Destination", "S3BucketDestination", "Format"), "JSON", "MalformedXML"),
        (("Destination", "S3BucketDestination", "Bucket"), "bucket", "InvalidS3DestinationBucket"),
        (("Destination", "S3BucketDestination", "Bucket"), "arn:aws:s3:::none-such-bucket",
         "InvalidS3DestinationBucket"),
    ],
)  # fmt: skip
def test_wrong_ones_have_the_errors_of_aws(
    s3: Any, bucket: str, path: tuple[str, ...], value: Any, code: str
) -> None:
    wanted = copy.deepcopy(configuration("one", bucket))
    place: Any = wanted
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ClientError) as error:
        put(s3, bucket, wanted)
    assert details(error)["Code"] == code


def test_others_see_and_change_none(s3: Any, bobs: Any, bucket: str) -> None:
    put(s3, bucket, configuration("one", bucket))
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.get_bucket_inventory_configuration(Bucket=bucket, Id="one")
    with pytest.raises(ClientError, match="AccessDenied"):
        put(bobs, bucket, configuration("one", bucket))
