"""Lookup of access keys and session tokens, for all kinds of signatures."""

from __future__ import annotations

from msgspec import Struct, field

from s3gw.auth.credentials import CredentialStore
from s3gw.auth.session import InvalidSessionToken, Sealer, SessionKey
from s3gw.identity.accounts import AccessKey
from s3gw.wire.errors import Code, S3Error
from storage.clock import Clock, SystemClock

_NS = 1_000_000_000
_REVOKED = "The provided token has been revoked."


class Keys(Struct, frozen=True):
    """Without a `sealer` there are no sessions. Lookups are as fresh as the last `refresh`."""

    credentials: CredentialStore
    sealer: Sealer | None = None
    clock: Clock = field(default_factory=SystemClock)

    async def refresh(self) -> None:
        """Bring the directory up to date."""
        if self.credentials.directory is not None:
            await self.credentials.directory.refresh()

    async def knows(self, access_key: str) -> bool:
        """Whether it is a lasting key."""
        await self.refresh()
        if self.credentials.principal_for_key(access_key) is None and self.credentials.directory:
            await self.credentials.directory.refresh_latest()
        return self.credentials.principal_for_key(access_key) is not None

    async def find(self, access_key: str, token: str | None) -> AccessKey:
        """Return the key and its secret; the signature is still to be checked with it.

        Raises `InvalidAccessKeyId`, `InvalidToken` and `ExpiredToken`.
        """
        if token is None and (known := self.credentials.accounts.find(access_key)) is not None:
            # The configuration's accounts do not change while the server runs.
            return known
        await self.refresh()
        found = self._found(access_key, token)
        if found is None and self.credentials.directory is not None:
            await self.credentials.directory.refresh_latest()
            found = self._found(access_key, token)
        if found is None:
            raise _unknown(access_key)
        return found

    def parent(self, token: str) -> str:
        """Return the lasting access key that requested the session of a verified token; empty if
        there was no such key."""
        return self.sealer.open(token).parent if self.sealer is not None else ""

    def note_use(self, key: AccessKey) -> None:
        """Record a valid signature with the key."""
        principal, directory = key.principal, self.credentials.directory
        if directory is not None and principal.user and principal.session is None:
            directory.note_use(principal.access_key)

    def _found(self, access_key: str, token: str | None) -> AccessKey | None:
        if token is not None:
            return self._of_session(access_key, token)
        return self.credentials.principal_for_key(access_key)

    def _of_session(self, access_key: str, token: str) -> AccessKey | None:
        if self.sealer is None:
            raise S3Error(Code.InvalidToken)
        try:
            session = self.sealer.open(token)
        except InvalidSessionToken:
            raise S3Error(Code.InvalidToken) from None
        if session.access_key != access_key:
            raise S3Error(Code.InvalidToken)
        if self.clock.now_ns() >= session.expires_s * _NS:
            raise S3Error(Code.ExpiredToken)
        if self._is_revoked(session, token):
            raise S3Error(Code.InvalidToken, _REVOKED)
        principal = self.credentials.principal_for_session(session, self.sealer)
        return AccessKey(principal, session.secret) if principal is not None else None

    def _is_revoked(self, session: SessionKey, token: str) -> bool:
        """Whether the token, or the web identity token that it was issued for, was revoked."""
        directory = self.credentials.directory
        if directory is None:
            return False
        return directory.is_revoked(token) or (
            session.web_identity != b"" and directory.is_revoked_digest(session.web_identity.hex())
        )


def _unknown(access_key: str) -> S3Error:
    return S3Error(Code.InvalidAccessKeyId, AWSAccessKeyId=access_key)
