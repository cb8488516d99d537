"""create-inventory: write down a bucket's objects, as S3's report or AIStore's snapshot.

It starts again after a crash, and writes the same files: their names follow from the job's id. The
manifest is the last, so a report or a snapshot is there when it is complete. One that is stopped or
fails leaves no chunks of a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.inventory import Inventory
from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import PAGE, JobFailed, JobRun, Stopped, listed, listed_versions
from cluster.jobs.kinds import Kind
from cluster.snapshots.kept import Snapshots
from cluster.snapshots.records import Snapshot
from cluster.snapshots.writing import SnapshotWriter
from storage.errors import StorageError
from storage.values import BucketInfo, VersionEntry


class CreateInventory(SelectingJob, frozen=True, kw_only=True, tag="create-inventory"):
    """The report `inventory` on the job's bucket, for the job's target; or a `snapshot` of it."""

    inventory: Inventory | None = None
    snapshot: Snapshot | None = None

    @property
    def parameters(self) -> Mapping[str, str | int]:
        if self.snapshot is not None:
            props = ",".join(("name", *self.snapshot.props))
            name = self.snapshot.name or self.xid
            return {"inventory": name, "props": props, "prefix": self.prefix}
        if self.inventory is None:
            return {}
        wanted = self.inventory
        return {"inventory": wanted.id, "format": wanted.format.value, "prefix": wanted.prefix}


def inventory_job(bucket: BucketInfo, inventory: Inventory) -> CreateInventory:
    return CreateInventory(
        bucket=bucket.name,
        target=inventory.destination.bucket,
        prefix=inventory.prefix,
        inventory=inventory,
    )


async def carry_out(run: JobRun[CreateInventory]) -> None:
    state = run.state
    state.objects = state.bytes = 0
    state.after = state.after_version = ""
    if run.job.snapshot is not None:
        await _take_snapshot(run, run.job.snapshot)
    elif run.job.inventory is not None:
        await _report(run, run.job.inventory)
    else:
        raise JobFailed("it does not say what to write")


async def _take_snapshot(run: JobRun[CreateInventory], snapshot: Snapshot) -> None:
    job, kept = run.job, Snapshots(run.context.here)
    whole = [each for each in await kept.of(snapshot.folder) if each.xid == job.xid]
    if whole:
        # The process ended after the manifest was written, and before that was noted.
        run.state.objects = whole[0].names
    else:
        await _write_snapshot(run, snapshot, kept)
    await kept.remove_others(snapshot.folder, job.xid)


async def _write_snapshot(
    run: JobRun[CreateInventory], snapshot: Snapshot, kept: Snapshots
) -> None:
    job = run.job
    writer = SnapshotWriter(kept, snapshot, job.xid, job.prefix, job.created_ns)
    # What was written before a crash may be more than what is listed now.
    await kept.drop_chunks(snapshot.folder, job.xid)
    try:
        run.check()
        async for infos in listed(run, PAGE):
            await writer.add(infos)
            run.state.objects += len(infos)
        run.check()
        await writer.finish()
    except (Stopped, StorageError):
        await kept.drop_chunks(snapshot.folder, job.xid)
        raise


async def _report(run: JobRun[CreateInventory], inventory: Inventory) -> None:
    report = await run.context.report(run.job, inventory)
    if inventory.all_versions:
        async for entries in listed_versions(run, PAGE):
            await report.add(entries)
            _count(run, entries)
    else:
        async for infos in listed(run, PAGE):
            current = [VersionEntry(info, latest=True) for info in infos]
            await report.add(current)
            _count(run, current)
    await report.finish()


def _count(run: JobRun[CreateInventory], entries: Sequence[VersionEntry]) -> None:
    run.state.objects += len(entries)
    run.state.bytes += sum(entry.info.size for entry in entries)


KIND = Kind(CreateInventory, carry_out, prefix="inv-", of_a_bucket=True, undoes=True)
