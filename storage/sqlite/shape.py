"""The shape of a database in a file beside it: where its tables begin.

Page 1 has that too, and where it is lost nothing else says which pages belong to which table. The
roots stay where they are while the tables exist. That the file is there says as well that there was
a database once.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import msgspec


class Shape(msgspec.Struct, frozen=True):
    """The first page of each table. With `mapped` there are pages that say what each other page
    is for (`auto_vacuum`)."""

    roots: dict[str, int]
    mapped: bool


def shape_of(connection: apsw.Connection) -> Shape:
    sql = "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    return Shape(dict(connection.execute(sql)), bool(connection.pragma("auto_vacuum")))


def shape_file(database: Path) -> Path:
    return database.with_name(f"{database.name}-shape")


def keep_shape(connection: apsw.Connection, database: Path) -> None:
    """Durable when it returns; a file that says so already is left alone."""
    shape = shape_of(connection)
    if read_shape(database) == shape:
        return
    path = shape_file(database)
    aside = path.with_name(f"{path.name}.new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(shape) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path)


def read_shape(database: Path) -> Shape | None:
    """None when it is missing or damaged."""
    try:
        return msgspec.json.decode(shape_file(database).read_bytes(), type=Shape)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
