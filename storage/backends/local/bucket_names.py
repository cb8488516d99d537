"""`buckets.json` on each mountpath: the present names of renamed buckets by label.

Blobs name their bucket by its label. If the indexes are lost, this file says what the bucket is
called now; an empty name is that of a bucket that was removed. It is written whole, by the holder
of the buckets' lock, before a rename is acknowledged. While an index can be read, the index is
right.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apsw
import msgspec

from storage.backends.local.mountpath import Mountpath
from storage.blobs.folder import sync_folder

_FILE = "buckets.json"


def names_by_label(first: apsw.Connection) -> dict[str, str]:
    """What the index of the first mountpath says."""
    sql = """SELECT l.label, ifnull(b.name, '') FROM labels l LEFT JOIN buckets b ON b.id = l.bucket
    ORDER BY 1"""
    rows: Any = first.execute(sql).fetchall()
    return dict(rows)


def write_names(mountpaths: Iterable[Mountpath], names: Mapping[str, str]) -> None:
    """Durable when it returns; a file that says so already is left alone."""
    for mountpath in mountpaths:
        path = mountpath.path / _FILE
        if _read(path) != names:
            _write(path, msgspec.json.format(msgspec.json.encode(names)))
        elif names:
            sync_folder(mountpath.path)  # who wrote it may not have lived to do that


def read_names(mountpaths: Iterable[Mountpath]) -> dict[str, str]:
    """Of the first mountpath that still has it."""
    found = (_read(mountpath.path / _FILE) for mountpath in mountpaths)
    return next((names for names in found if names), {})


def _read(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _write(path: Path, content: bytes) -> None:
    aside = path.with_suffix(".new")
    with open(aside, "wb") as file:
        file.write(content + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path)
    sync_folder(path.parent)


# Ids by label: one that is its own name has no row of its own.
_BY_LABEL = """
SELECT ifnull(
    (SELECT bucket FROM labels WHERE label = ?1),
    (SELECT id FROM buckets WHERE name = ?1 AND id NOT IN (SELECT bucket FROM labels)))"""


def bucket_with_label(connection: apsw.Connection, label: str) -> int | None:
    """The id of the bucket that a blob says it is of, even if it is in the trash."""
    key: Any = connection.execute(_BY_LABEL, (label,)).get
    return None if key is None else int(key)
