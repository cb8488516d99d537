"""Connections to the primary of the database, from one process.

Each leads to the host that takes writes (`primary`): after a failover that is another one. They
keep no state between transactions and set nothing at their start, so PgBouncer may be in
between; tables are named with their schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from cluster.database.errors import AccessRefused, DatabaseAway, DatabaseRefused
from cluster.database.migrate import migrate
from cluster.database.pooling import Direct
from cluster.database.primary import connect

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

# Connections of a process.
MOST_CONNECTIONS = 4
# Longest use of one, unless its user says otherwise.
USE_S = 15.0
_MIGRATION_S = 3600.0
_BROKEN = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # A connection that was terminated between two statements.
    asyncpg.InternalClientError,
    TimeoutError,
)
# The server says goodbye, lacks something, or is not the primary any more.
_LEAVING = (
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


class Database:
    """A pool of connections. `address` is a `postgresql://` URL, with one host or several."""

    def __init__(self, address: str, *, connections: int = MOST_CONNECTIONS) -> None:
        self._address = address
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises `DatabaseAway`, and `DatabaseRefused`
        for what has to be changed first."""
        try:
            async with self.connection(_MIGRATION_S) as connection:
                await migrate(connection)
            # Settings of the user are of sessions that begin later.
            await (await self._opened()).expire_connections()
        except AccessRefused as error:
            raise DatabaseRefused(str(error)) from error

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def connection(self, within_s: float = USE_S) -> AsyncIterator[Connection]:
        """Yield a connection to the primary; it breaks after `within_s`, as a network may be silent
        for much longer. Raises `DatabaseAway`, also for what breaks while it is used: then it is
        not known what the server did."""
        with translated():
            pool = await self._opened()
            async with pool.acquire(timeout=within_s) as connection:
                # To cancel a statement would cut short a commit's wait for the standby.
                breaking = asyncio.get_running_loop().call_later(within_s, connection.terminate)
                try:
                    yield connection
                finally:
                    breaking.cancel()

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    min_size=0,
                    max_size=self._connections,
                    connect=self._connect,
                    reset=_keep_nothing,
                )
            return self._pool

    async def _connect(self, dsn: str | None = None, **_: object) -> Direct:
        return await connect(self._address)


async def _keep_nothing(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Ask the server to forget nothing: a connection keeps nothing of its session, and has rolled
    back what was open. What asyncpg sends by default costs a round trip after each use."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise `DatabaseAway` for what says that the server has gone."""
    try:
        yield
    except (*_BROKEN, *_LEAVING) as error:
        raise DatabaseAway(str(error) or type(error).__name__) from error
