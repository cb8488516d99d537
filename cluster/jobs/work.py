"""A job in progress: parameters, checkpoint, dependencies."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from typing import Protocol

from cluster.jobs.records import ArchiveOrders, FileOrders, Job, State
from cluster.jobs.registry import Registry
from cluster.jobs.template import Template, read_template
from storage.archives import Archives
from storage.backend import Backend
from storage.errors import KeyRequired
from storage.values import (
    DeleteRequest,
    Deletion,
    Encryption,
    ListQuery,
    ObjectInfo,
    Unlock,
    VersionEntry,
    VersionQuery,
)

PAGE = 1000
# Progress is written down that often at most, beside the last word on the job.
SAVE_S = 0.5


class Halt(Enum):
    """Why a job must not go on."""

    STOPPED = "stopped by request"
    SHUTDOWN = "the server stops"


class Halted(Exception):
    """The job was told to stop, and has: what it did is counted."""


class JobFailed(Exception):
    """The job cannot go on; the text says why."""


class NotCopied(Exception):
    """One object cannot be copied; the text says why. `is_missing`: there is no such object."""

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


@dataclass(frozen=True, slots=True)
class Copying:
    """One object to copy, byte for byte with all that was said of it, as the job's bucket and
    target say; `check` is called between its bytes and raises when it is to stop."""

    job: Job
    name: str
    new_name: str
    check: Callable[[], None]


# Copies an object, tells of it, and says how many bytes it has. Raises `NotCopied`.
Copy = Callable[[Copying], Awaitable[int]]
# Is told what a job deleted, after it was committed.
Announce = Callable[[Job, Sequence[tuple[DeleteRequest, Deletion]]], Awaitable[None]]


class Unreadable(Exception):
    """One object cannot be read; the text says why. `is_missing`: there is no such object."""

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


@dataclass(frozen=True, slots=True)
class Archiving:
    """One archive to make of objects, which `batches` names in their order. `count` is told the
    size of each that is in it, `skip` the name of one that cannot be, and why; `begin` is called
    before the first one, again if all has to be done again; `check` between their
    bytes. What they raise ends it."""

    job: Job
    orders: ArchiveOrders
    batches: Callable[[], AsyncGenerator[Sequence[str], None]]
    begin: Callable[[], None]
    count: Callable[[int], None]
    skip: Callable[[str, Unreadable], None]
    check: Callable[[], None]


# Makes an archive, and tells of it. Raises `JobFailed`, and then there is nothing new.
Archive = Callable[[Archiving], Awaitable[None]]
# Removes some of what nobody needs; whether there is more.
Clean = Callable[[], Awaitable[bool]]


class NotPromotable(Exception):
    """A file, or a folder, cannot be made an object; the text says why."""


class Files(Protocol):
    """Files of this machine that may be made objects."""

    def found(self, orders: FileOrders) -> Iterable[str]:
        """The paths of those in the folder, relative to it; of a file the empty one. Looked for as
        they are asked for, in any thread. Raises `NotPromotable`."""
        ...

    async def promote(self, job: Job, path: str, check: Callable[[], None]) -> int | None:
        """Make one an object of the job's bucket: its bytes, None where there is one that is not to
        be replaced. `check` is called between its bytes. Raises `NotPromotable`."""
        ...


class NoFiles:
    """Where nothing may be promoted."""

    def found(self, orders: FileOrders) -> Iterable[str]:
        raise NotPromotable("nothing can be promoted here")

    async def promote(self, job: Job, path: str, check: Callable[[], None]) -> int | None:
        raise NotPromotable("nothing can be promoted here")


async def no_key(record: Encryption) -> bytes:
    """Where there are no keys."""
    raise KeyRequired("it is encrypted")


@dataclass(frozen=True, slots=True)
class World:
    """What all jobs of a process work on: made once by the composition root. `unlock` opens what is
    encrypted under the server's keys, and raises `KeyRequired` of everything else."""

    store: Backend
    registry: Registry
    copy: Copy
    announce: Announce
    clean: Clean
    archive: Archive
    unlock: Unlock = no_key
    files: Files = field(default_factory=NoFiles)
    archives: Archives = field(default_factory=Archives)


@dataclass(slots=True)
class Work:
    """One job on its way. It saves its place after each batch, so a crash repeats one at most
    and what was done since the last save."""

    job: Job
    state: State
    world: World
    halt: Halt | None = None
    timer: Callable[[], float] = monotonic
    _saved_at: float = field(default=-SAVE_S)
    _counted: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._mark()

    @property
    def is_resumed(self) -> bool:
        """Whether it was begun before, by a process that did not live to end it."""
        return self.state.starts > 1

    def check(self) -> None:
        """Raises `Halted` when it is time to stop."""
        if self.halt is not None:
            raise Halted(self.halt.value)

    async def progress(self) -> None:
        """After each batch: save now and then, and stop if it is asked."""
        self._mark()
        now = self.timer()
        if now - self._saved_at >= SAVE_S:
            self._saved_at = now
            await self.world.registry.save(self.job.xid, self.state)
        self.check()

    def rewind(self) -> None:
        """Forget what was counted of a batch that is not at its end, and will be begun again."""
        self.state.objects, self.state.bytes = self._counted

    def _mark(self) -> None:
        self._counted = self.state.objects, self.state.bytes

    def problem(self, text: str) -> None:
        """One object could not be done. Raises `JobFailed` unless the job goes on."""
        self.state.add_problem(text)
        if not self.job.go_on:
            raise JobFailed(text)


async def chosen_names(work: Work, size: int) -> AsyncIterator[Sequence[str]]:
    """The names of the job's list or template that it has not done yet, in batches; a batch is done
    when the next one is asked for."""
    names = await _all_names(work)
    while work.state.done < len(names):
        batch = names[work.state.done : work.state.done + size]
        yield batch
        work.state.done += len(batch)
        await work.progress()


async def listed(work: Work, size: int) -> AsyncIterator[Sequence[ObjectInfo]]:
    """The objects with the job's prefix behind the last one that it has done, in batches."""
    while True:
        query = ListQuery(work.job.prefix, after=work.state.after, limit=PAGE)
        page = await work.world.store.list_objects(work.job.bucket, query)
        for at in range(0, len(page.objects), size):
            batch = page.objects[at : at + size]
            yield batch
            work.state.after = batch[-1].name
            await work.progress()
        if page.next_after is None:
            return


async def listed_versions(work: Work, size: int) -> AsyncIterator[Sequence[VersionEntry]]:
    """The same with all versions, each on its own, and with delete markers."""
    state = work.state
    while True:
        query = VersionQuery(work.job.prefix, "", state.after, state.after_version, PAGE)
        page = await work.world.store.list_versions(work.job.bucket, query)
        for at in range(0, len(page.versions), size):
            batch = page.versions[at : at + size]
            yield batch
            state.after, state.after_version = batch[-1].info.name, batch[-1].info.version
            await work.progress()
        if page.next_after is None:
            return


def names_objects(job: Job) -> bool:
    """Whether it has a list or a template, and not just a prefix."""
    return job.pieces > 0 or bool(job.template)


async def _all_names(work: Work) -> list[str] | Template:
    if work.job.pieces:
        return await work.world.registry.names(work.job)
    template = read_template(work.job.template)
    if template is None:
        raise JobFailed("the template has no range")
    return template
