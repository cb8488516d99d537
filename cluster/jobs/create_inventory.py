"""create-inventory: write a report on a bucket's objects, in files and a manifest.

It starts again after a crash, and writes the same files: their names follow from the job's id. The
manifest is the last, so a report is there when it is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.inventory import Inventory
from cluster.jobs.job import SelectingJob
from cluster.jobs.job_run import PAGE, JobRun, listed, listed_versions
from cluster.jobs.kinds import Kind
from storage.values import BucketInfo, VersionEntry


class CreateInventory(SelectingJob, frozen=True, kw_only=True, tag="create-inventory"):
    """The report `inventory` on the job's bucket, for the job's target."""

    inventory: Inventory

    @property
    def parameters(self) -> Mapping[str, str | int]:
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
    report = await run.context.report(run.job, run.job.inventory)
    if run.job.inventory.all_versions:
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


KIND = Kind(CreateInventory, carry_out, prefix="inv-", of_a_bucket=True)
