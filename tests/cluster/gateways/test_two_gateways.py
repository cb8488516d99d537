"""Two gateways are one store for their clients."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cluster.gateways.conftest import Pair
from tests.server_process import clean_environment, eventually

PART = 5 << 20


@pytest.fixture
def bucket(pair: Pair, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).replace("_", "-").replace("[", "-").strip("]")[:60].strip("-")
    pair.one.client().create_bucket(Bucket=name)
    return name


def status(error: ClientError) -> int:
    found: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return found


def test_what_one_has_acknowledged_the_other_reads(pair: Pair, bucket: str) -> None:
    one, other = pair.one.client(), pair.other.client()
    bodies = {f"name-{size}": os.urandom(size) for size in (0, 1, 9000, 3 << 20)}
    for name, body in bodies.items():
        one.put_object(Bucket=bucket, Key=name, Body=body)
        assert other.get_object(Bucket=bucket, Key=name)["Body"].read() == body
    listed = other.list_objects_v2(Bucket=bucket)["Contents"]
    assert {each["Key"]: each["Size"] for each in listed} == {
        name: len(body) for name, body in bodies.items()
    }
    for name in bodies:
        other.delete_object(Bucket=bucket, Key=name)
        with pytest.raises(ClientError) as caught:
            one.head_object(Bucket=bucket, Key=name)
        assert status(caught.value) == 404


def test_parts_go_to_either(pair: Pair, bucket: str) -> None:
    clients: list[Any] = [pair.one.client(), pair.other.client()]
    upload = clients[0].create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    bodies = [os.urandom(PART) for _ in range(3)]
    parts = [
        {
            "PartNumber": number,
            "ETag": clients[number % 2].upload_part(
                Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    clients[1].complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert clients[0].get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(bodies)


def test_conditions_hold_across_gateways(pair: Pair, bucket: str) -> None:
    one, other = pair.one.client(), pair.other.client()
    first = one.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as caught:
        other.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert status(caught.value) == 412
    other.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as caught:
        one.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first)
    assert status(caught.value) == 412


def test_settings_of_a_bucket_hold_on_both(pair: Pair, bucket: str) -> None:
    pair.one.client().put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    other = pair.other.client()
    assert other.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert len({other.put_object(Bucket=bucket, Key="k")["VersionId"] for _ in range(2)}) == 2


def test_a_key_works_everywhere_and_ends_everywhere(pair: Pair, bucket: str) -> None:
    pair.cluster.auth("one", "user", "add", "ann", "--role", "Admin")
    made = pair.cluster.auth("one", "key", "add", "ann")
    anns = pair.other.client(made["access_key"], made["secret_key"])

    def is_taken() -> bool:
        try:
            anns.list_buckets()
        except ClientError as error:
            if status(error) != 403:
                raise
            return False
        return True

    # At once: a key that is not known here is looked for in the database.
    assert is_taken()
    pair.cluster.auth("one", "key", "disable", made["access_key"])
    eventually(lambda: not is_taken(), "the key is refused by the other node", timeout_s=5)
    # For good, and by the node on which it was disabled at once.
    assert not is_taken()
    with pytest.raises(ClientError) as caught:
        pair.one.client(made["access_key"], made["secret_key"]).list_buckets()
    assert status(caught.value) == 403


def test_a_job_runs_wherever_it_was_asked_for(pair: Pair, bucket: str) -> None:
    """One node runs jobs; the other is asked, and asked again."""
    clients = [pair.one.client(), pair.other.client()]
    for number in range(5):
        clients[number % 2].put_object(Bucket=bucket, Key=f"k/{number}", Body=b"x")
    for name, node in (("one", pair.one), ("other", pair.other)):
        target = f"copy-of-{name}"
        command = [sys.executable, "-m", "s3gw", "bucket", "cp", bucket, target]
        token = pair.cluster.auth(name, "token")["token"]
        done = subprocess.run(
            [*command, "--endpoint", node.endpoint],
            env={**clean_environment(), "AIS_AUTHN_TOKEN": token},
            capture_output=True,
            text=True,
        )
        assert not done.returncode, done.stderr
        copied = clients[0].list_objects_v2(Bucket=target)["KeyCount"]
        assert copied == 5
