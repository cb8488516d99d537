"""Inventories: reports on a bucket's objects in another bucket, on demand and by the calendar."""

from __future__ import annotations

import asyncio
import base64
import csv
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.inventory import Destination, Format, Frequency, Inventories, Inventory
from cluster.inventory_schedule import InventorySchedule
from cluster.jobs.create_inventory import inventory_job
from cluster.jobs.job import JobStatus
from cluster.jobs.job_run import JobFailed
from cluster.jobs.registry import Registry
from cluster.lifecycle.rules import Calendar
from s3gw.jobs.inventory.writing import InventoryWriter
from storage.backends.memory import MemoryBackend
from storage.settings import with_setting, without_setting
from storage.values import BucketInfo, BucketOptions, ListQuery, VersionEntry
from tests.native.jobs.asking import refused
from tests.native.jobs.scene import JobScene
from tests.storage.fake_clock import FakeClock

FIELDS = [
    "Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "ReplicationStatus",
    "EncryptionStatus", "ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier", "BucketKeyStatus", "ChecksumAlgorithm",
    "ObjectAccessControlList", "ObjectOwner",
]  # fmt: skip


def configure(scene: JobScene, bucket: str, target: str, id: str = "all", **more: Any) -> None:
    place = {"Bucket": f"arn:aws:s3:::{target}", "Format": more.pop("format", "CSV"), "Prefix": "i"}
    configuration = {
        "Destination": {"S3BucketDestination": place},
        "Id": id,
        "IncludedObjectVersions": "Current",
        "IsEnabled": True,
        "Schedule": {"Frequency": "Daily"},
        **more,
    }
    scene.s3.put_bucket_inventory_configuration(
        Bucket=bucket, Id=id, InventoryConfiguration=configuration
    )


def run(scene: JobScene, bucket: str, id: str = "all") -> dict[str, Any]:
    return scene.done("POST", f"buckets/{bucket}", "create-inventory", {"name": id})


def read(scene: JobScene, bucket: str, key: str) -> bytes:
    return bytes(scene.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def keys(scene: JobScene, bucket: str) -> list[str]:
    listed = scene.s3.list_objects_v2(Bucket=bucket)
    return [row["Key"] for row in listed.get("Contents", ())]


def manifest(scene: JobScene, target: str) -> dict[str, Any]:
    (key,) = (key for key in keys(scene, target) if key.endswith("manifest.json"))
    return json.loads(read(scene, target, key))  # type: ignore[no-any-return]


def rows(scene: JobScene, target: str) -> list[dict[str, str]]:
    """The rows of a CSV report by the manifest, whose checksums are verified."""
    found = manifest(scene, target)
    names = found["fileSchema"].split(", ")
    result = []
    for file in found["files"]:
        body = read(scene, target, file["key"])
        assert len(body) == file["size"]
        assert hashlib.md5(body).hexdigest() == file["MD5checksum"]
        for row in csv.reader(io.StringIO(gzip.decompress(body).decode())):
            result.append(dict(zip(names, row, strict=True)))
    return result


@pytest.fixture
def target(scene: JobScene, bucket: str) -> str:
    name = f"{bucket}-reports"
    assert scene.act("POST", f"buckets/{name}", "create-bck").status == 200
    return name


def test_a_report_has_the_keys_and_the_manifest_of_aws(
    scene: JobScene, bucket: str, target: str
) -> None:
    scene.s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"12345")
    scene.s3.put_object(Bucket=bucket, Key="c", Body=b"")
    configure(scene, bucket, target, OptionalFields=["ETag", "Size"])
    snap = run(scene, bucket)
    assert snap["id"].startswith("inv-")
    assert (snap["stats"]["loc-objs"], snap["err"]) == ("2", "")
    assert rows(scene, target) == [
        {"Bucket": bucket, "Key": "a%20b/%C3%BC", "Size": "5",
         "ETag": hashlib.md5(b"12345").hexdigest()},
        {"Bucket": bucket, "Key": "c", "Size": "0", "ETag": hashlib.md5(b"").hexdigest()},
    ]  # fmt: skip
    found = manifest(scene, target)
    files = found.pop("files")
    created = int(found.pop("creationTimestamp"))
    assert created > 1_600_000_000_000
    assert found == {
        "sourceBucket": bucket,
        "destinationBucket": f"arn:aws:s3:::{target}",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, ETag",
    }
    folder = f"i/{bucket}/all/"
    checksum, text, link = sorted(key for key in keys(scene, target) if "/data/" not in key)
    assert (checksum[-17:], text[-13:]) == ("manifest.checksum", "manifest.json")
    assert link.startswith(f"{folder}hive/dt=")
    assert read(scene, target, link) == f"s3://{target}/{files[0]['key']}".encode()
    digest = hashlib.md5(read(scene, target, text)).hexdigest()
    assert read(scene, target, checksum) == digest.encode()


def test_all_versions_with_all_fields(scene: JobScene, bucket: str, target: str) -> None:
    enabled = {"Status": "Enabled"}
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    scene.s3.put_object(
        Bucket=bucket, Key="p/k", Body=b"1", ServerSideEncryption="AES256",
        ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    scene.s3.delete_object(Bucket=bucket, Key="p/k")
    scene.s3.put_object(Bucket=bucket, Key="other", Body=b"1")
    configure(
        scene, bucket, target, IncludedObjectVersions="All", OptionalFields=FIELDS,
        Filter={"Prefix": "p/"},
    )  # fmt: skip
    run(scene, bucket)
    marker, version = rows(scene, target)
    assert (marker["IsLatest"], marker["IsDeleteMarker"], marker["Size"]) == ("true", "true", "")
    assert (version["IsLatest"], version["IsDeleteMarker"], version["Size"]) == (
        "false", "false", "1",
    )  # fmt: skip
    assert marker["VersionId"] != version["VersionId"]
    assert version["EncryptionStatus"] == "SSE-S3"
    assert version["ChecksumAlgorithm"] == "SHA256"
    assert version["ObjectLockLegalHoldStatus"] == "Off"
    assert version["LastModifiedDate"].endswith(".000Z")
    acl = json.loads(base64.b64decode(version["ObjectAccessControlList"]))
    assert acl["grants"][0]["canonicalId"] == version["ObjectOwner"]
    assert acl["grants"][0]["permission"] == "FULL_CONTROL"


@pytest.mark.parametrize("format", ["Parquet", "ORC"])
def test_columnar_reports_have_types(
    scene: JobScene, bucket: str, target: str, format: str
) -> None:
    pytest.importorskip("pyarrow", reason="Parquet and ORC need pyarrow")
    from pyarrow import orc, parquet

    scene.put(bucket, "a b", b"12345")
    fields = ["Size", "LastModifiedDate", "IsMultipartUploaded"]
    configure(scene, bucket, target, format=format, OptionalFields=fields)
    run(scene, bucket)
    (file,) = manifest(scene, target)["files"]
    body = io.BytesIO(read(scene, target, file["key"]))
    reader = parquet.read_table if format == "Parquet" else orc.read_table
    (row,) = reader(body).to_pylist()
    assert (row["bucket"], row["key"], row["size"]) == (bucket, "a b", 5)
    assert row["is_multipart_uploaded"] is False
    assert row["last_modified_date"].year > 2020
    schema = manifest(scene, target)["fileSchema"]
    wanted = {
        "Parquet": "message s3.inventory { required binary bucket (UTF8); required binary key "
        "(UTF8); optional int64 size; optional int64 last_modified_date (TIMESTAMP_MILLIS); "
        "optional boolean is_multipart_uploaded; }",
        "ORC": "struct<bucket:string,key:string,size:bigint,last_modified_date:timestamp,"
        "is_multipart_uploaded:boolean>",
    }
    assert schema == wanted[format]


def test_an_empty_bucket_has_a_report_without_files(
    scene: JobScene, bucket: str, target: str
) -> None:
    configure(scene, bucket, target)
    run(scene, bucket)
    assert manifest(scene, target)["files"] == []


def test_the_policy_of_the_destination_can_keep_reports_out(
    scene: JobScene, bucket: str, target: str
) -> None:
    configure(scene, bucket, target)
    policy = {
        "Effect": "Deny",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
    }
    scene.s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Statement": [policy]}))
    snap = run(scene, bucket)
    assert "policy of the destination" in snap["abort-err"]
    assert keys(scene, target) == []


def test_what_is_not_configured_is_refused(scene: JobScene, bucket: str) -> None:
    error = refused(scene, "POST", f"buckets/{bucket}", "create-inventory", {"name": "none"})
    assert error.status == 404
    assert 'no inventory "none"' in error.message


# The job


def inventory(target: str = "reports", **more: Any) -> Inventory:
    given = {"format": Format.CSV, "frequency": Frequency.DAILY, "all_versions": False, **more}
    return Inventory(id="all", destination=Destination(target), **given)


async def repeated(scene: JobScene, bucket: str, target: str) -> list[list[str]]:
    """The names in the destination before the manifest and after it, of a report written twice."""
    objects = scene.objects
    source = await objects.store.head_bucket(bucket)
    job = inventory_job(source, inventory(target))
    page = await objects.store.list_objects(bucket, ListQuery())
    entries = [VersionEntry(info, latest=True) for info in page.objects]
    found: list[list[str]] = []
    for _ in range(2):
        report = await InventoryWriter(objects, rows=2).begin(job, inventory(target))
        for at in range(0, 5, 2):
            await report.add(entries[at : at + 2])
        for finish in (False, True):
            if finish:
                await report.finish()
            names = (await objects.store.list_objects(target, ListQuery())).objects
            found.append([info.name for info in names])
    missing = inventory_job(source, inventory("none-such"))
    with pytest.raises(JobFailed, match="does not exist"):
        await InventoryWriter(objects).begin(missing, inventory("none-such"))
    return found


def test_files_have_so_many_rows_and_the_same_names_when_repeated(
    scene: JobScene, bucket: str, target: str
) -> None:
    for i in range(5):
        scene.put(bucket, f"k{i}", b"x")
    first, done, _, again = scene.server.run(repeated(scene, bucket, target))
    assert done == again
    assert sum("/data/" in key for key in done) == 3
    assert len(first) == 2
    assert not any("manifest" in key for key in first)


# The calendar

DAY_NS = 86400 * 1_000_000_000


class Due:
    """A bucket with inventories, and the jobs that the schedule registers."""

    def __init__(self, folder: Path) -> None:
        prepare(folder / "coordination.db")
        self.coordination = EmbeddedCoordination(folder / "coordination.db")
        self.clock = FakeClock()
        self.store = MemoryBackend(self.clock)
        self.registry = Registry(self.coordination, clock=self.clock)

    async def look(self) -> list[str]:
        """Ids of the inventories that were begun now."""
        before = {status.job.xid for status in await self.registry.all()}
        schedule = InventorySchedule(
            self.store, self.registry, self.coordination, Calendar(), self.clock
        )
        await schedule.run_once()
        new = [each for each in await self.registry.all() if each.job.xid not in before]
        return sorted(_id(each) for each in new)

    async def keep(self, *inventories: Inventory) -> None:
        def change(info: BucketInfo) -> BucketInfo:
            if not inventories:
                return without_setting(info, Inventories)
            return with_setting(info, Inventories(inventories))

        await self.store.update_bucket("b", change)


def _id(status: JobStatus) -> str:
    return status.job.inventory.id  # type: ignore[attr-defined, no-any-return]


def test_daily_weekly_and_disabled_inventories(tmp_path: Path) -> None:
    async def days() -> None:
        due = Due(tmp_path)
        await due.store.create_bucket("b", BucketOptions("owner"))
        daily = inventory()
        weekly = Inventory("week", daily.destination, Format.CSV, Frequency.WEEKLY, False)
        off = Inventory("off", daily.destination, Format.CSV, Frequency.DAILY, False, enabled=False)
        await due.keep(daily, weekly, off)
        assert await due.look() == ["all", "week"]
        assert await due.look() == []
        begun = []
        for _ in range(14):
            due.clock.advance_s(86400)
            begun.append(await due.look())
        assert all("all" in each for each in begun)
        assert sum("week" in each for each in begun) == 2
        await due.keep()
        due.clock.advance_s(86400)
        assert await due.look() == []
        assert (await due.coordination.range("/inventory/"))[0] == []
        due.coordination.close()

    asyncio.run(days())
