"""Sizes and workers of downloads in chunks, as AIStore's clients send them."""

from __future__ import annotations

from msgspec.structs import replace

from s3gw.config.types import Size, Whole
from s3gw.native.dotted_keys import read_value_of
from storage.tier.parts import LARGEST_BYTES, MOST_WORKERS, SMALLEST_BYTES
from storage.values import Parallel

_WHAT = "blob download"
_CHUNK = Size(SMALLEST_BYTES, LARGEST_BYTES, zero_means=0)
_LEAST = Size(0, 1 << 62)
# -1 is AIStore's for no workers but the one that asks.
_WORKERS = Whole(-1, MOST_WORKERS)
# A smaller object is one request of a prefetch.
LEAST_THRESHOLD = 1 << 20


def read_parallel(chunk: int | str, workers: int | str) -> Parallel:
    """Raise 400 for values out of AIStore's bounds."""
    size = read_value_of(_WHAT, "chunk-size", _CHUNK, chunk or 0)
    count = read_value_of(_WHAT, "num-workers", _WORKERS, workers or 0)
    assert isinstance(size, int), "what a `Size` reads"
    assert isinstance(count, int), "what a `Whole` reads"
    return Parallel(size, abs(count))


def read_threshold(
    threshold: int | str, chunk: int | str, workers: int | str, lowest: int = LEAST_THRESHOLD
) -> Parallel | None:
    """Parse how objects from `threshold` bytes on come; None without one. Raise 400."""
    least = read_value_of(_WHAT, "blob-threshold", _LEAST, threshold or 0)
    assert isinstance(least, int), "what a `Size` reads"
    if not least:
        return None
    return replace(read_parallel(chunk, workers), least_bytes=max(least, lowest))
