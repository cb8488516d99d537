"""Doctor of a cluster's database: whether it can keep what s3gw promises.

Facts are gathered in one place (`facts`), and judged in another (`findings`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from cluster.database.connecting import USE_S, translated
from cluster.database.errors import DatabaseAway
from cluster.database.facts import Facts, cluster_of, gather
from cluster.database.findings import Finding, Grade, judge
from cluster.database.pooling import is_pooled
from cluster.database.primary import HostState, Standing, connect, look

_CORRECT_IT = "correct the database's address, or start the servers that it names"


class Patient(Struct, frozen=True):
    """What is examined: the addresses as they are configured, `direct` empty where it is not, and
    how many worker processes a node has."""

    address: str
    direct: str = ""
    workers: int = 1


async def examine(patient: Patient) -> list[Finding]:
    """Return what was found, in the order of the checks; the failures of a database are findings
    too."""
    try:
        hosts = judge_hosts(await look(patient.address))
    except DatabaseAway as error:
        return [Finding("hosts", Grade.BAD, str(error), _CORRECT_IT)]
    if hosts.grade is Grade.BAD:
        return [hosts]
    try:
        with translated():
            return [hosts, *await _examine(patient)]
    except DatabaseAway as error:
        return [hosts, Finding("answers", Grade.BAD, str(error), "see the server's log")]
    except asyncpg.InsufficientPrivilegeError as error:
        advice = "let the user in the address own the schema s3gw"
        return [hosts, Finding("privileges", Grade.BAD, str(error), advice)]


def judge_hosts(states: Sequence[HostState]) -> Finding:
    """Return whether there is one primary, and what else does not answer."""
    shown = "; ".join(
        f"{each.host} {each.standing.value}" + (f" ({each.problem})" if each.problem else "")
        for each in states
    )
    primaries = [each for each in states if each.standing is Standing.PRIMARY]
    if not primaries:
        return Finding("hosts", Grade.BAD, shown, _CORRECT_IT)
    if len(primaries) > 1:
        advice = "stop all but one at once: what is written to the others will be lost"
        return Finding("hosts", Grade.BAD, shown, advice)
    if any(each.problem for each in states):
        advice = "start it: after the next failover it would be missing"
        return Finding("hosts", Grade.WEAK, shown, advice)
    return Finding("hosts", Grade.OK, shown)


async def _examine(patient: Patient) -> list[Finding]:
    connection = await connect(patient.address)
    try:
        async with asyncio.timeout(USE_S):
            facts = await gather(connection, patient.address)
    finally:
        connection.terminate()
    return [*judge(facts, patient.workers), await _notifications(facts, patient.direct)]


async def _notifications(facts: Facts, direct: str) -> Finding:
    """Look whether the changes of one node ring at the others."""
    advice = "let cluster.direct lead to the servers themselves"
    if not direct:
        if not facts.is_pooled:
            return Finding("notifications", Grade.OK, "by the database's own address")
        found = "do not pass the pooler: each node asks once a second"
        return Finding("notifications", Grade.WEAK, found, advice)
    try:
        connection = await connect(direct)
    except DatabaseAway as error:
        return Finding("notifications", Grade.BAD, f"cluster.direct: {error}", advice)
    try:
        async with asyncio.timeout(USE_S):
            pooled = await is_pooled(connection)
            cluster = await cluster_of(connection)
    finally:
        connection.terminate()
    if cluster != facts.cluster:
        found = "cluster.direct leads to another database than cluster.database"
        return Finding("notifications", Grade.BAD, found, advice)
    if pooled:
        return Finding("notifications", Grade.WEAK, "cluster.direct is a pooler too", advice)
    return Finding("notifications", Grade.OK, "by cluster.direct")
