"""JSON Web Tokens: nothing but the good token is taken, and claims of any kind break nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import cache

from s3gw.identity.permissions import NO_PERMISSIONS, Permissions
from s3gw.identity.protocol import Role, User, UserKey
from s3gw.identity.tokens.claims import Rules
from s3gw.identity.tokens.compact import encoded
from s3gw.identity.tokens.oidc import Issuers
from s3gw.identity.tokens.protocol import TokenError
from s3gw.identity.tokens.signature import configured_key
from s3gw.identity.tokens.verifier import Signers, Verifier
from tests.fuzz.mutation import spliced
from tests.storage.fake_clock import FakeClock
from tests.tokens.scene import SECRET, START_S, claims, signed

GOOD = signed(claims()).encode()
CLAIMS = b"""{"sub":"john","exp":1700003600,"nbf":1,"iat":1,"aud":["a"],"admin":false,
"clusters":[{"id":"","perm":"771"}],"buckets":[{"bck":{"name":"b","provider":"ais",
"namespace":{"uuid":"","name":""}},"perm":"18446744073709551587"}]}"""
_HEADER = encoded(b'{"alg":"HS256"}')
_NONE = b"\1eyJhbGciOiJub25lIn0." + GOOD.split(b".")[1] + b"."
SEEDS = [b"\0\0\0\0\0", b"\1\0\0\0\0", b"\0" + _NONE, b"\0\1a.b.c", b"\1\1{}", b"\1\1[]"]


def one_input(data: bytes) -> None:
    """An even first byte is for a token with no other signature than the good one's, an odd one for
    claims that are signed."""
    if data[:1] and data[0] % 2:
        is_taken(_signed(spliced(CLAIMS, data[1:])))
        return
    token = spliced(GOOD, data[1:]).decode("latin-1")
    assert is_taken(token) == (token.encode("latin-1") == GOOD), token


def is_taken(token: str) -> bool:
    """No step waits for anything when there is no issuer to ask, so that no loop is needed."""
    try:
        _verifier().verify(token).send(None)
    except StopIteration:
        return True
    except TokenError:
        return False
    raise AssertionError("it waits")


def _signed(payload: bytes) -> str:
    unsigned = f"{_HEADER}.{encoded(payload)}"
    mac = hmac.new(SECRET.encode(), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{encoded(mac)}"


@cache
def _verifier() -> Verifier:
    clock = FakeClock(START_S)
    issuers = Issuers({})
    signers = Signers(issuers, configured_key("HS256", SECRET), None)
    return Verifier(signers, Nobody(), Rules(), "", clock)


class Nobody:
    """A directory without users, in which nothing was revoked."""

    async def refresh(self) -> None:
        pass

    async def refresh_latest(self) -> None:
        pass

    def user(self, name: str) -> User | None:
        return None

    def role(self, name: str) -> Role | None:
        return None

    def roles(self) -> Sequence[Role]:
        return ()

    def key(self, access_key: str) -> UserKey | None:
        return None

    def permissions_of(self, user: User) -> Permissions:
        return NO_PERMISSIONS

    def alias_of(self, cluster: str) -> str:
        return ""

    def is_revoked(self, token: str) -> bool:
        return False

    def is_revoked_digest(self, digest: str) -> bool:
        return False

    def note_use(self, access_key: str) -> None:
        pass
