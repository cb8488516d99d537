"""What a lifecycle pass over a million objects costs: `python -m compat.bench.lifecycle`.

The store is filled as for the big listing. Each pass is that of the server's own worker, with its
rests; what is told is processor time, the wall clock's time, and the longest bite.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cluster.lifecycle.progress import ProgressFile
from cluster.lifecycle.rules import (
    Calendar,
    Expiration,
    Filter,
    LifecycleConfiguration,
    Rule,
    Tag,
)
from cluster.lifecycle.walk import Tally
from cluster.lifecycle.worker import Worker
from compat.bench.prepare import load_big_list
from compat.bench.subjects import BIG_LIST
from storage.backend import BucketChange
from storage.backends.local import LocalStore, prepare
from storage.settings import with_setting
from storage.values import BucketOptions, Versioning

# The objects were written in November 2023.
_NOT_YET = Expiration(date_s=4_102_444_800)
_OLD_ENOUGH = Expiration(days=1)
_TAGGED = Filter(tags=(Tag("gone", "yes"),))

PASSES = {
    "nothing is old enough": [Rule("young", filter=Filter(), expiration=_NOT_YET)],
    "old enough, but not tagged so": [Rule("tagged", filter=_TAGGED, expiration=_OLD_ENOUGH)],
    "ten rules that ask for tags": [
        Rule(f"tagged-{number}", filter=_TAGGED, expiration=_OLD_ENOUGH) for number in range(10)
    ],
    "one object in a hundred goes": [
        Rule(f"d{tens:02d}", filter=Filter(f"d0{tens:02d}0/"), expiration=_OLD_ENOUGH)
        for tens in range(10)
    ]
    + [Rule("young", filter=Filter(), expiration=_NOT_YET)],
    "all go": [Rule("all", filter=Filter(), expiration=_OLD_ENOUGH)],
}


@dataclass
class Rests:
    """Rests as long as the worker wants, and remembers the longest: it is that of the bite."""

    longest_s: float = 0.0
    count: int = 0
    tallies: list[Tally] = field(default_factory=list)

    async def __call__(self, seconds: float) -> bool:
        self.longest_s = max(self.longest_s, seconds)
        self.count += 1
        await asyncio.sleep(seconds)
        return False


async def measure(store: LocalStore, folder: Path, title: str, rules: list[Rule]) -> None:
    config = LifecycleConfiguration(tuple(rules))
    await store.update_bucket(BIG_LIST, lambda info: with_setting(info, config))
    rests = Rests()
    progress = ProgressFile(folder / "lifecycle.json")
    worker = Worker(store, progress, rests, Calendar(1.0), passed=rests.tallies.append)
    cpu, wall = time.process_time(), time.perf_counter()
    await worker.run_once()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    done = rests.tallies[0]
    print(
        f"{title:32}{done.scanned:>10,} looked at{done.expired:>10,} removed"
        f"{cpu:8.2f} s CPU{wall:8.2f} s in{rests.count:6,} bites, the longest"
        f"{1000 * rests.longest_s:6.0f} ms",
        flush=True,
    )


def with_versions(versioning: Versioning) -> BucketChange:
    return lambda info: msgspec.structs.replace(info, versioning=versioning)


async def run(folder: Path, count: int) -> None:
    data = folder / "data"
    data.mkdir()
    with prepare([data]):
        store = LocalStore.open([data], slot="house")
        try:
            await store.create_bucket(BIG_LIST, BucketOptions("owner"))
            load_big_list(data, count)
            for title, rules in PASSES.items():
                await measure(store, folder, title, rules)
                if title == next(iter(PASSES)):
                    await store.update_bucket(BIG_LIST, with_versions(Versioning.SUSPENDED))
                    await measure(store, folder, "the same, with versions", rules)
                    await store.update_bucket(BIG_LIST, with_versions(Versioning.NEVER))
        finally:
            store.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.lifecycle", description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, help="where the data of the run goes")
    asked = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="compat-lifecycle-", dir=asked.folder) as made:
        asyncio.run(run(Path(made), asked.objects))
    return 0


if __name__ == "__main__":
    sys.exit(main())
