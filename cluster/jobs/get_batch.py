"""`get-batch`: batches are answered by the worker that gets them; the job only shows it."""

from __future__ import annotations

from cluster.jobs.work import Work


async def run(work: Work) -> None:
    """Idles, as it did since it was registered."""
