"""What every backend promises of versions, delete markers and locks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.capabilities import Capability
from storage.errors import (
    BucketNotEmpty,
    DeleteMarkerFound,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from storage.ranges import Between
from storage.values import (
    NULL_VERSION,
    Attributes,
    Condition,
    DeleteRequest,
    Deletion,
    ListQuery,
    LockMode,
    ObjectLock,
    Retention,
    Still,
    UpdateOptions,
    Versioning,
)
from tests.storage.bodies import pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import SyncBucket, Tidy, put_options

ENABLED, SUSPENDED = Versioning.ENABLED, Versioning.SUSPENDED
# Inline in the index, one blob, and several blocks.
SIZES = (0, 10, 100_000, 600_000)
HOLD = ObjectLock(legal_hold=True)
NEW = Condition(if_none_match=("*",))
ANY = Condition(if_match=("*",))


def until(clock: FakeClock, seconds: int, mode: LockMode = LockMode.GOVERNANCE) -> ObjectLock:
    return ObjectLock(Retention(mode, clock.now_ns() + seconds * 1_000_000_000))


def marked(bucket: SyncBucket, name: str, version: str | None = None) -> DeleteMarkerFound:
    with pytest.raises(DeleteMarkerFound) as caught:
        bucket.info(name, version)
    return caught.value


@all_need(Capability.VERSIONS)
class VersionContract:
    @pytest.fixture
    def versioned(self, bucket: SyncBucket) -> SyncBucket:
        bucket.set_versioning(ENABLED)
        return bucket

    @pytest.mark.parametrize("jump_s", [86_400, -3_600])
    def test_versions_keep_their_order_when_the_clock_jumps(
        self, versioned: SyncBucket, clock: FakeClock, jump_s: int
    ) -> None:
        written = [versioned.put("a", b"1").version]
        clock.advance_s(jump_s)
        written.append(versioned.put("a", b"2").version)
        marker = versioned.remove("a").version
        clock.advance_s(-2 * jump_s)
        written += [marker, versioned.put("a", b"3").version]
        assert versioned.history("a") == written[::-1]
        assert versioned.read("a") == b"3"
        versioned.remove("a", written[-1])
        assert marked(versioned, "a").version == marker

    @needs(Capability.LOCKS)
    def test_a_lock_holds_when_the_clock_goes_back(
        self, versioned: SyncBucket, clock: FakeClock
    ) -> None:
        version = versioned.put("a", b"x").version
        versioned.lock("a", until(clock, 60))
        clock.advance_s(-3_600)
        with pytest.raises(ObjectLocked):
            versioned.remove("a", version)

    def test_without_versioning_an_object_is_its_null_version(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        assert info.version == NULL_VERSION
        assert bucket.read_version("a", NULL_VERSION) == b"x"
        assert bucket.put("a", b"y").version == NULL_VERSION
        assert bucket.history("a") == [NULL_VERSION]
        assert bucket.remove("a", NULL_VERSION) == Deletion(True)
        assert bucket.remove("a") == Deletion(False)
        assert bucket.names() == []

    @pytest.mark.parametrize("size", SIZES)
    def test_each_version_keeps_its_bytes_and_its_facts(
        self, versioned: SyncBucket, size: int, clock: FakeClock
    ) -> None:
        infos = []
        for seed in range(3):
            clock.advance_s(1)
            said = Attributes(tags={"seed": str(seed)})
            put = put_options(attributes=said)
            infos.append(versioned.put("a", pattern(size, seed), options=put))
        assert len({info.version for info in infos} | {NULL_VERSION}) == 4
        assert versioned.history("a") == [info.version for info in reversed(infos)]
        for seed, info in enumerate(infos):
            assert versioned.info("a", info.version) == info
            assert versioned.read_version("a", info.version) == pattern(size, seed)
        assert versioned.info("a") == infos[2]
        assert versioned.names() == ["a"]
        versioned.check_usage(stored_bytes=3 * size)

    def test_a_range_of_an_older_version(self, versioned: SyncBucket) -> None:
        old = versioned.put("a", pattern(600_000))
        versioned.put("a", b"new")
        read = versioned.read_version("a", old.version, Between(524_280, 524_300))
        assert read == pattern(600_000)[524_280:524_300]

    @pytest.mark.parametrize("versioning", [Versioning.NEVER, ENABLED, SUSPENDED])
    def test_an_unknown_version_is_not_found(
        self, bucket: SyncBucket, versioning: Versioning
    ) -> None:
        bucket.put("a", b"x")
        bucket.set_versioning(versioning)
        for name in ("a", "b"):
            with pytest.raises(VersionNotFound):
                bucket.info(name, "0" * 32)
            with pytest.raises(VersionNotFound):
                bucket.lock(name, HOLD, "0" * 32)
            assert bucket.remove(name, "0" * 32) == Deletion(False, "0" * 32)

    def test_an_object_older_than_versioning_is_kept_as_null(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"old")
        bucket.set_versioning(ENABLED)
        new = bucket.put("a", b"new")
        assert bucket.history("a") == [new.version, NULL_VERSION]
        assert bucket.read_version("a", NULL_VERSION) == b"old"

    @pytest.mark.parametrize("size", SIZES)
    def test_suspended_the_null_version_is_replaced_wherever_it_stands(
        self, bucket: SyncBucket, size: int, tidy: Tidy
    ) -> None:
        bucket.put("a", pattern(size, 1))
        bucket.set_versioning(ENABLED)
        kept = bucket.put("a", pattern(size, 2))
        bucket.set_versioning(SUSPENDED)
        assert bucket.put("a", pattern(size, 3)).version == NULL_VERSION
        assert bucket.history("a") == [NULL_VERSION, kept.version]
        bucket.put("a", pattern(size, 4))
        tidy()
        assert bucket.history("a") == [NULL_VERSION, kept.version]
        assert bucket.read("a") == pattern(size, 4)
        assert bucket.read_version("a", kept.version) == pattern(size, 2)
        bucket.check_usage(objects=2)

    def test_deleting_adds_a_delete_marker(self, versioned: SyncBucket, clock: FakeClock) -> None:
        kept = versioned.put("a", b"x")
        clock.advance_s(5)
        done = versioned.remove("a")
        assert done == Deletion(True, done.version, delete_marker=True)
        found = marked(versioned, "a")
        assert (found.version, found.modified_ns) == (done.version, clock.now_ns())
        assert not found.named
        assert marked(versioned, "a", done.version).named
        assert versioned.read_version("a", kept.version) == b"x"
        assert versioned.names() == []
        versioned.check_usage(objects=1, stored_bytes=1)

    def test_deleting_what_is_deleted_or_never_was_adds_another(
        self, versioned: SyncBucket
    ) -> None:
        first, second = versioned.remove("a"), versioned.remove("a")
        assert (first.existed, second.existed) == (False, False)
        assert versioned.history("a") == [second.version, first.version]

    def test_suspended_the_delete_marker_is_a_null_version(self, bucket: SyncBucket) -> None:
        bucket.set_versioning(ENABLED)
        kept = bucket.put("a", b"kept")
        bucket.set_versioning(SUSPENDED)
        bucket.put("a", b"replaced")
        assert bucket.remove("a") == Deletion(True, NULL_VERSION, delete_marker=True)
        assert bucket.remove("a") == Deletion(False, NULL_VERSION, delete_marker=True)
        assert bucket.history("a") == [NULL_VERSION, kept.version]
        assert marked(bucket, "a").version == NULL_VERSION

    def test_removing_the_delete_marker_brings_the_object_back(self, versioned: SyncBucket) -> None:
        kept = versioned.put("a", b"x")
        marker = versioned.remove("a").version
        assert versioned.remove("a", marker) == Deletion(True, marker, delete_marker=True)
        assert versioned.info("a") == kept
        assert versioned.names() == ["a"]

    def test_removing_what_is_current_promotes_what_was_before(
        self, versioned: SyncBucket, tidy: Tidy
    ) -> None:
        first = versioned.put("a", pattern(100_000))
        marker = versioned.remove("a").version
        second = versioned.put("a", b"second")
        third = versioned.put("a", b"third")
        versioned.remove("a", third.version)
        assert versioned.read("a") == b"second"
        versioned.remove("a", second.version)
        assert marked(versioned, "a").version == marker
        versioned.remove("a", marker)
        tidy()
        assert versioned.read("a") == pattern(100_000)
        versioned.remove("a", first.version)
        with pytest.raises(ObjectNotFound):
            versioned.read("a")
        versioned.check_usage(stored_bytes=0)

    def test_removing_an_older_version_leaves_the_others(
        self, versioned: SyncBucket, tidy: Tidy
    ) -> None:
        infos = [versioned.put("a", pattern(100_000, seed)) for seed in range(3)]
        versioned.remove("a", infos[1].version)
        tidy()
        assert versioned.history("a") == [infos[2].version, infos[0].version]
        assert versioned.read_version("a", infos[0].version) == pattern(100_000, 0)

    @pytest.mark.parametrize("versioning", [ENABLED, SUSPENDED])
    def test_a_version_is_removed_only_if_it_is_still_what_it_was(
        self, bucket: SyncBucket, versioning: Versioning
    ) -> None:
        bucket.set_versioning(ENABLED)
        old, new = (bucket.put("a", content).version for content in (b"old", b"new"))
        bucket.set_versioning(versioning)

        def outcomes(*versions: str) -> list[bool]:
            """Whether each could be removed as a noncurrent version, and as a lone marker."""
            wanted = [
                DeleteRequest("a", version=version, still=still)
                for version in versions
                for still in Still
            ]
            return [isinstance(outcome, Deletion) for outcome in bucket.delete_many(*wanted)]

        assert outcomes(new) == [False, False]
        marker = bucket.remove("a").version
        assert outcomes(marker) == [False, False]
        assert outcomes(old)[0]
        assert outcomes(new)[0]
        assert outcomes(marker) == [False, True]
        assert bucket.history("a") == []
        gone = DeleteRequest("a", version=marker, still=Still.LONE_MARKER)
        assert bucket.delete_many(gone) == [Deletion(existed=False, version=marker)]

    def test_conditions_are_of_the_current_version_and_a_delete_marker_is_none(
        self, versioned: SyncBucket
    ) -> None:
        versioned.put("a", b"x", options=put_options(condition=NEW))
        with pytest.raises(PreconditionFailed):
            versioned.put("a", b"y", options=put_options(condition=NEW))
        versioned.remove("a")
        with pytest.raises(ObjectNotFound):
            versioned.put("a", b"y", options=put_options(condition=ANY))
        versioned.put("a", b"z", options=put_options(condition=NEW))
        assert len(versioned.history("a")) == 3

    def test_a_deletion_of_a_version_has_its_own_condition(self, versioned: SyncBucket) -> None:
        old, new = versioned.put("a", b"old"), versioned.put("a", b"new")
        wrong = DeleteRequest("a", Condition(if_match=(new.etag,)), old.version)
        with pytest.raises(PreconditionFailed):
            run(versioned.backend.delete_object("bucket", wrong))
        right = DeleteRequest("a", Condition(if_match=(old.etag,)), old.version)
        assert run(versioned.backend.delete_object("bucket", right)).existed
        with pytest.raises(ObjectNotFound):
            run(versioned.backend.delete_object("bucket", right))
        marker = versioned.remove("a").version
        with pytest.raises(ObjectNotFound):
            run(versioned.backend.delete_object("bucket", DeleteRequest("a", ANY, marker)))

    @needs(Capability.LOCKS)
    def test_many_deletions_at_once_are_each_on_its_own(self, versioned: SyncBucket) -> None:
        kept = versioned.put("a", b"1")
        gone = versioned.put("a", b"2")
        versioned.lock("a", HOLD, kept.version)
        outcomes = versioned.delete_many(
            DeleteRequest("a", version=gone.version),
            DeleteRequest("a", version=kept.version),
            DeleteRequest("a", version="0" * 32),
            DeleteRequest("b"),
            DeleteRequest("a", Condition(if_match=("0" * 32,))),
        )
        assert outcomes[0] == Deletion(True, gone.version)
        assert isinstance(outcomes[1], ObjectLocked)
        assert outcomes[2] == Deletion(False, "0" * 32)
        assert isinstance(outcomes[3], Deletion)
        assert outcomes[3].delete_marker
        assert isinstance(outcomes[4], PreconditionFailed)
        assert versioned.history("a") == [kept.version]

    def test_an_older_version_is_changed_where_it_stands(
        self, versioned: SyncBucket, clock: FakeClock
    ) -> None:
        infos = [versioned.put("a", b"%d" % seed) for seed in range(3)]
        clock.advance_s(9)

        def change(old: Attributes) -> Attributes:
            return Attributes(tags={"old": "yes"})

        options = UpdateOptions(ANY, infos[1].version, touch=True)
        changed = run(versioned.backend.update_object("bucket", "a", change, options))
        assert changed.modified_ns == clock.now_ns()
        assert versioned.info("a", infos[1].version).attributes.tags == {"old": "yes"}
        assert versioned.history("a") == [info.version for info in reversed(infos)]
        assert versioned.info("a") == infos[2]

    def test_a_delete_marker_has_nothing_to_change(self, versioned: SyncBucket) -> None:
        versioned.put("a", b"x")
        marker = versioned.remove("a").version
        for version in (None, marker):
            with pytest.raises(DeleteMarkerFound):
                versioned.lock("a", HOLD, version)

    def test_a_bucket_with_versions_or_markers_only_is_not_empty(
        self, versioned: SyncBucket
    ) -> None:
        kept = versioned.put("a", b"x")
        marker = versioned.remove("a").version
        for version in (kept.version, marker):
            with pytest.raises(BucketNotEmpty):
                run(versioned.backend.delete_bucket("bucket"))
            versioned.remove("a", version)
        run(versioned.backend.delete_bucket("bucket"))

    @needs(Capability.UPLOADS)
    def test_an_upload_completes_into_a_new_version(self, versioned: SyncBucket) -> None:
        old = versioned.put_in_parts("a", pattern(100_000), b"1")
        upload = versioned.upload_of("a", pattern(600_000), b"22")
        new = versioned.complete(upload, 1, 2)
        assert versioned.complete(upload, 1, 2) == new
        assert versioned.history("a") == [new.version, old.version]
        assert versioned.read_version("a", old.version) == pattern(100_000) + b"1"
        parts = run(versioned.backend.list_object_parts("bucket", "a", version=old.version))
        assert [part.size for part in parts.parts] == [100_000, 1]

    @needs(Capability.LOCKS)
    @needs(Capability.UPLOADS)
    @pytest.mark.parametrize("versioning", [Versioning.NEVER, SUSPENDED])
    def test_what_is_locked_is_not_overwritten(
        self, bucket: SyncBucket, clock: FakeClock, versioning: Versioning
    ) -> None:
        bucket.set_versioning(versioning)
        upload = bucket.upload_of("a", b"part")
        locked = put_options(attributes=Attributes(lock=until(clock, 10)))
        bucket.put("a", b"x", options=locked)
        with pytest.raises(ObjectLocked):
            bucket.put("a", b"y")
        with pytest.raises(ObjectLocked):
            bucket.complete(upload, 1)
        if versioning is SUSPENDED:
            with pytest.raises(ObjectLocked):
                bucket.remove("a")
        assert bucket.read("a") == b"x"
        clock.advance_s(10)
        assert bucket.complete(upload, 1).version == NULL_VERSION

    @needs(Capability.LOCKS)
    def test_a_locked_null_version_behind_others_is_not_replaced(
        self, bucket: SyncBucket, clock: FakeClock
    ) -> None:
        bucket.put("a", pattern(100_000))
        bucket.set_versioning(ENABLED)
        kept = bucket.put("a", b"x")
        bucket.set_versioning(SUSPENDED)
        bucket.lock("a", HOLD, NULL_VERSION)
        with pytest.raises(ObjectLocked):
            bucket.put("a", pattern(100_000, 1))
        with pytest.raises(ObjectLocked):
            bucket.remove("a")
        assert bucket.history("a") == [kept.version, NULL_VERSION]

    @needs(Capability.LOCKS)
    @pytest.mark.parametrize("current", [True, False])
    def test_a_retention_holds_until_its_time(
        self, versioned: SyncBucket, clock: FakeClock, current: bool
    ) -> None:
        version = versioned.put("a", b"x").version
        if not current:
            versioned.put("a", b"y")
        versioned.lock("a", until(clock, 10, LockMode.COMPLIANCE), version)
        for bypass in (False, True):
            with pytest.raises(ObjectLocked):
                versioned.remove("a", version, bypass=bypass)
        clock.advance_s(10)
        assert versioned.remove("a", version).existed

    @needs(Capability.LOCKS)
    def test_governance_can_be_bypassed_and_a_legal_hold_cannot(
        self, versioned: SyncBucket, clock: FakeClock
    ) -> None:
        first, second = (versioned.put("a", b"x").version for _ in range(2))
        for version in (first, second):
            versioned.lock("a", until(clock, 10), version)
        with pytest.raises(ObjectLocked):
            versioned.remove("a", first)
        assert versioned.remove("a", first, bypass=True).existed
        held = ObjectLock(until(clock, 10).retention, legal_hold=True)
        versioned.lock("a", held, second)
        with pytest.raises(ObjectLocked):
            versioned.remove("a", second, bypass=True)
        versioned.lock("a", ObjectLock(legal_hold=False), second)
        assert versioned.remove("a", second).existed

    @needs(Capability.LOCKS)
    def test_a_lock_does_not_keep_a_delete_marker_away(self, versioned: SyncBucket) -> None:
        version = versioned.put("a", b"x").version
        versioned.lock("a", HOLD)
        assert versioned.remove("a").delete_marker
        assert versioned.read_version("a", version) == b"x"

    @pytest.mark.parametrize("act", [SyncBucket.put, SyncBucket.remove])
    def test_current_names_are_those_without_a_marker(
        self, versioned: SyncBucket, act: Callable[[SyncBucket, str], object]
    ) -> None:
        versioned.put_all("a", "b/1", "b/2", "c/1", "d")
        for name in ("b/1", "c/1", "d"):
            versioned.remove(name)
        act(versioned, "b/1")
        page = versioned.page(ListQuery(delimiter="/"))
        assert [info.name for info in page.objects] == ["a"]
        assert page.common_prefixes == ("b/",)
