"""Backends of buckets that say themselves where they are: the property `extra.aws`.

A bucket may name an endpoint, a region and a profile of the shared credentials besides the server's
own. Buckets that say the same share a backend, which is made when it is first used.
"""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from s3gw.config.bucket_properties import properties_of
from s3gw.config.kept_properties import Clouds
from storage.backend import Backend
from storage.backends.aws import AwsBackend, AwsOptions
from storage.backends.aws.options import MIN_PART_BYTES
from storage.values import BucketInfo

_MOST_ROWS = 1000


class BucketBackends:
    """For one event loop; `own` are the options of the server's own backend."""

    def __init__(self, own: AwsOptions) -> None:
        self._own = own
        self._made: dict[AwsOptions, AwsBackend] = {}

    def of(self, bucket: BucketInfo) -> Backend | None:
        """Return the backend of a bucket that says where it is; None for the server's own."""
        clouds = properties_of(bucket).kept.clouds
        if clouds == Clouds():
            return None
        options = with_clouds(self._own, clouds)
        if options == self._own:
            return None
        if options not in self._made:
            self._made[options] = AwsBackend(options)
        return self._made[options]

    async def aclose(self) -> None:
        await asyncio.gather(*(each.aclose() for each in self._made.values()))


def with_clouds(own: AwsOptions, clouds: Clouds) -> AwsOptions:
    """Return the options with what a bucket says; a profile is used instead of the keys."""
    if clouds.profile:
        own = replace(
            own,
            profile=clouds.profile,
            access_key_id="",
            secret_access_key="",
            session_token="",
        )
    return replace(
        own,
        region=clouds.region or own.region,
        endpoint=clouds.endpoint or own.endpoint,
        part_bytes=max(clouds.part_size, MIN_PART_BYTES) if clouds.part_size else own.part_bytes,
        page_rows=min(clouds.page, _MOST_ROWS) if clouds.page else own.page_rows,
    )
