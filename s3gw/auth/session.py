"""Session tokens: temporary keys, sealed and given to the client.

    token     base64url(version (1 byte) || salt (32) || AES-256-GCM(content))
    content   MessagePack of `SessionKey`

The server stores nothing, so every process and node knows every session: an opened token has the
requester, the holder of its rights, and the secret that requests are signed with. Each token is
sealed under its own key, derived from the server's by the salt. The rights of a user or role are
not in the token: they are looked up at each use.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import string
from enum import Enum
from functools import lru_cache

import msgspec

from s3gw.identity.permissions import BucketName, Permissions
from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap

# The name of the sealing key in its derivation from the master key.
SESSION_TOKENS = "session tokens"
# The longest life of temporary keys of a role, or of a web identity.
MAX_ROLE_SESSION_S = 12 * 3600
# Header lines of 8 KiB pass every proxy that we know of, and the rest of the head needs room too.
MAX_TOKEN_CHARS = 6144
ID_PREFIX = "ASIA"

_VERSION = b"\x01"
_MARK_BYTES = 8
_CACHED = 2048
_ID_ALPHABET = string.ascii_uppercase + "234567"
_ID_TAIL = 16
_SECRET_BYTES = 30


class InvalidSessionToken(Exception):
    """The token was not issued by this cluster, or has been changed."""


class Kind(Enum):
    """Whose rights a session gives."""

    ACCOUNT = "a"
    USER = "u"
    ROLE = "r"
    TOKEN = "t"


class Held(msgspec.Struct, frozen=True, array_like=True):
    """The rights of a web identity token, for a session that has no other source of them."""

    admin: bool
    clusters: dict[str, int]
    buckets: tuple[tuple[BucketName, int], ...]


class SessionKey(msgspec.Struct, frozen=True, array_like=True):
    """A temporary access key, its secret, and its principal.

    `holder` is the account's id, or the name of the user or of the role; of a web identity token it
    is the subject. `name` is the session's, `policy` narrows it. `parent` is the access key that
    requested the session, and `parent_mark` identifies its secret at that time; `web_identity` is
    the SHA-256 of the token that was sent instead. `incarnation` is the holder's: a session does
    not outlive its user or role, even if there is another of the same name.
    """

    access_key: str
    secret: str
    kind: Kind
    holder: str
    issued_s: int
    expires_s: int
    name: str = ""
    policy: str = ""
    parent: str = ""
    parent_mark: bytes = b""
    held: Held | None = None
    web_identity: bytes = b""
    incarnation: str = ""

    def __repr__(self) -> str:
        return f"SessionKey({self.access_key!r}, ***)"


def new_access_key() -> tuple[str, str]:
    """Return an id, with AWS' prefix for temporary keys, and a secret."""
    tail = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_TAIL))
    secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return ID_PREFIX + tail, secret


def held(permissions: Permissions) -> Held:
    buckets = tuple(permissions.buckets.items())
    return Held(permissions.admin, dict(permissions.clusters), buckets)


def permissions_of(held: Held) -> Permissions:
    return Permissions(held.admin, held.clusters, dict(held.buckets))


class Sealer:
    """Seals and opens session tokens under a key of 32 bytes that has no other use."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._key = key
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(SessionKey)
        # Caches only the opening: expiry and revocation are checked at every use.
        self._opened = lru_cache(maxsize=_CACHED)(self._open)

    def seal(self, session: SessionKey) -> str:
        sealed = _VERSION + wrap(self._key, self._encoder.encode(session), _VERSION)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, token: str) -> SessionKey:
        """Return the content of a token. Raises `InvalidSessionToken`."""
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidSessionToken
        return self._opened(token)

    def mark(self, access_key: str, secret: str) -> bytes:
        """Return a digest of the key's id and secret; without the sealing key it reveals nothing
        of the secret."""
        text = f"{access_key}\x00{secret}".encode()
        return hmac.digest(self._key, text, "sha256")[:_MARK_BYTES]

    def _open(self, token: str) -> SessionKey:
        sealed = _unpadded(token)
        if sealed[:1] != _VERSION:
            raise InvalidSessionToken
        try:
            return self._decoder.decode(unwrap(self._key, sealed[1:], _VERSION))
        except (WrongKey, msgspec.MsgspecError):
            raise InvalidSessionToken from None


def _unpadded(token: str) -> bytes:
    """Decode the one valid spelling: a revoked token must not be usable in another one."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidSessionToken from None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != token:
        raise InvalidSessionToken
    return raw
