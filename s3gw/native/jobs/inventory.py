"""Inventories on demand: the report that a bucket's configuration describes, made now.

AIStore's inventories are snapshots of remote buckets to list from, which this server does not make;
with the id of a configuration as the name, the request begins its report.
"""

from __future__ import annotations

from msgspec import Struct

from cluster.inventory import Inventories
from cluster.jobs import create_inventory
from cluster.jobs.create_inventory import inventory_job
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.jobs.starting import begin
from s3gw.native.operation import operation, value
from storage.settings import setting


class InventoryMessage(Struct, frozen=True):
    """`name` is the id of a configuration."""

    name: str = ""


@operation(
    "POST",
    "buckets/{bucket}",
    action=create_inventory.KIND.name,
    access=Access.PATCH,
    known_as="PutBucketInventoryConfiguration",
    is_audited=True,
)
class CreateInventory:
    asked: InventoryMessage = value(default=InventoryMessage())

    async def run(self, call: NativeCall) -> Reply:
        if not self.asked.name:
            raise unsupported('action "create-inventory" without the id of a configuration')
        kept = setting(call.bucket_info, Inventories) or Inventories()
        found = kept.find(self.asked.name)
        if found is None:
            message = f'bucket "{call.bck.cname()}" has no inventory "{self.asked.name}"'
            raise NativeError(404, f"{message}: put its configuration first")
        return text_reply(await begin(call, inventory_job(call.bucket_info, found)))
