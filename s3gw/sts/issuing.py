"""Issue of temporary keys, for STS and for `s3gw auth credentials`."""

from __future__ import annotations

from msgspec import Struct

from s3gw.auth.keys import Keys
from s3gw.auth.session import (
    MAX_TOKEN_CHARS,
    Held,
    Kind,
    Sealer,
    SessionKey,
    new_access_key,
)
from s3gw.identity.accounts import Principal
from s3gw.sts.errors import StsCode, StsError

_NS = 1_000_000_000


class Grant(Struct, frozen=True):
    """The content of a session to be issued.

    `holder` is an account's id, the name of a user or role, or the subject of the token that `held`
    was read from, `web_identity` that token's SHA-256. `parent` is the lasting access key of the
    requester. With `until_s` the session ends by then, even if `duration_s` is longer.
    """

    kind: Kind
    holder: str
    duration_s: int
    name: str = ""
    policy: str = ""
    parent: str = ""
    held: Held | None = None
    until_s: int | None = None
    web_identity: bytes = b""


class Issued(Struct, frozen=True):
    """`principal` is the session's."""

    session: SessionKey
    token: str
    principal: Principal


class Issuer:
    def __init__(self, keys: Keys, sealer: Sealer) -> None:
        self._keys = keys
        self._sealer = sealer

    def now_s(self) -> int:
        return self._keys.clock.now_ns() // _NS

    def issue(self, grant: Grant) -> Issued:
        """Issue keys. Raises `PackedPolicyTooLarge` if the token does not fit into a header."""
        session = self._session(grant)
        token = self._sealer.seal(session)
        if len(token) > MAX_TOKEN_CHARS:
            raise StsError(
                StsCode.PackedPolicyTooLarge,
                f"The session token would have {len(token)} characters; {MAX_TOKEN_CHARS} fit.",
            )
        principal = self._keys.credentials.principal_for_session(session, self._sealer)
        if principal is None:
            raise StsError(StsCode.AccessDenied)
        return Issued(session, token, principal)

    def _session(self, grant: Grant) -> SessionKey:
        access_key, secret = new_access_key()
        now_s = self.now_s()
        expires_s = now_s + grant.duration_s
        if grant.until_s is not None:
            expires_s = min(expires_s, grant.until_s)
        return SessionKey(
            access_key=access_key,
            secret=secret,
            kind=grant.kind,
            holder=grant.holder,
            issued_s=now_s,
            expires_s=expires_s,
            name=grant.name,
            policy=grant.policy,
            parent=grant.parent,
            parent_mark=self._mark(grant.parent),
            held=grant.held,
            web_identity=grant.web_identity,
            incarnation=self._keys.credentials.incarnation(grant.kind, grant.holder),
        )

    def _mark(self, access_key: str) -> bytes:
        if not access_key:
            return b""
        found = self._keys.credentials.principal_for_key(access_key)
        if found is None:
            raise StsError(StsCode.InvalidClientTokenId)
        return self._sealer.mark(access_key, found.secret)
