"""`get-batch`: the processes that are asked for batches answer them, and nothing is left to do."""

from __future__ import annotations

from cluster.jobs.work import Work


async def run(work: Work) -> None:
    """Idles, as it did since it was registered."""
