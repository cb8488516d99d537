"""Compilation of statements by the server (JIT), turned off for the sessions of s3gw.

The planner decides it by an estimate of the cost. Where a table has grown and was not analysed yet,
a statement of 0.3 ms is compiled for 85 to 450 ms. A session cannot say it at its start, since
PgBouncer does not pass that on, and a statement that says it costs a round trip. So it is a setting
of the user in this database: the server applies it when it begins a session. A user may change
its own.
"""

from __future__ import annotations

from typing import Any

import asyncpg

_TO_DO = """
SELECT current_setting('jit') = 'on' AND NOT EXISTS (
    SELECT FROM pg_db_role_setting s
    WHERE s.setrole = (SELECT oid FROM pg_roles WHERE rolname = session_user)
    AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND 'jit=off' = ANY (s.setconfig))"""
_TURN_OFF = """
DO $$ BEGIN
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET jit = off', session_user, current_database());
END $$"""


async def turn_off(connection: Any) -> None:
    """Let sessions that begin later compile nothing. Within a transaction; a server that does not
    allow it is as slow as before, and `s3gw cluster doctor` says so."""
    if await connection.fetchval(_TO_DO):
        try:
            async with connection.transaction():
                await connection.execute(_TURN_OFF)
        except asyncpg.InsufficientPrivilegeError:
            return
