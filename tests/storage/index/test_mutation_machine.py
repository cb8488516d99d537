"""Any sequence of mutations does the same on SQLite, that never suspends, and where each call does.

After each one both engines answer the same, and hold the same versions, blobs to remove, usage,
uploads and buckets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from storage.backend import unchanged
from storage.index.bucket_mutations import (
    CreateBucket,
    EmptyTrash,
    ForgetTrash,
    RemoveBucket,
    RenameBucket,
    TrashBucket,
    UpdateBucket,
)
from storage.index.mutations import (
    DeleteObjects,
    PutObject,
    RechunkObject,
    RenameObject,
    UpdateObject,
)
from storage.index.rows import (
    Chunk,
    Chunked,
    Empty,
    Inline,
    Location,
    Manifest,
    PartRow,
    Row,
    Single,
    decode_manifest,
    encode,
)
from storage.index.transaction import Mutation
from storage.index.upload_mutations import AbortUpload, CompleteUpload, CreateUpload, PutPart
from storage.index.versions import Bucket
from storage.values import (
    ALWAYS,
    NO_ATTRIBUTES,
    Attributes,
    BucketInfo,
    Condition,
    DeleteRequest,
    LockMode,
    ObjectLock,
    PartInfo,
    RenameOptions,
    Retention,
    Still,
    UpdateOptions,
    UploadInfo,
    Versioning,
)
from tests.storage.fake_clock import FakeClock
from tests.storage.index.engines import Engine, Side, Sqlite, Suspending

_MEMORY = Path("/dev/shm")
_START_NS = 1_700_000_000_000_000_000

buckets = st.sampled_from(["one", "one", "one", "two"])
names = st.sampled_from(["a", "a", "a/b", "b"])
picks = st.integers(0, 5)
# What empties a bucket is rare, so that there is something in it for the others.
rarely = st.sampled_from([False, False, False, True])
etags = st.sampled_from([(), (), ("*",), ("etag-1",)])
conditions = st.just(ALWAYS) | st.builds(Condition, etags, etags)
numbers = st.sampled_from([1, 2, 3])
locks = st.none() | st.builds(
    ObjectLock,
    st.builds(
        Retention,
        st.sampled_from(LockMode),
        st.integers(0, 5).map(lambda seconds: _START_NS + seconds * 1_000_000_000),
    ),
    st.sampled_from([None, False, True]),
)
attributes = st.builds(Attributes, tags=st.sampled_from([{}, {"k": "v"}]), lock=locks)
versionings = st.sampled_from([Versioning.ENABLED, Versioning.SUSPENDED])
kinds = st.sampled_from(["empty", "inline", "single", "single", "chunked"])


class MutationMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.stack = ExitStack()
        folder = self.stack.enter_context(
            tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
        )
        engines = (Sqlite(Path(folder), self.clock), self.other())
        self.sides = [Side(engine) for engine in engines]
        for side in self.sides:
            self.stack.callback(side.engine.close)
        self.counted = 0
        self.ever_named: set[str] = set()
        self.known = {"one": _bucket(1, "one"), "two": _bucket(2, "two")}
        self.trashed: list[int] = []
        self.uploads: list[tuple[str, UploadInfo]] = []

    def other(self) -> Engine:
        """The engine that is compared with SQLite's."""
        return Suspending(self.clock)

    def teardown(self) -> None:
        self.stack.close()

    def commit(self, mutation: Mutation[Any]) -> str:
        return self.same(lambda _: mutation)

    def same(self, make: Callable[[Side], Mutation[Any]]) -> str:
        """Commit it on both; return what both answered."""
        (one, one_holds), (other, other_holds) = (side.commit(make(side)) for side in self.sides)
        assert one == other
        assert one_holds == other_holds
        self.look_at_what_is_held()
        return one

    def look_at_what_is_held(self) -> None:
        """Usage is right, and a blob that was ever named is named or garbage, and not both."""
        engine = self.sides[0].engine
        others: Any = engine.others()
        usage = dict.fromkeys(others["usage"], (0, 0))
        named = {part.chunk.blob for part in others["parts"].values() if part.chunk}
        for (bucket, _), there in engine.histories().items():
            for row, payload in there:
                if not row.delete_marker:
                    objects, size = usage[bucket]
                    usage[bucket] = objects + 1, size + row.size
                    named.update(_blobs(row, payload))
        assert others["usage"] == usage
        garbage = {blob for _, blobs in others["garbage"] for blob in blobs}
        self.ever_named |= named
        assert not named & garbage
        assert self.ever_named == named | garbage

    def new_blob(self) -> str:
        self.counted += 1
        return f"blob-{self.counted:04}"

    def new_row(self, kind: str, said: Attributes) -> tuple[Row, bytes | None]:
        self.counted += 1
        etag = f"etag-{self.counted % 3}"
        location: Location
        payload = None
        match kind:
            case "empty":
                location, size = Empty(), 0
            case "inline":
                location, payload, size = Inline(b"digest"), b"x" * 7, 7
            case "single":
                location, size = Single(Chunk(self.new_blob(), 11, b"root")), 11
            case _:
                parts = tuple(self.new_part(number, 5) for number in (1, 2))
                location, size = Chunked(self.new_blob(), 2, 5), 10
                payload = encode(Manifest(parts))
        return Row(size, etag, self.clock.now_ns(), said, location), payload

    def new_part(self, number: int, size: int) -> PartRow:
        info = PartInfo(number, size, f"part-{self.counted}", self.clock.now_ns())
        return PartRow(info, Chunk(self.new_blob(), size, b"root") if size else None)

    @initialize()
    def begin(self) -> None:
        for name in self.known:
            self.commit(CreateBucket(BucketInfo(name, "owner", 0)))
        for name, kind in (("a", "single"), ("b", "inline")):
            self.overwrite("one", name, kind)

    @rule(bucket=buckets, name=names, kind=kinds)
    def overwrite(self, bucket: str, name: str, kind: str) -> None:
        self.put(bucket, name, kind, NO_ATTRIBUTES, ALWAYS)

    @rule(seconds=st.integers(1, 3))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance_s(seconds)

    @rule(bucket=buckets, versioning=versionings)
    def set_versioning(self, bucket: str, versioning: Versioning) -> None:
        def change(old: BucketInfo) -> BucketInfo:
            return msgspec.structs.replace(old, versioning=versioning)

        self.commit(UpdateBucket(bucket, change))

    @rule(bucket=buckets, name=names, kind=kinds, said=attributes, condition=conditions)
    def put(
        self, bucket: str, name: str, kind: str, said: Attributes, condition: Condition
    ) -> None:
        row, payload = self.new_row(kind, said)
        home = self.known[bucket]
        self.commit(PutObject(home, name, row, payload, condition))

    @rule(bucket=buckets, name=names, pick=picks, kind=kinds, is_stale=rarely)
    def rechunk(self, bucket: str, name: str, pick: int, kind: str, is_stale: bool) -> None:
        """One of the versions of the name."""
        home = self.known[bucket]
        new, payload = self.new_row(kind, NO_ATTRIBUTES)

        def make(side: Side) -> Mutation[Any]:
            there = side.engine.histories().get((home.key, name.encode()))
            old, old_payload = there[pick % len(there)] if there else (new, payload)
            return RechunkObject(
                home, name, old, b"other" if is_stale else old_payload, new, payload
            )

        self.same(make)

    @rule(
        bucket=buckets,
        name=names,
        pick=st.none() | picks,
        said=attributes,
        condition=conditions,
        touch=st.booleans(),
    )
    def update(
        self,
        bucket: str,
        name: str,
        pick: int | None,
        said: Attributes,
        condition: Condition,
        touch: bool,
    ) -> None:
        def make(side: Side) -> Mutation[Any]:
            options = UpdateOptions(condition, _version(side, pick), touch)
            return UpdateObject(self.known[bucket], name, lambda _: said, options)

        self.same(make)

    @rule(
        bucket=buckets,
        source=names,
        name=names,
        options=st.builds(
            RenameOptions, conditions, conditions, st.sampled_from(["", "", "token"])
        ),
    )
    def rename(self, bucket: str, source: str, name: str, options: RenameOptions) -> None:
        self.commit(RenameObject(self.known[bucket], source, name, options))

    @rule(
        bucket=buckets,
        requests=st.lists(
            st.tuples(
                names,
                conditions,
                st.none() | picks,
                st.booleans(),
                st.sampled_from([None, None, *Still]),
            ),
            min_size=1,
            max_size=5,
        ),
    )
    def delete(
        self,
        bucket: str,
        requests: list[tuple[str, Condition, int | None, bool, Still | None]],
    ) -> None:
        def make(side: Side) -> Mutation[Any]:
            wanted = [
                DeleteRequest(name, condition, _version(side, pick), bypass, still)
                for name, condition, pick, bypass, still in requests
            ]
            return DeleteObjects(self.known[bucket], wanted)

        self.same(make)

    @rule(bucket=buckets, name=names)
    def create_upload(self, bucket: str, name: str) -> None:
        self.counted += 1
        upload = UploadInfo(
            f"{self.counted:08x}", name, self.clock.now_ns(), "owner", NO_ATTRIBUTES
        )
        self.uploads.append((bucket, upload))
        self.commit(CreateUpload(self.known[bucket], upload))

    @rule(pick=picks, number=numbers, size=st.sampled_from([0, 5]))
    def put_part(self, pick: int, number: int, size: int) -> None:
        (home, upload), part = self._upload(pick), self.new_part(number, size)
        self.commit(PutPart(home, upload.name, upload.id, part))

    @rule(pick=picks)
    def abort_upload(self, pick: int) -> None:
        home, upload = self._upload(pick)
        self.commit(AbortUpload(home, upload.name, upload.id))

    @rule(bucket=buckets, name=names, chosen=st.sets(numbers))
    def upload_whole(self, bucket: str, name: str, chosen: set[int]) -> None:
        self.create_upload(bucket, name)
        for number in (1, 2, 3):
            self.put_part(0, number, 5)
        self.complete_upload(0, chosen, ALWAYS, is_stale=False)

    @rule(
        pick=picks,
        chosen=st.sets(numbers),
        condition=conditions,
        is_stale=rarely,
    )
    def complete_upload(
        self, pick: int, chosen: set[int], condition: Condition, is_stale: bool
    ) -> None:
        home, upload = self._upload(pick)
        stored: Any = self.sides[0].engine.others()["parts"]
        parts = [
            part
            for (each, number), part in stored.items()
            if each == upload.id and number in chosen
        ]
        if is_stale:
            parts.append(self.new_part(3, 5))
        size = sum(part.info.size for part in parts)
        row = Row(size, "etag-1", self.clock.now_ns(), NO_ATTRIBUTES, Chunked(self.new_blob()))
        manifest = Manifest(tuple(parts))
        self.commit(CompleteUpload(home, upload, row, manifest, condition))

    def _upload(self, pick: int) -> tuple[Bucket, UploadInfo]:
        """One of the last, which may have ended."""
        unknown = "one", UploadInfo("0" * 8, "a", 0, "owner", NO_ATTRIBUTES)
        known = self.uploads[::-1] or [unknown]
        bucket, upload = known[pick % len(known)]
        return self.known[bucket], upload

    @rule(bucket=buckets, new_name=st.sampled_from(["one", "two", "three"]))
    def rename_bucket(self, bucket: str, new_name: str) -> None:
        """And back, so that the rules find it under its name."""
        self.commit(RenameBucket(bucket, new_name, unchanged))
        self.commit(RenameBucket(new_name, bucket, unchanged))

    @rule(bucket=buckets, is_wanted=rarely)
    def trash_and_create(self, bucket: str, is_wanted: bool) -> None:
        if not is_wanted:
            return
        self.commit(TrashBucket(bucket, unchanged))
        self.trashed.append(self.known[bucket].key)
        self._create(bucket)

    @rule(bucket=buckets)
    def remove_and_create(self, bucket: str) -> None:
        """Of an empty bucket."""
        key = self.known[bucket].key
        if not any(home == key for home, _ in self.sides[0].engine.histories()):
            self.commit(RemoveBucket(key))
            self._create(bucket)

    def _create(self, name: str) -> None:
        self.commit(CreateBucket(BucketInfo(name, "owner", self.clock.now_ns())))
        found: Any = self.sides[0].engine.others()["buckets"]
        self.known[name] = next(Bucket(*each) for each in found.items() if each[1].name == name)

    @rule()
    def empty_trash(self) -> None:
        """In as many steps as each engine takes."""
        for key in self.trashed:
            empty = EmptyTrash(key)
            for side in self.sides:
                while side.engine.commit(empty):
                    pass
            self.commit(ForgetTrash(key))
        self.trashed.clear()


def _bucket(key: int, name: str) -> Bucket:
    return Bucket(key, BucketInfo(name, "owner", 0))


def _blobs(row: Row, payload: bytes | None) -> list[str]:
    manifest = decode_manifest(payload) if isinstance(row.location, Chunked) and payload else None
    return [blob for blob in (row.own_blob(), *(manifest.blobs() if manifest else ())) if blob]


def _version(side: Side, pick: int | None) -> str | None:
    """One of the versions that this side has made lately, by the same number on both."""
    return None if pick is None else ([*reversed(side.ids), "0" * 32][pick % (len(side.ids) + 1)])


MutationMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMutationMachine = MutationMachine.TestCase
