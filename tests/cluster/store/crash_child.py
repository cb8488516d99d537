"""One operation on a cluster, acknowledged on stdout: `python -m tests.cluster.store.crash_child
<address> <folder> <node> <operation>`. The test kills it at a failpoint."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cluster.store import ClusterStore, Place
from tests.storage.crash_child import OPERATIONS


async def main(place: Place, operation: str) -> None:
    store = await ClusterStore.open(place)
    await OPERATIONS[operation](store)
    sys.stdout.write("done\n")
    sys.stdout.flush()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Place(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), sys.argv[4]))
