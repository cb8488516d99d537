"""GetBatch: many objects, ranges and archive members in one answer.

The answer has them in the order of the request. `decode_batch` reads a request, `Batches.run`
answers it with an archive that streams. It knows no HTTP: both front ends give the same answer,
each in its own form.
"""

from __future__ import annotations

from s3gw.objects.batch.engine import (
    Answer,
    Batches,
    BatchOptions,
    NoJob,
    Outcome,
    Place,
)
from s3gw.objects.batch.errors import (
    BatchFailed,
    BatchStopped,
    InvalidBatch,
    TooBusy,
    TooManyFailures,
)
from s3gw.objects.batch.request import Batch, Item, decode_batch

__all__ = [
    "Answer",
    "Batch",
    "BatchFailed",
    "BatchOptions",
    "BatchStopped",
    "Batches",
    "InvalidBatch",
    "Item",
    "NoJob",
    "Outcome",
    "Place",
    "TooBusy",
    "TooManyFailures",
    "decode_batch",
]
