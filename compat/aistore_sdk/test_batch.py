"""GetBatch, by the aistore SDK's `Batch`."""

from __future__ import annotations

import io
import random
import tarfile
from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import (
    IS_1,
    errors,
    fill,
    new_name,
    only_2,
    put,
    refused,
    tar,
)
from compat.clients.target import noise

Colocation: Any = import_module("aistore.sdk.enums").Colocation

NAMES = [f"sample-{number:03}" for number in range(40)]
CONTENTS = {name: noise(10 * number + 1, number) for number, name in enumerate(NAMES)}
MEMBERS = {"a.jpg": b"jpg of a", "a.cls": b"1", "deep/b.jpg": b"jpg of b", "empty": b""}
FORMATS = [".tar", ".tgz", ".tar.gz", ".zip"]


@pytest.fixture(name="filled", scope="module")
def _filled(client: Any) -> Any:
    """Samples and a shard, for reading only."""
    made = fill(client.bucket(new_name()).create(), CONTENTS)
    put(made, "shard.tar", tar(MEMBERS.items()))
    put(made, "shard.tgz", tar(MEMBERS.items(), "w:gz"))
    yield made
    made.delete()


@pytest.fixture(name="other", scope="module")
def _other(client: Any) -> Any:
    """A second bucket with objects of the same names."""
    made = client.bucket(new_name()).create()
    fill(made, {name: content[::-1] for name, content in CONTENTS.items()})
    yield made
    made.delete()


def read(batch: Any, **how: Any) -> list[bytes]:
    return [data for _, data in batch.get(**how)]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("output", FORMATS)
def test_objects_come_in_the_order_of_the_request(
    client: Any, filled: Any, streaming: bool, output: str
) -> None:
    wanted = [*reversed(NAMES), NAMES[3], NAMES[3]]
    batch = client.batch(wanted, bucket=filled, streaming_get=streaming, output_format=output)
    got = [(info.obj_name, data) for info, data in batch.get()]
    assert got == [(name, CONTENTS[name]) for name in wanted]


@pytest.mark.parametrize("chosen", [NAMES[7], [NAMES[7]]])
def test_one_object_is_a_batch(client: Any, filled: Any, chosen: Any) -> None:
    assert read(client.batch(chosen, bucket=filled)) == [CONTENTS[NAMES[7]]]


def test_objects_are_named_or_given(client: Any, filled: Any) -> None:
    assert read(client.batch(filled.object(NAMES[7]))) == [CONTENTS[NAMES[7]]]
    batch = client.batch([filled.object(NAMES[8]), filled.object(NAMES[7])])
    assert read(batch) == [CONTENTS[NAMES[8]], CONTENTS[NAMES[7]]]


def test_a_batch_is_put_together_bit_by_bit(client: Any, filled: Any) -> None:
    batch = client.batch(bucket=filled).add(NAMES[1]).add(filled.object(NAMES[2]))
    assert len(batch) == len(batch.requests_list) == 2
    assert "objects=2" in repr(batch)
    assert len(batch.clear()) == 0
    assert read(batch.add(NAMES[3])) == [CONTENTS[NAMES[3]]]


def test_a_batch_is_empty_again_unless_it_is_kept(client: Any, filled: Any) -> None:
    batch = client.batch(NAMES[:2], bucket=filled)
    assert read(batch, clear_batch=False) == read(batch) == [CONTENTS[name] for name in NAMES[:2]]
    assert len(batch) == 0
    with pytest.raises(ValueError, match="No objects"):
        batch.get()


@pytest.mark.parametrize("streaming", [True, False])
def test_names_can_go_without_the_bucket(client: Any, filled: Any, streaming: bool) -> None:
    batch = client.batch(NAMES[:3], bucket=filled, only_obj_name=True, streaming_get=streaming)
    assert [(info.obj_name, data) for info, data in batch.get()] == [
        (name, CONTENTS[name]) for name in NAMES[:3]
    ]


@pytest.mark.parametrize(("short", "named"), [(False, "{bucket}/sample-003"), (True, "sample-003")])
def test_the_archive_itself_can_be_had(client: Any, filled: Any, short: bool, named: str) -> None:
    raw = client.batch([NAMES[3]], bucket=filled, only_obj_name=short).get(raw=True)
    with tarfile.open(fileobj=raw, mode="r|") as archive:
        assert [one.name for one in archive] == [named.format(bucket=filled.name)]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("shard", ["shard.tar", "shard.tgz"])
def test_members_of_shards(client: Any, filled: Any, shard: str, streaming: bool) -> None:
    batch = client.batch(bucket=filled, streaming_get=streaming)
    for name in ("deep/b.jpg", "a.cls", "empty", "deep/b.jpg"):
        batch.add(shard, archpath=name)
    got = [(info.obj_name, info.archpath, data) for info, data in batch.get()]
    assert got == [
        (shard, name, MEMBERS[name]) for name in ("deep/b.jpg", "a.cls", "empty", "deep/b.jpg")
    ]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("start", "length", "part"),
    [
        (0, 5, slice(0, 5)),
        (7, 20, slice(7, 27)),
        (390, -1, slice(390, None)),
        (None, -1, slice(None)),
        (None, None, slice(None)),
        (0, 391, slice(None)),
    ],
)
def test_ranges(
    client: Any, filled: Any, start: Any, length: Any, part: slice, streaming: bool
) -> None:
    batch = client.batch(bucket=filled, streaming_get=streaming)
    batch.add(NAMES[39], start=start, length=length)
    assert read(batch) == [CONTENTS[NAMES[39]][part]]


def test_ranges_of_members(client: Any, filled: Any) -> None:
    batch = client.batch(bucket=filled)
    for shard in ("shard.tar", "shard.tgz"):
        batch.add(shard, archpath="deep/b.jpg", start=4, length=2)
        batch.add(shard, archpath="deep/b.jpg", start=4, length=-1)
    assert read(batch) == [b"of", b"of b"] * 2


def test_a_range_outside_is_refused(client: Any, filled: Any) -> None:
    batch = client.batch(bucket=filled, cont_on_err=False)
    with refused(416):
        read(batch.add(NAMES[3], start=30, length=2))


@pytest.mark.parametrize("wrong", [{"start": -1}, {"start": 1}, {"length": -2}])
def test_a_range_that_is_none_is_told_by_the_sdk(
    client: Any, filled: Any, wrong: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="byte range"):
        client.batch(bucket=filled).add(NAMES[3], **wrong)


@pytest.mark.parametrize("opaque", [b"user-1", bytes(range(256)), "é".encode()])
def test_opaque_data_comes_back(client: Any, filled: Any, opaque: bytes) -> None:
    batch = client.batch(bucket=filled, streaming_get=False)
    batch.add(NAMES[0], opaque=opaque).add(NAMES[1])
    first, second = (info.opaque for info, _ in batch.get())
    assert first == opaque
    assert not second


@pytest.mark.parametrize("streaming", [True, False])
def test_a_missing_object_does_not_end_a_batch_that_goes_on(
    client: Any, filled: Any, streaming: bool
) -> None:
    wanted = [NAMES[0], "missing", NAMES[1]]
    batch = client.batch(wanted, bucket=filled, cont_on_err=True, streaming_get=streaming)
    got = list(batch.get())
    assert [data for _, data in got] == [CONTENTS[NAMES[0]], b"", CONTENTS[NAMES[1]]]
    # Only the metadata, which a stream has not, can say why.
    assert streaming or got[1][0].err_msg


@only_2
def test_a_stream_tells_what_is_missing(client: Any, filled: Any) -> None:
    batch = client.batch([NAMES[0], "missing"], bucket=filled)
    found, missing = (info for info, _ in batch.get())
    assert not found.err_msg
    assert missing.err_msg


def test_a_missing_member_does_not_end_a_batch_that_goes_on(client: Any, filled: Any) -> None:
    batch = client.batch(bucket=filled, streaming_get=False)
    batch.add("shard.tar", archpath="none").add("shard.tar", archpath="a.cls")
    (missing, nothing), (_, found) = batch.get()
    assert missing.err_msg
    assert (nothing, found) == (b"", b"1")


def test_too_much_that_is_missing_ends_a_batch(client: Any, filled: Any) -> None:
    assert read(client.batch(["none"] * 6, bucket=filled)) == [b""] * 6
    with refused(404):
        read(client.batch(["none"] * 7, bucket=filled))


@pytest.mark.parametrize("streaming", [True, False])
def test_a_missing_object_ends_one_that_does_not(client: Any, filled: Any, streaming: bool) -> None:
    batch = client.batch(
        [NAMES[0], "missing"], bucket=filled, cont_on_err=False, streaming_get=streaming
    )
    with pytest.raises(errors.ErrObjNotFound):
        read(batch)


def test_a_missing_bucket_is_told(client: Any) -> None:
    with pytest.raises(errors.ErrBckNotFound):
        read(client.batch(["k"], bucket=client.bucket(new_name())))


def test_several_buckets(client: Any, filled: Any, other: Any) -> None:
    batch = client.batch([filled.object(NAMES[5]), other.object(NAMES[5])], bucket=filled)
    batch.add(NAMES[6])
    assert read(batch) == [
        CONTENTS[NAMES[5]],
        CONTENTS[NAMES[5]][::-1],
        CONTENTS[NAMES[6]],
    ]


def test_several_buckets_without_one_for_all(client: Any, filled: Any, other: Any) -> None:
    batch = client.batch([other.object(NAMES[5]), filled.object(NAMES[5])])
    got = [(info.bucket, data) for info, data in batch.get()]
    assert got == [(other.name, CONTENTS[NAMES[5]][::-1]), (filled.name, CONTENTS[NAMES[5]])]


def test_a_name_alone_wants_a_bucket(client: Any) -> None:
    with pytest.raises(ValueError, match=r"(?i)bucket"):
        client.batch(["k"])


@pytest.mark.parametrize("hint", [Colocation.NONE, Colocation.TARGET_AWARE])
def test_where_things_are_may_be_hinted_at(client: Any, filled: Any, hint: Any) -> None:
    batch = client.batch(NAMES, bucket=filled, colocation=hint)
    assert read(batch) == list(CONTENTS.values())


def test_metadata_can_be_read_as_it_streams(client: Any, filled: Any) -> None:
    batch = client.batch(NAMES, bucket=filled, streaming_get=False)
    assert read(batch, decode_as_stream=True) == list(CONTENTS.values())


@only_2
def test_the_size_of_the_sdk_s_buffer_changes_nothing(client: Any, filled: Any) -> None:
    for size in (512, 1 << 20):
        batch = client.batch(NAMES, bucket=filled)
        assert read(batch, tar_buffer_size=size) == list(CONTENTS.values())


def test_a_large_batch_comes_whole(client: Any, bucket: Any) -> None:
    large = noise(5_000_000)
    put(bucket, "large", large)
    assert read(client.batch(["large"] * 8, bucket=bucket)) == [large] * 8


def test_a_thousand_entries(client: Any, filled: Any) -> None:
    chosen = random.Random(5).choices(NAMES, k=1000)
    assert read(client.batch(chosen, bucket=filled)) == [CONTENTS[name] for name in chosen]


def test_a_reader_may_leave(client: Any, filled: Any) -> None:
    raw = client.batch(NAMES * 50, bucket=filled).get(raw=True)
    assert len(raw.read(10_000)) == 10_000
    raw.close()
    assert read(client.batch(NAMES[:1], bucket=filled)) == [CONTENTS[NAMES[0]]]


@pytest.mark.parametrize("seed", range(6))
def test_any_mix_comes_out_in_order_byte_for_byte(
    client: Any, filled: Any, other: Any, seed: int
) -> None:
    chance = random.Random(seed)
    streaming, output = chance.random() < 0.5, chance.choice(FORMATS)
    batch = client.batch(streaming_get=streaming, output_format=output)
    expected = [_add_any(batch, chance, filled, other) for _ in range(chance.randrange(1, 200))]
    got = [(info.obj_name, info.archpath or "", data) for info, data in batch.get()]
    assert got == expected


def _add_any(batch: Any, chance: random.Random, *buckets: Any) -> tuple[str, str, bytes]:
    """What was added and what is to come of it."""
    if chance.random() < 0.3:
        shard, name = chance.choice(["shard.tar", "shard.tgz"]), chance.choice(list(MEMBERS))
        batch.add(buckets[0].object(shard), archpath=name)
        return shard, name, MEMBERS[name]
    bucket, name = chance.randrange(2), chance.choice(NAMES)
    content = CONTENTS[name][::-1] if bucket else CONTENTS[name]
    start = chance.choice([0, chance.randrange(len(content))])
    length = chance.choice([-1, chance.randint(1, len(content) - start)])
    batch.add(buckets[bucket].object(name), start=start, length=length)
    return name, "", content[start:] if length < 0 else content[start : start + length]


@pytest.mark.skipif(IS_1, reason="the SDK's version 1 takes no other bucket with a name")
def test_a_name_may_bring_its_bucket(client: Any, filled: Any, other: Any) -> None:
    batch = client.batch(bucket=filled)
    batch.add(NAMES[5], bck=other.name, provider="ais")
    assert read(batch) == [CONTENTS[NAMES[5]][::-1]]


def test_a_zip_is_whole_also_when_it_streams(client: Any, filled: Any) -> None:
    raw = client.batch(NAMES, bucket=filled, output_format=".zip").get(raw=True)
    zipfile: Any = import_module("zipfile")
    with zipfile.ZipFile(io.BytesIO(raw.read())) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(NAMES)
