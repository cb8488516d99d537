"""The key by which nodes know one another: every call between them is signed with it.

A user's token is checked where the user arrives. What then goes on between nodes, also by way of a
client that was redirected, carries a signature of the node that checked, and the next one need not
trust the network.

Signed is what decides what the call does: method, path, the node that signs, the version of its
map, the length of the body and a nonce. Each field goes into the HMAC-SHA256 after its own length,
so that no two calls have the same bytes; before all stands a word for this use of the key, so that
nothing that was signed for another purpose passes. A signature is the digest in base64 for URLs,
without padding.

A nonce is eight bytes of time, in nanoseconds since the epoch, and eight random ones. Its time may
be off by the window, the tolerance for clocks that differ; within the window each nonce is
remembered, and outside it none needs to be. Only nonces of good signatures are remembered, so
nobody without the key can fill the memory; when it is full all the same, calls are refused rather
than let in twice.

Keys are replaced after their time to live. The old one is taken for the grace after that, because
nodes do not learn of the new one at the same moment. A key whose replacement is late goes on: nodes
must work while the coordination store is away.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from storage.clock import Clock

SECRET_BYTES = 32
# Two windows at the default of a minute hold 8,000 calls a second; some 100 bytes each.
MAX_NONCES = 1 << 20
_PURPOSE = b"s3gw cluster key 1"
_HALF_BYTES = 8
_NONCE_CHARACTERS = 22
_SIGNATURE_CHARACTERS = 43
_NS = 1_000_000_000


class ClusterKeyError(Exception):
    """The call is not known to come from one of our nodes; the text says why and holds no key."""


class BadSignature(ClusterKeyError):
    """Signed with a key that is not, or no longer, ours; or not what was signed."""


class StaleNonce(ClusterKeyError):
    """Signed too long ago, or by a clock that is too far ahead."""


class Replayed(ClusterKeyError):
    """A good signature that was used before."""


class TooManyCalls(ClusterKeyError):
    """More calls within the window than can be remembered."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds. `ttl_s` of 0 keeps a key for ever."""

    ttl_s: float = 86400.0
    nonce_window_s: float = 60.0
    rotation_grace_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Key:
    """`secret` has 32 bytes; `created_ns` is since the epoch."""

    secret: bytes = field(repr=False)
    created_ns: int


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that signs, and the one before it."""

    current: Key
    previous: Key | None = None

    @classmethod
    def generate(cls, now_ns: int) -> Keys:
        return cls(_new_key(now_ns))

    def is_due(self, rules: Rules, now_ns: int) -> bool:
        """Whether it is time for the next key."""
        return rules.ttl_s > 0 and now_ns >= self.current.created_ns + _ns(rules.ttl_s)

    def rotated(self, now_ns: int) -> Keys:
        return Keys(_new_key(now_ns), self.current)

    def accepted(self, rules: Rules, now_ns: int) -> tuple[Key, ...]:
        """Those with which a call may be signed now."""
        until_ns = self.current.created_ns + _ns(rules.rotation_grace_s)
        if self.previous is not None and now_ns < until_ns:
            return self.current, self.previous
        return (self.current,)


@dataclass(frozen=True, slots=True)
class NodeCall:
    """What is signed. `path` is raw, as it stands in the request, with those parts of the query
    that decide anything; `node_id` is who signs; `length` is the body's in bytes."""

    method: str
    path: str
    node_id: str
    map_version: int
    length: int
    nonce: str


class Nonces(Protocol):
    """Remembers nonces. All workers of a node have to ask the same one."""

    def remember(self, nonce: str, time_ns: int, now_ns: int) -> None:
        """Raises `Replayed` when it is known already and `TooManyCalls` when there is no room."""
        ...


class NonceMemory:
    """In slots of one window's length, which are forgotten whole."""

    def __init__(self, window_s: float, most: int = MAX_NONCES) -> None:
        self._window_ns = _ns(window_s)
        self._most = most
        self._slots: dict[int, set[str]] = {}

    def remember(self, nonce: str, time_ns: int, now_ns: int) -> None:
        self._forget(now_ns)
        slot = self._slots.setdefault(time_ns // self._window_ns, set())
        if nonce in slot:
            raise Replayed("the call was made before")
        if sum(map(len, self._slots.values())) >= self._most:
            raise TooManyCalls("too many calls to remember them all")
        slot.add(nonce)

    def _forget(self, now_ns: int) -> None:
        oldest = (now_ns - self._window_ns) // self._window_ns
        for slot in [each for each in self._slots if each < oldest]:
            del self._slots[slot]


def new_nonce(clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    return _encode(clock.now_ns().to_bytes(_HALF_BYTES, "big") + random(_HALF_BYTES))


def sign(call: NodeCall, key: Key) -> str:
    """Raises `ValueError` for a call with text that is no UTF-8, or negative numbers."""
    return _encode(hmac.digest(key.secret, signed_bytes(call), "sha256"))


def signed_bytes(call: NodeCall) -> bytes:
    fields = (
        _PURPOSE,
        call.method.encode(),
        call.path.encode(),
        call.node_id.encode(),
        _number(call.map_version),
        _number(call.length),
        call.nonce.encode(),
    )
    return b"".join(len(each).to_bytes(4, "big") + each for each in fields)


@dataclass(frozen=True, slots=True)
class Verifier:
    rules: Rules
    clock: Clock
    nonces: Nonces

    def verify(self, call: NodeCall, signature: str, keys: Keys) -> None:
        """Each call passes once. Raises a `ClusterKeyError`."""
        now_ns = self.clock.now_ns()
        time_ns = _time_of(call.nonce)
        if abs(now_ns - time_ns) > _ns(self.rules.nonce_window_s):
            raise StaleNonce("the call is older or newer than the window allows")
        if not _is_signed(call, signature, keys.accepted(self.rules, now_ns)):
            raise BadSignature("the call is not signed with a key of this cluster")
        self.nonces.remember(call.nonce, time_ns, now_ns)


def _is_signed(call: NodeCall, signature: str, keys: tuple[Key, ...]) -> bool:
    """Takes as long whichever key it is."""
    if len(signature) != _SIGNATURE_CHARACTERS or not signature.isascii():
        return False
    try:
        matches = [hmac.compare_digest(sign(call, key), signature) for key in keys]
    except ValueError:
        return False
    return any(matches)


def _time_of(nonce: str) -> int:
    """Raises `StaleNonce` for what is none of ours."""
    if len(nonce) == _NONCE_CHARACTERS:
        try:
            decoded = urlsafe_b64decode(nonce + "==")
        except (ValueError, binascii.Error):
            decoded = b""
        # One spelling for each nonce: another one would pass as a nonce that is new.
        if len(decoded) == 2 * _HALF_BYTES and _encode(decoded) == nonce:
            return int.from_bytes(decoded[:_HALF_BYTES], "big")
    raise StaleNonce("the nonce is none of ours")


def _number(value: int) -> bytes:
    if value < 0:
        raise ValueError("versions and lengths are not negative")
    return str(value).encode()


def _new_key(now_ns: int) -> Key:
    return Key(secrets.token_bytes(SECRET_BYTES), now_ns)


def _encode(block: bytes) -> str:
    return urlsafe_b64encode(block).rstrip(b"=").decode()


def _ns(seconds: float) -> int:
    return int(seconds * _NS)
