"""Schema of the database: its numbered steps, applied once each under a lock."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import asyncpg
from msgspec import Struct

from cluster.database import compilation
from cluster.database.errors import DatabaseRefused

SCHEMA = "s3gw"
OLDEST_MAJOR = 14
# Key of the advisory lock that one process holds while it changes the schema.
_LOCK = 0x7333_6777


class Step(Struct, frozen=True):
    number: int
    sql: str


def steps() -> Sequence[Step]:
    """Return all steps that this version knows, in their order."""
    folder = resources.files("cluster.database") / "schema"
    found = [each for each in folder.iterdir() if each.name.endswith(".sql")]
    read = [Step(int(each.name.removesuffix(".sql")), each.read_text()) for each in found]
    return sorted(read, key=lambda step: step.number)


async def migrate(connection: Any) -> int:
    """Bring the schema up to date, and return its number. Raises `DatabaseRefused` when a newer
    version of s3gw has changed it, and when the server or the user cannot have it."""
    major = connection.get_server_version().major
    if major < OLDEST_MAJOR:
        raise DatabaseRefused(
            f"the database is PostgreSQL {major}: s3gw needs {OLDEST_MAJOR} or later"
        )
    try:
        async with connection.transaction():
            number = await _apply_steps(connection)
            await compilation.turn_off(connection)
            return number
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseRefused(
            f"the database's user may not change its schema ({error}): let it own the database, "
            f"or GRANT it CREATE ON DATABASE before the first start"
        ) from error


async def _apply_steps(connection: Any) -> int:
    known = steps()
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    # To create it if it does not exist needs the privilege even where it exists.
    if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", SCHEMA):
        await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    await connection.execute(f"SET LOCAL search_path = {SCHEMA}")
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_steps (number integer PRIMARY KEY)")
    applied: int = await connection.fetchval("SELECT coalesce(max(number), 0) FROM schema_steps")
    newest = known[-1].number
    if applied > newest:
        raise DatabaseRefused(
            f"the database has schema {applied}, of a newer version; this one knows {newest}: "
            "update s3gw on this machine"
        )
    for step in known:
        if step.number > applied:
            await connection.execute(step.sql)
            await connection.execute("INSERT INTO schema_steps VALUES ($1)", step.number)
    return newest
