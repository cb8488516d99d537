"""A running server removes what its buckets' rules say."""

from __future__ import annotations

from pathlib import Path

from tests.server_process import ServerProcess, eventually

RULE = {"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": "gone/"}}
ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}


def test_the_rules_of_a_bucket_are_applied(tmp_path: Path) -> None:
    environment = {"S3GW_LIFECYCLE_DAY_S": "1"}
    with ServerProcess(tmp_path, environment=environment) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        for key in ("gone/1", "gone/2", "stays"):
            client.put_object(Bucket="bucket", Key=key, Body=b"x")
        client.create_multipart_upload(Bucket="bucket", Key="gone/3")
        client.put_bucket_lifecycle_configuration(
            Bucket="bucket",
            LifecycleConfiguration={"Rules": [{**RULE, **ABORT, "Expiration": {"Days": 1}}]},  # type: ignore[list-item]
        )

        def keys() -> list[str]:
            listed = client.list_objects_v2(Bucket="bucket")
            return [each["Key"] for each in listed.get("Contents", [])]

        eventually(lambda: keys() == ["stays"], "objects expired")
        eventually(
            lambda: "Uploads" not in client.list_multipart_uploads(Bucket="bucket"),
            "upload given up",
        )
        counted = 's3gw_lifecycle_total{kind="expired"} 2.0'
        eventually(lambda: counted in server.get("/metrics")[1].decode(), "deletions counted")
        server.restart()
        assert keys() == ["stays"]
