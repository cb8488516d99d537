"""The access time moves when an object is read, by either API."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, StoreOptions
from tests.native.scene import Scene, services
from tests.storage.fake_clock import FakeClock
from tests.storage.local_stores import local_store, mountpaths_in

START_S = 2_000_000_000
_NS = 1_000_000_000


class Timed(Scene):
    def __init__(self, store: LocalStore, clock: FakeClock) -> None:
        super().__init__(store, services(store))
        self.clock = clock

    def atime_s(self, bucket: str, name: str) -> int:
        headers = self.send("HEAD", f"objects/{bucket}/{name}").headers
        return int(headers["ais-atime"]) // _NS - START_S

    def listed(self, bucket: str) -> dict[str, str]:
        page = self.listing(bucket, props="name,atime", time_format="RFC3339")
        return {entry["n"]: entry["a"] for entry in page["Entries"]}


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    (path,) = mountpaths_in(tmp_path, 1)
    path.mkdir()
    clock = FakeClock(START_S)
    with local_store([path], clock, StoreOptions()) as store:
        scene = Timed(store, clock)
        yield scene
        scene.close()


def test_reading_moves_it_and_looking_does_not(timed: Timed) -> None:
    bucket = timed.new_bucket()
    timed.put(bucket, "k")
    timed.clock.advance_s(100)
    assert timed.atime_s(bucket, "k") == 0
    timed.listing(bucket, props="name,atime")
    answer = timed.send("GET", f"objects/{bucket}/k")
    assert int(answer.headers["ais-atime"]) // _NS == START_S + 100
    timed.clock.advance_s(30)
    timed.send("GET", f"objects/{bucket}/k")
    assert timed.atime_s(bucket, "k") == 100
    timed.clock.advance_s(40)
    timed.send("GET", f"objects/{bucket}/k", headers={"range": "bytes=0-0"})
    assert timed.atime_s(bucket, "k") == 170


def test_s3_moves_it_too(timed: Timed) -> None:
    bucket = timed.new_bucket()
    timed.put(bucket, "k")
    timed.clock.advance_s(100)
    timed.s3.head_object(Bucket=bucket, Key="k")
    assert timed.atime_s(bucket, "k") == 0
    timed.s3.get_object(Bucket=bucket, Key="k")
    assert timed.atime_s(bucket, "k") == 100


def test_a_batch_moves_it_for_what_it_reads(timed: Timed) -> None:
    bucket = timed.new_bucket()
    for name in ("a", "b", "unread"):
        timed.put(bucket, name)
    timed.clock.advance_s(100)
    entries = [{"objname": name} for name in ("a", "none", "b")]
    asked = {"in": entries, "mime": ".tar", "coer": True, "strm": True}
    assert timed.send("GET", f"ml/moss/{bucket}", asked).status == 200
    assert [timed.atime_s(bucket, name) for name in ("a", "b", "unread")] == [100, 100, 0]
    timed.put(bucket, "none")
    assert timed.atime_s(bucket, "none") == 100


def test_a_batch_moves_it_for_the_archives_of_its_members(timed: Timed) -> None:
    bucket = timed.new_bucket()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as shard:
        shard.addfile(tarfile.TarInfo("m"))
    timed.put(bucket, "s.tar", packed.getvalue())
    timed.clock.advance_s(100)
    asked = {"in": [{"objname": "s.tar", "archpath": "m"}], "mime": ".tar", "strm": True}
    assert timed.send("GET", f"ml/moss/{bucket}", asked).status == 200
    assert timed.atime_s(bucket, "s.tar") == 100


def test_listings_show_it(timed: Timed) -> None:
    bucket = timed.new_bucket()
    for name in ("read", "unread"):
        timed.put(bucket, name)
    timed.clock.advance_s(3600)
    timed.send("GET", f"objects/{bucket}/read")
    before = timed.listed(bucket)
    assert before["read"] > before["unread"]
    # As another worker sees it: it is in the file.
    timed.server.run(timed.store.access_times.flush())  # type: ignore[attr-defined]
    timed.store.access_times._seen.clear()  # type: ignore[attr-defined]
    assert timed.listed(bucket) == before


def test_writing_moves_it_past_what_was_read(timed: Timed) -> None:
    bucket = timed.new_bucket()
    timed.put(bucket, "k")
    timed.clock.advance_s(100)
    timed.send("GET", f"objects/{bucket}/k")
    timed.clock.advance_s(100)
    timed.put(bucket, "k", b"new")
    assert timed.atime_s(bucket, "k") == 200


def test_what_is_missing_is_not_read(timed: Timed) -> None:
    bucket = timed.new_bucket()
    assert timed.send("GET", f"objects/{bucket}/k").status == 404
    timed.clock.advance_s(100)
    timed.put(bucket, "k")
    timed.clock.advance_s(100)
    assert timed.atime_s(bucket, "k") == 100
