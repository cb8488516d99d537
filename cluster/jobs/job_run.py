"""A job in progress: parameters, checkpoint, dependencies."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from enum import Enum
from time import monotonic
from typing import Generic, Protocol, TypeVar

from msgspec import Struct, field

from cluster.inventory import Inventory
from cluster.jobs.job import Counted, Job, SelectingJob, State
from cluster.jobs.sorting import Sort, nothing_to_sort
from cluster.jobs.template import Template, read_template
from storage.archives import Archives
from storage.backend import Backend
from storage.errors import KeyRequired, NotSupported, StorageError
from storage.load import LoadGate, LoadMeter, Sample
from storage.tier.remote import FetchTask, is_cloud
from storage.values import (
    BucketInfo,
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
# Progress is saved that often at most, and at the end of the job.
SAVE_S = 0.5


class StopReason(Enum):
    """Why a job must not go on."""

    # AIStore's words: its command line knows by them that a user stopped the job.
    STOPPED = "user abort"
    SHUTDOWN = "the server stops"


class Stopped(Exception):
    """The job has stopped, as requested: what it did is counted."""


class JobFailed(Exception):
    """The job cannot go on; the text says why."""


class NotCopied(Exception):
    """One object cannot be copied; the text says why. `is_missing`: there is no such object.
    `status` is HTTP's for it."""

    def __init__(self, text: str, *, is_missing: bool = False, status: int = 500) -> None:
        super().__init__(text)
        self.is_missing = is_missing
        self.status = 404 if is_missing else status


class CopyTask(Struct, frozen=True):
    """One object to copy with its bytes and attributes, from the job's bucket to its target;
    `check` is called between its bytes and raises when the job is to stop. With `latest`, what a
    backend has now is copied, and what is here of it stays as it is. With `etls`, what these
    transformers make of it, one after the other, is written; with `dry_run` it is made, and not
    written."""

    job: Job
    name: str
    new_name: str
    check: Callable[[], None]
    latest: bool = False
    etls: Sequence[str] = ()
    dry_run: bool = False


# Copies an object, announces the copy, and returns its size in bytes. Raises `NotCopied`.
Copy = Callable[[CopyTask], Awaitable[int]]
# Deletes objects of the job's bucket, announces it, and returns each outcome, in their order.
Delete = Callable[[Job, Sequence[DeleteRequest]], Awaitable[Sequence[Deletion | StorageError]]]


# Brings an object of a remote bucket here; returns its bytes, None if it was here.
Fetch = Callable[[FetchTask], Awaitable[int | None]]
# Removes objects of a remote bucket that are here; returns each outcome, in their order.
Evict = Callable[[str, Sequence[str]], Awaitable[Sequence[Deletion | StorageError]]]


# Registers a job whose work another one has done.
Record = Callable[[Job, Counted], Awaitable[object]]


async def nothing_to_fetch(task: FetchTask) -> int | None:
    """Raise `NotSupported`: the `fetch` of a server without backends."""
    raise NotSupported("a backend", task.bucket)


async def nothing_to_evict(bucket: str, names: Sequence[str]) -> Sequence[Deletion | StorageError]:
    """Raise `NotSupported`: the `evict` of a server without backends."""
    raise NotSupported("a backend", bucket)


class Link(Struct, frozen=True):
    """What to download, and the name of the object to be."""

    name: str
    url: str


class DownloadTask(Struct, frozen=True):
    """One object of the web that becomes an object of the job's bucket. `begin` is called with its
    length before its first byte, and again if it is begun again; `allow` is awaited for each block
    of bytes. `sealed_headers` are sent with its requests. With `etl`, the object is what this
    transformer makes of it, with the arguments `etl_args`."""

    job: Job
    link: Link
    begin: Callable[[int], None]
    allow: Callable[[int], Awaitable[None]]
    sealed_headers: bytes = b""
    etl: str = ""
    etl_args: str = ""


class NotDownloaded(Exception):
    """One object cannot be downloaded; the text says why. `later`: another attempt may do."""

    def __init__(self, text: str, *, later: bool = False) -> None:
        super().__init__(text)
        self.later = later


# Downloads an object, announces it, and returns its bytes; None if it is here and unchanged. Raises
# `NotDownloaded`.
Download = Callable[[DownloadTask], Awaitable[int | None]]


async def nothing_to_download(task: DownloadTask) -> int | None:
    """Raise `NotDownloaded`: the `download` of a server without the web."""
    raise NotDownloaded("nothing can be downloaded here")


class ArchiveOrders(Struct, frozen=True):
    """The archive `name` is created in the job's target, in the format `mime` or the one of its
    name's suffix, or appended to. Members have the names of their objects, or with `bare` the last
    part of those; `with_bucket` puts the bucket's name and a slash before. Without `deep`, objects
    with a slash after the job's prefix are left out."""

    name: str
    mime: str = ""
    append: bool = False
    with_bucket: bool = False
    bare: bool = False
    deep: bool = True


class Unreadable(Exception):
    """One object cannot be read; the text says why. `is_missing`: there is no such object."""

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


class ArchiveTask(Struct, frozen=True):
    """One archive to create from the objects that `batches` names, in that order. `count` is called
    with the size of each object in it, `skip` with the name of one that is left out, and why;
    `begin` is called before the first object, and again if everything has to be repeated; `check`
    between their bytes. What they raise ends the task."""

    job: Job
    orders: ArchiveOrders
    batches: Callable[[], AsyncGenerator[Sequence[str], None]]
    begin: Callable[[], None]
    count: Callable[[int], None]
    skip: Callable[[str, Unreadable], None]
    check: Callable[[], None]


# Creates an archive, and announces it. Raises `JobFailed`, and then nothing was written.
Archive = Callable[[ArchiveTask], Awaitable[None]]
# Removes some of the data without readers; returns whether there is more.
CollectGarbage = Callable[[], Awaitable[bool]]


class FileOrders(Struct, frozen=True):
    """The file `source` of the server's machine, or all files in that folder, are to become
    objects, with the job's prefix before their names. They replace others with `overwrite` only."""

    source: str
    recursive: bool = False
    overwrite: bool = False
    delete_source: bool = False


class FileTask(Struct, frozen=True):
    """One file to turn into an object of the job's bucket: `key` is the object's, `path` the file's
    in the folder of the orders. `check` is called between its bytes and raises when the job is to
    stop."""

    job: Job
    orders: FileOrders
    key: str
    path: str
    check: Callable[[], None]


class NotPromotable(Exception):
    """A file or a folder cannot become an object; the text says why."""


class Files(Protocol):
    """Files of this machine that may become objects."""

    def found(self, orders: FileOrders) -> Iterable[str]:
        """Yield the paths of the files in the folder, relative to it; for a file the empty path.
        The search is lazy, in any thread. Raises `NotPromotable`."""
        ...

    async def promote(self, task: FileTask) -> int | None:
        """Return the object's bytes, None where there is one that is not to be replaced. Raises
        `NotPromotable`."""
        ...


class NoFiles:
    """The files of a server that may not promote any."""

    def found(self, orders: FileOrders) -> Iterable[str]:
        raise NotPromotable("nothing can be promoted here")

    async def promote(self, task: FileTask) -> int | None:
        raise NotPromotable("nothing can be promoted here")


async def nothing_to_record(job: Job, done: Counted) -> None:
    """Forget the job: the `record` of a process without a registry."""


def without_load() -> LoadMeter:
    """Return a meter that never measures any: that of jobs which go on whatever the load."""
    return LoadMeter(Sample)


async def no_key(record: Encryption) -> bytes:
    """Raise `KeyRequired`: the `unlock` of a server without keys."""
    raise KeyRequired("it is encrypted")


class Space(Protocol):
    """Room on the disks, and what may be removed to have more."""

    @property
    def local(self) -> Backend: ...

    def now_ns(self) -> int: ...

    async def surplus_bytes(self) -> int:
        """Return how many bytes to remove; 0 while the disks are not too full."""
        ...

    def kept_s(self, bucket: BucketInfo) -> float | None:
        """Return for how long an object stays after its last use; None where all stay."""
        ...

    async def read_times_ns(self, bucket: BucketInfo, names: Sequence[str]) -> Sequence[int]:
        """Return when each was read last, 0 for unknown."""
        ...

    async def remove(
        self, job: Job, bucket: BucketInfo, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        """Remove what is here of a remote bucket, or delete objects of our own. Raises
        `BucketNotFound`."""
        ...

    def count(self, objects: int, size: int) -> None:
        """Count objects that were evicted, and their bytes."""
        ...


class InventoryReport(Protocol):
    """A report on objects, which is there once it is finished. Its methods raise `JobFailed`."""

    async def add(self, entries: Sequence[VersionEntry]) -> None: ...

    async def finish(self) -> None: ...


# Begins a report. Raises `JobFailed`.
BeginReport = Callable[[Job, Inventory], Awaitable[InventoryReport]]


async def nothing_to_report(job: Job, inventory: Inventory) -> InventoryReport:
    """Raise `JobFailed`: the `report` of a process that writes none."""
    raise JobFailed("no reports are written here")


class JobContext(Struct, frozen=True):
    """Dependencies of all jobs of a process, built once by the composition root. `local` is what is
    here of the `store`, None for all. `unlock` opens what is encrypted under the server's keys, and
    raises `KeyRequired` for everything else."""

    store: Backend
    copy: Copy
    delete: Delete
    clean: CollectGarbage
    archive: Archive
    unlock: Unlock = no_key
    files: Files = field(default_factory=NoFiles)
    archives: Archives = field(default_factory=Archives)
    fetch: Fetch = nothing_to_fetch
    evict: Evict = nothing_to_evict
    record: Record = nothing_to_record
    meter: LoadMeter = field(default_factory=without_load)
    space: Space | None = None
    local: Backend | None = None
    download: Download = nothing_to_download
    sort: Sort = nothing_to_sort
    report: BeginReport = nothing_to_report

    @property
    def here(self) -> Backend:
        """The store without its backends, for jobs about what is here."""
        return self.local or self.store


class Checkpoints(Protocol):
    """Storage of the jobs' progress, and of the lists of names that they work on."""

    async def save(self, xid: str, state: State) -> None: ...

    async def names(self, job: Job) -> list[str]: ...


T = TypeVar("T")
J = TypeVar("J", bound=Job, covariant=True)
S = TypeVar("S", bound=SelectingJob)


class JobRun(Struct, Generic[J]):
    """One running job. It saves its place after a batch, so a crash repeats at most one batch and
    what was done since the last save."""

    job: J
    state: State
    context: JobContext
    checkpoints: Checkpoints
    stop: StopReason | None = None
    timer: Callable[[], float] = monotonic
    _saved_at: float = field(default=-SAVE_S)
    _counted: tuple[int, int] = (0, 0)
    _gate: LoadGate | None = None

    def __post_init__(self) -> None:
        self._mark()

    @property
    def gate(self) -> LoadGate:
        """The gate of what the job does in parallel: up to its workers, fewer under load."""
        if self._gate is None:
            self._gate = LoadGate(self.context.meter, self.job.workers)
        return self._gate

    @property
    def is_resumed(self) -> bool:
        """Whether it was begun before, by a process that ended before the job did."""
        return self.state.starts > 1

    def check(self) -> None:
        """Raise `Stopped` when it is time to stop."""
        if self.stop is not None:
            raise Stopped(self.stop.value)

    async def progress(self) -> None:
        """After each batch: save now and then, and stop if that was requested. Under load, rest."""
        self._mark()
        await self.context.meter.rest()
        now = self.timer()
        if now - self._saved_at >= SAVE_S:
            self._saved_at = now
            await self.checkpoints.save(self.job.xid, self.state)
        self.check()

    def rewind(self) -> None:
        """Forget the counts of an unfinished batch, because it will be begun again."""
        self.state.objects, self.state.bytes = self._counted

    def _mark(self) -> None:
        self._counted = self.state.objects, self.state.bytes

    def problem(self, text: str) -> None:
        """Record a failure with one object. Raises `JobFailed` unless the job has `go_on`."""
        self.state.add_problem(text)
        if not (isinstance(self.job, SelectingJob) and self.job.go_on):
            raise JobFailed(text)


def missing(job: Job, name: str) -> str:
    """Return the text about an object that a list names and that is not there, as in AIStore."""
    bucket = job.bucket.replace("/", "://", 1) if is_cloud(job.bucket) else f"ais://{job.bucket}"
    return f"{bucket}/{name} does not exist"


async def some_at_once(
    run: JobRun[J], batch: Sequence[T], work: Callable[[T], Awaitable[None]]
) -> None:
    """Work on all of a batch, so many at a time as the job has workers, and fewer under load. Raise
    the first reason to stop, once all have ended."""

    async def one(item: T) -> None:
        async with run.gate.entered():
            run.check()
            await work(item)

    for outcome in await asyncio.gather(*map(one, batch), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def chosen_names(run: JobRun[S], size: int) -> AsyncIterator[Sequence[str]]:
    """Yield the remaining names of the job's list or template, in batches; a batch counts as done
    when the caller takes the next one."""
    names = await _all_names(run)
    while run.state.done < len(names):
        batch = names[run.state.done : run.state.done + size]
        yield batch
        run.state.done += len(batch)
        await run.progress()


async def listed(run: JobRun[S], size: int) -> AsyncIterator[Sequence[ObjectInfo]]:
    """Yield the objects with the job's prefix after the last finished one, in batches."""
    async for batch in listed_in(run, run.job.bucket, size):
        yield batch


async def listed_in(
    run: JobRun[S], bucket: str, size: int, store: Backend | None = None
) -> AsyncIterator[Sequence[ObjectInfo]]:
    """Yield the same of another bucket than the job's, or of another store."""
    store = store or run.context.store
    state, prefixes = run.state, selected_prefixes(run.job.prefix, flat=run.job.flat)
    if state.after.startswith(prefixes[-1]):
        prefixes = prefixes[-1:]
    for prefix in prefixes:
        after: str | None = state.after if state.after.startswith(prefix) else ""
        while after is not None:
            query = ListQuery(prefix, "/" if run.job.flat else "", after, PAGE)
            page = await store.list_objects(bucket, query)
            for at in range(0, len(page.objects), size):
                batch = page.objects[at : at + size]
                yield batch
                state.after = batch[-1].name
                await run.progress()
            after = page.next_after


def selected_prefixes(prefix: str, *, flat: bool) -> tuple[str, ...]:
    """Return the prefixes to list. As in AIStore, a flat selection of a folder that is named
    without its slash is what is in the folder, besides the names that begin like it."""
    if not flat or not prefix or prefix.endswith("/"):
        return (prefix,)
    return (prefix, f"{prefix}/")


async def listed_versions(run: JobRun[S], size: int) -> AsyncIterator[Sequence[VersionEntry]]:
    """Yield the same with all versions and delete markers that are here, each as one entry."""
    async for batch in listed_versions_in(run, run.job.bucket, size):
        yield batch


async def listed_versions_in(
    run: JobRun[S], bucket: str, size: int
) -> AsyncIterator[Sequence[VersionEntry]]:
    """Yield the same of another bucket than the job's."""
    state = run.state
    while True:
        query = VersionQuery(run.job.prefix, "", state.after, state.after_version, PAGE)
        page = await run.context.here.list_versions(bucket, query)
        for at in range(0, len(page.versions), size):
            batch = page.versions[at : at + size]
            yield batch
            state.after, state.after_version = batch[-1].info.name, batch[-1].info.version
            await run.progress()
        if page.next_after is None:
            return


async def _all_names(run: JobRun[S]) -> list[str] | Template:
    if run.job.pieces:
        return await run.checkpoints.names(run.job)
    template = read_template(run.job.template)
    if template is None:
        raise JobFailed("the template has no range")
    return template
