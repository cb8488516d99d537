"""A process beside others on one store: `python -m tests.cluster.coordination_child <file> ...`.

`count N` adds one to a counter N times, each time by comparing and setting. `write` writes for
ever, and says on stdout what was committed.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from cluster.coordination import Put, Unchanged
from cluster.coordination.embedded import EmbeddedCoordination

COUNTER = "/counter"


async def count(engine: EmbeddedCoordination, times: int) -> None:
    while times:
        found, _ = await engine.range(COUNTER)
        value, seen = (int(found[0].value), found[0].mod_revision) if found else (0, 0)
        write = Put(COUNTER, b"%d" % (value + 1))
        if await engine.transact([Unchanged(COUNTER, seen)], [write]) is not None:
            times -= 1


async def write(engine: EmbeddedCoordination) -> None:
    for number in itertools.count():
        await engine.transact([], [Put(f"/{number:06}", b"x"), Put(f"/{number:06}/twin", b"x")])
        print(number, flush=True)


if __name__ == "__main__":
    engine = EmbeddedCoordination(Path(sys.argv[1]))
    if sys.argv[2] == "count":
        asyncio.run(count(engine, int(sys.argv[3])))
        engine.close()
    else:
        asyncio.run(write(engine))
