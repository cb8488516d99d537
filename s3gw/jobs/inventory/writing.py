"""Writing of inventories into their destination, with AWS' keys and manifests.

    <prefix>/<source>/<id>/data/<name>.csv.gz
    <prefix>/<source>/<id>/<YYYY-MM-DDTHH-MMZ>/manifest.json, manifest.checksum
    <prefix>/<source>/<id>/hive/dt=<YYYY-MM-DD-HH-MM>/symlink.txt

Each file is built in memory and written whole. The manifest's checksum comes after all others.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from time import gmtime, strftime

import msgspec
from msgspec import Struct

from cluster.inventory import Inventory
from cluster.jobs.job import Job
from cluster.jobs.job_run import JobFailed
from cluster.requested_by import RequestedBy
from s3gw.access import may_deliver_inventories, read_policy_ahead
from s3gw.jobs.inventory.columns import columns_of
from s3gw.jobs.inventory.formats import CONTENT_TYPES, SUFFIXES, new_file, schema_of
from s3gw.objects.attributes import new_attributes
from s3gw.objects.checksums import Payload
from s3gw.objects.context import Context
from s3gw.objects.encryption import EncryptionRequest
from s3gw.objects.service import ObjectService, WriteOptions
from s3gw.telemetry.request_id import new_request_id
from s3gw.wire.errors import S3Error
from storage.errors import BucketNotFound, StorageError
from storage.values import Body, BucketInfo, VersionEntry

# Rows of one file: some 10 MiB of CSV, compressed.
ROWS = 100_000
_VERSION = "2016-11-30"
_ARN = "arn:aws:s3:::"
_NS = 1_000_000_000


class ManifestFile(Struct, frozen=True):
    key: str
    size: int
    md5: str = msgspec.field(name="MD5checksum")


class Manifest(Struct, frozen=True, rename="camel"):
    """`creation_timestamp` is in milliseconds since the epoch."""

    source_bucket: str
    destination_bucket: str
    version: str
    creation_timestamp: str
    file_format: str
    file_schema: str
    files: Sequence[ManifestFile]


class InventoryWriter(Struct, frozen=True):
    """Writes as the destination's owner."""

    objects: ObjectService
    rows: int = ROWS

    async def begin(self, job: Job, inventory: Inventory) -> Report:
        """Begin a report. Raise `JobFailed` where its destination does not take it."""
        source = await self.objects.store.head_bucket(job.bucket)
        wanted = inventory.destination
        try:
            target = await self.objects.store.head_bucket(wanted.bucket)
        except BucketNotFound:
            raise JobFailed(f'the destination "{wanted.bucket}" does not exist') from None
        if wanted.account and wanted.account != target.owner:
            raise JobFailed(f'the destination "{wanted.bucket}" is of another account')
        report = Report(self, job, inventory, source, target)
        await report.check()
        return report


class Report:
    """One report in progress."""

    def __init__(
        self,
        writer: InventoryWriter,
        job: Job,
        inventory: Inventory,
        source: BucketInfo,
        target: BucketInfo,
    ) -> None:
        self._writer = writer
        self._job = job
        self._inventory = inventory
        self._source = source
        self._target = target
        self._columns = columns_of(inventory)
        self._file = new_file(inventory.format, self._columns)
        self._rows = 0
        self._files: list[ManifestFile] = []

    @property
    def folder(self) -> str:
        """The beginning of all keys, with its slash."""
        prefix = self._inventory.destination.prefix
        return f"{prefix}{'/' if prefix else ''}{self._source.name}/{self._inventory.id}/"

    async def check(self) -> None:
        """Raise `JobFailed` if the destination's policy does not let the report in."""
        await read_policy_ahead(self._target)
        if not may_deliver_inventories(self._target, f"{self.folder}data/x", self._source):
            why = f'the policy of the destination "{self._target.name}" does not allow it'
            raise JobFailed(why)

    async def add(self, entries: Sequence[VersionEntry]) -> None:
        """Add a page of objects."""
        await asyncio.to_thread(self._add, entries)
        self._rows += len(entries)
        if self._rows >= self._writer.rows:
            await self._close_file()

    def _add(self, entries: Sequence[VersionEntry]) -> None:
        cells = [column.cell for column in self._columns]
        self._file.add([[cell(self._source, entry) for cell in cells] for entry in entries])

    async def _close_file(self) -> None:
        body = await asyncio.to_thread(self._file.finish)
        name = uuid.uuid5(uuid.NAMESPACE_OID, f"{self._job.xid}-{len(self._files)}")
        format_ = self._inventory.format
        key = f"{self.folder}data/{name}{SUFFIXES[format_]}"
        await self._put(key, body, CONTENT_TYPES[format_])
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self._files.append(ManifestFile(key, len(body), md5))
        self._file = new_file(format_, self._columns)
        self._rows = 0

    async def finish(self) -> None:
        """Write the last file and the manifests."""
        if self._rows:
            await self._close_file()
        created = gmtime(self._job.created_ns // _NS)
        links = "\n".join(f"s3://{self._target.name}/{file.key}" for file in self._files)
        hive = strftime("hive/dt=%Y-%m-%d-%H-%M/symlink.txt", created)
        await self._put(f"{self.folder}{hive}", links.encode(), "text/plain")
        manifest = self._manifest()
        folder = self.folder + strftime("%Y-%m-%dT%H-%MZ/", created)
        await self._put(f"{folder}manifest.json", manifest, "application/json")
        md5 = hashlib.md5(manifest, usedforsecurity=False).hexdigest()
        await self._put(f"{folder}manifest.checksum", md5.encode(), "text/plain")

    def _manifest(self) -> bytes:
        manifest = Manifest(
            source_bucket=self._source.name,
            destination_bucket=f"{_ARN}{self._target.name}",
            version=_VERSION,
            creation_timestamp=str(self._job.created_ns // 1_000_000),
            file_format=self._inventory.format.value,
            file_schema=schema_of(self._inventory.format, self._columns),
            files=self._files,
        )
        return msgspec.json.format(msgspec.json.encode(manifest), indent=2)

    async def _put(self, key: str, body: bytes, content_type: str) -> None:
        target, wanted = self._target, self._inventory.destination
        context = Context(RequestedBy(target.owner, "", new_request_id()))
        options = WriteOptions(
            attributes=new_attributes(target, context.clock.now_ns(), content_type),
            payload=Payload(announced=len(body)),
            size=len(body),
            encryption=EncryptionRequest(wanted.scheme, key_id=wanted.key_id),
        )
        try:
            await self._writer.objects.write(context, target, key, _once(body), options)
        except (StorageError, S3Error) as error:
            raise JobFailed(f'"{target.name}/{key}" cannot be written: {error}') from error


async def _once(body: bytes) -> Body:
    yield body
