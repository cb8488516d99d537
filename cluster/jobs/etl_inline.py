"""`etl-inline`: the record of a transformer, as long as it runs."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun
from cluster.jobs.kinds import Kind


class EtlInline(Job, frozen=True, kw_only=True, tag="etl-inline"):
    """What is sent through the transformer `etl` by requests. Its keeper ends it when it is
    stopped."""

    etl: str = ""

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"etl": self.etl}


async def carry_out(run: JobRun[EtlInline]) -> None:
    """Do nothing: the workers do it, within requests."""


KIND = Kind(EtlInline, carry_out, idles=True, lasts=True, prefix="etl-")
