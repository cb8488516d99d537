"""Policies of buckets of backends, as their properties say."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.config.bucket_properties import DEFAULT_PROPERTIES, BucketProperties, with_property
from s3gw.server.backends import policy_of
from storage.settings import encoded
from storage.tier.backend_rates import BackendRate, RequestKind
from storage.values import BucketInfo


def bucket(**values: Any) -> BucketInfo:
    """A bucket with these properties of `rate_limit.backend`."""
    properties = DEFAULT_PROPERTIES
    for name, value in values.items():
        properties = with_property(properties, f"rate_limit.backend.{name}", value)
    settings = {BucketProperties.setting_name: encoded(properties)}
    return BucketInfo("aws/b", "", 0, settings=settings)


@pytest.mark.parametrize("info", [BucketInfo("b", "", 0), bucket(max_tokens=5)])
def test_requests_to_a_backend_have_no_rate_unless_it_is_enabled(info: BucketInfo) -> None:
    assert policy_of(info).rate is None


def test_a_rate_is_that_of_the_properties() -> None:
    info = bucket(
        enabled=True,
        interval=10.0,
        max_tokens=50,
        num_retries=7,
        per_op_max_tokens="GET:600, delete:7",
    )
    most = {RequestKind.READ: 600, RequestKind.WRITE: 50, RequestKind.DELETION: 7}
    assert policy_of(info).rate == BackendRate(10.0, most, 7)
