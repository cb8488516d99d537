"""Poolers of connections between a process and the server, such as PgBouncer.

In transaction mode, each transaction may be on another connection of the server. What asyncpg does
outside of transactions is then lost: it prepares each statement once, under a name. PgBouncer 1.21
and later keep such statements, under names of their own, where `max_prepared_statements` is above
zero. Whether that is so is seen from the server's side: it has the statement under another name.

All queries here are plain ones: they need no prepared statement, and say how many rows they have.
"""

from __future__ import annotations

import uuid
from typing import TypeAlias

import asyncpg

Direct: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def has_rows(connection: Direct, query: str) -> bool:
    """Return whether a query has a row, without a prepared statement."""
    return await connection.execute(query) != "SELECT 0"


async def is_pooled(connection: Direct) -> bool:
    """Return whether the connection leads to something that is not the server itself. A pooler
    makes up the process id that its clients get."""
    given = connection.get_server_pid()
    return not await has_rows(connection, f"SELECT WHERE pg_backend_pid() = {given}")


async def keeps_statements(connection: Direct) -> bool:
    """Return whether prepared statements last longer than a transaction."""
    if not await is_pooled(connection):
        return True
    name = f"s3gw_{uuid.uuid4().hex}"
    async with connection.transaction():
        await connection.prepare("SELECT", name=name)
        query = f"SELECT FROM pg_prepared_statements WHERE name = '{name}'"
        if not await has_rows(connection, query):
            return True
        await connection.execute(f"DEALLOCATE {name}")
        return False
