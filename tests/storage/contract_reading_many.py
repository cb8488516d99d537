"""What every backend promises of reading several objects at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from storage.capabilities import Capability
from storage.errors import (
    BucketNotFound,
    DeleteMarkerFound,
    NotModified,
    ObjectNotFound,
    PartNotFound,
    RangeNotSatisfiable,
)
from storage.ranges import Between, From, Last, PartNumber, Want
from storage.values import Condition, ObjectRead, Reading, ReadOptions, Versioning
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import SyncBucket

SMALL, MIDDLE, LARGE = pattern(100), pattern(300_000), pattern(1_300_000)


@all_need(Capability.READ_MANY)
class ReadingManyContract:
    def read_on(
        self, bucket: SyncBucket, wanted: Sequence[tuple[str, Want | None]]
    ) -> list[object]:
        """All of them, in as many calls as it takes; what failed as the error's type."""
        found: list[object] = []
        while len(found) < len(wanted):
            got = bucket.read_many(*wanted[len(found) :])
            assert got
            found += [each if isinstance(each, bytes) else type(each) for each in got]
        return found

    @needs(Capability.UPLOADS)
    def test_they_come_in_order_and_as_often_as_they_are_named(self, bucket: SyncBucket) -> None:
        contents = {"s": SMALL, "m": MIDDLE, "l": LARGE, "e": b"", "ü": b"x"}
        for name, content in contents.items():
            bucket.put(name, content)
        bucket.put_in_parts("p", LARGE[:300_000], LARGE[300_000:])
        contents["p"] = LARGE
        names = list("smlesümmppelslspü") * 5
        wanted: list[tuple[str, Want | None]] = [(name, None) for name in names]
        assert self.read_on(bucket, wanted) == [contents[name] for name in names]

    @needs(Capability.UPLOADS)
    @pytest.mark.parametrize("in_parts", [True, False])
    def test_ranges_of_one_object_are_each_what_get_gives(
        self, bucket: SyncBucket, in_parts: bool
    ) -> None:
        if in_parts:
            bucket.put_in_parts("a", LARGE[:300_000], LARGE[300_000:])
        else:
            bucket.put("a", LARGE)
        wants: list[Want | None] = [
            Between(0, 10), Between(299_990, 300_010), Between(524_280, 524_300), Last(5),
            Between(5, 6), From(1_299_000), Between(100_000, 550_000), PartNumber(1), None,
            From(1_300_000), Between(0, 10),
        ]  # fmt: skip
        found = self.read_on(bucket, [("a", want) for want in wants])
        for want, got in zip(wants, found, strict=True):
            if want == From(1_300_000):
                assert got is RangeNotSatisfiable
            else:
                assert got == bucket.read("a", want)

    @needs(Capability.VERSIONS)
    def test_what_cannot_be_read_is_told_in_its_place(self, bucket: SyncBucket) -> None:
        bucket.put("a", SMALL)
        bucket.set_versioning(Versioning.ENABLED)
        bucket.put_all("gone")
        bucket.delete("gone")
        wanted = [("a", None), ("none", None), ("gone", None), ("a", PartNumber(2)), ("a", None)]
        errors = [ObjectNotFound, DeleteMarkerFound, PartNotFound]
        assert self.read_on(bucket, wanted) == [SMALL, *errors, SMALL]

    @needs(Capability.RENAME_OBJECTS)
    def test_renamed_objects_are_read_under_their_new_names_only(self, bucket: SyncBucket) -> None:
        """Some of them went to another mountpath, if there are several."""
        for number in range(8):
            bucket.put(f"old-{number}", (SMALL, MIDDLE)[number % 2])
            bucket.rename(f"old-{number}", f"new-{number}")
        old: list[tuple[str, Want | None]] = [(f"old-{number}", None) for number in range(8)]
        new: list[tuple[str, Want | None]] = [(f"new-{number}", None) for number in range(8)]
        assert self.read_on(bucket, old) == [ObjectNotFound] * 8
        assert self.read_on(bucket, new) == [SMALL, MIDDLE] * 4

    def test_of_a_bucket_that_is_not_there_nothing_is_read(self, bucket: SyncBucket) -> None:
        reads = [ObjectRead("no-such-bucket", "a"), ObjectRead("no-such-bucket", "b")]
        found = run(bucket.backend.get_objects(reads, 1000))
        assert [type(each) for each in found] == [BucketNotFound] * len(found)

    @needs(Capability.VERSIONS)
    def test_versions_and_conditions_are_those_of_each(self, bucket: SyncBucket) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        old, new = bucket.put("a", b"old"), bucket.put("a", b"new")
        options = [
            ReadOptions(version=old.version),
            ReadOptions(condition=Condition(if_none_match=(new.etag,))),
            ReadOptions(),
        ]
        reads = [ObjectRead(bucket.bucket, "a", each) for each in options]
        found = run(bucket.backend.get_objects(reads, 1000))
        bodies = [each.body if isinstance(each, Reading) else type(each) for each in found]
        assert bodies == [b"old", NotModified, b"new"]

    def test_there_is_room_for_one_at_least_and_for_no_more_than_fit(
        self, bucket: SyncBucket
    ) -> None:
        for name in "abc":
            bucket.put(name, SMALL)
        wanted = [(name, None) for name in "abc"]
        for room, count in ((0, 1), (99, 1), (100, 1), (199, 1), (200, 2), (300, 3)):
            assert bucket.read_many(*wanted, room_bytes=room) == [SMALL] * count

    def test_of_nothing_nothing_is_read(self, bucket: SyncBucket) -> None:
        assert bucket.read_many() == []
