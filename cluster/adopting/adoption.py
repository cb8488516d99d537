"""Adoption of a store, from the first look to the report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cluster.adopting.blobs import How, Shared, Unshared
from cluster.adopting.comparing import THREADS, BucketCounts, Compared, Comparison, Damage
from cluster.adopting.copying import TRANSACTION_ROWS, copy_rows
from cluster.adopting.entries import Entries, read_entries
from cluster.adopting.errors import AdoptionRefused
from cluster.adopting.key_files import KeyFile, copy_files, different_files
from cluster.adopting.ledger import Ledger, find_ledger, held_ledger, open_ledger
from cluster.adopting.obstacles import (
    bucket_obstacles,
    entry_obstacles,
    folder_obstacles,
    has_schema,
)
from cluster.adopting.publishing import publish
from cluster.adopting.removing import remove_copy
from cluster.adopting.source import Source, open_source
from cluster.bytes.shared_folder import open_folder
from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseRefused
from storage import failpoints

_CONNECTIONS = 3


class Order(Struct, frozen=True, kw_only=True):
    """What is adopted, and into what: the data folders of a store, the `postgresql://` URL of the
    cluster's database, and its shared folder. `unsynced`: its writes did not wait for the disk.
    `coordination` is the file with users, keys, settings and jobs; without it they stay, as the
    entries `unmoved` do. `progress` is called with a word for what is done and a number of
    rows."""

    data: Sequence[Path]
    address: str
    folder: Path
    how: How = How.LINK
    unsynced: bool = False
    verify: bool = False
    coordination: Path | None = None
    unmoved: Sequence[str] = ()
    key_files: Sequence[KeyFile] = ()
    progress: Callable[[str, int], None] = lambda what, rows: None
    transaction_rows: int = TRANSACTION_ROWS


class Adopted(Struct, frozen=True, kw_only=True):
    """What an adoption did, or a dry run would do; it is `complete` when clients see the buckets.
    `entries` are counted by the beginning of their keys, and `jobs_left` have not ended.
    `obstacles` are for a dry run only. `earlier`: it was complete before."""

    store: str
    complete: bool
    earlier: bool = False
    buckets: tuple[BucketCounts, ...] = ()
    rows: int = 0
    blobs: int = 0
    new_blobs: int = 0
    trashed_buckets: int = 0
    entries: Mapping[str, int] = {}
    jobs_left: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()
    damaged: int = 0
    damage: tuple[Damage, ...] = ()
    obstacles: tuple[str, ...] = ()
    seconds: float = 0.0


async def adopt(order: Order) -> Adopted:
    """Adopt a store, or go on with it. Where bytes are damaged, it is not completed. Raises
    `AdoptionRefused`, `MountpathError`, `Corrupt`, `DeviceFailed`, `OutOfSpace` and
    `DatabaseError`."""
    began_s = monotonic()
    with open_source(order.data) as source:
        async with _opened(order) as database:
            ledger = await _found(database, source)
            if ledger is not None and ledger.finished:
                return _earlier(ledger, source)
            entries = await _entries(order)
            if obstacles := await _obstacles(database, order, source):
                raise AdoptionRefused("\n".join(obstacles))
            adopted = await _Adoption(order, source, database, entries).run(ledger)
    return replace(adopted, seconds=round(monotonic() - began_s, 3))


async def rehearse(order: Order) -> Adopted:
    """Say what `adopt` would do, and write nothing in the cluster. Raises as it does."""
    began_s = monotonic()
    with open_source(order.data) as source:
        async with _opened(order) as database:
            ledger = await _found(database, source)
            if ledger is not None and ledger.finished:
                return _earlier(ledger, source)
            entries = await _entries(order)
            obstacles = await _obstacles(database, order, source)
        ids = {each.key: each.key for each in source.buckets}
        with _threads() as (thread, threads):
            blobs = Unshared(verify=order.verify)
            comparison = Comparison(source, ids, blobs, thread, threads, order.progress)
            compared = await comparison.run(None, None)
        files = [each.name for each in order.key_files if each.source.exists()]
        said = _report(source, compared, entries, files)
        seconds = round(monotonic() - began_s, 3)
        return replace(said, complete=False, obstacles=tuple(obstacles), seconds=seconds)


async def abandon(order: Order) -> bool:
    """Remove what an unfinished adoption has brought into the cluster; return whether there was
    one. Raises as `adopt` does."""
    with open_source(order.data) as source:
        async with _opened(order) as database:
            ledger = await _found(database, source)
            if ledger is None:
                return False
            if ledger.finished:
                raise AdoptionRefused(
                    f"the store was adopted at {ledger.finished:%Y-%m-%d %H:%M}Z: its buckets are "
                    "the cluster's, and are removed there"
                )
            folder = await open_folder(database, order.folder)
            shared = Shared(folder, source.store, order.how, verify=False)
            await remove_copy(database, ledger, shared)
            return True


class _Adoption:
    """The steps that write."""

    def __init__(self, order: Order, source: Source, database: Database, entries: Entries) -> None:
        self._order = order
        self._source = source
        self._database = database
        self._entries = entries

    async def run(self, ledger: Ledger | None) -> Adopted:
        order, source, database = self._order, self._source, self._database
        await database.open()
        folder = await open_folder(database, order.folder)
        failpoints.hit("adopt_after_folder")
        shared = Shared(folder, source.store, order.how, verify=order.verify)
        for mountpath in source.mountpaths:
            shared.prepare(mountpath)
        ledger = await self._current(ledger, shared)
        ids = ledger.ids(source.buckets)
        with _threads() as (thread, threads):
            await copy_rows(
                database, source, ledger, ids, thread, order.progress, order.transaction_rows
            )
            comparison = Comparison(source, ids, shared, thread, threads, order.progress)
            compared = await comparison.run(database, ledger)
            if compared.damaged:
                return replace(_report(source, compared, self._entries, ()), complete=False)
            await asyncio.to_thread(shared.finish, threads, unsynced=order.unsynced)
        failpoints.hit("adopt_after_blobs")
        files = copy_files(order.key_files, order.folder)
        failpoints.hit("adopt_after_keys")
        done = _report(source, compared, self._entries, files)
        entries = None if order.coordination is None else self._entries
        report = msgspec.json.encode(done)
        buckets = source.buckets
        await publish(database, ledger, buckets, compared.buckets, entries, report)
        return done

    async def _current(self, ledger: Ledger | None, shared: Shared) -> Ledger:
        """Return the ledger to go on with. A copy of what the store was before is removed."""
        commits = self._source.commits()
        if ledger is not None and list(ledger.commits) != commits:
            await remove_copy(self._database, ledger, shared)
            ledger = None
        async with self._database.connection() as connection, connection.transaction():
            if ledger is None:
                count = len(self._source.buckets)
                return await open_ledger(connection, self._source.store, commits, count)
            return await held_ledger(connection, ledger)


@asynccontextmanager
async def _opened(order: Order) -> AsyncIterator[Database]:
    database = Database(order.address, connections=_CONNECTIONS)
    try:
        yield database
    except asyncpg.PostgresError as error:
        raise DatabaseRefused(str(error)) from error
    finally:
        await database.close()


@contextmanager
def _threads() -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    """Yield one that reads the store, and some that look at blobs."""
    with ThreadPoolExecutor(1, "adopt-source") as thread:
        with ThreadPoolExecutor(THREADS, "adopt-blobs") as threads:
            yield thread, threads


async def _found(database: Database, source: Source) -> Ledger | None:
    async with database.connection() as connection:
        if not await has_schema(connection, "adoptions"):
            return None
        return await find_ledger(connection, source.store)


async def _entries(order: Order) -> Entries:
    if order.coordination is None:
        return Entries()
    return await read_entries(order.coordination, order.unmoved)


async def _obstacles(database: Database, order: Order, source: Source) -> list[str]:
    found = folder_obstacles(source, order.folder, order.how)
    found += different_files(order.key_files, order.folder)
    async with database.connection() as connection:
        if await has_schema(connection, "buckets"):
            found += await bucket_obstacles(connection, source.buckets)
            found += await _entry_obstacles(connection, order)
    return found


async def _entry_obstacles(connection: Connection, order: Order) -> list[str]:
    return [] if order.coordination is None else await entry_obstacles(connection)


def _earlier(ledger: Ledger, source: Source) -> Adopted:
    if list(ledger.commits) != source.commits():
        raise AdoptionRefused(
            f"the store was adopted at {ledger.finished:%Y-%m-%d %H:%M}Z, and has changed since: "
            "copy what is new from a server on it, for example with `s3gw object cp`, or adopt it "
            "into a new database and a new folder"
        )
    done = msgspec.json.decode(ledger.report or b"{}", type=Adopted)
    return replace(done, earlier=True)


def _report(
    source: Source, compared: Compared, entries: Entries, key_files: Sequence[str]
) -> Adopted:
    counts = sorted(compared.buckets.values(), key=lambda each: each.name)
    return Adopted(
        store=str(source.store),
        complete=True,
        buckets=tuple(counts),
        rows=compared.rows,
        blobs=compared.blobs,
        new_blobs=compared.new_blobs,
        trashed_buckets=source.totals().trashed_buckets,
        entries=entries.counts(),
        jobs_left=tuple(entries.left),
        key_files=tuple(key_files),
        damaged=compared.damaged,
        damage=tuple(compared.damage),
    )
