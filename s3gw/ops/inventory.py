"""Inventory configurations of a bucket; the reports themselves are made by jobs."""

from __future__ import annotations

from importlib.util import find_spec

from cluster.inventory import MAX_CONFIGURATIONS, Format, Inventories, Inventory
from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.ops.inventory_document import (
    InventoryConfiguration,
    InventoryConfigurations,
    read_configuration,
    shown,
)
from s3gw.s3.call import Call
from s3gw.s3.routing import body, operation, path, query
from s3gw.wire.errors import Code, S3Error
from storage.errors import BucketNotFound
from storage.settings import setting, with_setting, without_setting
from storage.values import BucketInfo

# As AWS limits it.
_PAGE = 100
_INSTALL = (
    "{} inventories need pyarrow: install it on the server with `pip install 's3gw[inventory]'`, "
    "and restart the server; or choose CSV."
)
_NO_DESTINATION = "The specified destination bucket does not exist."


@operation("PUT", Level.BUCKET, marker="inventory", needs=("id",), access=Access.PATCH)
class PutBucketInventoryConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")
    configuration: InventoryConfiguration = body()

    async def run(self, call: Call) -> Reply:
        wanted = read_configuration(self.configuration, self.id)
        if wanted.format is not Format.CSV and find_spec("pyarrow") is None:
            raise S3Error(Code.NotImplemented, _INSTALL.format(wanted.format.value))
        try:
            await call.store.head_bucket(wanted.destination.bucket)
        except BucketNotFound:
            raise S3Error(Code.InvalidS3DestinationBucket, _NO_DESTINATION) from None
        await call.store.update_bucket(self.bucket, lambda info: _with_one(info, wanted))
        return Reply()


def _with_one(bucket: BucketInfo, wanted: Inventory) -> BucketInfo:
    kept = (setting(bucket, Inventories) or Inventories()).with_one(wanted)
    if len(kept.configurations) > MAX_CONFIGURATIONS:
        raise S3Error(Code.TooManyConfigurations)
    return with_setting(bucket, kept)


@operation("GET", Level.BUCKET, marker="inventory", needs=("id",), access=Access.HEAD_BUCKET)
class GetBucketInventoryConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        kept = await _kept(call, self.bucket)
        if (found := kept.find(self.id)) is None:
            raise S3Error(Code.NoSuchConfiguration)
        return xml_reply(shown(found))


@operation("DELETE", Level.BUCKET, marker="inventory", needs=("id",), access=Access.PATCH)
class DeleteBucketInventoryConfiguration:
    bucket: str = path("Bucket")
    id: str = query("id")

    async def run(self, call: Call) -> Reply:
        await call.store.update_bucket(self.bucket, lambda info: _without(info, self.id))
        return Reply(204)


def _without(bucket: BucketInfo, id: str) -> BucketInfo:
    kept = setting(bucket, Inventories) or Inventories()
    if kept.find(id) is None:
        raise S3Error(Code.NoSuchConfiguration)
    kept = kept.without(id)
    if not kept.configurations:
        return without_setting(bucket, Inventories)
    return with_setting(bucket, kept)


@operation("GET", Level.BUCKET, marker="inventory", access=Access.HEAD_BUCKET)
class ListBucketInventoryConfigurations:
    """A page; the token is the last id of the one before."""

    bucket: str = path("Bucket")
    token: str | None = query("continuation-token", default=None)

    async def run(self, call: Call) -> Reply:
        kept = (await _kept(call, self.bucket)).configurations
        rest = [each for each in kept if self.token is None or each.id > self.token]
        page = rest[:_PAGE]
        more = len(rest) > len(page)
        return xml_reply(
            InventoryConfigurations(
                configurations=tuple(map(shown, page)),
                is_truncated=more,
                continuation_token=self.token,
                next_continuation_token=page[-1].id if more else None,
            )
        )


async def _kept(call: Call, bucket: str) -> Inventories:
    return setting(await call.store.head_bucket(bucket), Inventories) or Inventories()
