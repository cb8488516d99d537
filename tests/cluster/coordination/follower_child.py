"""A process that follows the log: `python -m tests.cluster.coordination.follower_child ...`.

The arguments are the address of the database and the folder of the replica.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cluster.coordination.following import Follower
from cluster.coordination.replica import Replica
from cluster.maintenance import until


async def follow(address: str, folder: Path) -> None:
    await Follower(address, Replica(folder), folder.name).run(until(asyncio.Event()))


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], Path(sys.argv[2])))
