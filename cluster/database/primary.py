"""Connecting to the primary: all hosts of an address at once.

The first host that takes writes is taken, and the others are left. So a host that is down costs
nothing, nor does one whose network drops what is sent to it: it would take the whole time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from enum import Enum

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from msgspec import Struct

from cluster.database.address import Host, check_files, hosts_in
from cluster.database.errors import AccessRefused, DatabaseAway
from cluster.database.pooling import Direct, has_rows, keeps_statements

# Longest time of one host.
CONNECT_S = 5.0
# A server that has no TLS; asyncpg has no class for it.
_NO_TLS = "rejected SSL upgrade"
# OpenSSL's numbers for certificates: of another name or IP address; not valid yet, or any more.
_OF_ANOTHER_HOST, _NOT_NOW = (62, 64), (9, 10)
# TLS that broke, as connections do.
_BROKEN_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# asyncpg's own number of statements that it keeps prepared.
_STATEMENTS = 100
_WRITABLE = """
SELECT WHERE NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"""


class _NoWrites(Exception):
    """The server is a standby, or is set to read-only."""


async def connect(address: str, within_s: float = CONNECT_S) -> Direct:
    """Return a connection to the host that takes writes. Raises `DatabaseAway`, and `AccessRefused`
    where a host that answers does not let this machine in."""
    hosts: Sequence[Host | None] = hosts_in(address) or (None,)
    check_files(address)
    attempts = [asyncio.create_task(_attempt(address, host, within_s)) for host in hosts]
    chosen: Direct | None = None
    try:
        chosen = await _first(attempts)
    finally:
        await _leave(attempts, chosen)
    if chosen is None:
        raise _failure(hosts, [attempt.exception() for attempt in attempts])
    return chosen


class Standing(Enum):
    """What a host is for those who write."""

    PRIMARY = "takes writes"
    STANDBY = "is a standby"
    REFUSES = "lets nobody in"
    AWAY = "cannot be reached"


class HostState(Struct, frozen=True):
    """`problem` says what a host answered that is neither a primary nor a standby."""

    host: str
    standing: Standing
    problem: str = ""


async def look(address: str, within_s: float = CONNECT_S) -> list[HostState]:
    """Return what each host of the address is now. Raises `AccessRefused` for what is not an
    address."""
    hosts: Sequence[Host | None] = hosts_in(address) or (None,)
    check_files(address)
    attempts = [asyncio.create_task(_attempt(address, host, within_s)) for host in hosts]
    try:
        await asyncio.wait(attempts)
    finally:
        await _leave(attempts, None)
    return [
        _state(str(host or "the database"), attempt.exception())
        for host, attempt in zip(hosts, attempts, strict=True)
    ]


def _state(host: str, error: BaseException | None) -> HostState:
    match error:
        case None:
            return HostState(host, Standing.PRIMARY)
        case _NoWrites():
            return HostState(host, Standing.STANDBY)
    refusal = _refusal(error)
    if refusal:
        return HostState(host, Standing.REFUSES, refusal)
    return HostState(host, Standing.AWAY, _absence(error))


async def _first(attempts: Iterable[asyncio.Task[Direct]]) -> Direct | None:
    waiting = set(attempts)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            if attempt.exception() is None:
                return attempt.result()
    return None


async def _leave(attempts: Sequence[asyncio.Task[Direct]], chosen: Direct | None) -> None:
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(outcome, BaseException) and outcome is not chosen:
            outcome.terminate()


async def _attempt(address: str, host: Host | None, within_s: float) -> Direct:
    async with asyncio.timeout(within_s):
        connection = await _open(address, host, within_s, _STATEMENTS)
        try:
            if not await has_rows(connection, _WRITABLE):
                raise _NoWrites
            if await keeps_statements(connection):
                return connection
        except BaseException:
            connection.terminate()
            raise
        connection.terminate()
        return await _open(address, host, within_s, 0)


async def _open(address: str, host: Host | None, within_s: float, statements: int) -> Direct:
    return await asyncpg.connect(
        address,
        host=None if host is None else host.name,
        port=None if host is None else host.port,
        timeout=within_s,
        statement_cache_size=statements,
        # Whether it takes writes is looked up afterwards, in a way that poolers allow.
        target_session_attrs=SessionAttribute.any,
    )


def _failure(hosts: Sequence[Host | None], errors: Sequence[BaseException | None]) -> DatabaseAway:
    refusals = [_refusal(error) for error in errors]
    reasons = [refusal or _absence(error) for refusal, error in zip(refusals, errors, strict=True)]
    text = "; ".join(
        f"{host or 'the database'}: {reason}" for host, reason in zip(hosts, reasons, strict=True)
    )
    return AccessRefused(text) if any(refusals) else DatabaseAway(text)


def _refusal(error: BaseException | None) -> str:
    """Return what was refused, and what to do; an empty text for what may pass by itself."""
    match error:
        case asyncpg.InvalidPasswordError():
            advice = "correct the user or the password in the database's address"
        case asyncpg.InvalidAuthorizationSpecificationError():
            advice = "create the user, or let it in from this machine in the server's pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            advice = "create it, or correct the name at the end of the address"
        case asyncpg.InsufficientPrivilegeError():
            advice = "GRANT CONNECT ON DATABASE to the user"
        case ssl.SSLCertVerificationError():
            return _distrust(error)
        case ssl.SSLError() if not isinstance(error, _BROKEN_TLS):
            advice = "compare the TLS settings of the server with those of the address"
        case ConnectionError() if _NO_TLS in str(error):
            return (
                "it has no TLS, and sslmode asks for it: turn on ssl there, or change sslmode in "
                "the address"
            )
        case asyncpg.InterfaceError() if isinstance(error, ValueError):
            advice = "correct the database's address"
        case _:
            return ""
    return f"{_text(error)}: {advice}"


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message
    if error.verify_code in _OF_ANOTHER_HOST:
        return (
            f"{said}: write the host in the address as its certificate has it, or give the server "
            "another certificate"
        )
    if error.verify_code in _NOT_NOW:
        return f"{said}: renew the server's certificate, or set the clock of this machine"
    return (
        f"its certificate is not trusted ({said}): sslrootcert in the address must be the file of "
        "the CA that signed it"
    )


def _absence(error: BaseException | None) -> str:
    match error:
        case _NoWrites():
            return "it takes no writes, so it is not the primary"
        case TimeoutError():
            return "no answer"
    return _text(error)


def _text(error: BaseException | None) -> str:
    return str(error) or type(error).__name__
