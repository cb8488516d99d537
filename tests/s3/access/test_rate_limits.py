"""Rate limits of buckets, as AIStore's property has them."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.access.rate_limits import RateLimits
from s3gw.config.bucket_properties import DEFAULT_PROPERTIES, BucketProperties, with_property
from s3gw.wire.errors import S3Error
from storage.settings import encoded
from storage.values import BucketInfo


def bucket(**values: Any) -> BucketInfo:
    """A bucket with a limit of 60 an interval of a minute and a burst of 10."""
    properties = DEFAULT_PROPERTIES
    chosen = {"enabled": True, "max_tokens": 60, "burst_size": 10, **values}
    for name, value in chosen.items():
        properties = with_property(properties, f"rate_limit.frontend.{name}", value)
    return BucketInfo("b", "", 0, settings={BucketProperties.setting_name: encoded(properties)})


class Scene:
    def __init__(self, share: float = 1.0) -> None:
        self.now_s = 1000.0
        self.rates = RateLimits(share, lambda: self.now_s)

    def taken(self, info: BucketInfo, operation: str = "GetObject", most: int = 1000) -> int:
        """How many requests are taken at once."""
        for count in range(most):
            try:
                self.rates.check(info, operation)
            except S3Error:
                return count
        return most


def test_a_burst_is_taken_and_then_the_rate() -> None:
    scene = Scene()
    assert scene.taken(bucket()) == 10
    scene.now_s += 3
    assert scene.taken(bucket()) == 3
    scene.now_s += 3600
    assert scene.taken(bucket()) == 10


def test_the_refusal_says_when_to_come_again() -> None:
    scene = Scene()
    info = bucket(max_tokens=6, burst_size=1)
    assert scene.taken(info) == 1
    with pytest.raises(S3Error) as refused:
        scene.rates.check(info, "GetObject")
    assert (refused.value.code.name, refused.value.headers) == ("SlowDown", {"Retry-After": "10"})


def test_reads_writes_and_deletions_are_counted_apart() -> None:
    scene = Scene()
    info = bucket(per_op_max_tokens="get:600 delete:6")
    counts = [scene.taken(info, name) for name in ("GetObject", "PutObject", "UploadPart")]
    assert counts == [10, 10, 0]
    scene.now_s += 1
    assert [scene.taken(info, name) for name in ("GetObject", "PutObject", "DeleteObject")] == [
        10,
        1,
        10,
    ]


@pytest.mark.parametrize("info", [bucket(enabled=False), BucketInfo("b", "", 0)])
def test_without_the_property_nothing_is_counted(info: BucketInfo) -> None:
    assert Scene().taken(info) == 1000


def test_listings_are_not_counted() -> None:
    assert Scene().taken(bucket(), "ListObjectsV2") == 1000


def test_a_worker_takes_its_share() -> None:
    assert Scene(share=0.5).taken(bucket()) == 5


def test_buckets_do_not_share() -> None:
    scene = Scene()
    other = BucketInfo("other", "", 0, settings=bucket().settings)
    assert (scene.taken(bucket()), scene.taken(other)) == (10, 10)
