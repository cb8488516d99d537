"""Finding the host that takes writes, and what is said where none lets us in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from cluster.database.address import Host, hosts_in
from cluster.database.connecting import Database
from cluster.database.errors import AccessRefused, DatabaseAway, DatabaseRefused
from cluster.database.primary import connect
from tests.cluster.postgres import HOST, USER, PostgresServer, replicated_pair
from tests.storage.event_loop import run

# Longer than a call of a test may take: who waits for a silent host fails.
_FOR_EVER_S = 600.0
_NOBODY = f"{HOST}:1"
_PASSWORD = "s3cret/@:#?&%"
_WRITTEN = "s3cret%2F%40%3A%23%3F%26%25"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with replicated_pair() as both:
        yield both


@pytest.fixture(scope="module")
def guarded(server: PostgresServer) -> PostgresServer:
    """One that asks `ann` for her password, and does not let `eve` in."""
    server.run(f"CREATE ROLE ann LOGIN PASSWORD '{_PASSWORD}'")
    server.run("CREATE ROLE eve LOGIN")
    server.run("CREATE DATABASE hers OWNER ann")
    server.admit(
        f"host all ann {HOST}/32 scram-sha-256",
        f"host all eve {HOST}/32 reject",
    )
    return server


class Silent:
    """A host that takes connections, and answers nothing."""

    def __init__(self) -> None:
        self.host = ""
        self.left = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        served = await asyncio.start_server(self._serve, HOST, 0)
        self.host = f"{HOST}:{served.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            served.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        self.left.set()


def address_of(*hosts: str, user: str = USER, name: str = "postgres") -> str:
    return f"postgresql://{user}@{','.join(hosts)}/{name}"


def place(server: PostgresServer) -> str:
    return f"{HOST}:{server.port}"


async def port_of(address: str, within_s: float = _FOR_EVER_S) -> int:
    """Return the port of the server that a connection leads to."""
    connection = await connect(address, within_s)
    try:
        return int(await connection.fetchval("SHOW port"))
    finally:
        await connection.close()


async def opened(address: str) -> None:
    database = Database(address)
    try:
        await database.open()
    finally:
        await database.close()


def test_a_silent_host_is_not_waited_for(server: PostgresServer) -> None:
    async def scenario() -> None:
        silent = Silent()
        async with silent.running():
            for hosts in ((silent.host, place(server)), (place(server), silent.host)):
                assert await port_of(address_of(*hosts)) == server.port
            await silent.left.wait()

    run(scenario())


def test_a_host_that_is_down_is_passed_over(server: PostgresServer) -> None:
    assert run(port_of(address_of(_NOBODY, place(server)))) == server.port


def test_the_primary_is_found_in_any_order(pair: tuple[PostgresServer, PostgresServer]) -> None:
    primary, standby = pair
    for hosts in ((standby, primary), (primary, standby)):
        assert run(port_of(address_of(*map(place, hosts)))) == primary.port


def test_standbys_alone_are_not_the_database(pair: tuple[PostgresServer, PostgresServer]) -> None:
    primary, standby = pair
    with pytest.raises(DatabaseAway, match=rf"{place(standby)}: it takes no writes.*{_NOBODY}: "):
        run(port_of(address_of(place(standby), _NOBODY)))
    primary.run("ALTER ROLE postgres SET default_transaction_read_only = on")
    try:
        with pytest.raises(DatabaseAway, match="it takes no writes"):
            run(port_of(address_of(place(primary))))
    finally:
        primary.run("BEGIN READ WRITE; ALTER ROLE postgres RESET ALL; COMMIT")


def test_whoever_gives_up_leaves_nothing_behind(server: PostgresServer) -> None:
    async def scenario() -> None:
        silent = Silent()
        async with silent.running():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await port_of(address_of(silent.host))
            await silent.left.wait()

    run(scenario())


def test_a_host_that_answers_too_late_is_named() -> None:
    async def scenario() -> None:
        silent = Silent()
        async with silent.running():
            with pytest.raises(DatabaseAway, match=f"{silent.host}: no answer"):
                await port_of(address_of(silent.host), 0.05)

    run(scenario())


@pytest.mark.parametrize(
    ("user", "name", "said"),
    [
        (
            "ann:wrong",
            "hers",
            r'authentication failed for user "ann": correct the user or the pass',
        ),
        ("ann", "hers", r"correct the user or the password"),
        ("eve:x", "hers", r'user "eve".*: create the user, or let it in .* pg_hba\.conf'),
        ("nobody", "hers", r'role "nobody" does not exist: create the user'),
        (USER, "nothing", r'database "nothing" does not exist: create it, or correct the name'),
    ],
)
def test_a_server_that_lets_nobody_in_is_refused_at_the_start(
    guarded: PostgresServer, user: str, name: str, said: str
) -> None:
    address = address_of(_NOBODY, place(guarded), user=user, name=name)
    with pytest.raises(DatabaseRefused, match=rf"{place(guarded)}: .*{said}"):
        run(opened(address))


def test_a_server_that_runs_goes_on_trying(guarded: PostgresServer) -> None:
    """What became of a commit may still be found out when the password is right again."""

    async def used() -> None:
        database = Database(address_of(place(guarded), user=f"ann:{_WRITTEN}", name="hers"))
        try:
            await database.open()
            guarded.run("ALTER ROLE ann PASSWORD 'another'")
            guarded.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='ann'"
            )
            assert "correct the user or the password" in await refusal(database)
            guarded.run(f"ALTER ROLE ann PASSWORD '{_PASSWORD}'")
            assert await fetched(database) == 1
        finally:
            await database.close()

    run(used())


async def refusal(database: Database) -> str:
    """Use it until its connections are new ones."""
    while True:
        try:
            await fetched(database)
        except AccessRefused as error:
            return str(error)
        except DatabaseAway:
            continue


async def fetched(database: Database) -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval("SELECT 1")
        return found


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ann:{_PASSWORD}@{HOST}/hers",
        f"postgresql://ann:s3cret/more@{HOST}/hers",
        f"postgresql://ann:s3cret@more@{HOST}/hers",
        f"postgresql://ann:s3cret@{HOST}:s3cret/hers",
        f"postgresql://ann:s3cret@{HOST},/hers",
        "postgresql://ann:s3cret@[::1/hers",
        "postgresql://ann:s3cret@a,b,c/hers?port=1,2",
        "mysql://ann:s3cret@a/hers",
    ],
)
def test_an_address_that_cannot_be_read_is_not_shown(address: str) -> None:
    with pytest.raises(DatabaseRefused, match="special characters of the password") as raised:
        run(opened(address))
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("postgresql://u:p@a/x", [Host("a", 5432)]),
        ("postgres://a:1,b,[::1]:3,[fe80::1]/x", [Host("a", 1), Host("b", 5432), Host("::1", 3),
                                                  Host("fe80::1", 5432)]),
        ("postgresql://u@a,b:2/x?port=7", [Host("a", 7), Host("b", 2)]),
        ("postgresql://u@/x?host=a,b&port=1,2", [Host("a", 1), Host("b", 2)]),
        ("postgresql://u@%2Frun%2Fpg/x", [Host("/run/pg", 5432)]),
        ("postgresql:///x?host=/run/pg", [Host("/run/pg", 5432)]),
        ("postgresql:///x", []),
    ],
)  # fmt: skip
def test_hosts_are_read_as_libpq_reads_them(
    address: str, hosts: list[Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPORT", raising=False)
    assert list(hosts_in(address)) == hosts


def test_files_of_an_address_that_are_missing_are_named(server: PostgresServer) -> None:
    address = f"{server.address()}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"
    with pytest.raises(DatabaseRefused, match=r"sslrootcert of .*'/nowhere/ca\.pem'"):
        run(opened(address))
    with pytest.raises(DatabaseRefused, match="correct the database's address"):
        run(opened(f"{server.address()}?sslmode=nonsense"))


def test_a_unix_socket_is_a_host_too(server: PostgresServer) -> None:
    folder = f"{server.folder}/nothing"
    address = f"postgresql://{USER}@/postgres?host={folder},{HOST}&port=5432,{server.port}"
    assert run(port_of(address)) == server.port
    with pytest.raises(DatabaseAway, match=folder):
        run(port_of(f"postgresql://{USER}@/postgres?host={folder}"))
