"""The contract of `cluster.coordination.Coordination`, executable: every engine runs all of it.

Subclass `CoordinationContract`, name the class `Test...`, and give it the fixtures `engine`, an
empty store that remembers `KEPT` revisions or knows how to forget, and `another`, a second door to
the same store as another process has it.
"""

from __future__ import annotations

import pytest

from cluster.coordination import Change, Coordination, Delete, Entry, Put, Unchanged
from tests.storage.event_loop import run

KEPT = 8


def put(engine: Coordination, key: str, value: bytes) -> int:
    done = run(engine.transact([], [Put(key, value)]))
    assert done is not None
    return done


def entries(engine: Coordination, prefix: str = "") -> list[Entry]:
    return list(run(engine.range(prefix))[0])


class CoordinationContract:
    def test_an_empty_store_has_nothing(self, engine: Coordination) -> None:
        assert entries(engine) == []
        assert run(engine.changes("", engine.revision())) == []

    def test_what_was_put_is_read_with_the_revision_that_wrote_it(
        self, engine: Coordination
    ) -> None:
        first = put(engine, "/a", b"1")
        second = put(engine, "/b", b"\x00\xff")
        assert first < second == engine.revision()
        assert run(engine.range("/")) == (
            [Entry("/a", b"1", first), Entry("/b", b"\x00\xff", second)],
            second,
        )

    def test_a_prefix_is_one_of_bytes_and_keys_come_in_their_order(
        self, engine: Coordination
    ) -> None:
        keys = ["/a", "/a/", "/a/1", "/a/é", "/a/\U0010ffff", "/a0", "/b/1"]
        for key in reversed(keys):
            put(engine, key, b"")
        assert [entry.key for entry in entries(engine)] == sorted(keys, key=str.encode)
        assert [entry.key for entry in entries(engine, "/a/")] == keys[1:5]
        assert entries(engine, "/c") == []

    def test_a_revision_is_of_all_the_writes_of_a_transaction(self, engine: Coordination) -> None:
        put(engine, "/gone", b"")
        done = run(engine.transact([], [Put("/a", b"1"), Delete("/gone"), Put("/b", b"2")]))
        assert done is not None
        assert {entry.mod_revision for entry in entries(engine)} == {done}
        assert [entry.key for entry in entries(engine)] == ["/a", "/b"]

    def test_nothing_is_done_when_something_has_changed(self, engine: Coordination) -> None:
        seen = put(engine, "/a", b"1")
        put(engine, "/a", b"2")
        before = engine.revision()
        writes = [Put("/a", b"3"), Put("/b", b"3")]
        assert run(engine.transact([Unchanged("/a", seen)], writes)) is None
        assert [entry.value for entry in entries(engine)] == [b"2"]
        assert engine.revision() == before

    def test_all_comparisons_must_hold(self, engine: Coordination) -> None:
        seen = put(engine, "/a", b"1")
        both = [Unchanged("/a", seen), Unchanged("/b", 0)]
        assert run(engine.transact(both, [Put("/b", b"")])) is not None
        assert run(engine.transact(both, [Put("/b", b"")])) is None

    def test_zero_is_the_revision_of_a_key_that_is_not_there(self, engine: Coordination) -> None:
        absent = [Unchanged("/a", 0)]
        assert run(engine.transact(absent, [Put("/a", b"1")])) is not None
        assert run(engine.transact(absent, [Put("/a", b"2")])) is None
        assert run(engine.transact([], [Delete("/a")])) is not None
        assert run(engine.transact(absent, [Put("/a", b"3")])) is not None

    def test_what_changes_nothing_makes_no_revision(self, engine: Coordination) -> None:
        before = put(engine, "/a", b"1")
        assert run(engine.transact([Unchanged("/a", before)], [])) == before
        assert run(engine.transact([], [Delete("/nothing")])) == before
        assert run(engine.changes("", before)) == []

    def test_the_same_value_again_is_a_change(self, engine: Coordination) -> None:
        first = put(engine, "/a", b"1")
        assert put(engine, "/a", b"1") > first

    def test_changes_tell_what_was_written_and_what_was_deleted(self, engine: Coordination) -> None:
        start = put(engine, "/a/1", b"1")
        second = put(engine, "/a/2", b"2")
        put(engine, "/b", b"")
        third = run(engine.transact([], [Delete("/a/1"), Put("/a/2", b"3")]))
        assert third is not None
        assert run(engine.changes("/a/", start)) == [
            Change("/a/2", b"2", second),
            Change("/a/1", None, third),
            Change("/a/2", b"3", third),
        ]
        assert run(engine.changes("/a/", third)) == []

    def test_who_was_away_for_too_long_has_to_read_all(self, engine: Coordination) -> None:
        start = engine.revision()
        for number in range(KEPT):
            put(engine, "/a", b"%d" % number)
        kept = run(engine.changes("/", start))
        assert kept is not None
        assert len(kept) == KEPT
        put(engine, "/a", b"")
        assert run(engine.changes("/", start)) is None
        assert run(engine.changes("/", start + 1)) is not None

    def test_a_revision_of_the_future_is_not_known(self, engine: Coordination) -> None:
        assert run(engine.changes("/", put(engine, "/a", b"") + 1)) is None

    def test_another_door_sees_a_commit_at_once(
        self, engine: Coordination, another: Coordination
    ) -> None:
        for number in range(20):
            written = put(engine, "/a", b"%d" % number)
            assert another.revision() == written == engine.revision()
            assert [entry.value for entry in entries(another)] == [b"%d" % number]

    @pytest.mark.parametrize(
        "writes",
        [
            [Put("/a", b""), Delete("/a")],
            [Put("/a", b""), Put("/a", b"")],
            [Put(f"/{number}", b"") for number in range(129)],
            [Put("/a", bytes((1 << 20) + 1))],
            [Put("/" + "k" * 1024, b"")],
        ],
        ids=["put and deleted", "put twice", "too many", "too large", "too long a key"],
    )
    def test_what_is_too_large_or_contradicts_itself_is_refused(
        self, engine: Coordination, writes: list[Put | Delete]
    ) -> None:
        before = engine.revision()
        with pytest.raises(ValueError, match=r"a transaction|a key"):
            run(engine.transact([], writes))
        assert engine.revision() == before

    def test_the_largest_that_is_allowed_is_done(self, engine: Coordination) -> None:
        share = (1 << 20) // 128
        writes = [Put(f"/{number}", bytes(share)) for number in range(127)]
        longest = "/" + "k" * 1023
        assert run(engine.transact([], [*writes, Put(longest, bytes(share))])) is not None
        assert len(entries(engine)) == 128
