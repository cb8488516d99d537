"""Findings about a cluster's database: pure functions that judge facts.

What is weak works, and something that is promised does not hold, or will not for long; what is bad
has to be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from cluster.database.facts import Facts
from cluster.database.migrate import OLDEST_MAJOR, steps

# What a node has open: each worker process, and its maintenance process.
CONNECTIONS_OF_WORKER, CONNECTIONS_OF_NODE = 6, 2
LONGEST_SKEW_S = 1.0
LONGEST_OPEN_S = 300.0
NEWS_S = 10.0
# Of the 2,000 million transactions after which the server stops.
AGING, TOO_OLD = 500_000_000, 1_500_000_000
_VERIFIED = ("verify-ca", "verify-full")
_WAITING = ("sync", "quorum")


class Grade(StrEnum):
    OK = "ok"
    WEAK = "weak"
    BAD = "bad"


class Finding(Struct, frozen=True):
    """`advice` says what to do, where something is to be done."""

    name: str
    grade: Grade
    found: str
    advice: str = ""


def judge(facts: Facts, workers: int) -> list[Finding]:
    """Return what the facts say about a cluster whose nodes have so many worker processes."""
    return [*(check(facts) for check in _CHECKS), _connections(facts, workers)]


def _version(facts: Facts) -> Finding:
    found = f"PostgreSQL {facts.version}"
    if facts.major < OLDEST_MAJOR:
        advice = f"update the server to PostgreSQL {OLDEST_MAJOR} or later"
        return Finding("version", Grade.BAD, found, advice)
    return Finding("version", Grade.OK, found)


def _schema(facts: Facts) -> Finding:
    known = steps()[-1].number
    if facts.schema > known:
        advice = "update s3gw on this machine"
        found = f"step {facts.schema}, of a newer s3gw; this one knows {known}"
        return Finding("schema", Grade.BAD, found, advice)
    if facts.schema == known:
        return Finding("schema", Grade.OK, f"step {known}")
    if facts.schema == 0 and not facts.may_create:
        advice = "GRANT CREATE ON DATABASE to the user, or create the schema s3gw for it"
        return Finding("schema", Grade.BAD, "none, and the user may not create it", advice)
    has = f"step {facts.schema} of {known}" if facts.schema else "none yet"
    return Finding("schema", Grade.OK, f"{has}: the next server that starts does the rest")


def _standby(facts: Facts) -> Finding:
    named = facts.settings.get("synchronous_standby_names", "")
    waiting = [each.name for each in facts.standbys if each.state in _WAITING]
    others = [each.name for each in facts.standbys if each.state not in _WAITING]
    if waiting:
        return Finding("standby", Grade.OK, f"synchronous: {', '.join(waiting)}")
    if not named:
        found = "none is synchronous" + (f", only {', '.join(others)}" if others else "")
        return Finding(
            "standby", Grade.WEAK, found,
            "objects that were acknowledged may be lost with the server: set "
            "synchronous_standby_names, or Patroni's synchronous_mode, unless its disk is "
            "replicated below it",
        )  # fmt: skip
    if any(not each.state for each in facts.standbys):
        return Finding(
            "standby", Grade.WEAK, "there are some, and this user may not see of which kind",
            "GRANT pg_monitor to the user",
        )  # fmt: skip
    return Finding(
        "standby", Grade.BAD, f"none is connected, and synchronous_standby_names = {named!r}",
        "all writes wait for it: start the standby, or let the tool that runs the servers decide",
    )  # fmt: skip


def _commit(facts: Facts) -> Finding:
    level = facts.settings["synchronous_commit"]
    found = f"synchronous_commit = {level}"
    advice = "set it to on: an acknowledged object is to be durable, on the standby too"
    if level == "off":
        return Finding("commits", Grade.BAD, found, advice)
    if level in ("local", "remote_write"):
        return Finding("commits", Grade.WEAK, found, advice)
    return Finding("commits", Grade.OK, found)


def _durability(facts: Facts) -> Finding:
    if facts.settings["fsync"] == "off":
        advice = "set fsync = on: a loss of power damages the database"
        return Finding("durability", Grade.BAD, "fsync = off", advice)
    if facts.settings["full_page_writes"] == "off":
        return Finding(
            "durability", Grade.WEAK, "full_page_writes = off",
            "set full_page_writes = on, unless the file system never tears a page",
        )  # fmt: skip
    return Finding("durability", Grade.OK, "fsync and full_page_writes are on")


def _checksums(facts: Facts) -> Finding:
    if facts.settings.get("data_checksums") == "off":
        advice = "pg_checksums --enable while the server is stopped: damage is then noticed"
        return Finding("checksums", Grade.WEAK, "data_checksums = off", advice)
    return Finding("checksums", Grade.OK, "data_checksums = on")


def _clock(facts: Facts) -> Finding:
    apart_s = abs(facts.ahead_s)
    found = f"{apart_s:.3f} s {'behind' if facts.ahead_s > 0 else 'ahead of'} the database's"
    if apart_s - facts.unsure_s > LONGEST_SKEW_S:
        return Finding(
            "clock", Grade.WEAK, found,
            "run NTP here and there: rows have the database's time, signatures are compared with "
            "this machine's",
        )  # fmt: skip
    return Finding("clock", Grade.OK, found)


def _autovacuum(facts: Facts) -> Finding:
    off = [name for name in ("autovacuum", "track_counts") if facts.settings[name] == "off"]
    if off:
        advice = f"set {' and '.join(off)} to on: the tables would grow without end"
        return Finding("autovacuum", Grade.BAD, f"{' and '.join(off)} = off", advice)
    if facts.neglected:
        return Finding(
            "autovacuum", Grade.WEAK, f"is behind with {', '.join(facts.neglected)}",
            "lower autovacuum_vacuum_cost_delay; transactions and slots below may keep it from "
            "cleaning",
        )  # fmt: skip
    return Finding("autovacuum", Grade.OK, "on, and not behind")


def _age(facts: Facts) -> Finding:
    found = f"{facts.frozen_age:,} transactions since the oldest that is not frozen"
    grade = Grade.OK
    if facts.frozen_age > AGING:
        grade = Grade.BAD if facts.frozen_age > TOO_OLD else Grade.WEAK
    advice = "VACUUM (FREEZE) the databases: at 2,000 million the server takes no more writes"
    return Finding("freezing", grade, found, "" if grade is Grade.OK else advice)


def _transactions(facts: Facts) -> Finding:
    found = f"the oldest is open for {facts.oldest_open_s:.0f} s"
    if facts.oldest_open_s > LONGEST_OPEN_S:
        advice = "end it (pg_stat_activity, pg_prepared_xacts): nothing newer can be cleaned up"
        return Finding("transactions", Grade.WEAK, found, advice)
    return Finding("transactions", Grade.OK, found if facts.oldest_open_s else "none is open")


def _slots(facts: Facts) -> Finding:
    if facts.idle_slots:
        return Finding(
            "slots", Grade.WEAK, f"not read: {', '.join(facts.idle_slots)}",
            "start the standby, or pg_drop_replication_slot: the log is kept until the disk is "
            "full",
        )  # fmt: skip
    return Finding("slots", Grade.OK, "all are read")


def _timeouts(facts: Facts) -> Finding:
    cut = [
        name
        for name in ("statement_timeout", "transaction_timeout")
        if facts.settings.get(name, "0") != "0"
    ]
    if cut:
        return Finding(
            "timeouts", Grade.BAD, f"{' and '.join(cut)} of the user is set",
            "ALTER ROLE ... RESET it for the user: it breaks off commits that wait for the standby",
        )  # fmt: skip
    if facts.settings["idle_in_transaction_session_timeout"] == "0":
        return Finding(
            "timeouts", Grade.WEAK, "idle_in_transaction_session_timeout = 0",
            "set idle_in_transaction_session_timeout, to 60s for instance: a client that forgets a "
            "transaction stops all cleaning. Transactions of s3gw have 10 s of their own",
        )  # fmt: skip
    return Finding("timeouts", Grade.OK, "forgotten transactions are ended")


def _compilation(facts: Facts) -> Finding:
    if facts.settings.get("jit") == "on" and facts.schema == 0:
        return Finding("jit", Grade.OK, "on: the next server that starts turns it off")
    if facts.settings.get("jit") == "on":
        return Finding(
            "jit", Grade.WEAK, "on",
            "ALTER ROLE ... SET jit = off for the user: to compile takes longer than any statement "
            "of s3gw",
        )  # fmt: skip
    return Finding("jit", Grade.OK, "off")


def _tls(facts: Facts) -> Finding:
    if facts.stays_here:
        return Finding("tls", Grade.OK, "not needed: the address is of this machine")
    found = f"sslmode = {facts.security}"
    if facts.security in _VERIFIED:
        return Finding("tls", Grade.OK, found)
    encrypted = facts.security == "require" or (facts.is_encrypted and not facts.is_pooled)
    now = "encrypted, and not verified" if encrypted else "not encrypted"
    return Finding(
        "tls", Grade.WEAK, f"{found}: {now}",
        "write ?sslmode=verify-full&sslrootcert=FILE into the address",
    )  # fmt: skip


def _pooling(facts: Facts) -> Finding:
    if not facts.is_pooled:
        return Finding("pooling", Grade.OK, "connections lead to the server itself")
    if facts.keeps_statements:
        return Finding("pooling", Grade.OK, "a pooler that keeps prepared statements")
    return Finding(
        "pooling", Grade.WEAK, "a pooler that does not keep prepared statements",
        "PgBouncer 1.21 or later with max_prepared_statements = 200: each lookup costs twice the "
        "processor time without",
    )  # fmt: skip


def _nodes(facts: Facts) -> Finding:
    if not facts.nodes:
        return Finding("nodes", Grade.OK, "none has been here")
    silent = [each for each in facts.nodes if each.age_s > NEWS_S]
    if silent:
        shown = ", ".join(f"{each.name} for {_duration(each.age_s)}" for each in silent)
        return Finding(
            "nodes", Grade.WEAK, f"no news from {shown}",
            "start s3gw there, or see its log: a node without news refuses signed requests. One "
            "that is gone for good: DELETE FROM s3gw.replicas WHERE node = '...'",
        )  # fmt: skip
    shown = ", ".join(f"{each.name} {each.age_s:.1f} s ago" for each in facts.nodes)
    return Finding("nodes", Grade.OK, f"last news: {shown}")


def _connections(facts: Facts, workers: int) -> Finding:
    live = max(1, sum(each.age_s <= NEWS_S for each in facts.nodes))
    needed = live * (CONNECTIONS_OF_WORKER * workers + CONNECTIONS_OF_NODE)
    kept = ("superuser_reserved_connections", "reserved_connections")
    most = int(facts.settings["max_connections"])
    free = most - sum(int(facts.settings.get(name, "0")) for name in kept) - facts.others
    nodes = f"{live} node{'s' if live > 1 else ''} of {workers} workers"
    found = f"{nodes} need {needed}; the server has {free} for them, of {most}"
    if facts.is_pooled:
        return Finding("connections", Grade.OK, f"{nodes} have {needed} to the pooler")
    if needed <= free:
        return Finding("connections", Grade.OK, found)
    advice = "raise max_connections, put PgBouncer in between, or run fewer workers"
    return Finding("connections", Grade.BAD, found, advice)


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


_CHECKS: Sequence[Callable[[Facts], Finding]] = (
    _version, _schema, _standby, _commit, _durability, _checksums, _clock, _autovacuum, _age,
    _transactions, _slots, _timeouts, _compilation, _tls, _pooling, _nodes,
)  # fmt: skip
