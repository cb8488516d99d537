"""What every backend promises of renaming."""

from __future__ import annotations

import pytest

from storage.capabilities import Capability
from storage.errors import (
    DeleteMarkerFound,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
)
from storage.values import (
    NULL_VERSION,
    Attributes,
    Condition,
    ObjectLock,
    RenameOptions,
    Versioning,
)
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import SyncBucket, Tidy, put_options

ENABLED, SUSPENDED = Versioning.ENABLED, Versioning.SUSPENDED
HOLD = Attributes(lock=ObjectLock(legal_hold=True))
WRONG = Condition(if_match=("0" * 32,))
NEW = Condition(if_none_match=("*",))


@all_need(Capability.RENAME_OBJECTS)
class RenamingContract:
    @pytest.fixture
    def other(self) -> str:
        """A name that `a` can be renamed to."""
        return "other"

    @pytest.mark.parametrize("size", [0, 10, 100_000, 600_000])
    def test_a_renamed_object_keeps_bytes_facts_and_time(
        self, bucket: SyncBucket, other: str, size: int, clock: FakeClock, tidy: Tidy
    ) -> None:
        said = put_options(attributes=Attributes(tags={"k": "v"}))
        old = bucket.put("a", pattern(size), options=said)
        clock.advance_s(5)
        new = bucket.rename("a", other)
        tidy()
        assert (new.name, new.etag, new.modified_ns) == (other, old.etag, old.modified_ns)
        assert new.attributes == old.attributes
        assert bucket.info(other) == new
        assert bucket.read(other) == pattern(size)
        assert bucket.names() == [other]
        with pytest.raises(ObjectNotFound):
            bucket.info("a")
        bucket.check_usage(objects=1)

    @needs(Capability.UPLOADS)
    def test_an_object_made_of_parts_keeps_them(
        self, bucket: SyncBucket, other: str, tidy: Tidy
    ) -> None:
        bucket.put_in_parts("a", pattern(100_000), b"tail")
        bucket.rename("a", other)
        tidy()
        assert bucket.read(other) == pattern(100_000) + b"tail"
        assert [part.size for part in bucket.parts_of(other)] == [100_000, 4]

    def test_what_stood_there_is_replaced(self, bucket: SyncBucket, other: str, tidy: Tidy) -> None:
        bucket.put("a", pattern(100_000, 1))
        bucket.put(other, pattern(100_000, 2))
        bucket.rename("a", other)
        bucket.put("a", b"new")
        tidy()
        assert bucket.read(other) == pattern(100_000, 1)
        assert bucket.read("a") == b"new"
        bucket.check_usage(objects=2, stored_bytes=100_003)

    def test_there_and_back_again(self, bucket: SyncBucket, other: str, tidy: Tidy) -> None:
        bucket.put("a", pattern(100_000))
        bucket.rename("a", other)
        bucket.rename(other, "a")
        bucket.rename("a", "a")
        tidy()
        assert bucket.read("a") == pattern(100_000)
        assert bucket.names() == ["a"]
        bucket.remove("a")
        tidy()
        bucket.check_usage(stored_bytes=0)

    def test_what_is_not_there_cannot_be_renamed(self, bucket: SyncBucket, other: str) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.rename("a", other)
        with pytest.raises(ObjectNotFound):
            bucket.rename("a", "a")

    @pytest.mark.parametrize(
        "options",
        [
            RenameOptions(NEW),
            RenameOptions(WRONG),
            RenameOptions(source_condition=WRONG),
            RenameOptions(source_condition=NEW),
        ],
    )
    def test_conditions_are_of_both_names(
        self, bucket: SyncBucket, other: str, options: RenameOptions
    ) -> None:
        bucket.put("a", b"1")
        bucket.put(other, b"2")
        with pytest.raises(PreconditionFailed):
            bucket.rename("a", other, options)
        assert (bucket.read("a"), bucket.read(other)) == (b"1", b"2")

    @needs(Capability.VERSIONS)
    def test_with_versions_a_delete_marker_takes_its_place(
        self, bucket: SyncBucket, other: str
    ) -> None:
        bucket.put("a", b"null")
        bucket.set_versioning(ENABLED)
        moved = bucket.put("a", b"moved")
        there = bucket.put(other, b"there")
        new = bucket.rename("a", other)
        assert new.version not in (moved.version, there.version, NULL_VERSION)
        with pytest.raises(DeleteMarkerFound) as found:
            bucket.info("a")
        assert bucket.history("a") == [found.value.version, NULL_VERSION]
        assert bucket.history(other) == [new.version, there.version]
        assert bucket.read(other) == b"moved"
        with pytest.raises(DeleteMarkerFound):
            bucket.rename("a", other)

    @needs(Capability.VERSIONS)
    def test_suspended_null_versions_are_replaced_at_both_names(
        self, bucket: SyncBucket, other: str
    ) -> None:
        bucket.put("a", b"null")
        bucket.put(other, b"null there")
        bucket.set_versioning(ENABLED)
        bucket.put("a", b"moved")
        kept = bucket.put(other, b"kept")
        bucket.set_versioning(SUSPENDED)
        assert bucket.rename("a", other).version == NULL_VERSION
        assert bucket.history("a") == [NULL_VERSION]
        assert bucket.history(other) == [NULL_VERSION, kept.version]
        assert bucket.read(other) == b"moved"

    @needs(Capability.VERSIONS)
    @needs(Capability.LOCKS)
    @pytest.mark.parametrize("locked", ["source", "target", "null-source", "null-target"])
    def test_nothing_that_is_locked_goes(self, bucket: SyncBucket, other: str, locked: str) -> None:
        name = "a" if locked.endswith("source") else other
        contents = {"a": b"1", other: b"2"}
        for each, content in contents.items():
            held = HOLD if each == name else Attributes()
            bucket.put(each, content, options=put_options(attributes=held))
        if locked.startswith("null"):
            bucket.set_versioning(ENABLED)
            for each in contents:
                bucket.put(each, b"above")
            bucket.set_versioning(SUSPENDED)
        before = [bucket.history(each) for each in contents]
        with pytest.raises(ObjectLocked):
            bucket.rename("a", other)
        assert [bucket.history(each) for each in contents] == before
        for each, content in contents.items():
            assert bucket.read_version(each, NULL_VERSION) == content

    def test_of_two_renames_of_one_object_one_wins(self, bucket: SyncBucket, other: str) -> None:
        bucket.put("a", pattern(100_000))

        async def both() -> list[object]:
            outcomes: list[object] = []
            for _ in range(2):
                rename = bucket.backend.rename_object("bucket", "a", other, RenameOptions())
                try:
                    outcomes.append((await rename).name)
                except StorageError as error:
                    outcomes.append(type(error))
            return outcomes

        assert run(both()) == [other, ObjectNotFound]
        assert bucket.read(other) == pattern(100_000)
