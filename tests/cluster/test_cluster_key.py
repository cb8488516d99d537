"""Calls between nodes: what passes, what does not, and for how long."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cluster_key import (
    BadSignature,
    ClusterKeyError,
    Key,
    Keys,
    NodeCall,
    NonceMemory,
    Replayed,
    Rules,
    StaleNonce,
    TooManyCalls,
    Verifier,
    new_nonce,
    sign,
    signed_bytes,
)
from tests.storage.fake_clock import FakeClock

S = 1_000_000_000
NOW = 1_800_000_000 * S


def clock_at(time_ns: int) -> FakeClock:
    clock = FakeClock(0)
    clock.advance_ns(time_ns)
    return clock


RULES = Rules(ttl_s=3600, nonce_window_s=60, rotation_grace_s=30)
KEYS = Keys(Key(bytes(range(32)), NOW))
NONCE = new_nonce(clock_at(NOW), lambda count: b"\xab" * count)
CALL = NodeCall("PUT", "/v1/objects/b/o%2Fp", "p[abc]", 17, 4096, NONCE)


class Node:
    def __init__(self, rules: Rules = RULES, most: int = 1000) -> None:
        self.clock = clock_at(NOW)
        self._verifier = Verifier(rules, self.clock, NonceMemory(rules.nonce_window_s, most))

    def be_at(self, time_ns: int) -> None:
        self.clock.advance_ns(time_ns - self.clock.now_ns())

    def verify(self, call: NodeCall, signature: str, keys: Keys = KEYS) -> None:
        self._verifier.verify(call, signature, keys)

    def call(self, **changes: Any) -> NodeCall:
        return replace(CALL, nonce=new_nonce(self.clock), **changes)


def by_hand(secret: bytes, message: bytes) -> str:
    """HMAC as RFC 2104 has it, without the library."""
    block = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + message).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).digest()
    return base64.urlsafe_b64encode(outer).decode().rstrip("=")


@pytest.mark.parametrize(
    ("call", "signature"),
    [
        (CALL, "KbmFYsN2XM_MYLjygqwT7Op6kcsP_8zJdywEkKUD6gc"),
        (NodeCall("GET", "/", "t", 0, 0, NONCE), "bCELHWucvSbINgHQuVfQD8CrKAuPwY8MC-Q9Buv_mj8"),
        (
            NodeCall("DELETE", "/v1/buckets/ü", "p" * 300, 2**63, 2**40, NONCE),
            "mUew5LQO4IcnwEOXnP-50u_TItcjpv9QP8SQgTlKL3g",
        ),
    ],
)
def test_signatures_stay_what_they_are(call: NodeCall, signature: str) -> None:
    assert NONCE == "GPridpO0AACrq6urq6urqw"
    assert sign(call, KEYS.current) == signature == by_hand(bytes(range(32)), signed_bytes(call))


def test_a_signed_call_passes_once() -> None:
    node = Node()
    node.verify(CALL, sign(CALL, KEYS.current))
    with pytest.raises(Replayed):
        node.verify(CALL, sign(CALL, KEYS.current))


texts = st.text(max_size=20)
calls = st.builds(
    NodeCall,
    method=texts,
    path=texts,
    node_id=texts,
    map_version=st.integers(0, 2**64),
    length=st.integers(0, 2**64),
    nonce=texts,
)


@given(calls, calls)
def test_no_two_calls_have_the_same_bytes(one: NodeCall, other: NodeCall) -> None:
    assert (signed_bytes(one) == signed_bytes(other)) == (one == other)


@given(texts, st.integers(0, 20), st.integers(0, 20))
def test_what_is_moved_from_one_field_to_the_next_changes_the_bytes(
    text: str, cut: int, other_cut: int
) -> None:
    one = replace(CALL, method=text[:cut], path=text[cut:])
    other = replace(CALL, method=text[:other_cut], path=text[other_cut:])
    assert (signed_bytes(one) == signed_bytes(other)) == (one == other)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"path": "/v1/objects/b/o/p"},
        {"node_id": "p[abd]"},
        {"map_version": 18},
        {"length": 4097},
    ],
)
def test_a_changed_field_is_refused(change: dict[str, Any]) -> None:
    node, signature = Node(), sign(CALL, KEYS.current)
    with pytest.raises(BadSignature):
        node.verify(replace(CALL, **change), signature)
    node.verify(CALL, signature)


@given(st.integers(0, 42), st.characters(codec="latin-1"))
def test_a_changed_signature_is_refused(where: int, character: str) -> None:
    signature = sign(CALL, KEYS.current)
    changed = signature[:where] + character + signature[where + 1 :]
    if changed != signature:
        with pytest.raises(BadSignature):
            Node().verify(CALL, changed)


@given(st.text(), st.text())
def test_whatever_is_sent_is_refused_with_the_same_kind_of_error(nonce: str, text: str) -> None:
    with pytest.raises(ClusterKeyError):
        Node().verify(replace(CALL, nonce=nonce), text)
    with pytest.raises(BadSignature):
        Node().verify(replace(CALL, path="\ud800"), text[:43].ljust(43, "A"))
    with pytest.raises(BadSignature):
        Node().verify(replace(CALL, length=-1), "A" * 43)


@pytest.mark.parametrize("offset_s", [-60, -59, 0, 59, 60])
def test_clocks_may_differ_by_the_window(offset_s: int) -> None:
    node = Node()
    node.clock.advance_ns(offset_s * S)
    node.verify(CALL, sign(CALL, KEYS.current))


@pytest.mark.parametrize("offset_ns", [-60 * S - 1, 60 * S + 1, 3600 * S])
def test_clocks_may_not_differ_by_more(offset_ns: int) -> None:
    node = Node()
    node.clock.advance_ns(offset_ns)
    with pytest.raises(StaleNonce):
        node.verify(CALL, sign(CALL, KEYS.current))


def test_another_spelling_of_a_nonce_is_no_other_nonce() -> None:
    """The last of 22 characters has four bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert NONCE[-1] in alphabet[::16]
    other = NONCE[:-1] + alphabet[alphabet.index(NONCE[-1]) + 1]
    call = replace(CALL, nonce=other)
    with pytest.raises(StaleNonce):
        Node().verify(call, sign(call, KEYS.current))


@given(st.lists(st.integers(-60 * S, 60 * S), min_size=1, max_size=30), st.integers(0, 120))
def test_no_call_ever_passes_twice(ages_ns: list[int], later_s: int) -> None:
    """Whenever it is sent again: it is either remembered or stale."""
    node, made = Node(), []
    for age_ns in ages_ns:
        call = replace(CALL, nonce=new_nonce(clock_at(NOW + age_ns)))
        made.append(call)
        node.verify(call, sign(call, KEYS.current))
    for step in range(4):
        node.be_at(NOW + step * later_s * S)
        for call in made:
            with pytest.raises((Replayed, StaleNonce)):
                node.verify(call, sign(call, KEYS.current))


def test_the_memory_of_nonces_is_bounded_and_refuses_when_it_is_full() -> None:
    node = Node(most=2)
    for _ in range(2):
        call = node.call()
        node.verify(call, sign(call, KEYS.current))
    with pytest.raises(TooManyCalls):
        node.verify(call := node.call(), sign(call, KEYS.current))
    node.clock.advance_ns(180 * S)
    node.verify(call := node.call(), sign(call, KEYS.current))


def test_bad_signatures_take_no_room() -> None:
    node = Node(most=1)
    for _ in range(5):
        with pytest.raises(BadSignature):
            node.verify(node.call(), "A" * 43)
    node.verify(CALL, sign(CALL, KEYS.current))


def test_a_key_is_due_after_its_time_to_live() -> None:
    assert not KEYS.is_due(RULES, NOW + 3600 * S - 1)
    assert KEYS.is_due(RULES, NOW + 3600 * S)
    assert not KEYS.is_due(replace(RULES, ttl_s=0), NOW + 10**6 * S)


def test_the_old_key_is_taken_during_the_grace_only() -> None:
    rotated = KEYS.rotated(NOW + 10 * S)
    node = Node()
    for offset_ns, good in [(10 * S, True), (40 * S - 1, True), (40 * S, False)]:
        node.be_at(NOW + offset_ns)
        call = node.call()
        if good:
            node.verify(call, sign(call, KEYS.current), rotated)
        else:
            with pytest.raises(BadSignature):
                node.verify(call, sign(call, KEYS.current), rotated)
        node.verify(new := node.call(), sign(new, rotated.current), rotated)


def test_the_key_before_the_last_one_is_not_taken() -> None:
    twice = KEYS.rotated(NOW).rotated(NOW)
    with pytest.raises(BadSignature):
        Node().verify(CALL, sign(CALL, KEYS.current), twice)


def test_without_a_grace_the_old_key_ends_at_once() -> None:
    rotated = KEYS.rotated(NOW)
    with pytest.raises(BadSignature):
        Node(replace(RULES, rotation_grace_s=0)).verify(CALL, sign(CALL, KEYS.current), rotated)


def test_keys_are_random_and_not_shown() -> None:
    one, other = Keys.generate(NOW), Keys.generate(NOW)
    assert len(one.current.secret) == 32
    assert one.current.secret != other.current.secret
    assert str(one.current.secret) not in repr(one)
