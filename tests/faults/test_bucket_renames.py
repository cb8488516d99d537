"""Buckets of a real server are renamed and destroyed while others write, and while workers die."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.faults.data_folder import QUICK_HOUSEKEEPING, assert_whole, blob_files
from tests.server_process import ServerProcess, eventually

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BODY = b"x" * 50_000
NO_AUTH = ["--no-auth"]
NAMES = ("one-name", "other-name")
ROUNDS = 12


def ask(server: ServerProcess, method: str, target: str, action: str) -> int:
    """The status; 0 when the worker died before it answered."""
    connection = server.connection()
    try:
        connection.request(method, f"/v1/{target}", json.dumps({"action": action}))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (http.client.HTTPException, ConnectionError):
        return 0
    finally:
        connection.close()


def rename(server: ServerProcess, old: str, new: str) -> int:
    return ask(server, "POST", f"buckets/{old}?bck_to=ais/@%23/{new}/", "move-bck")


def keys(client: S3Client, bucket: str) -> set[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"] for page in pages for each in page.get("Contents", [])}


def write_on(client: S3Client, writer: int, stop: threading.Event) -> Sequence[str]:
    """The keys whose uploads were acknowledged, into whichever bucket is there."""
    done = []
    number = 0
    while not stop.is_set():
        number += 1
        key = f"{writer}-{number}"
        try:
            client.put_object(Bucket=NAMES[number % 2], Key=key, Body=BODY)
            done.append(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
    return done


def test_no_acknowledged_upload_is_lost_by_a_rename(tmp_path: Path) -> None:
    data = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    with ServerProcess(tmp_path, data=data, workers=2, flags=NO_AUTH) as server:
        client, stop = server.client(), threading.Event()
        client.create_bucket(Bucket=NAMES[0])
        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write_on, server.client(), n, stop) for n in range(4)]
            try:
                for number in range(ROUNDS):
                    old, new = NAMES[number % 2], NAMES[1 - number % 2]
                    assert rename(server, old, new) == 200
            finally:
                stop.set()
        acknowledged = {key for writer in writers for key in writer.result()}
        assert keys(client, NAMES[0]) == acknowledged
        assert all(
            client.get_object(Bucket=NAMES[0], Key=key)["Body"].read() == BODY
            for key in acknowledged
        )
        assert_whole(server)


@pytest.mark.parametrize(
    "failpoint",
    ["bucket_rename_after_names", "bucket_rename_after_first", "bucket_rename_after_others"],
)
def test_a_worker_that_dies_leaves_the_bucket_one_name(tmp_path: Path, failpoint: str) -> None:
    """First for the other worker, while nobody cleans up, and then for a server that starts."""
    data = [tmp_path / "one", tmp_path / "two"]
    armed = {"S3GW_FAILPOINT": failpoint}
    expected = NAMES[0] if failpoint.endswith("names") else NAMES[1]
    written = {f"key-{number}" for number in range(12)}
    with ServerProcess(tmp_path, data=data, workers=2, flags=NO_AUTH, environment=armed) as server:
        client = server.client()
        client.create_bucket(Bucket=NAMES[0])
        for key in written:
            client.put_object(Bucket=NAMES[0], Key=key, Body=BODY)
        server.freeze()
        assert rename(server, *NAMES) == 0
        client = server.client()  # the other one may be connected to the dead
        assert [each["Name"] for each in client.list_buckets()["Buckets"]] == [expected]
        assert keys(client, expected) == written
        for key in written:
            assert client.get_object(Bucket=expected, Key=key)["Body"].read() == BODY
        server.kill9_all()
    with ServerProcess(tmp_path, data=data, flags=NO_AUTH) as server:
        assert keys(server.client(), expected) == written
        assert_whole(server)


def test_what_was_in_a_destroyed_bucket_goes_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, flags=NO_AUTH) as server:
        client = server.client()
        client.create_bucket(Bucket=NAMES[0])
        for number in range(40):
            client.put_object(Bucket=NAMES[0], Key=f"{number}", Body=BODY)
        assert ask(server, "DELETE", f"buckets/{NAMES[0]}", "destroy-bck") == 200
        assert client.list_buckets()["Buckets"] == []
        server.kill9_all()
        server.environment |= QUICK_HOUSEKEEPING
        server.start()
        assert server.client().list_buckets()["Buckets"] == []
        eventually(lambda: not blob_files(server.data[0]), "the bucket's blobs are gone")
        assert_whole(server)
