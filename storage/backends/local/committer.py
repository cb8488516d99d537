"""Group commit: one writing thread and connection per mountpath and process.

A mutation is a coroutine over a transaction, which runs to its end within one step. All that are
waiting run in one transaction and are acknowledged after its commit: a hundred small objects cost
one fsync. A mutation that raises before it wrote is refused alone; if one fails after it wrote, the
whole transaction is rolled back and each is tried by itself. A caller that is cancelled meanwhile
changes nothing: its mutation is committed whole or not at all. A mutation that meets a rename
between mountpaths is tried again when that is settled.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from storage import failpoints
from storage.backends.local.acknowledged import note_for
from storage.backends.local.ballast import Ballast
from storage.backends.local.index import connect, storage_error
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.options import Durability
from storage.backends.local.transaction import Leaving, Mutation, SqliteTransaction, drive
from storage.clock import Clock
from storage.errors import OutOfSpace, StorageError
from storage.sqlite.connection import keep_errno
from storage.writing.destination import Files

QUEUE_LIMIT = 1024
BATCH_LIMIT = 256
ABSURD_WAL_PAGES = 256 * 1024 * 1024 // 4096

T = TypeVar("T")


class _Job:
    """One mutation, what it makes part of the store, and who waits for it."""

    __slots__ = ("error", "file", "future", "mutation", "result", "retried", "room")

    def __init__(
        self, mutation: Mutation[Any], file: Files | None, room: asyncio.Semaphore
    ) -> None:
        self.mutation = mutation
        self.file = file
        self.room = room
        self.future = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.retried = False
        self.error: Exception | None = None

    @property
    def makes_room(self) -> bool:
        return getattr(self.mutation, "makes_room", False)

    def settle(self) -> None:
        self.room.release()
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Committer:
    """Owns the writing connection of one mountpath in this process."""

    def __init__(
        self,
        mountpath: Mountpath,
        durability: Durability,
        clock: Clock,
        settle: Callable[[], None],
    ) -> None:
        self._path = mountpath.index
        self._clock = clock
        self._durability = durability
        self._settle = settle
        self._ballast = Ballast(mountpath.path)
        self._note = note_for(mountpath)
        self._connection: apsw.Connection | None = None
        self._wal_pages = 0
        self._room = asyncio.Semaphore(QUEUE_LIMIT)
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(
            target=self._serve, name=f"commit {mountpath.path}", daemon=True
        )
        self._thread.start()

    async def run(self, mutation: Mutation[T], file: Files | None = None) -> T:
        """Returns after the commit. From here on `file` is kept or discarded by the outcome."""
        try:
            await self._room.acquire()
        except BaseException:
            if file is not None:
                file.discard()
            raise
        job = _Job(mutation, file, self._room)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        result: T = await job.future
        return result

    def close(self) -> None:
        """Commits what waits, then ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._take():
            self._commit(batch)
            if self._wal_pages > ABSURD_WAL_PAGES:
                self._checkpoint()
        self._hang_up()
        self._note.close()

    def _take(self) -> list[_Job]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            size = min(len(self._waiting), BATCH_LIMIT)
            return [self._waiting.popleft() for _ in range(size)]

    def _commit(self, batch: list[_Job]) -> None:
        try:
            transaction = self._begin()
        except apsw.Error as error:
            self._hang_up()
            if len(batch) > 1 and isinstance(storage_error(error), OutOfSpace):
                for job in batch:
                    self._commit([job])
            else:
                self._end_alone(batch, error)
            return
        if self._run_all(transaction, batch):
            self._finish(transaction, batch)
        else:
            self._split(transaction.connection, batch)

    def _begin(self) -> SqliteTransaction:
        if self._connection is None:
            self._connection = connect(self._path)
            if self._durability is Durability.ASYNC:
                self._connection.pragma("synchronous", "NORMAL")
            self._connection.set_wal_hook(self._note_wal)
        self._connection.execute("BEGIN IMMEDIATE")
        return SqliteTransaction(self._connection, self._clock)

    def _run_all(self, transaction: SqliteTransaction, batch: list[_Job]) -> bool:
        """False when a mutation failed after it had written something."""
        changes = transaction.connection.total_changes
        for job in batch:
            before = changes()
            job.error = None
            try:
                job.result = drive(job.mutation(transaction))
            except Exception as error:  # a job runner's edge: any error is handed to the caller
                keep_errno(transaction.connection, error)
                job.error = error
                if changes() != before or isinstance(error, apsw.Error):
                    return False
        return True

    def _finish(self, transaction: SqliteTransaction, batch: list[_Job]) -> None:
        failpoints.hit("before_commit")
        try:
            transaction.flush()
            failpoints.hit("inside_commit")
            transaction.connection.execute("COMMIT")
        except apsw.Error as error:
            keep_errno(transaction.connection, error)
            if _is_full(error):
                self._split(transaction.connection, batch)
            else:
                self._give_up(batch, error)
        else:
            failpoints.hit("after_commit")
            if self._durability is Durability.SYNC and transaction.commit_number:
                self._note.write(transaction.commit_number)
            _answer([job for job in batch if not isinstance(job.error, Leaving)])
            self._try_again([job for job in batch if isinstance(job.error, Leaving)])

    def _try_again(self, stuck: list[_Job]) -> None:
        for job in stuck:
            try:
                self._settle()
            except (apsw.Error, OSError, StorageError) as error:
                self._refuse([job], error)
            else:
                self._commit([job])

    def _split(self, connection: apsw.Connection, batch: list[_Job]) -> None:
        """Nothing of the batch was committed. Alone, each shows whether it was the culprit."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except apsw.Error:
            self._hang_up()
        if len(batch) == 1 and isinstance(batch[0].error, Leaving):
            self._try_again(batch)
        elif len(batch) == 1:
            self._end_alone(batch, batch[0].error or apsw.FullError("the disk is full"))
        else:
            for job in batch:
                self._commit([job])

    def _end_alone(self, batch: list[_Job], error: Exception) -> None:
        """What makes room gets the room that is kept for it, as long as there is some."""
        job = batch[0]
        is_full = isinstance(storage_error(error), OutOfSpace)
        if is_full and job.makes_room and (self._ballast.give_up() or not job.retried):
            # Others may have made room meanwhile, so that none had to be given up.
            job.retried = True
            self._commit(batch)
        else:
            self._refuse(batch, error)

    def _refuse(self, batch: list[_Job], error: Exception) -> None:
        for job in batch:
            job.error = error
        _answer(batch)

    def _give_up(self, batch: list[_Job], error: apsw.Error) -> None:
        """The commit failed half-way: a power cut may yet bring it back. So the blobs stay, and
        their work files make recovery look."""
        self._hang_up()
        for job in batch:
            job.file = None
        self._refuse(batch, error)

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(apsw.Error):
                self._connection.close()
            self._connection = None

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        self._wal_pages = 0
        if self._connection is not None:
            with suppress(apsw.Error):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def _is_full(error: apsw.Error) -> bool:
    """Whether it was refused before anything of it was in the log. A sync that failed leaves open
    what is there."""
    if isinstance(error, apsw.FullError):
        return True
    is_write = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_WRITE
    return is_write and isinstance(storage_error(error), OutOfSpace)


def _answer(batch: list[_Job]) -> None:
    """Refused blobs go before the callers hear of it, those committed are tidied up after. What
    cannot be tidied up now is left to recovery."""
    for job in batch:
        if job.error is not None:
            job.error = storage_error(job.error)
            if job.file is not None:
                with suppress(OSError):
                    job.file.discard()
    _settle_all(batch)
    for job in batch:
        if job.error is None and job.file is not None:
            with suppress(OSError):
                job.file.keep()


def _settle_all(batch: list[_Job]) -> None:
    loops = {job.future.get_loop() for job in batch}
    for loop in loops:
        mine = [job for job in batch if job.future.get_loop() is loop]
        with suppress(RuntimeError):  # the loop was closed: the caller does not wait any more
            loop.call_soon_threadsafe(_settle, mine)


def _settle(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        job.settle()
