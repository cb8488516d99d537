"""Session tokens: sealed whole, opened whole, and by nobody else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.auth.session import (
    MAX_TOKEN_CHARS,
    InvalidSessionToken,
    Kind,
    Sealer,
    SessionKey,
    held,
    new_access_key,
    permissions_of,
)
from s3gw.identity.permissions import BucketName, Permissions

SEALER = Sealer(bytes(range(32)))
texts = st.text(max_size=200)
bits = st.integers(0, (1 << 64) - 1)
names = st.builds(BucketName, texts, texts, texts, texts)
permissions = st.builds(
    Permissions,
    st.booleans(),
    st.dictionaries(texts, bits, max_size=3),
    st.dictionaries(names, bits, max_size=3),
)
sessions = st.builds(
    SessionKey,
    access_key=texts,
    secret=texts,
    kind=st.sampled_from(Kind),
    holder=texts,
    issued_s=st.integers(0, 1 << 40),
    expires_s=st.integers(0, 1 << 40),
    name=texts,
    policy=st.text(max_size=2048),
    parent=texts,
    parent_mark=st.binary(max_size=8),
    held=st.none() | permissions.map(held),
    web_identity=st.binary(max_size=32),
    incarnation=texts,
)
ONE = SessionKey("ASIA", "secret", Kind.ROLE, "reader", 1, 2, "job")
TOKEN = SEALER.seal(ONE)


@given(sessions)
def test_what_was_sealed_is_what_is_opened(session: SessionKey) -> None:
    assert Sealer(bytes(range(32))).open(SEALER.seal(session)) == session


@given(permissions)
def test_permissions_are_held_whole(given: Permissions) -> None:
    session = SessionKey("a", "s", Kind.TOKEN, "me", 1, 2, held=held(given))
    opened = Sealer(bytes(range(32))).open(SEALER.seal(session)).held
    assert opened is not None
    assert permissions_of(opened) == given


@given(st.data())
def test_a_token_that_was_changed_never_opens(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises(InvalidSessionToken):
        SEALER.open(changed)


@given(st.text(max_size=400) | st.binary(max_size=400).map(lambda raw: raw.hex()))
def test_nothing_else_opens(text: str) -> None:
    with pytest.raises(InvalidSessionToken):
        SEALER.open(text)


@given(st.integers(0, len(TOKEN) - 1))
def test_a_token_that_was_cut_never_opens(length: int) -> None:
    with pytest.raises(InvalidSessionToken):
        SEALER.open(TOKEN[:length])


@pytest.mark.parametrize("spelling", [TOKEN + "=", TOKEN + "\n", " " + TOKEN, TOKEN + "A"])
def test_a_token_has_one_spelling(spelling: str) -> None:
    """Else one that was revoked would come back in another."""
    assert SEALER.open(TOKEN) == ONE
    with pytest.raises(InvalidSessionToken):
        SEALER.open(spelling)


def test_the_unused_bits_of_the_last_character_are_no_other_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for session in (ONE, SessionKey("ASIA", "s", Kind.ROLE, "r", 1, 2)):
        token = SEALER.seal(session)
        others = [token[:-1] + last for last in alphabet if last != token[-1]]
        for other in others:
            with pytest.raises(InvalidSessionToken):
                SEALER.open(other)


def test_another_server_cannot_open_it() -> None:
    with pytest.raises(InvalidSessionToken):
        Sealer(bytes(32)).open(TOKEN)


def test_a_token_that_is_too_long_is_not_even_read() -> None:
    long = SessionKey("a", "s", Kind.ROLE, "r", 1, 2, policy="x" * MAX_TOKEN_CHARS)
    with pytest.raises(InvalidSessionToken):
        SEALER.open(SEALER.seal(long))


def test_no_two_tokens_are_the_same() -> None:
    assert SEALER.seal(ONE) != SEALER.seal(ONE)


def test_a_token_of_a_role_is_short_enough_for_every_header() -> None:
    access_key, secret = new_access_key()
    longest = SessionKey(
        access_key, secret, Kind.ROLE, "r" * 64, 1, 2, "s" * 64, "p" * 2048, "k" * 128, b"8" * 8
    )
    assert len(SEALER.seal(longest)) < 3500
    assert len(TOKEN) < 150


def test_keys_look_like_those_of_aws() -> None:
    access_key, secret = new_access_key()
    assert (len(access_key), access_key[:4], len(secret)) == (20, "ASIA", 40)
    assert new_access_key() != (access_key, secret)


def test_a_mark_tells_id_and_secret_apart() -> None:
    marks = {SEALER.mark("a", "bc"), SEALER.mark("ab", "c"), SEALER.mark("a", "b")}
    assert len(marks) == 3


def test_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(ONE)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_has_thirty_two_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(size))
