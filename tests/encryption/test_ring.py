"""The key ring: what it keeps, what opens it, and how processes share it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from s3gw.keys.provider import DataKey, UnknownKey
from s3gw.keys.ring import Ring, RingError, new_ring
from s3gw.keys.wrapping import WrongKey, unwrap, wrap
from storage.errors import Corrupt

MASTER = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture
def ring(path: Path) -> Ring:
    return new_ring(path, MASTER)


def generate(ring: Ring, key_id: str = "sse-s3", context: bytes = b"context") -> DataKey:
    return asyncio.run(ring.generate(key_id, context))


def opened(ring: Ring, key: DataKey, context: bytes = b"context") -> bytes:
    return asyncio.run(ring.unwrap(key.key_id, key.wrapped, context))


def test_a_data_key_comes_back_and_is_never_the_same_twice(ring: Ring) -> None:
    one, other = generate(ring), generate(ring)
    assert opened(ring, one) == one.clear != other.clear
    assert len(one.clear) == 32
    assert one.clear not in one.wrapped
    assert repr(one.clear) not in repr(one)


def test_a_data_key_is_bound_to_its_context_and_to_its_key(ring: Ring) -> None:
    key = generate(ring)
    with pytest.raises(Corrupt):
        opened(ring, key, b"other")
    with pytest.raises(Corrupt):
        asyncio.run(ring.unwrap("aws/s3", key.wrapped, b"context"))


@pytest.mark.parametrize("place", [4, 20, 40, 60, -1])
def test_a_changed_byte_does_not_open(ring: Ring, place: int) -> None:
    key = generate(ring)
    wrapped = bytearray(key.wrapped)
    wrapped[place] ^= 1
    with pytest.raises(Corrupt):
        asyncio.run(ring.unwrap(key.key_id, bytes(wrapped), b"context"))


@pytest.mark.parametrize("wrapped", [b"", b"\0\0\0\1", b"\0\0\0\1" + bytes(40)])
def test_what_was_never_wrapped_does_not_open(ring: Ring, wrapped: bytes) -> None:
    with pytest.raises((Corrupt, UnknownKey)):
        asyncio.run(ring.unwrap("sse-s3", wrapped, b""))


def test_an_unknown_key_is_named(ring: Ring, path: Path) -> None:
    for ask in (lambda: generate(ring, "nobody"), lambda: ring.add_version("nobody")):
        with pytest.raises(UnknownKey, match="nobody"):
            ask()


def test_the_file_is_private_and_holds_no_key_in_the_clear(ring: Ring, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    for versions in ring._keys.values():
        for key in versions:
            assert key.hex().encode() not in content
            assert key not in content


def test_another_master_key_opens_nothing(ring: Ring, path: Path) -> None:
    with pytest.raises(RingError, match="master key"):
        Ring(path, os.urandom(32))


def test_a_new_version_wraps_and_the_old_ones_still_open(ring: Ring) -> None:
    old = generate(ring)
    assert ring.add_version("sse-s3") == 2
    new = generate(ring)
    assert opened(ring, old) == old.clear
    assert opened(ring, new) == new.clear
    again = asyncio.run(ring.rewrap("sse-s3", old.wrapped, b"context"))
    assert again != old.wrapped
    assert asyncio.run(ring.unwrap("sse-s3", again, b"context")) == old.clear
    assert asyncio.run(ring.rewrap("sse-s3", again, b"context")) == again


def test_another_process_learns_of_new_keys_and_versions(ring: Ring, path: Path) -> None:
    other = Ring(path, MASTER)
    other.create("team-a")
    other.add_version("sse-s3")
    assert opened(ring, generate(other, "team-a"))
    assert opened(ring, generate(other))
    facts = {each.id: each.versions for each in asyncio.run(ring.describe())}
    assert facts == {"aws/s3": 1, "sse-s3": 2, "team-a": 1}


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"format":1,"keys":[]'])
def test_a_ring_that_was_lost_or_broken_serves_on_from_memory(
    ring: Ring, path: Path, content: bytes | None
) -> None:
    key = generate(ring)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert opened(ring, key) == key.clear
    with pytest.raises(RingError):
        Ring(path, MASTER)


@pytest.mark.parametrize("key_id", ["", "a b", "/a", "a" * 129, "\u00e9", "a\n"])
def test_an_id_that_no_header_could_carry_is_refused(ring: Ring, key_id: str) -> None:
    with pytest.raises(RingError, match="cannot be"):
        ring.create(key_id)


def test_a_key_is_made_once(ring: Ring) -> None:
    ring.create("team-a")
    with pytest.raises(RingError, match="already"):
        ring.create("team-a")


def test_a_wrapped_secret_opens_with_its_key_and_context_only() -> None:
    wrapped = wrap(MASTER, b"secret", b"context")
    assert unwrap(MASTER, wrapped, b"context") == b"secret"
    for key, context in ((MASTER, b""), (bytes(32), b"context")):
        with pytest.raises(WrongKey):
            unwrap(key, wrapped, context)
