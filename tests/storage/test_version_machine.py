"""The machine of `test_state_machine` with versions, delete markers, locks and renaming.

The model takes the version ids that the local store minted: those that nobody has seen before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import closing

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from storage.backend import Backend
from storage.backends.local.fsck import check, rebuild
from storage.backends.local.index import connect
from storage.backends.memory import MemoryBackend
from storage.chunking import Chunking
from storage.errors import BucketNotFound, DeleteMarkerFound, ObjectNotFound
from storage.ranges import Want
from storage.values import (
    ALWAYS,
    NULL_VERSION,
    Attributes,
    BucketInfo,
    Condition,
    DeleteRequest,
    Deletion,
    LockMode,
    ObjectInfo,
    ObjectLock,
    ReadOptions,
    RenameOptions,
    Retention,
    UpdateOptions,
    Versioning,
    VersionPage,
    VersionQuery,
)
from tests.storage.event_loop import run
from tests.storage.test_state_machine import (
    _START_S,
    StoreMachine,
    attributes,
    buckets,
    chunkings,
    delimiters,
    limits,
    names,
    prefixes,
    read_conditions,
    wants,
    write_conditions,
)

NO_SUCH_VERSION = "0" * 32
picks = st.integers(0, 7)
locks = st.none() | st.builds(
    ObjectLock,
    st.none()
    | st.builds(
        Retention,
        st.sampled_from(LockMode),
        st.integers(0, 20).map(lambda seconds: (_START_S + seconds) * 1_000_000_000),
    ),
    st.sampled_from([None, False, True]),
)


def _minted(answer: object) -> Iterator[str]:
    """Version ids in the order in which a backend makes them."""
    match answer:
        case ObjectInfo() | Deletion():
            yield answer.version
        case list() | tuple():
            for each in answer:
                yield from _minted(each)
        case str():
            yield answer


class VersionMachine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        self.known = {NULL_VERSION, NO_SUCH_VERSION}
        self.minted: list[str] = []
        self.model = MemoryBackend(
            self.clock, new_upload_id=lambda name, now_ns: self.upload_id, new_version=self._mint
        )

    def learn(self, real: object) -> None:
        super().learn(real)
        self.minted = [each for each in _minted(real) if each not in self.known]
        self.known |= set(self.minted)

    def _mint(self) -> str:
        """A refused act may ask for one and never show it."""
        return self.minted.pop(0) if self.minted else "not shown"

    def _histories(self, bucket: str) -> dict[str, list[ObjectInfo]]:
        try:
            page = run(self.model.list_versions(bucket, VersionQuery(limit=100_000)))
        except BucketNotFound:
            return {}
        histories: dict[str, list[ObjectInfo]] = {}
        for entry in page.versions:
            histories.setdefault(entry.info.name, []).append(entry.info)
        return histories

    def _version(self, bucket: str, name: str, pick: int) -> str:
        """One of the name's versions, mostly."""
        ids = [info.version for info in self._histories(bucket).get(name, [])]
        return [*ids, NULL_VERSION, NO_SUCH_VERSION][pick % (len(ids) + 2)]

    @rule(bucket=buckets, versioning=st.sampled_from([Versioning.ENABLED, Versioning.SUSPENDED]))
    def set_versioning(self, bucket: str, versioning: Versioning) -> None:
        def change(old: BucketInfo) -> BucketInfo:
            return msgspec.structs.replace(old, versioning=versioning)

        self.same(lambda backend: backend.update_bucket(bucket, change))

    @rule(bucket=buckets, name=names, said=attributes, count=st.integers(2, 4))
    def put_several_versions(self, bucket: str, name: str, said: Attributes, count: int) -> None:
        for size in range(62, 62 + count):
            self._put(bucket, name, [b"v" * size], said, ALWAYS)

    @rule(bucket=buckets, name=names, pick=picks, want=wants, condition=read_conditions)
    def read_version(
        self, bucket: str, name: str, pick: int, want: Want | None, condition: Condition
    ) -> None:
        version = self._version(bucket, name, pick)
        options = ReadOptions(want, condition, version)
        self._read(bucket, name, options)
        self.same(lambda it: it.head_object(bucket, name, options))
        self.same(lambda it: it.list_object_parts(bucket, name, version=version))

    @rule(bucket=buckets, name=names, pick=picks, chunks=chunkings)
    def rechunk_version(self, bucket: str, name: str, pick: int, chunks: Chunking) -> None:
        options = ReadOptions(version=self._version(bucket, name, pick))
        self.same(lambda backend: backend.rechunk_object(bucket, name, chunks, options))

    def _read(self, bucket: str, name: str, options: ReadOptions) -> None:
        self.same(lambda it: it.get_object(bucket, name, options))

    @rule(
        bucket=buckets,
        name=names,
        pick=picks,
        condition=write_conditions,
        bypass=st.booleans(),
    )
    def delete_version(
        self, bucket: str, name: str, pick: int, condition: Condition, bypass: bool
    ) -> None:
        version = self._version(bucket, name, pick)
        self._delete(bucket, DeleteRequest(name, condition, version, bypass))

    def _delete(self, bucket: str, request: DeleteRequest) -> None:
        self.same(lambda backend: backend.delete_object(bucket, request))

    @rule(
        bucket=buckets,
        chosen=st.lists(st.tuples(names, st.none() | picks, write_conditions), max_size=6),
    )
    def delete_many_versions(
        self, bucket: str, chosen: list[tuple[str, int | None, Condition]]
    ) -> None:
        requests = [
            DeleteRequest(
                name, condition, None if pick is None else self._version(bucket, name, pick)
            )
            for name, pick, condition in chosen
        ]
        self.same(lambda backend: backend.delete_objects(bucket, requests))

    @rule(
        bucket=buckets,
        name=names,
        pick=st.none() | picks,
        lock=locks,
        condition=write_conditions,
        touch=st.booleans(),
    )
    def lock(
        self,
        bucket: str,
        name: str,
        pick: int | None,
        lock: ObjectLock | None,
        condition: Condition,
        touch: bool,
    ) -> None:
        version = None if pick is None else self._version(bucket, name, pick)
        self._set_lock(bucket, name, lock, UpdateOptions(condition, version, touch))

    def _set_lock(
        self, bucket: str, name: str, lock: ObjectLock | None, options: UpdateOptions
    ) -> None:
        def change(old: Attributes) -> Attributes:
            return msgspec.structs.replace(old, lock=lock)

        self.same(lambda backend: backend.update_object(bucket, name, change, options))

    @rule(
        bucket=buckets,
        source=names,
        name=names,
        options=st.builds(RenameOptions, write_conditions, write_conditions),
    )
    def rename(self, bucket: str, source: str, name: str, options: RenameOptions) -> None:
        async def act(backend: Backend) -> object:
            """With the delete marker at the source, which is made first."""
            info = await backend.rename_object(bucket, source, name, options)
            try:
                await backend.head_object(bucket, source)
            except DeleteMarkerFound as error:
                return error.version, info
            except ObjectNotFound:
                pass
            return "", info

        self.same(act)

    @rule(
        bucket=buckets,
        prefix=prefixes,
        delimiter=delimiters,
        after=names | prefixes,
        pick=st.none() | picks,
        limit=limits,
    )
    def list_versions(
        self, bucket: str, prefix: str, delimiter: str, after: str, pick: int | None, limit: int
    ) -> None:
        """The page that was asked for, and the pages behind it."""
        marker = "" if pick is None else self._version(bucket, after, pick)
        query: VersionQuery | None = VersionQuery(prefix, delimiter, after, marker, limit)
        while query is not None:
            page = self._version_page(bucket, query)
            query = None
            if isinstance(page, VersionPage) and page.next_after is not None:
                query = VersionQuery(prefix, delimiter, page.next_after, page.next_version, limit)

    def _version_page(self, bucket: str, query: VersionQuery) -> object:
        def act(backend: Backend) -> Awaitable[object]:
            return backend.list_versions(bucket, query)

        return self.same(act)

    def _compare_everything(self) -> None:
        super()._compare_everything()
        self._compare_versions()
        self.running.close()
        assert check(self.paths).clean
        rebuild(self.paths)
        assert check(self.paths).clean
        self.store = self.opened()
        self._compare_versions()

    def _compare_versions(self) -> None:
        for bucket in ("one", "two"):
            self._version_page(bucket, VersionQuery(limit=100_000))
            for name, history in self._histories(bucket).items():
                for info in history:
                    options = ReadOptions(version=info.version)
                    self._read(bucket, name, options)

    def _delete_everything(self) -> None:
        for info in run(self.store.list_buckets()):
            for name, history in self._histories(info.name).items():
                for version in [each.version for each in history]:
                    self._set_lock(info.name, name, None, UpdateOptions(version=version))
                    self._delete(info.name, DeleteRequest(name, version=version))
            self.delete_bucket(info.name)
        self.look_at_buckets("one")
        for path in self.paths:
            with closing(connect(path / "index.db")) as connection:
                for table in ("objects", "versions", "payloads", "parts", "renamed", "leaving"):
                    assert connection.execute(f"SELECT count(*) FROM {table}").get == 0


VersionMachine.TestCase.settings = settings(
    max_examples=75,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestVersionMachine = VersionMachine.TestCase
