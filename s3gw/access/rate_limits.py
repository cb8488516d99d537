"""Rate limits of buckets: AIStore's property `rate_limit.frontend`.

A bucket that has it takes so many reads, writes and deletions of objects an interval, each counted
apart, and a burst of some more at once. Each worker counts its share of them by itself: no request
waits for another process, and clients whose connections are spread over the workers see the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from time import monotonic
from types import MappingProxyType

from s3gw.config.bucket_properties import properties_of
from s3gw.config.kept_properties import FrontendRate
from s3gw.wire.errors import Code, S3Error
from storage.token_bucket import TokenBucket
from storage.values import BucketInfo

_MESSAGE = "Please reduce your request rate."
# Of these, what is not used for a while is full again, and may be forgotten.
_MOST_KEPT = 10_000
# S3's operations by AIStore's names of them.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "GetObject": "get",
        "PutObject": "put",
        "PostObject": "put",
        "CopyObject": "put",
        "UploadPart": "put",
        "UploadPartCopy": "put",
        "DeleteObject": "delete",
        "DeleteObjects": "delete",
    }
)


class RateLimits:
    """Those of one worker, which takes that `share` of all requests."""

    def __init__(self, share: float = 1.0, timer: Callable[[], float] = monotonic) -> None:
        self._share = share
        self._timer = timer
        self._left: dict[tuple[str, str], TokenBucket] = {}

    def check(self, bucket: BucketInfo, operation: str) -> None:
        """Count a request. Raise `SlowDown` when there were too many."""
        kind = _KINDS.get(operation)
        if kind is None or not bucket.settings:
            return
        rate = properties_of(bucket).kept.frontend_rate
        if rate.enabled:
            self._take(bucket.lasting_name, kind, rate)

    def _take(self, bucket: str, kind: str, rate: FrontendRate) -> None:
        per_second = rate.most(kind) / rate.interval * self._share
        burst = max(rate.burst_size * self._share, 1.0)
        now_s, key = self._timer(), (bucket, kind)
        found = self._left.get(key)
        if found is None:
            if len(self._left) >= _MOST_KEPT:
                self._left.clear()
            found = self._left[key] = TokenBucket(burst, now_s)
        if wait_s := found.wait_s(now_s, per_second, burst):
            headers = {"Retry-After": str(math.ceil(wait_s))}
            raise S3Error(Code.SlowDown, _MESSAGE, headers=headers)
        found.tokens -= 1
