"""A store and the model side by side: whatever is done to both, both answer the same.

The model takes its upload ids from the store, so that all answers compare as they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
)

from storage.backend import Backend
from storage.backends.local import Maintainer, StoreOptions
from storage.backends.memory import MemoryBackend
from storage.blobs.blob import BLOCK
from storage.chunking import Chunking
from storage.errors import StorageError
from storage.ranges import Between, From, Last, PartNumber, Want
from storage.values import (
    ALWAYS,
    Attributes,
    BucketOptions,
    Checksum,
    CompleteOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    Page,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    ReadOptions,
    Sealed,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    UploadQuery,
    Usage,
)
from tests.storage.bodies import body_of, broken_body, content_of, pattern
from tests.storage.digests import Md5Digest, Refused, md5_of
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import blobs_in, collect, local_store, mountpaths_in
from tests.storage.sync_bucket import join_etags

INLINE_LIMIT = 64
_BORDERS = (0, 1, INLINE_LIMIT - 1, INLINE_LIMIT, INLINE_LIMIT + 1, BLOCK - 1, BLOCK, BLOCK + 1)


class Content(NamedTuple):
    """Which bytes to write: Hypothesis prints what it draws, and half a megabyte takes long."""

    size: int
    seed: int

    def bytes(self) -> bytes:
        return pattern(self.size, self.seed)


_CONTENTS = [Content(size, seed) for size in _BORDERS for seed in (0, 1)]
_NAMES = ["a", "a/", "a/b", "a/\u00e9", "a//b", "b/a", "\U00010000"]
_ETAGS = ["*", "0" * 32, *(md5_of(content.bytes()) for content in _CONTENTS[:6])]
# What survives a power cut is tested elsewhere: here a folder in memory is as good and faster.
_MEMORY = Path("/dev/shm")
_START_S = 1_700_000_000

buckets = st.sampled_from(["one", "one", "one", "one", "two"])
names = st.sampled_from(_NAMES)
contents = st.sampled_from(_CONTENTS)
numbers = st.sampled_from([1, 2, 3, 10_000])
etags = st.just(()) | st.just(("*",)) | st.lists(st.sampled_from(_ETAGS), max_size=2).map(tuple)
times = st.none() | st.integers(_START_S - 1, _START_S + 10)
write_conditions = st.just(ALWAYS) | st.builds(Condition, etags, etags)
read_conditions = st.just(ALWAYS) | st.builds(Condition, etags, etags, times, times)
places = st.sampled_from([0, 1, *_BORDERS[2:], 2 * BLOCK])
wants = st.none() | st.one_of(
    st.builds(
        lambda start, length: Between(start, start + length), places, places.map((1).__add__)
    ),
    st.builds(From, places),
    st.builds(Last, places),
    st.builds(PartNumber, numbers),
)
attributes = st.builds(
    Attributes,
    headers=st.just({}) | st.just({"content-type": "text/plain"}),
    tags=st.dictionaries(st.sampled_from(["k", ""]), st.text(max_size=3), max_size=2),
)
prefixes = st.sampled_from(["", "a", "a/", "b", "\u00e9", "zz"])
delimiters = st.sampled_from(["", "/", "//", "b"])
markers = st.sampled_from(["", "a/", "a//", "zz", "\uffff", *_NAMES])
limits = st.sampled_from([0, 1, 2, 3, 1000])
chunkings = st.sampled_from(
    [
        Chunking(1, 100_000),
        Chunking(1, BLOCK - 1),
        Chunking(INLINE_LIMIT, BLOCK // 3),
        Chunking(BLOCK, BLOCK),
        Chunking(BLOCK + 1, 200_000),
        Chunking(1 << 40, 1 << 30),
    ]
)


@dataclass(frozen=True)
class Failure:
    """An error as both backends must report it: its kind and what it carries, not its wording."""

    kind: str
    facts: dict[str, object]


def _failure(error: Exception) -> Failure:
    return Failure(type(error).__name__, dict(vars(error)))


async def _outcome(work: Awaitable[object]) -> object:
    try:
        result = await work
        return await _comparable(result)
    except (StorageError, Refused) as error:
        return _failure(error)


async def _comparable(result: object) -> object:
    match result:
        case Reading():
            return result.info, result.span, await content_of(result)
        case Usage():
            return result.buckets, result.objects, result.stored_bytes
        case list():
            return [_failure(one) if isinstance(one, StorageError) else one for one in result]
        case _:
            return result


def _refuse(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    raise Refused("assemble")


class StoreMachine(RuleBasedStateMachine):
    uploads: Bundle[tuple[str, str, str]] = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(
            prefix="s3gw-machine-", dir=_MEMORY if _MEMORY.is_dir() else None
        )
        self.clock = FakeClock(_START_S)
        self.upload_id = ""
        self.model = MemoryBackend(self.clock, new_upload_id=lambda name, now_ns: self.upload_id)
        self.running = ExitStack()

    @initialize(mountpaths=st.sampled_from([1, 3]))
    def open(self, mountpaths: int) -> None:
        self.paths = mountpaths_in(Path(self.folder.name), mountpaths)
        self.store = self.opened()
        self.same(lambda backend: backend.create_bucket("one", BucketOptions("owner")))

    def opened(self) -> Backend:
        """A store on the paths, which `running` closes."""
        options = StoreOptions(inline_limit=INLINE_LIMIT)
        return self.running.enter_context(local_store(self.paths, self.clock, options))

    def collect(self) -> None:
        """Remove all garbage."""
        maintainer = Maintainer(self.paths, clock=self.clock)
        collect(maintainer)
        maintainer.close()

    def same(self, act: Callable[[Backend], Awaitable[object]]) -> object:
        """What both answer. No two acts happen at the same time, so every touch shows."""
        real, model = run(self._both(act))
        assert real == model
        self.clock.advance_ns(1)
        return real

    async def _both(self, act: Callable[[Backend], Awaitable[object]]) -> tuple[object, object]:
        real = await _outcome(act(self.store))
        self.learn(real)
        return real, await _outcome(act(self.model))

    def learn(self, real: object) -> None:
        """What the store chose at random is what the model is to choose."""
        if isinstance(real, UploadInfo):
            self.upload_id = real.id

    @rule(bucket=buckets, owner=st.sampled_from(["x", "y"]))
    def create_bucket(self, bucket: str, owner: str) -> None:
        self.same(lambda backend: backend.create_bucket(bucket, BucketOptions(owner, "eu")))

    @rule(bucket=buckets)
    def delete_bucket(self, bucket: str) -> None:
        self.same(lambda backend: backend.delete_bucket(bucket))

    @rule(bucket=buckets)
    def look_at_buckets(self, bucket: str) -> None:
        self.same(lambda backend: backend.head_bucket(bucket))
        self.same(lambda backend: backend.list_buckets())
        self.same(lambda backend: backend.usage())

    @rule(seconds=st.sampled_from([0, 1, 5]), ns=st.sampled_from([0, 1, 999_999_999]))
    def let_time_pass(self, seconds: int, ns: int) -> None:
        self.clock.advance_ns(seconds * 1_000_000_000 + ns)

    @rule()
    def reopen(self) -> None:
        self.running.close()
        self.store = self.opened()

    @rule()
    def collect_garbage(self) -> None:
        self.collect()

    @rule(bucket=buckets, objects=st.dictionaries(names, contents, min_size=1, max_size=4))
    def put_some(self, bucket: str, objects: dict[str, Content]) -> None:
        for name, content in objects.items():
            self._put(bucket, name, [content.bytes()], Attributes(), ALWAYS)

    @rule(
        bucket=buckets,
        name=names,
        content=contents,
        split=places,
        said=attributes,
        condition=write_conditions,
    )
    def put_one(
        self,
        bucket: str,
        name: str,
        content: Content,
        split: int,
        said: Attributes,
        condition: Condition,
    ) -> None:
        blocks = [content.bytes()[:split], content.bytes()[split:]]
        self._put(bucket, name, blocks, said, condition)

    def _put(
        self, bucket: str, name: str, blocks: list[bytes], said: Attributes, condition: Condition
    ) -> None:
        def act(backend: Backend) -> Awaitable[object]:
            options = PutOptions(Md5Digest(Checksum("CRC32", "AAAA")), said, condition)
            return backend.put_object(bucket, name, body_of(*blocks), options)

        self.same(act)

    @rule(
        bucket=buckets,
        name=names,
        content=contents,
        split=places,
        chunks=chunkings,
        announce=st.booleans(),
    )
    def put_in_chunks(
        self,
        bucket: str,
        name: str,
        content: Content,
        split: int,
        chunks: Chunking,
        announce: bool,
    ) -> None:
        body = content.bytes()
        size = len(body) if announce else None

        def act(backend: Backend) -> Awaitable[object]:
            options = PutOptions(Md5Digest(), size=size, chunks=chunks)
            return backend.put_object(bucket, name, body_of(body[:split], body[split:]), options)

        self.same(act)

    @rule(bucket=buckets, name=names, chunks=chunkings)
    def rechunk(self, bucket: str, name: str, chunks: Chunking) -> None:
        self.same(lambda backend: backend.rechunk_object(bucket, name, chunks))

    @rule(bucket=buckets, name=names, content=contents)
    def put_a_broken_body(self, bucket: str, name: str, content: Content) -> None:
        self.same(
            lambda backend: backend.put_object(
                bucket, name, broken_body(content.bytes()), PutOptions(Md5Digest())
            )
        )

    @rule(bucket=buckets, name=names, want=wants, condition=read_conditions)
    def read(self, bucket: str, name: str, want: Want | None, condition: Condition) -> None:
        self.same(lambda it: it.get_object(bucket, name, ReadOptions(want, condition)))
        self.same(lambda it: it.head_object(bucket, name, ReadOptions(want, condition)))
        self.same(lambda it: it.list_object_parts(bucket, name))

    @rule(bucket=buckets, name=names, condition=write_conditions)
    def delete(self, bucket: str, name: str, condition: Condition) -> None:
        self.same(lambda backend: backend.delete_object(bucket, DeleteRequest(name, condition)))

    @rule(
        bucket=buckets,
        requests=st.lists(st.builds(DeleteRequest, names, write_conditions), max_size=4),
    )
    def delete_many(self, bucket: str, requests: list[DeleteRequest]) -> None:
        self.same(lambda backend: backend.delete_objects(bucket, requests))

    @rule(
        bucket=buckets,
        name=names,
        tag=st.text(max_size=3),
        condition=write_conditions,
        touch=st.booleans(),
    )
    def update(self, bucket: str, name: str, tag: str, condition: Condition, touch: bool) -> None:
        def change(old: Attributes) -> Attributes:
            return msgspec.structs.replace(old, tags={**old.tags, "changed": tag})

        self.same(
            lambda backend: backend.update_object(
                bucket, name, change, UpdateOptions(condition, touch=touch)
            )
        )

    @rule(
        bucket=buckets,
        query=st.builds(ListQuery, prefixes, delimiters, markers, limits),
    )
    def list_objects(self, bucket: str, query: ListQuery) -> None:
        """The page that was asked for, and the pages behind it."""
        after: str | None = query.after
        while after is not None:
            page = self._page(bucket, ListQuery(query.prefix, query.delimiter, after, query.limit))
            after = page.next_after if isinstance(page, Page) else None

    @rule(
        target=uploads,
        bucket=buckets,
        name=names,
        said=attributes,
        parts=st.dictionaries(numbers, contents, max_size=3),
    )
    def create_upload(
        self, bucket: str, name: str, said: Attributes, parts: dict[int, Content]
    ) -> tuple[str, str, str]:
        """No id when the bucket is missing: then every use of the upload must fail alike. Another
        upload of the same name is begun, and stays without parts."""
        options = UploadOptions("owner", said, "CRC32")
        self.same(lambda backend: backend.create_upload(bucket, name, options))
        info = self.same(lambda backend: backend.create_upload(bucket, name, options))
        upload = bucket, name, info.id if isinstance(info, UploadInfo) else "none"
        for number, content in parts.items():
            self.put_part(upload, number, content)
        return upload

    @rule(upload=uploads, number=numbers, content=contents)
    def put_part(self, upload: tuple[str, str, str], number: int, content: Content) -> None:
        self.same(
            lambda backend: backend.put_part(
                *upload, number, body_of(content.bytes()), PartOptions(Md5Digest())
            )
        )

    @rule(upload=uploads, number=numbers, content=contents)
    def put_a_broken_part(
        self, upload: tuple[str, str, str], number: int, content: Content
    ) -> None:
        self.same(
            lambda backend: backend.put_part(
                *upload, number, broken_body(content.bytes()), PartOptions(Md5Digest())
            )
        )

    @rule(
        upload=uploads,
        chosen=st.lists(numbers, min_size=1, max_size=3, unique=True).map(sorted),
        condition=write_conditions,
        refused=st.sampled_from([False, False, True]),
    )
    def complete(
        self,
        upload: tuple[str, str, str],
        chosen: list[int],
        condition: Condition,
        refused: bool,
    ) -> None:
        assemble = _refuse if refused else join_etags
        options = CompleteOptions(tuple(chosen), assemble, condition)
        self.same(lambda backend: backend.complete_upload(*upload, options))

    @rule(upload=uploads)
    def complete_all_parts(self, upload: tuple[str, str, str]) -> None:
        async def act(backend: Backend) -> object:
            page = await backend.list_parts(*upload)
            options = CompleteOptions(tuple(part.number for part in page.parts), join_etags)
            return await backend.complete_upload(*upload, options) if page.parts else None

        self.same(act)

    @rule(upload=uploads)
    def abort(self, upload: tuple[str, str, str]) -> None:
        self.same(lambda backend: backend.abort_upload(*upload))

    @rule(upload=uploads, name=names, after=st.sampled_from([0, 1, 2, 10_000]), limit=limits)
    def look_at_an_upload(
        self, upload: tuple[str, str, str], name: str, after: int, limit: int
    ) -> None:
        bucket, own, upload_id = upload
        self.same(lambda backend: backend.head_upload(*upload))
        self.same(lambda backend: backend.head_upload(bucket, name, upload_id))
        self.same(lambda backend: backend.list_parts(*upload, after=after, limit=limit))
        self.same(lambda it: it.list_object_parts(bucket, own, after=after, limit=limit))

    @rule(upload=uploads, prefix=prefixes, delimiter=delimiters, limit=limits)
    def list_uploads(
        self, upload: tuple[str, str, str], prefix: str, delimiter: str, limit: int
    ) -> None:
        bucket, name, upload_id = upload
        for after, after_id in (("", ""), (name, ""), (name, upload_id), (prefix, "")):
            self._upload_page(bucket, UploadQuery(prefix, delimiter, after, after_id, limit))

    def _page(self, bucket: str, query: ListQuery) -> object:
        return self.same(lambda backend: backend.list_objects(bucket, query))

    def _upload_page(self, bucket: str, query: UploadQuery) -> object:
        return self.same(lambda backend: backend.list_uploads(bucket, query))

    def teardown(self) -> None:
        with self.folder:
            with self.running:
                self.collect_garbage()
                self._compare_everything()
                self._delete_everything()
            self.collect_garbage()
            assert blobs_in(self.paths) == set()

    def _compare_everything(self) -> None:
        self.look_at_buckets("one")
        for bucket in ("one", "two"):
            self._page(bucket, ListQuery())
            self._upload_page(bucket, UploadQuery())
            for name in _NAMES:
                self.read(bucket, name, None, ALWAYS)
                for number in (1, 2, 3):
                    self.read(bucket, name, PartNumber(number), ALWAYS)

    def _delete_everything(self) -> None:
        for info in run(self.store.list_buckets()):
            requests = [DeleteRequest(name) for name in _NAMES]
            self.delete_many(info.name, requests)
            self.delete_bucket(info.name)
        self.look_at_buckets("one")


StoreMachine.TestCase.settings = settings(
    max_examples=75,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStoreMachine = StoreMachine.TestCase
