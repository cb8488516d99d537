"""Remote buckets, and moving their objects between backends and the local store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from storage.backend import Backend, Store
from storage.chunking import Chunking
from storage.errors import (
    AmbiguousBucket,
    BucketExists,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    StorageError,
)
from storage.settings import encoded, setting
from storage.tier.backend_rates import KINDS, BackendRate, BackendRates
from storage.tier.counts import NOT_COUNTED, EvictionCause, TierCounts, observed
from storage.tier.downloads import Downloads, FetchPlan
from storage.tier.intercepted import intercepted
from storage.tier.locks import ObjectLocks
from storage.tier.remote import FetchTask, Remote, RemoteBucket, is_system, origin_of, stored_name
from storage.values import (
    BucketInfo,
    BucketOptions,
    DeleteRequest,
    Deletion,
    ListQuery,
    ObjectInfo,
    Page,
    Parallel,
)


class Policy(Struct, frozen=True):
    """How objects of a bucket are kept: in what chunks, and whether each read asks the backend for
    a newer one. With `synchronizes`, what is found to be gone there is removed here. With
    `whole_only`, an object is kept only when it was read to its end; with `verifies`, if it has the
    MD5 that the backend tells. `rate` bounds the requests to the backend."""

    chunks: Chunking | None = None
    validates: bool = False
    synchronizes: bool = False
    whole_only: bool = False
    verifies: bool = False
    rate: BackendRate | None = None


class Tier:
    """Remote buckets, and the objects of them that are here. `backends` are by provider; settings
    with the names in `refused` are not for buckets of a backend. `elsewhere` returns, by provider,
    the backend of a bucket that has another one."""

    def __init__(
        self,
        local: Store,
        backends: Mapping[str, Backend],
        policy: Callable[[BucketInfo], Policy] = lambda _: Policy(),
        refused: Set[str] = frozenset(),
        lock_file: Path | None = None,
        rates: BackendRates | None = None,
        counts: TierCounts | None = None,
        elsewhere: Mapping[str, Callable[[BucketInfo], Backend | None]] | None = None,
    ) -> None:
        self.local = local
        self.backends = backends
        self.counts: TierCounts = counts or NOT_COUNTED
        self._elsewhere = elsewhere or {}
        self._observed: dict[Backend, Backend] = {}
        self._observes = counts is not None
        self.policy = policy
        self.refused = refused
        self.rates = rates or BackendRates()
        self.locks = ObjectLocks(lock_file)
        self.downloads = Downloads(local, self.locks, counts=self.counts)

    async def aclose(self) -> None:
        await self.downloads.aclose()
        self.rates.close()

    def remote_of(self, bucket: BucketInfo) -> Remote | None:
        """Return where the bucket's objects are besides here, None for nowhere."""
        if not bucket.settings:
            return None
        document = setting(bucket, RemoteBucket)
        if document is None:
            return None
        provider = document.provider
        backend = self._backend_of(bucket, provider)
        if rate := self.policy(bucket).rate:
            around = partial(self.rates.make, bucket.lasting_name, rate)
            backend = intercepted(backend, KINDS, around)
        return Remote(bucket, backend, document.name, provider)

    def backend(self, provider: str) -> Backend:
        """Raise `NotSupported` for a provider without a backend here."""
        found = self.backends.get(provider)
        if found is None:
            raise NotSupported("remote buckets", provider)
        return found

    def _backend_of(self, bucket: BucketInfo, provider: str) -> Backend:
        """Return the backend of the bucket, whose requests are counted."""
        backend, choose = self.backend(provider), self._elsewhere.get(provider)
        if choose is not None:
            backend = choose(bucket) or backend
        if not self._observes:
            return backend
        if backend not in self._observed:
            self._observed[backend] = observed(backend, provider, self.counts)
        return self._observed[backend]

    async def bucket(self, name: str) -> BucketInfo:
        """Return a bucket of the local store. A name without a provider is first that of a bucket
        of our own, then of a backend's; raise `AmbiguousBucket` if two backends have it."""
        if is_system(name):
            raise BucketNotFound(name)
        try:
            return await self.local.head_bucket(name)
        except BucketNotFound:
            if "/" in name:
                raise
        known = []
        for provider in self.backends:
            with suppress(BucketNotFound):
                known.append(await self.local.head_bucket(stored_name(provider, name)))
        if len(known) > 1:
            raise AmbiguousBucket(name, [each.name for each in known])
        if not known:
            raise BucketNotFound(name)
        return known[0]

    async def look(self, provider: str, name: str, here: str = "") -> BucketInfo:
        """Return what the backend says of its bucket; nothing is added here. Its name `here` is the
        same unless it is given."""
        found = self.unseen(provider, name, here)
        return await self.seen(found)

    async def seen(self, unseen: BucketInfo) -> BucketInfo:
        """Return the bucket with what its backend says of it. Raise `BucketNotFound`."""
        remote = self.require_remote(unseen)
        there = await remote.backend.head_bucket(remote.name)
        return msgspec.structs.replace(unseen, created_ns=there.created_ns)

    def unseen(self, provider: str, name: str, here: str = "") -> BucketInfo:
        """Return what a backend's bucket would be here, without a request to the backend. Raise
        `BucketNotFound` for a provider without a backend."""
        stored = stored_name(provider, here or name)
        if provider not in self.backends:
            raise BucketNotFound(stored)
        document = RemoteBucket(provider, name)
        return BucketInfo(stored, "", 0, settings={RemoteBucket.setting_name: encoded(document)})

    async def learn(
        self, provider: str, name: str, owner: str, settings: Mapping[str, str]
    ) -> BucketInfo:
        """Return a backend's bucket as it is known here; add it when it is named first."""
        stored = stored_name(provider, name)
        with suppress(BucketNotFound):
            return await self.local.head_bucket(stored)
        found = await self.look(provider, name)
        return await self.add(found, owner, settings)

    async def list_there(self, bucket: BucketInfo, query: ListQuery) -> Page:
        """Return a page of the backend's objects alone, also of a bucket that was not added."""
        remote = self.require_remote(bucket)
        return await remote.backend.list_objects(remote.name, query)

    async def add(self, found: BucketInfo, owner: str, settings: Mapping[str, str]) -> BucketInfo:
        """Add a bucket here for one that a backend has, or return the one that is here."""
        stored = found.name
        options = BucketOptions(owner, settings={**settings, **found.settings})
        try:
            return await self.local.create_bucket(stored, options)
        except BucketExists:
            return await self.local.head_bucket(stored)

    async def buckets(self, provider: str) -> list[str]:
        """Return the names of the buckets that the backend has; none of a provider without one."""
        if provider not in self.backends:
            return []
        return [each.name for each in await self.backends[provider].list_buckets()]

    async def forget(self, bucket: BucketInfo, *, keep: bool = False) -> None:
        """Remove everything of a remote bucket that is here; unless told to `keep` it, what is
        known of the bucket too."""
        self.require_remote(bucket)
        await self.local.discard_bucket(bucket.name)
        if keep:
            options = BucketOptions(bucket.owner, settings=bucket.settings)
            await self.local.create_bucket(bucket.name, options)

    async def fetch(self, task: FetchTask) -> int | None:
        """Bring an object here, and return its bytes; None if it was here. Raise `NotSupported` for
        a bucket without a backend."""
        name = task.name
        remote = self.require_remote(await self.bucket(task.bucket))
        try:
            info = (await self.local.head_object(remote.bucket.name, name)).info
        except ObjectNotFound:
            pass
        else:
            if not task.latest or await self.is_latest(remote, info, drops_gone=task.synchronize):
                return None
        plan = self.plan(remote, task.parallel)
        await self.downloads.fetch(remote, name, plan, task.check)
        return (await self.local.head_object(remote.bucket.name, name)).info.size

    def plan(self, remote: Remote, parallel: Parallel | None) -> FetchPlan:
        policy = self.policy(remote.bucket)
        return FetchPlan(policy.chunks, parallel, policy.whole_only, policy.verifies)

    async def evict(self, bucket: str, names: Sequence[str]) -> list[Deletion | StorageError]:
        """Remove objects here, and only here. Raise `NotSupported` for a bucket without a
        backend: they would be gone."""
        remote = self.require_remote(await self.bucket(bucket))
        requests = [DeleteRequest(name) for name in names]
        outcomes = await self.local.delete_objects(remote.bucket.name, requests)
        gone = sum(isinstance(each, Deletion) and each.existed for each in outcomes)
        self.counts.evicted(EvictionCause.REQUEST, gone, 0)
        return outcomes

    async def is_here(self, bucket: BucketInfo, name: str) -> bool:
        try:
            await self.local.head_object(bucket.name, name)
        except ObjectNotFound:
            return False
        return True

    def require_remote(self, bucket: BucketInfo) -> Remote:
        remote = self.remote_of(bucket)
        if remote is None:
            raise NotSupported("a backend", bucket.name)
        return remote

    async def is_latest(
        self, remote: Remote, info: ObjectInfo, *, drops: bool = True, drops_gone: bool = False
    ) -> bool:
        """Whether an object that is here is still that of the backend; one that is not is removed
        here, unless told otherwise. Raise `ObjectNotFound` if the backend has none: then what is
        here may be the last copy, and is removed only if `drops_gone`, or if the bucket
        synchronizes."""
        try:
            if await _is_same(remote, info):
                return True
        except ObjectNotFound:
            if drops_gone or (drops and self.policy(remote.bucket).synchronizes):
                await self.local.delete_object(remote.bucket.name, DeleteRequest(info.name))
            raise
        if not drops:
            return False
        async with self.locks.hold(remote.bucket.name, info.name):
            await self.local.delete_object(remote.bucket.name, DeleteRequest(info.name))
        return False


async def _is_same(remote: Remote, info: ObjectInfo) -> bool:
    if remote.source is not None:
        return await remote.source.is_same(remote.name, info)
    there = (await remote.backend.head_object(remote.name, info.name)).info
    return origin_of(there) == info.attributes.origin
