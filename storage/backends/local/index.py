"""The index of one mountpath: SQLite through apsw, every page checksummed.

`objects` has the current version of each name, if that is an object. All other versions are in
`versions`, delete markers too, so that a listing of current objects never steps over them. There
`age` orders the versions of a name, newest first, by a count and not by a clock; of a name without
a row in `objects` the first is a delete marker. Bytes of small objects and manifests are in
`payloads`, so that a page of a listing reads compact rows only. Names are UTF-8 bytes: SQLite then
orders them as S3 does.

`labels` has the ids of the buckets whose label is not their name, and of those in `trash`: buckets
that were removed, but whose objects were not all removed yet. Both reserve the label.

A blob's label keeps the name that the object was written under; `renamed` says where the objects
are whose name has changed since. `leaving` and `arrived` are of objects that are being renamed to a
name on another mountpath (`crossing`).

Only the maintenance process checkpoints, except for a writer whose WAL has grown absurdly large.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw

from storage.sqlite.connection import (
    INCREMENTAL,
    connect,
    release_log,
    storage_error,
    translated,
)
from storage.sqlite.shape import keep_shape

__all__ = ["ACTIVE", "DELETING", "connect", "create", "storage_error", "translated"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets(
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    state INTEGER NOT NULL, row BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS labels(
    label TEXT PRIMARY KEY, bucket INTEGER NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trash(id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS counters(
    name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity(
    id INTEGER PRIMARY KEY CHECK (id = 0), commits INTEGER NOT NULL,
    mountpath INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS usage(
    bucket INTEGER PRIMARY KEY, objects INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS objects(
    bucket INTEGER NOT NULL, name BLOB NOT NULL, row BLOB NOT NULL, payload INTEGER,
    PRIMARY KEY(bucket, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions(
    bucket INTEGER NOT NULL, name BLOB NOT NULL, age INTEGER NOT NULL, version TEXT NOT NULL,
    row BLOB NOT NULL, payload INTEGER, PRIMARY KEY(bucket, name, age)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS version_ids ON versions(bucket, name, version);
CREATE TABLE IF NOT EXISTS renamed(
    bucket INTEGER NOT NULL, label BLOB NOT NULL, blob TEXT NOT NULL, name BLOB NOT NULL,
    PRIMARY KEY(bucket, label, blob)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leaving(
    bucket INTEGER NOT NULL, name BLOB NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY(bucket, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrived(id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payloads(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS uploads(
    bucket INTEGER NOT NULL, name BLOB NOT NULL, id TEXT NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY(bucket, name, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts(
    upload TEXT NOT NULL, number INTEGER NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY(upload, number)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS completed(
    upload TEXT PRIMARY KEY, bucket INTEGER NOT NULL, name BLOB NOT NULL, time INTEGER NOT NULL,
    row BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS garbage(id INTEGER PRIMARY KEY, blobs BLOB NOT NULL) STRICT;
"""

ACTIVE = 0
DELETING = 1


def create(path: Path, check: Callable[[apsw.Connection], None] | None = None) -> None:
    """Make the index, or add the tables that an older one lacks. What `check` raises leaves the log
    as it was."""
    with translated():
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        connection = connect(path, flags=flags, keep_log=True)
        try:
            connection.reserve_bytes(reserve=8)
            # Takes effect before the first table only; housekeeping gives the room back.
            if connection.pragma("auto_vacuum") != INCREMENTAL:  # said again, it writes again
                connection.pragma("auto_vacuum", "INCREMENTAL")
            connection.pragma("journal_mode", "WAL")
            with connection:
                connection.execute(_SCHEMA)
            keep_shape(connection, path)
            if check is not None:
                check(connection)
            release_log(connection)
        finally:
            connection.close()
