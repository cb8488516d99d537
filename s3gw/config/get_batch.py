"""The section `[get_batch]` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Seconds, Size, Whole, option

DEFAULT_AHEAD = 2
DEFAULT_SOFT_ERRORS = 6


@dataclass(frozen=True, slots=True)
class GetBatch:
    """Many objects in one answer (GetBatch)."""

    max_wait_s: float = option(
        30.0, "How long one read for a batch may take before its entry has failed.", Seconds(1, 60)
    )
    warmup_workers: int = option(
        DEFAULT_AHEAD,
        "How many groups of entries are read before they are wanted; -1 is none, 0 the default.",
        Whole(-1, 10),
    )
    max_soft_errs: int = option(
        DEFAULT_SOFT_ERRORS,
        "How many entries of one batch may fail when it says that it goes on; 0 is the default.",
        Whole(0, 100_000),
    )
    memory: int = option(
        128 << 20,
        "What all batches of one worker may hold; further ones are answered with 503 SlowDown.",
        Size(16 << 20, 1 << 40),
    )
