"""A store, the jobs on it, and a runner that can be started anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.jobs.job import Job, JobStatus
from cluster.jobs.job_run import ArchiveTask, CopyTask, JobContext, NotCopied, Unreadable
from cluster.jobs.registry import Registry
from cluster.jobs.runner import Limits, Runner
from storage.archives import Archives
from storage.backends.memory import MemoryBackend
from storage.errors import KeyRequired, ObjectNotFound, StorageError
from storage.values import (
    BucketOptions,
    DeleteRequest,
    Deletion,
    Encryption,
    ListQuery,
    PutOptions,
    Versioning,
)
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.fake_clock import FakeClock


@dataclass
class Scene:
    """`refuse` names what cannot be copied, `more` says how many rounds there are to clean."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    clock: FakeClock = field(default_factory=FakeClock)
    deleted: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    unknown_keys: set[bytes] = field(default_factory=set)
    rounds: int = 0
    ten_copied: asyncio.Event = field(default_factory=asyncio.Event)
    more: int = 0
    archives: Archives = field(default_factory=Archives)

    def __post_init__(self) -> None:
        self.store = MemoryBackend(self.clock)
        prepare(self.folder / "coordination.db")
        self.coordination = EmbeddedCoordination(self.folder / "coordination.db")
        self.registry = Registry(self.coordination, clock=self.clock)

    def close(self) -> None:
        self.coordination.close()

    @property
    def context(self) -> JobContext:
        return JobContext(
            store=self.store,
            copy=self._copy,
            delete=self._delete,
            clean=self._clean,
            archive=self._archive,
            unlock=self._unlock,
            archives=self.archives,
        )

    def runner(self, **more: Any) -> Runner:
        return Runner(self.context, self.registry, self.limits, **more)

    async def run(self, **runner: Any) -> None:
        """A process that was just started, until no job runs or waits."""
        made = self.runner(**runner)

        async def quiet(_: float) -> bool:
            if made.tasks:
                await asyncio.wait(made.tasks)
            return all(each.is_over or each.is_idle for each in await self.registry.all())

        await made.run(quiet)

    async def add(self, kind: type[Job], names: Sequence[str] = (), **fields: Any) -> str:
        job = kind(**{"bucket": "bucket", "target": "target", **fields})
        return (await self.registry.add(job, names)).xid

    async def find(self, xid: str) -> JobStatus:
        found = await self.registry.find(xid)
        assert found is not None
        return found

    async def done(self, kind: type[Job], names: Sequence[str] = (), **fields: Any) -> JobStatus:
        """A job, run to its end."""
        xid = await self.add(kind, names, **fields)
        await self.run()
        return await self.find(xid)

    async def buckets(self, versioning: Versioning = Versioning.NEVER) -> None:
        for name in ("bucket", "target"):
            await self.store.create_bucket(name, BucketOptions("owner", versioning=versioning))

    async def put(self, *names: str, body: bytes = b"four") -> None:
        for name in names:
            await self.store.put_object("bucket", name, body_of(body), PutOptions(Md5Digest()))

    async def names(self, bucket: str = "bucket") -> list[str]:
        page = await self.store.list_objects(bucket, ListQuery(limit=100_000))
        return [info.name for info in page.objects]

    async def _unlock(self, record: Encryption) -> bytes:
        if record.wrapped in self.unknown_keys:
            raise KeyRequired("it is the customer's")
        return record.wrapped

    async def _copy(self, task: CopyTask) -> int:
        task.check()
        if task.name in self.refuse:
            raise NotCopied("it is not to be")
        try:
            reading = await self.store.get_object(task.job.bucket, task.name)
        except ObjectNotFound:
            raise NotCopied("does not exist", is_missing=True) from None
        assert isinstance(reading.body, bytes)
        options = PutOptions(Md5Digest())
        target, body = task.job.target, body_of(reading.body)
        await self.store.put_object(target, task.new_name, body, options)
        self.copied.append(task.name)
        if len(self.copied) == 10:
            self.ten_copied.set()
        return reading.info.size

    async def _archive(self, task: ArchiveTask) -> None:
        """The names of what would be in it."""
        task.begin()
        async for names in task.batches():
            for name in names:
                task.check()
                if name in self.refuse:
                    task.skip(name, Unreadable("does not exist", is_missing=True))
                else:
                    self.archived.append(name)
                    task.count(1)

    async def _delete(
        self, job: Job, requests: Sequence[DeleteRequest]
    ) -> Sequence[Deletion | StorageError]:
        outcomes = await self.store.delete_objects(job.bucket, requests)
        done = zip(requests, outcomes, strict=True)
        self.deleted += [request.name for request, each in done if isinstance(each, Deletion)]
        return outcomes

    async def _clean(self) -> bool:
        self.rounds += 1
        return self.rounds < self.more
