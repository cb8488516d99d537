"""summary-bck: count the objects of a bucket, all or those with a prefix, and their bytes.

It starts again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.jobs.records import Sizes
from cluster.jobs.work import PAGE, Work, listed
from storage.values import ObjectInfo


async def run(work: Work) -> None:
    state = work.state
    state.objects = state.bytes = 0
    state.after, state.sizes = "", Sizes()
    async for infos in listed(work, PAGE):
        _add(work, infos)


def _add(work: Work, infos: Sequence[ObjectInfo]) -> None:
    state, sizes = work.state, [info.size for info in infos]
    smallest = min(sizes)
    state.sizes.smallest = min(state.sizes.smallest, smallest) if state.objects else smallest
    state.sizes.largest = max(state.sizes.largest, max(sizes))
    state.objects += len(sizes)
    state.bytes += sum(sizes)
