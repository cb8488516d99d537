"""Batches against a model: whatever they ask for comes out in order, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from s3gw.objects.batch import (
    Answer,
    Batch,
    Batches,
    BatchFailed,
    BatchOptions,
    BatchStopped,
    Item,
    NoJob,
    Outcome,
    TooBusy,
    TooManyFailures,
)
from s3gw.objects.batch.read_ahead import SLICE_BYTES
from storage.archives import ArchiveFormat
from storage.backends.memory import MemoryBackend
from storage.errors import Corrupt, MemberNotFound, ObjectNotFound, RangeNotSatisfiable
from storage.load import LoadMeter, Sample
from storage.ranges import Between, From
from storage.values import Reading, Stream
from tests.archives.made import made, read_back, tar
from tests.batch.scene import (
    BUCKETS,
    MEMBERS,
    MISSING,
    OBJECTS,
    SHARDS,
    Scene,
    expected,
    failures,
    fill,
    scene,
)
from tests.storage.bodies import body_of, pattern
from tests.storage.event_loop import run
from tests.storage.sync_bucket import put_options

MANY_ERRORS = BatchOptions(max_soft_errors=10_000)
parts = st.one_of(
    st.none(),
    st.builds(
        lambda start, length: Between(start, start + length),
        st.integers(0, 1_300_000) | st.integers(0, 12),
        st.integers(1, 800_000) | st.integers(1, 12),
    ),
    st.builds(From, st.integers(0, 1_300_000) | st.integers(0, 12)),
)
objects = st.builds(
    Item,
    st.sampled_from(BUCKETS),
    st.sampled_from([*OBJECTS, "none"]),
    st.just(""),
    parts,
    st.binary(max_size=9),
)
members = st.builds(
    Item,
    st.sampled_from(BUCKETS),
    st.sampled_from([*SHARDS, "small", "none"]),
    st.sampled_from([*MEMBERS, "none"]),
    parts,
)
batches = st.builds(
    Batch,
    st.lists(objects | members, min_size=1, max_size=80).map(tuple),
    st.sampled_from(ArchiveFormat),
    st.just(True),
    st.booleans(),
    st.booleans(),
)


@pytest.fixture(scope="module", params=["memory", "local"])
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(request.param, tmp_path_factory.mktemp("batch")) as one:
        yield one


def split(content_type: str, body: bytes) -> list[tuple[Headers, bytes]]:
    """The parts of a multipart body."""
    kind, _, boundary = content_type.partition("; boundary=")
    assert kind == "multipart/mixed"
    mark = f"--{boundary}".encode()
    assert body.startswith(mark + b"\r\n")
    assert body.endswith(b"\r\n" + mark + b"--\r\n")
    found = []
    for part in body[len(mark) + 2 : -len(mark) - 6].split(b"\r\n" + mark + b"\r\n"):
        head, _, content = part.partition(b"\r\n\r\n")
        lines = (line.split(b": ", 1) for line in head.split(b"\r\n"))
        found.append((Headers(raw=[(n.lower(), v) for n, v in lines]), content))
    return found


def metadata_of(batch: Batch) -> list[dict[str, Any]]:
    """Without what is empty."""
    return [
        {
            "objname": item.name,
            **({"archpath": item.archpath} if item.archpath else {}),
            "bucket": item.bucket,
            "provider": "ais",
            **({"opaque": base64.b64encode(item.opaque).decode()} if item.opaque else {}),
            "size": len(content),
            "failed": name.startswith(MISSING),
        }
        for item, (name, content) in zip(batch.items, expected(batch), strict=True)
    ]


@given(batch=batches, ahead=st.integers(0, 4))
@settings(max_examples=120, deadline=None)
def test_any_mix_comes_out_in_order_byte_for_byte(stored: Scene, batch: Batch, ahead: int) -> None:
    kind, body = stored.answer(batch, BatchOptions(slices_ahead=ahead, max_soft_errors=10_000))
    if batch.streaming:
        assert kind == batch.format.content_type
    else:
        (_, metadata), (_, body) = split(kind, body)
        told = json.loads(metadata)
        assert told["uuid"] == "batch-1"
        for entry in told["out"]:
            entry["failed"] = bool(entry.pop("err_msg", ""))
        assert told["out"] == metadata_of(batch)
    assert read_back(batch.format, body) == expected(batch)
    outcome, tally = stored.notes[-1]
    assert outcome is Outcome.DONE
    assert tally.failures == failures(batch.items)
    assert tally.objects + tally.members + tally.failures == len(batch.items)


def test_the_parts_of_a_multipart_answer_say_what_they_are(stored: Scene) -> None:
    batch = Batch((Item("one", "small"),), ArchiveFormat.TAR_LZ4, streaming=False)
    (metadata, _), (archive, _) = split(*stored.answer(batch))
    assert metadata["content-disposition"] == 'form-data; name="metadata"'
    assert metadata["content-type"] == "application/json"
    disposition = 'form-data; name="archive"; filename="archive.tar.lz4"'
    assert archive["content-disposition"] == disposition
    assert archive["content-type"] == "application/x-lz4"


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (Item("one", "none"), ObjectNotFound),
        (Item("one", "shard.tar", "none"), MemberNotFound),
        (Item("one", "small", "", Between(5, 11)), RangeNotSatisfiable),
        (Item("one", "small", "", From(10)), RangeNotSatisfiable),
        (Item("one", "shard.zip", "a/small", Between(0, 4)), RangeNotSatisfiable),
        (Item("one", "shard.tgz", "a/small", Between(0, 4)), RangeNotSatisfiable),
    ],
)
def test_without_going_on_one_failure_fails_all_before_the_answer(
    stored: Scene, item: Item, cause: type[Exception], streaming: bool
) -> None:
    items = (*[Item("one", "large")] * 50, item)
    with pytest.raises(BatchFailed) as error:
        stored.answer(Batch(items, streaming=streaming))
    assert error.value.place == 50
    assert isinstance(error.value.cause, cause)
    assert stored.notes[-1][0] is Outcome.FAILED


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("allowed", [1, 3])
def test_as_many_failures_as_are_allowed_and_no_more(
    stored: Scene, allowed: int, streaming: bool
) -> None:
    options = BatchOptions(max_soft_errors=allowed)

    def of(count: int) -> Batch:
        items = [Item("one", "none")] * count + [Item("one", "small")]
        return Batch(tuple(items), continue_on_error=True, streaming=streaming)

    stored.answer(of(allowed), options)
    with pytest.raises(TooManyFailures):
        stored.answer(of(allowed + 1), options)


def test_a_failure_too_many_ends_an_answer_that_has_begun(stored: Scene) -> None:
    items = (*[Item("one", "large")] * 100, *[Item("one", "none")] * 7)

    async def answering() -> int:
        batch = Batch(items, continue_on_error=True)
        answer = await stored.batches().run(stored.place(), batch)
        pieces: list[bytes] = []
        with pytest.raises(TooManyFailures):
            await read_into(pieces, answer.body)
        return sum(map(len, pieces))

    assert run(answering()) > 90 * len(OBJECTS["large"])


async def read_into(pieces: list[bytes], body: Stream) -> None:
    async for piece in body:
        pieces.append(piece)


class Watched(MemoryBackend):
    """Notes how much was read and not yet taken."""

    reads = 0

    async def get_objects(self, *args: Any) -> list[Any]:
        found = await super().get_objects(*args)
        self.reads += len(found)
        return found


def test_a_reader_that_leaves_ends_the_reading() -> None:
    store = Watched()
    run(fill(store))
    stored = Scene(store)

    async def leaving() -> None:
        batch = Batch((Item("one", "block"),) * 2000, continue_on_error=True)
        answer = await stored.batches().run(stored.place(), batch)
        await anext(answer.body)
        await answer.body.aclose()

    run(leaving())
    assert store.reads < 200
    assert stored.notes[-1][0] is Outcome.ABORTED


def test_what_is_read_ahead_is_bounded_whatever_is_asked_for() -> None:
    store = Watched()
    run(fill(store))
    stored = Scene(store)

    async def reading() -> None:
        batch = Batch((Item("one", "inline"),) * 5000, continue_on_error=True)
        answer = await stored.batches(BatchOptions(slices_ahead=3)).run(stored.place(), batch)
        await anext(answer.body)
        for _ in range(50):
            await asyncio.sleep(0)
        assert store.reads <= 5 * 32
        await answer.body.aclose()

    run(reading())


async def read(answer: Answer) -> int:
    return sum([len(piece) async for piece in answer.body])


def test_more_batches_than_have_memory_wait_until_one_ends(stored: Scene) -> None:
    options = BatchOptions(memory_bytes=SLICE_BYTES + 1, slices_ahead=0, queue_s=60)
    batch = Batch((Item("one", "large"),) * 10, continue_on_error=True)

    async def crowding() -> None:
        batches = stored.batches(options)
        first = await batches.run(stored.place(), batch)
        waiting = [asyncio.create_task(batches.run(stored.place(), batch)) for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        sizes = [await read(first)]
        for each in waiting:
            sizes.append(await read(await each))
        assert len(set(sizes)) == 1
        # What failed at once gave its memory back, too.
        for _ in range(5):
            with pytest.raises(BatchFailed):
                await batches.run(stored.place(), Batch((Item("one", "none"),)))
        assert batches._room.taken == 0

    run(crowding())


def test_a_batch_is_refused_when_the_machine_has_no_memory(stored: Scene) -> None:
    async def refused() -> None:
        batches = stored.batches(meter=LoadMeter(lambda: Sample(memory=1.0)))
        with pytest.raises(TooBusy):
            await batches.run(stored.place(), Batch((Item("one", "large"),)))
        assert stored.notes[-1][0] is Outcome.REFUSED

    run(refused())


@pytest.mark.parametrize("limit", [{"queue_s": 0.0}, {"queue": 0}])
def test_a_batch_that_waited_too_long_is_refused(stored: Scene, limit: dict[str, Any]) -> None:
    options = BatchOptions(memory_bytes=1, slices_ahead=0, **limit)
    batch = Batch((Item("one", "large"),) * 10, continue_on_error=True)

    async def crowding() -> None:
        batches = stored.batches(options)
        first = await batches.run(stored.place(), batch)
        with pytest.raises(TooBusy):
            await batches.run(stored.place(), batch)
        assert stored.notes[-1][0] is Outcome.REFUSED
        await first.body.aclose()
        await read(await batches.run(stored.place(), batch))

    run(crowding())


def test_many_clients_share_the_memory_and_none_is_refused(tmp_path: Path) -> None:
    """64 batches of 64 objects of 300 KB at once, in memory for a few of them."""
    options = BatchOptions(memory_bytes=32 << 20, queue_s=60)
    batch = Batch(tuple(Item("one", "block") for _ in range(64)))

    async def crowding(stored: Scene) -> None:
        batches = stored.batches(options)
        most = 0

        async def one(number: int) -> int:
            nonlocal most
            place = msgspec.structs.replace(stored.place(), client=f"client-{number % 8}")
            size = 0
            answer = await batches.run(place, batch)
            async for piece in answer.body:
                size += len(piece)
                most = max(most, batches._room.taken)
            return size

        sizes = await asyncio.gather(*(one(number) for number in range(64)))
        assert min(sizes) > 64 * 300_000
        assert most <= options.memory_bytes
        assert batches._room.taken == 0

    with scene("local", tmp_path) as stored:
        run(crowding(stored))


def test_an_answer_that_nobody_ever_read_gives_its_memory_back(stored: Scene) -> None:
    options = BatchOptions(memory_bytes=BatchOptions().batch_bytes)
    batch = Batch((Item("one", "small"),), continue_on_error=True)

    async def forgetting(batches: Batches) -> None:
        await batches.run(stored.place(), batch)

    batches = stored.batches(options)
    for _ in range(3):
        run(forgetting(batches))
        run(asyncio.sleep(0))


class Replaced(MemoryBackend):
    """Another archive takes the name after the index was made."""

    armed = False

    async def get_objects(self, *args: Any) -> list[Any]:
        if self.armed:
            self.armed = False
            archive = tar([("x" * 200, b"0"), ("a/small", b"another")])
            await self.put_object("one", "shard.tar", body_of(archive), put_options())
        return await super().get_objects(*args)


def test_an_archive_that_is_replaced_meanwhile_is_looked_at_again() -> None:
    store = Replaced()
    run(fill(store))
    stored = Scene(store)
    batch = Batch((Item("one", "shard.tar", "a/small"),) * 40, continue_on_error=True)
    store.armed = True
    _, body = stored.answer(batch)
    assert read_back(ArchiveFormat.TAR, body) == [("one/shard.tar/a/small", b"another")] * 40


class Slow(MemoryBackend):
    async def get_objects(self, *args: Any) -> list[Any]:
        if any(read.name == "block" for read in args[0][:1]):
            await asyncio.Event().wait()
        return await super().get_objects(*args)


def test_a_read_that_does_not_end_is_the_failure_of_its_entry() -> None:
    store = Slow()
    run(fill(store))
    batch = Batch(
        (Item("one", "block"), Item("one", "small"), Item("one", "small")), continue_on_error=True
    )
    _, body = Scene(store).answer(batch, BatchOptions(max_wait_s=0.01))
    small = ("one/small", OBJECTS["small"])
    assert read_back(ArchiveFormat.TAR, body) == [(MISSING + "one/block", b""), small, small]


class Damaged(MemoryBackend):
    async def get_objects(self, *args: Any) -> list[Any]:
        found = await super().get_objects(*args)
        return [
            Corrupt("damaged") if isinstance(each, Reading) and each.info.name == "inline" else each
            for each in found
        ]


def test_an_object_that_is_damaged_is_a_failure_and_never_bytes() -> None:
    store = Damaged()
    run(fill(store))
    items = (Item("one", "inline"), Item("one", "small"))
    _, body = Scene(store).answer(Batch(items, continue_on_error=True))
    names = [name for name, _ in read_back(ArchiveFormat.TAR, body)]
    assert names == [MISSING + "one/inline", "one/small"]
    with pytest.raises(BatchFailed):
        Scene(store).answer(Batch(items))


def test_thousands_of_entries_of_one_archive(tmp_path: Path) -> None:
    with scene("local", tmp_path) as stored:
        files = [(f"{number:05}", pattern(number % 700)) for number in range(3000)]
        put = stored.store.put_object("one", "many.tar", body_of(tar(files)), put_options())
        run(put)
        items = tuple(Item("one", "many.tar", name) for name, _ in reversed(files))
        _, body = stored.answer(Batch(items, only_names=True))
    assert read_back(ArchiveFormat.TAR, body) == [
        (f"many.tar/{name}", content) for name, content in reversed(files)
    ]


def test_a_tar_is_readable_as_it_streams(stored: Scene) -> None:
    _, body = stored.answer(Batch((Item("one", "large"), Item("two", "ü b/c"))))
    with tarfile.open(fileobj=io.BytesIO(body), mode="r|") as archive:
        assert [(each.name, each.mode) for each in archive] == [
            ("one/large", 0o644),
            ("two/ü b/c", 0o644),
        ]


@pytest.mark.parametrize("kind", [ArchiveFormat.TGZ, ArchiveFormat.TAR_LZ4])
def test_a_compressed_tar_is_unpacked_once_for_many_members(kind: ArchiveFormat) -> None:
    store = Opened()
    run(fill(store))
    files = [(f"{number:03}", pattern(number * 20)) for number in range(100)]
    name = f"many{kind.value}"
    run(store.put_object("one", name, body_of(made(kind, files)), put_options()))
    store.opened = 0
    items = tuple(Item("one", name, member) for member, _ in reversed(files))
    _, body = Scene(store).answer(Batch(items, continue_on_error=True, only_names=True))
    found = read_back(ArchiveFormat.TAR, body)
    assert found == [(f"{name}/{member}", content) for member, content in reversed(files)]
    assert store.opened == 1


class Opened(MemoryBackend):
    """Counts how often an object is read on its own."""

    opened = 0

    async def get_object(self, *args: Any, **more: Any) -> Reading:
        self.opened += 1
        return await super().get_object(*args, **more)


def test_a_batch_that_somebody_stops_ends_where_it_is(stored: Scene) -> None:
    asked = 0

    class Stopping(NoJob):
        async def check(self) -> None:
            nonlocal asked
            asked += 1
            if asked == 3:
                raise BatchStopped

    async def reading() -> None:
        place = msgspec.structs.replace(stored.place(), job=Stopping())
        batch = Batch((Item("one", "large"),) * 100, continue_on_error=True)
        answer = await stored.batches().run(place, batch)
        with pytest.raises(BatchStopped):
            await read_into([], answer.body)

    run(reading())
    assert stored.notes[-1][0] is Outcome.ABORTED
