"""Inventories of remote buckets: snapshots to list from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.call import Call, Request, Response, no_result, text_of
from s3gw.client.names import Bck


@dataclass(frozen=True, slots=True)
class InventoryOptions:
    """What is written down. An empty `name` is the job's id; 0 names per chunk are the server's
    default. With `force`, a former inventory is replaced."""

    name: str = ""
    prefix: str = ""
    props: Sequence[str] = ()
    names_per_chunk: int = 0
    force: bool = False

    @property
    def document(self) -> dict[str, Any]:
        given = {
            "name": self.name,
            "prefix": self.prefix,
            "props": ",".join(self.props),
            "names_per_chunk": self.names_per_chunk,
            "force": self.force,
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class BucketInventory:
    """One inventory. Size in bytes, times in nanoseconds since the epoch. `document` is the
    server's own."""

    bucket: str
    name: str
    prefix: str
    objects: int
    size: int
    started_ns: int
    finished_ns: int
    document: Mapping[str, Any]


def create_inventory(bck: Bck, options: InventoryOptions) -> Call[str]:
    """Return the job's id."""
    message = action("create-inventory", options.document)
    return Call(Request("POST", bck.path, bck.query, message), text_of)


def show_inventories(bck: Bck | None = None, name: str = "") -> Call[list[BucketInventory]]:
    """Return those of a bucket or of all; a name selects one."""
    message = action("show-inventory", about=name)
    path, query = ("buckets", {}) if bck is None else (bck.path, bck.query)
    return Call(Request("GET", path, query, message), _inventories)


def destroy_inventory(bck: Bck, name: str = "") -> Call[None]:
    """Remove the inventory of that name, or without one whichever the bucket has."""
    message = action("destroy-inventory", about=name)
    return Call(Request("DELETE", bck.path, bck.query, message), no_result)


def _inventories(response: Response) -> list[BucketInventory]:
    documents = (response.json() or {}).values()
    return sorted(map(_inventory, documents), key=lambda each: (each.bucket, each.name))


def _inventory(document: Mapping[str, Any]) -> BucketInventory:
    return BucketInventory(
        bucket=str(document["bucket"]),
        name=str(document["name"]),
        prefix=str(document.get("prefix", "")),
        objects=int(document.get("ntotal", 0)),
        size=int(document.get("size", 0)),
        started_ns=int(document.get("started", 0)),
        finished_ns=int(document.get("finished", 0)),
        document=document,
    )
