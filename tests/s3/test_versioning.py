"""Versions of objects: what is kept, what is told, and what can be had back."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code, code_of, error_of, xml_of


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    configure(s3, bucket, "Enabled")
    return bucket


def configure(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3: Any, bucket: str, body: bytes, key: str = "k", **more: Any) -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body, **more)["VersionId"])


def read(s3: Any, bucket: str, version: str | None = None, key: str = "k") -> bytes:
    named = {} if version is None else {"VersionId": version}
    return bytes(s3.get_object(Bucket=bucket, Key=key, **named)["Body"].read())


def listed(s3: Any, bucket: str, **query: Any) -> list[tuple[str, str, bool]]:
    """Key, version id and whether it is the latest, versions before delete markers."""
    page = s3.list_object_versions(Bucket=bucket, **query)
    rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [(row["Key"], row["VersionId"], row["IsLatest"]) for row in rows]


def test_a_bucket_has_no_versioning_until_it_is_switched_on(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        configure(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


def test_a_bucket_without_versioning_tells_no_version_ids(s3: Any, bucket: str) -> None:
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k")
    assert "VersionId" not in s3.delete_object(Bucket=bucket, Key="k")


def test_every_version_can_be_read(s3: Any, versioned: str) -> None:
    versions = [put(s3, versioned, body) for body in (b"one", b"two", b"three")]
    assert len(set(versions)) == 3
    assert [read(s3, versioned, version) for version in versions] == [b"one", b"two", b"three"]
    assert read(s3, versioned) == b"three"
    assert s3.head_object(Bucket=versioned, Key="k")["VersionId"] == versions[2]
    assert listed(s3, versioned) == [
        ("k", versions[2], True),
        ("k", versions[1], False),
        ("k", versions[0], False),
    ]


def test_an_object_from_before_is_the_null_version(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    configure(s3, bucket, "Enabled")
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    after = put(s3, bucket, b"after")
    assert read(s3, bucket, "null") == b"before"
    assert listed(s3, bucket) == [("k", after, True), ("k", "null", False)]


def test_a_suspended_bucket_overwrites_its_null_version_only(s3: Any, versioned: str) -> None:
    kept = put(s3, versioned, b"kept")
    configure(s3, versioned, "Suspended")
    for body in (b"one", b"two"):
        assert "VersionId" not in s3.put_object(Bucket=versioned, Key="k", Body=body)
    assert listed(s3, versioned) == [("k", "null", True), ("k", kept, False)]
    assert (read(s3, versioned), read(s3, versioned, kept)) == (b"two", b"kept")


def test_a_deletion_adds_a_marker_and_its_removal_brings_the_object_back(
    s3: Any, versioned: str
) -> None:
    version = put(s3, versioned, b"x")
    deleted = s3.delete_object(Bucket=versioned, Key="k")
    assert deleted["DeleteMarker"] is True
    with pytest.raises(ClientError) as error:
        read(s3, versioned)
    assert code(error) == "NoSuchKey"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert read(s3, versioned, version) == b"x"
    removed = s3.delete_object(Bucket=versioned, Key="k", VersionId=deleted["VersionId"])
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, deleted["VersionId"])
    assert read(s3, versioned) == b"x"


def test_deleting_nothing_adds_a_marker_too(s3: Any, versioned: str) -> None:
    marker = s3.delete_object(Bucket=versioned, Key="never")["VersionId"]
    assert listed(s3, versioned) == [("never", marker, True)]


def test_a_suspended_bucket_has_one_null_marker(s3: Any, versioned: str) -> None:
    configure(s3, versioned, "Suspended")
    s3.put_object(Bucket=versioned, Key="k", Body=b"x")
    for _ in range(2):
        deleted = s3.delete_object(Bucket=versioned, Key="k")
        assert (deleted["VersionId"], deleted["DeleteMarker"]) == ("null", True)
    assert listed(s3, versioned) == [("k", "null", True)]


def test_reading_a_delete_marker_says_what_it_is(s3: Any, versioned: str, gateway: Gateway) -> None:
    put(s3, versioned, b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    current = gateway.send("GET", f"/{versioned}/k")
    assert code_of(current) == (404, "NoSuchKey")
    named = gateway.send("GET", f"/{versioned}/k?versionId={marker}")
    assert code_of(named) == (405, "MethodNotAllowed")
    assert named.headers["allow"] == "DELETE"
    assert named.headers["last-modified"]
    for answer in (current, named):
        assert answer.headers["x-amz-delete-marker"] == "true"
        assert answer.headers["x-amz-version-id"] == marker


def test_the_version_before_becomes_the_object_again(s3: Any, versioned: str) -> None:
    first, second = put(s3, versioned, b"one"), put(s3, versioned, b"two")
    removed = s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert (removed["VersionId"], removed.get("DeleteMarker")) == (second, None)
    assert (read(s3, versioned), listed(s3, versioned)) == (b"one", [("k", first, True)])


@pytest.mark.parametrize("version", ["nope", "0" * 31, "0" * 33, "A" * 32])
def test_a_version_that_cannot_be_is_refused(s3: Any, versioned: str, version: str) -> None:
    put(s3, versioned, b"x")
    for asking in (s3.get_object, s3.get_object_tagging, s3.get_object_acl, s3.delete_object):
        with pytest.raises(ClientError) as error:
            asking(Bucket=versioned, Key="k", VersionId=version)
        assert code(error) == "InvalidArgument"
    assert read(s3, versioned) == b"x"


def test_a_version_that_is_not_there_is_said_to_be_missing(s3: Any, versioned: str) -> None:
    version = "0" * 32
    put(s3, versioned, b"x")
    for reading in (s3.get_object, s3.get_object_tagging, s3.get_object_acl):
        with pytest.raises(ClientError) as error:
            reading(Bucket=versioned, Key="k", VersionId=version)
        assert code(error) == "NoSuchVersion"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    assert read(s3, versioned) == b"x"


def test_an_empty_version_id_is_no_version(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    for method in ("GET", "DELETE"):
        answer = gateway.send(method, f"/{bucket}/k?versionId=")
        assert code_of(answer) == (400, "InvalidArgument")
        assert error_of(answer)["ArgumentName"] == "versionId"


def test_tags_and_attributes_are_those_of_the_version(s3: Any, versioned: str) -> None:
    old, new = put(s3, versioned, b"one", Tagging="a=1"), put(s3, versioned, b"three")
    tags = {"TagSet": [{"Key": "b", "Value": "2"}]}
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=old, Tagging=tags)
    answer = s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=old)
    assert (answer["TagSet"], answer["VersionId"]) == (tags["TagSet"], old)
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == []
    s3.delete_object_tagging(Bucket=versioned, Key="k", VersionId=old)
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=old)["TagSet"] == []
    for version, size in ((old, 3), (new, 5)):
        facts = s3.get_object_attributes(
            Bucket=versioned, Key="k", VersionId=version, ObjectAttributes=["ObjectSize"]
        )
        assert (facts["ObjectSize"], facts["VersionId"]) == (size, version)


def test_a_copy_reads_the_version_that_it_names(s3: Any, versioned: str) -> None:
    old = put(s3, versioned, b"old")
    put(s3, versioned, b"new")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    copied = s3.copy_object(Bucket=versioned, Key="other", CopySource=source)
    assert (copied["CopySourceVersionId"], read(s3, versioned, key="other")) == (old, b"old")
    # Onto itself it brings the old bytes back, and keeps both versions.
    s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert read(s3, versioned) == b"old"
    assert len([row for row in listed(s3, versioned) if row[0] == "k"]) == 3


def test_a_copy_onto_itself_with_other_metadata_keeps_the_old_version(
    s3: Any, versioned: str
) -> None:
    old = put(s3, versioned, b"x", Metadata={"a": "1"})
    source = {"Bucket": versioned, "Key": "k"}
    changed = s3.copy_object(
        Bucket=versioned,
        Key="k",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"a": "2"},
    )
    assert changed["VersionId"] != old
    assert s3.head_object(Bucket=versioned, Key="k")["Metadata"] == {"a": "2"}
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=old)["Metadata"] == {"a": "1"}
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert code(error) == "InvalidRequest"


def test_a_delete_marker_cannot_be_copied(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    source = {"Bucket": versioned, "Key": "k"}
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=versioned, Key="other", CopySource=source)
    assert code(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=versioned, Key="other", CopySource=source | {"VersionId": marker})
    assert code(error) == "InvalidRequest"


def test_an_upload_makes_a_version(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"before")
    upload = s3.create_multipart_upload(Bucket=versioned, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=versioned, Key="k", UploadId=upload, PartNumber=1, Body=b"after")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(
        Bucket=versioned, Key="k", UploadId=upload, MultipartUpload=parts
    )
    assert read(s3, versioned, done["VersionId"]) == b"after"
    assert len(listed(s3, versioned)) == 2


def test_many_deletions_each_say_what_became_of_their_version(s3: Any, versioned: str) -> None:
    old, _ = put(s3, versioned, b"one", "a"), put(s3, versioned, b"two", "a")
    put(s3, versioned, b"x", "b")
    marker = s3.delete_object(Bucket=versioned, Key="c")["VersionId"]
    objects = [
        {"Key": "a", "VersionId": old},
        {"Key": "b"},
        {"Key": "c", "VersionId": marker},
        {"Key": "d", "VersionId": "0" * 32},
        {"Key": "e", "VersionId": "nope"},
    ]
    done = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
    assert [(one["Key"], one["Code"]) for one in done["Errors"]] == [("e", "NoSuchVersion")]
    deleted = done["Deleted"]
    added = deleted[1].pop("DeleteMarkerVersionId")
    assert deleted == [
        {"Key": "a", "VersionId": old},
        {"Key": "b", "DeleteMarker": True},
        {"Key": "c", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "d", "VersionId": "0" * 32},
    ]
    assert ("b", added, True) in listed(s3, versioned)
    assert read(s3, versioned, key="a") == b"two"


def test_a_conditional_deletion_looks_at_the_current_version(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"one")
    etag = s3.head_object(Bucket=versioned, Key="k")["ETag"]
    put(s3, versioned, b"two")
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=versioned, Key="k", IfMatch=etag)
    assert code(error) == "PreconditionFailed"
    s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")
    assert code(error) == "NoSuchKey"


def test_only_new_means_that_a_deleted_object_may_come_back(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"one", IfNoneMatch="*")
    s3.delete_object(Bucket=versioned, Key="k")
    put(s3, versioned, b"two", IfNoneMatch="*")
    assert read(s3, versioned) == b"two"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_of_versions_make_up_the_listing(s3: Any, versioned: str, size: int) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        for body in (b"1", b"2", b"3"):
            put(s3, versioned, body, key)
    s3.delete_object(Bucket=versioned, Key="c")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=versioned, PaginationConfig={"PageSize": size}
    )
    found = [
        row for page in pages for row in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]
    assert len(found) == 13
    assert len({row["VersionId"] for row in found}) == 13
    assert sorted(row["Key"] for row in found if row["IsLatest"]) == ["a", "b/1", "b/2", "c"]


def test_versions_are_rolled_up_into_common_prefixes(s3: Any, versioned: str) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        put(s3, versioned, b"1", key)
        put(s3, versioned, b"2", key)
    page = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["b/"]
    assert [row["Key"] for row in page["Versions"]] == ["a", "a", "c", "c"]


def test_versions_and_markers_come_in_one_order(s3: Any, versioned: str, gateway: Gateway) -> None:
    """As AWS writes them: clients that read the document in its order rely on it."""
    put(s3, versioned, b"1")
    s3.delete_object(Bucket=versioned, Key="k")
    put(s3, versioned, b"2")
    document = xml_of(gateway.send("GET", f"/{versioned}?versions"))
    names = [child.tag.rpartition("}")[2] for child in document]
    assert [name for name in names if name in ("Version", "DeleteMarker")] == [
        "Version",
        "DeleteMarker",
        "Version",
    ]


def test_a_listing_goes_on_where_a_removed_version_stood(s3: Any, versioned: str) -> None:
    """As tools do that empty a bucket page by page."""
    for _ in range(5):
        put(s3, versioned, b"x")
    page = s3.list_object_versions(Bucket=versioned, MaxKeys=2)
    for row in page["Versions"]:
        s3.delete_object(Bucket=versioned, Key="k", VersionId=row["VersionId"])
    rest = s3.list_object_versions(
        Bucket=versioned,
        KeyMarker=page["NextKeyMarker"],
        VersionIdMarker=page["NextVersionIdMarker"],
    )
    assert len(rest["Versions"]) == 3


def test_a_bucket_with_versions_is_not_empty(s3: Any, versioned: str) -> None:
    version = put(s3, versioned, b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    for left in (version, marker):
        with pytest.raises(ClientError) as error:
            s3.delete_bucket(Bucket=versioned)
        assert code(error) == "BucketNotEmpty"
        s3.delete_object(Bucket=versioned, Key="k", VersionId=left)
    s3.delete_bucket(Bucket=versioned)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<VersioningConfiguration/>", "IllegalVersioningConfigurationException"),
        ("<Status>Enabled</Status>", "MalformedXML"),
        (
            "<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>",
            "MalformedXML",
        ),
        (
            "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
            "</VersioningConfiguration>",
            "NotImplemented",
        ),
    ],
)
def test_a_versioning_that_cannot_be_is_refused(
    gateway: Gateway, bucket: str, document: str, expected: str
) -> None:
    answer = gateway.send("PUT", f"/{bucket}?versioning", body=document.encode())
    assert code_of(answer)[1] == expected
    assert b"<Status>" not in gateway.send("GET", f"/{bucket}?versioning").body
