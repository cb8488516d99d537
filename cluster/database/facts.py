"""Facts about the database, as the doctor judges them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cluster.database.address import security, stays_here
from cluster.database.clock import ns_of
from cluster.database.pooling import Direct, is_pooled, keeps_statements

_NS = 1_000_000_000
_SETTINGS = (
    "synchronous_standby_names", "synchronous_commit", "fsync", "full_page_writes",
    "data_checksums", "max_connections", "superuser_reserved_connections", "reserved_connections",
    "autovacuum", "track_counts", "idle_in_transaction_session_timeout", "statement_timeout",
    "transaction_timeout", "jit",
)  # fmt: skip
_VERSION = "SELECT split_part(current_setting('server_version'), ' ', 1)"
_STANDBYS = "SELECT application_name, sync_state FROM pg_stat_replication ORDER BY 1"
# Those of this user in this database are s3gw's.
_CONNECTIONS = """
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::bigint - (
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = session_user)"""
_NEGLECTED = """
SELECT relname::text FROM pg_stat_user_tables
WHERE schemaname = 's3gw' AND n_dead_tup > 10000 AND n_dead_tup > n_live_tup ORDER BY 1"""
_FROZEN = "SELECT max(age(datfrozenxid)) FROM pg_database"
_OPEN = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(begun)), 0)::double precision FROM (
    SELECT xact_start FROM pg_stat_activity WHERE pid <> pg_backend_pid()
    AND backend_type = 'client backend'
    UNION ALL SELECT prepared FROM pg_prepared_xacts) AS open(begun)"""
_SLOTS = "SELECT slot_name::text FROM pg_replication_slots WHERE NOT active ORDER BY 1"
_ENCRYPTED = "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"
_HAS_SCHEMA = "SELECT to_regclass('s3gw.schema_steps') IS NOT NULL"
_MAY_CREATE = "SELECT has_database_privilege(current_database(), 'CREATE')"
_STEP = "SELECT coalesce(max(number), 0) FROM s3gw.schema_steps"
_NODES = """
SELECT r.node, extract(epoch FROM clock_timestamp() - r.seen)::double precision,
    s.revision - r.revision
FROM s3gw.replicas r CROSS JOIN s3gw.entry_state s ORDER BY r.node"""
_ID = "SELECT id::text FROM s3gw.cluster"


class Standby(Struct, frozen=True):
    """`state` is `sync`, `quorum`, `potential` or `async`; empty where this user may not see it."""

    name: str
    state: str


class NodeNews(Struct, frozen=True):
    """When a node last wrote to the database, and how many changes it had not read then."""

    name: str
    age_s: float
    behind: int


class Facts(Struct, frozen=True, kw_only=True):
    """`schema` is 0 where it is missing. The clock of the database is `ahead_s` of this machine's,
    give or take `unsure_s`. `others` is the number of connections that are not s3gw's."""

    version: str
    major: int
    schema: int
    may_create: bool
    settings: Mapping[str, str]
    standbys: Sequence[Standby] = ()
    ahead_s: float = 0.0
    unsure_s: float = 0.0
    others: int = 0
    neglected: Sequence[str] = ()
    frozen_age: int = 0
    oldest_open_s: float = 0.0
    idle_slots: Sequence[str] = ()
    is_pooled: bool = False
    keeps_statements: bool = True
    stays_here: bool = True
    security: str = ""
    is_encrypted: bool = False
    nodes: Sequence[NodeNews] = ()
    cluster: str = ""


async def gather(connection: Direct, address: str) -> Facts:
    """Raises what the connection raises."""
    has_schema: bool = await connection.fetchval(_HAS_SCHEMA)
    ahead_s, unsure_s = await _clock(connection)
    standbys: Any = await connection.fetch(_STANDBYS)
    nodes: Any = await connection.fetch(_NODES) if has_schema else []
    return Facts(
        version=await connection.fetchval(_VERSION),
        major=connection.get_server_version().major,
        schema=await connection.fetchval(_STEP) if has_schema else 0,
        may_create=await connection.fetchval(_MAY_CREATE),
        settings=await _settings(connection),
        standbys=[Standby(name or "?", state or "") for name, state in standbys],
        ahead_s=ahead_s,
        unsure_s=unsure_s,
        others=await connection.fetchval(_CONNECTIONS),
        neglected=await _texts(connection, _NEGLECTED),
        frozen_age=await connection.fetchval(_FROZEN),
        oldest_open_s=await connection.fetchval(_OPEN),
        idle_slots=await _texts(connection, _SLOTS),
        is_pooled=await is_pooled(connection),
        keeps_statements=await keeps_statements(connection),
        stays_here=stays_here(address),
        security=security(address),
        is_encrypted=await connection.fetchval(_ENCRYPTED),
        nodes=[NodeNews(*node) for node in nodes],
        cluster=await connection.fetchval(_ID) if has_schema else "",
    )


async def cluster_of(connection: Direct) -> str:
    """Return the id of the cluster whose database it is; empty where the schema is missing."""
    has_schema: bool = await connection.fetchval(_HAS_SCHEMA)
    return await connection.fetchval(_ID) if has_schema else ""


async def _clock(connection: Direct) -> tuple[float, float]:
    before_ns = time.time_ns()
    told_ns = ns_of(await connection.fetchval("SELECT clock_timestamp()"))
    after_ns = time.time_ns()
    middle_ns = (before_ns + after_ns) // 2
    return (told_ns - middle_ns) / _NS, (after_ns - before_ns) / 2 / _NS


async def _settings(connection: Direct) -> dict[str, str]:
    """Those that this version has, as they are for this session."""
    sql = "SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])"
    rows: Any = await connection.fetch(sql, _SETTINGS)
    return dict(rows)


async def _texts(connection: Direct, sql: str) -> list[str]:
    rows: Any = await connection.fetch(sql)
    return [text for (text,) in rows]
