"""Obstacles to an adoption, looked for before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.adopting.blobs import How
from cluster.adopting.entries import counted
from cluster.adopting.source import Source
from cluster.database.connecting import Connection
from storage.index.versions import Bucket

_SHOWN = 20
_NAMES = "SELECT name FROM s3gw.buckets WHERE name = ANY($1) ORDER BY name"
# A bucket whose label is its name has no row in `labels`.
_LABELS = """
SELECT label FROM s3gw.labels WHERE label = ANY($1)
UNION
SELECT name FROM s3gw.buckets
WHERE name = ANY($1) AND id NOT IN (SELECT bucket FROM s3gw.labels)"""


async def has_schema(connection: Connection, table: str) -> bool:
    """Whether the database has that table; a new one is empty."""
    found: bool = await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"s3gw.{table}")
    return found


async def bucket_obstacles(connection: Connection, buckets: Sequence[Bucket]) -> list[str]:
    """Return a sentence for each bucket that cannot be in the cluster beside those that are."""
    names = [each.info.name for each in buckets]
    rows: Any = await connection.fetch(_NAMES, names)
    taken = {name for (name,) in rows}
    found = [
        f"the cluster has a bucket {name} of its own: rename or remove one of the two"
        for name in sorted(taken)
    ]
    rows = await connection.fetch(_LABELS, [each.label for each in buckets])
    labels = {label for (label,) in rows}
    found += (
        f"blobs in the cluster are labelled {each.label}, and so are those of the bucket "
        f"{each.info.name}: remove the bucket there that was called so"
        for each in buckets
        if each.label in labels and each.info.name not in taken
    )
    return _shortened(found)


async def entry_obstacles(connection: Connection) -> list[str]:
    """Return what the cluster has of its own of what would be moved into it."""
    rows: Any = await connection.fetch("SELECT key FROM s3gw.entries")
    keys = counted(bytes(key).decode() for (key,) in rows)
    if not keys:
        return []
    what = ", ".join(f"{count} below {start}" for start, count in sorted(keys.items()))
    return [
        f"the cluster has users, keys or settings of its own ({what}): adopt before the first "
        "start of a server there, or adopt only the buckets, with --objects-only"
    ]


def folder_obstacles(source: Source, folder: Path, how: How) -> list[str]:
    """Return why the shared folder cannot have the blobs, as far as that can be seen."""
    if (folder / "mountpath.json").exists():
        return [f"{folder} is a data folder of one machine: the shared folder is another one"]
    there = next(each for each in (folder, *folder.parents) if each.exists())
    device = os.stat(there).st_dev
    return [
        f"{each.path} and {folder} are on different file systems, where files cannot be linked: "
        "let --copy copy the blobs"
        for each in source.mountpaths
        if how is How.LINK and os.stat(each.path).st_dev != device
    ]


def _shortened(found: list[str]) -> list[str]:
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
