"""A worker of a real server dies while it renames an object from one data folder to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ConnectionError, HTTPClientError

from tests.faults.data_folder import QUICK_HOUSEKEEPING, assert_whole
from tests.server_process import ServerProcess, eventually
from tests.storage.bodies import pattern
from tests.storage.two_mountpaths import BUCKET, home_of, rows_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BODY = pattern(300_000, seed=21)
SOURCE = "source"


def target_elsewhere(data: list[Path]) -> str:
    names = (f"target-{number}" for number in range(100))
    home = home_of(data, SOURCE)
    return next(name for name in names if home_of(data, name).uuid != home.uuid)


def found(client: S3Client, *keys: str) -> list[str]:
    """Under which of the keys the object is."""
    there = []
    for key in keys:
        try:
            content = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            continue
        assert content == BODY
        there.append(key)
    return there


@pytest.mark.parametrize("failpoint", ["rename_after_leaving", "rename_after_arriving"])
def test_the_object_has_one_name_whoever_died(tmp_path: Path, failpoint: str) -> None:
    """First for the other worker, while nobody cleans up, and then for a server that starts."""
    data = [tmp_path / "one", tmp_path / "two"]
    armed = {"S3GW_FAILPOINT": failpoint}
    with ServerProcess(tmp_path, data=data, workers=2, environment=armed) as server:
        target = seed(server)
        expected = [SOURCE] if failpoint == "rename_after_leaving" else [target]
        server.freeze()
        rename(server, target)
        assert found(server.client(), SOURCE, target) == expected
        assert rows_of(data, "SELECT * FROM leaving")
        server.kill9_all()
    with ServerProcess(tmp_path, data=data) as server:
        assert found(server.client(), SOURCE, target) == expected
        assert_whole(server)


def test_the_supervisor_settles_what_a_dead_worker_left(tmp_path: Path) -> None:
    data = [tmp_path / "one", tmp_path / "two"]
    armed = {"S3GW_FAILPOINT": "rename_after_arriving", **QUICK_HOUSEKEEPING}
    with ServerProcess(tmp_path, data=data, workers=2, environment=armed) as server:
        target = seed(server)
        rename(server, target)
        eventually(lambda: not rows_of(data, "SELECT * FROM leaving"), "the rename settled")
        assert found(server.client(), SOURCE, target) == [target]
        assert_whole(server)


def seed(server: ServerProcess) -> str:
    """An object, and a name in the other folder."""
    client = server.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=SOURCE, Body=BODY)
    return target_elsewhere(server.data)


def rename(server: ServerProcess, target: str) -> None:
    with pytest.raises((ConnectionError, HTTPClientError)):
        server.client().rename_object(Bucket=BUCKET, Key=target, RenameSource=f"{BUCKET}/{SOURCE}")
