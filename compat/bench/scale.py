"""How long the workloads run, and on how much."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """How long, and how much. `crowd_s` cuts the crowd off; None lets each client finish. What is
    compared in turns has `turns` of them. The last four are of the fast tier: the large object, how
    many of 1 MiB a job and how many a client gets, and how many first bytes are awaited."""

    warm_up_s: float
    small_s: float
    bulk_s: float
    uploads: int
    deletions: int
    batches: int
    big_list: int
    crowd_s: float | None
    turns: int
    blob_mib: int
    prefetched: int
    cold_gets: int
    first_bytes: int


FULL = Scale(
    warm_up_s=1,
    small_s=6,
    bulk_s=8,
    uploads=3,
    deletions=10,
    batches=5,
    big_list=1_000_000,
    crowd_s=None,
    turns=3,
    blob_mib=1024,
    prefetched=1_000,
    cold_gets=100,
    first_bytes=50,
)
QUICK = Scale(
    warm_up_s=0,
    small_s=2,
    bulk_s=1,
    uploads=1,
    deletions=2,
    batches=1,
    big_list=100_000,
    crowd_s=5,
    turns=1,
    blob_mib=256,
    prefetched=200,
    cold_gets=20,
    first_bytes=20,
)
