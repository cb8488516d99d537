"""load-lom-cache: read what is known of the objects of a bucket, so that it is in memory when it is
asked for. It starts again after a crash."""

from __future__ import annotations

from cluster.jobs.work import PAGE, Work, listed


async def run(work: Work) -> None:
    state = work.state
    state.objects = state.bytes = 0
    state.after = ""
    async for infos in listed(work, PAGE):
        state.objects += len(infos)
        state.bytes += sum(info.size for info in infos)
