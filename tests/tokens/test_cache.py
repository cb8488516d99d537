"""The memory of good tokens is bounded, and nothing in it outlives its time."""

from __future__ import annotations

import hashlib

from s3gw.identity.tokens.cache import SHARDS, TokenCache


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def test_what_was_put_is_there_until_its_time() -> None:
    cache: TokenCache[str] = TokenCache()
    cache.put(digest(1), "one", 100, 0)
    assert cache.get(digest(1), 99.9) == "one"
    assert cache.get(digest(2), 0) is None
    assert cache.get(digest(1), 100) is None
    assert len(cache) == 0


def test_what_is_dropped_is_gone() -> None:
    cache: TokenCache[str] = TokenCache()
    cache.put(digest(1), "one", 100, 0)
    cache.drop(digest(1))
    cache.drop(digest(2))
    assert cache.get(digest(1), 0) is None


def test_it_never_holds_more_than_it_may() -> None:
    cache: TokenCache[int] = TokenCache(4 * SHARDS)
    for number in range(10_000):
        cache.put(digest(number), number, 100, 0)
        assert len(cache) <= 4 * SHARDS


def test_room_is_made_by_what_has_expired_first_and_then_by_what_was_not_asked_for() -> None:
    cache: TokenCache[int] = TokenCache(3 * SHARDS)
    same = [digest(n) for n in range(2000) if digest(n)[0] % SHARDS == 0]
    for number, until_s in enumerate((100, 10, 100)):
        cache.put(same[number], number, until_s, 0)
    cache.put(same[3], 3, 100, 20)
    assert [cache.get(same[n], 20) for n in range(4)] == [0, None, 2, 3]
    cache.get(same[0], 20)
    cache.put(same[4], 4, 100, 20)
    assert [cache.get(same[n], 20) for n in (0, 2, 3, 4)] == [0, None, 3, 4]
