"""The section `[get_batch]` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.batch.engine import DEFAULT_SOFT_ERRORS, BatchOptions
from s3gw.options import Seconds, Size, Whole, option

_DEFAULT_AHEAD = 2


@dataclass(frozen=True, slots=True)
class GetBatch:
    """Many objects in one answer (GetBatch)."""

    max_wait_s: float = option(
        30.0, "How long one read for a batch may take before its entry has failed.", Seconds(1, 60)
    )
    warmup_workers: int = option(
        _DEFAULT_AHEAD,
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

    def as_options(self) -> BatchOptions:
        return BatchOptions(
            self.max_wait_s,
            max(self.warmup_workers, 0) if self.warmup_workers else _DEFAULT_AHEAD,
            self.max_soft_errs or DEFAULT_SOFT_ERRORS,
            self.memory,
        )
