"""Listings from an inventory, without a request to the backend: AIStore's flag NBI."""

from __future__ import annotations

import re

from cluster.snapshots.kept import Snapshots
from cluster.snapshots.listing import snapshot_page
from cluster.snapshots.records import Manifest
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from storage.errors import ObjectNotFound
from storage.values import ListedPage, ListQuery

INV_NAME = "Ais-Inv-Name"
_LONGEST_NAME = 64
_NAME = re.compile(r"(?:[A-Za-z0-9_-]|\.(?!\.))*")


def check_inventory_name(name: str) -> None:
    """Raise 400 for what AIStore does not take as the name of an inventory."""
    if len(name) > _LONGEST_NAME:
        raise NativeError(
            400, f"inventory name is too long: {len(name)} > {_LONGEST_NAME}(max length)"
        )
    if not _NAME.fullmatch(name):
        raise NativeError(
            400,
            "inventory name is invalid: may only contain letters, numbers, dashes (-), "
            "underscores (_), and dots (.)",
        )


async def inventory_of(call: NativeCall, name: str) -> Manifest:
    """Return the bucket's inventory, which an empty name means too. Raise 404."""
    check_inventory_name(name)
    found = await Snapshots(call.native.tier.local).of(call.bck.uname, name)
    if not found:
        raise _missing(call, name)
    return found[0]


async def list_inventory(call: NativeCall, manifest: Manifest, query: ListQuery) -> ListedPage:
    """Return a page of it. Raise 404 if it was removed meanwhile."""
    try:
        kept = Snapshots(call.native.tier.local)
        return ListedPage.of(await snapshot_page(kept, manifest, query))
    except ObjectNotFound:
        raise _missing(call, manifest.name) from None


def _missing(call: NativeCall, name: str) -> NativeError:
    if not name:
        message = f'bucket "{call.bck.cname()}" has no inventories'
    else:
        message = f'inventory "{name}" of bucket "{call.bck.cname()}" does not exist'
    return NativeError(404, message, Tcode.NOT_FOUND)
