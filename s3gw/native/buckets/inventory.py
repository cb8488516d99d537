"""Inventories: AIStore's, snapshots of remote buckets to list from, and S3's reports on demand.

A remote bucket has one snapshot at most. With the id of a configuration as the name, the request
begins the report that it describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cluster.inventory import Inventories
from cluster.jobs import create_inventory
from cluster.jobs.create_inventory import CreateInventory as Job
from cluster.jobs.create_inventory import inventory_job
from cluster.snapshots.kept import Snapshots
from cluster.snapshots.records import (
    LEAST_NAMES,
    MOST_NAMES,
    NAMES,
    PROPS,
    Manifest,
    Snapshot,
)
from s3gw.access import Access, authorize, usable
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.buckets.inventory_listing import check_inventory_name
from s3gw.native.buckets.list_properties import ListFlag, ListMessage, flags_text
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.names import bck_of, is_asked
from s3gw.native.object_names import prefix_of
from s3gw.native.operation import operation, query, value
from s3gw.native.remote_buckets import is_remote
from s3gw.objects.aistore_names import name_of
from s3gw.wire.errors import S3Error
from storage.errors import BucketNotFound
from storage.settings import setting

_WHAT = create_inventory.KIND.name
_TAKEN_FLAGS = ListFlag.NAME_ONLY | ListFlag.NAME_SIZE | ListFlag.NO_DIRS | ListFlag.NBI
_HINT = (
    "(only one inventory per bucket is supported, use CLI '--force' or 'CreateNBIMsg.Force' to "
    "override)"
)


class InventoryMessage(ListMessage, frozen=True):
    """`name` is the inventory's, or the id of a configuration. With `force`, a former inventory is
    replaced."""

    name: str = ""
    names_per_chunk: int = 0
    force: bool = False

    def snapshot(self, call: NativeCall) -> Snapshot:
        """Return what it asks for, with AIStore's defaults. Raise 400."""
        epref = f"invalid '{_WHAT}'"
        if self.continuation_token:
            raise NativeError(400, f"{epref}: continuation_token must be empty")
        if self.start_after:
            raise NativeError(400, f"{epref}: start_after is not supported")
        flags = self.read_flags()
        if flags & ~_TAKEN_FLAGS:
            raise NativeError(400, f"{epref}: flags:{flags_text(flags)}")
        check_inventory_name(self.name)
        props = tuple(sorted(self.chosen(flags) & PROPS))
        number = self.names_per_chunk
        if number < 0:
            raise NativeError(400, f"{epref}: negative names_per_chunk={number}")
        if 0 < number < LEAST_NAMES:
            message = f"names_per_chunk={number} too small (min={LEAST_NAMES})"
            raise NativeError(400, f"{epref}: {message}")
        if number > MOST_NAMES:
            message = f"names_per_chunk={number} too large (max={MOST_NAMES})"
            raise NativeError(400, f"{epref}: {message}")
        bck = call.bck
        return Snapshot(bck.uname, bck.cname(), self.name, number or NAMES, props)


class NbiInfo(Struct, omit_defaults=True):
    """One inventory, as AIStore describes it. Times in nanoseconds since the epoch, size in bytes;
    `nat` is the number of nodes that have parts of it."""

    bucket: str
    name: str
    obj_name: str
    size: int
    prefix: str = ""
    started: int = 0
    finished: int = 0
    ntotal: int = 0
    chunks: int = 0
    nat: int = 0


@operation(
    "POST",
    "buckets/{bucket}",
    action=_WHAT,
    access=Access.PATCH,
    known_as="PutBucketInventoryConfiguration",
    is_audited=True,
)
class CreateInventory:
    """A snapshot is begun by administrators, as in AIStore."""

    asked: InventoryMessage = value(default=InventoryMessage())

    async def run(self, call: NativeCall) -> Reply:
        kept = setting(call.bucket_info, Inventories) or Inventories()
        found = kept.find(self.asked.name)
        if found is not None:
            return text_reply(await begin(call, inventory_job(call.bucket_info, found)))
        if not is_remote(call):
            raise self._nothing_to_write(call)
        if not call.caller.is_root:
            message = f"only an administrator creates inventories of {call.bck.cname()}"
            raise NativeError(403, message, Tcode.BUCKET_DENIED)
        snapshot = self.asked.snapshot(call)
        await _require_no_job(call)
        former = await Snapshots(call.native.tier.local).of(call.bck.uname)
        if former and not self.asked.force:
            names = " ".join(manifest.key for manifest in former)
            message = f"inventory for bucket {call.bck.cname()} already exists: [{names}]"
            raise NativeError(400, f"{message}\n{_HINT}")
        prefix = prefix_of(self.asked.prefix, _WHAT)
        job = Job(bucket=call.bucket, prefix=prefix, snapshot=snapshot)
        return text_reply(await begin(call, job))

    def _nothing_to_write(self, call: NativeCall) -> NativeError:
        bucket, name = call.bck.cname(), self.asked.name
        if name:
            message = f'bucket "{bucket}" has no inventory "{name}"'
            return NativeError(404, f"{message}: put its configuration first")
        message = f'bucket "{bucket}" has no remote backend: an inventory to list from needs one'
        return NativeError(400, f"{message}; give the id of a configuration for a report")


@operation(
    "GET",
    "buckets/{bucket}",
    action="show-inventory",
    access=Access.HEAD_BUCKET,
    known_as="HeadBucket",
)
class ShowInventory:
    """The inventory of a bucket, by its object's name; the message's name selects one."""

    async def run(self, call: NativeCall) -> Reply:
        return _shown(await _of(call))


@operation(
    "GET",
    "buckets",
    action="show-inventory",
    access=Access.LIST_BUCKETS,
    known_as="ListBuckets",
)
class ShowInventories:
    """Those of all buckets that the query names and whose properties the caller may see."""

    provider: str = query("provider", default="")

    async def run(self, call: NativeCall) -> Reply:
        found: list[Manifest] = []
        every = not self.provider and not call.bck.uuid and not call.bck.namespace
        known = await call.store.list_buckets()
        meant = [each for each in known if every or is_asked(call.bck, bck_of(each.name))]
        for bucket in await usable(call, meant):
            one = replace(call, bck=bck_of(bucket.name), bucket=bucket.name)
            one.operation = "HeadBucket"
            with suppress(S3Error, BucketNotFound):
                await authorize(one, Access.HEAD_BUCKET)
                found += await _of(one)
        return _shown(found)


@operation(
    "DELETE",
    "buckets/{bucket}",
    action="destroy-inventory",
    access=Access.PATCH,
    known_as="PutBucketInventoryConfiguration",
    needs_admin=True,
    is_audited=True,
)
class DestroyInventory:
    """Removes the inventory with the message's name, or without one whichever there is. As in
    AIStore, success also means that there was none."""

    async def run(self, call: NativeCall) -> Reply:
        check_inventory_name(call.message.name)
        await _require_no_job(call)
        kept = Snapshots(call.native.tier.local)
        if not call.message.name:
            await kept.remove_all(call.bck.uname)
        for manifest in await kept.of(call.bck.uname, call.message.name):
            await kept.remove(manifest)
        return Reply()


async def _of(call: NativeCall) -> list[Manifest]:
    kept = Snapshots(call.native.tier.local)
    return await kept.of(call.bck.uname, call.message.name)


def _shown(manifests: Iterable[Manifest]) -> Reply:
    return json_reply({manifest.key: _info(manifest) for manifest in manifests})


def _info(manifest: Manifest) -> NbiInfo:
    return NbiInfo(
        bucket=manifest.bucket,
        name=manifest.name,
        obj_name=manifest.key,
        size=manifest.size,
        prefix=name_of(manifest.prefix),
        started=manifest.started_ns,
        finished=manifest.finished_ns,
        ntotal=manifest.names,
        chunks=len(manifest.chunks),
        nat=1,
    )


async def _require_no_job(call: NativeCall) -> None:
    """Raise 409 while a snapshot of the bucket is being taken."""
    for known in await jobs_of(call).all():
        job = known.job
        if known.is_over or not isinstance(job, Job) or job.snapshot is None:
            continue
        if job.bucket == call.bucket:
            message = f"{job.kind}[{job.xid}] is currently running"
            what = f'"{_WHAT}"({call.bck.cname()})'
            raise NativeError(409, f"{message}, cannot run {what} concurrently")
