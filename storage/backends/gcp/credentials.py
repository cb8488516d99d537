"""Credentials of Google, from where google-auth finds them, and the tokens that they give.

google-auth reads files and calls servers synchronously, so that it works in a thread. A token is
fetched once for all requests that want one. One that ends in some minutes is still good for those
that come while the next one cannot be had.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import google.auth
from google.auth import exceptions
from google.auth.credentials import AnonymousCredentials, TokenState
from google.auth.transport.requests import Request

from storage.backends.gcp.options import CREDENTIALS

log = logging.getLogger(__name__)

_SCOPES = ("https://www.googleapis.com/auth/devstorage.full_control",)
_NOT_FOUND = "default credentials were not found"

# Below this, google-auth logs requests for tokens.
logging.getLogger("google").setLevel(logging.INFO)


class Tokens:
    """Headers that authorize requests. `project` is that of the credentials, empty where they have
    none; both are known after the first `headers`."""

    def __init__(self, *, anonymous: bool) -> None:
        self._credentials: Any = AnonymousCredentials() if anonymous else None
        self._changing = asyncio.Lock()
        self.project = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def are_anonymous(self) -> bool:
        return isinstance(self._credentials, AnonymousCredentials)

    async def headers(self) -> dict[str, str]:
        """Raises what google-auth raises for credentials that cannot be read or are refused."""
        if not self._is_fresh():
            async with self._changing:
                if not self._is_fresh():
                    await asyncio.to_thread(self._renew)
        headers: dict[str, str] = {}
        if not self.are_anonymous:
            assert self._credentials is not None
            self._credentials.apply(headers)
        return headers

    def expire(self, headers: dict[str, str]) -> bool:
        """Drop the token that was refused with these headers. Return whether to try another."""
        if self.are_anonymous or self._credentials is None:
            return False
        current: dict[str, str] = {}
        self._credentials.apply(current)
        if current.get("authorization") == headers.get("authorization"):
            self._credentials.token = None
        return True

    def _is_fresh(self) -> bool:
        if self._credentials is None:
            return False
        return self.are_anonymous or self._credentials.token_state is TokenState.FRESH

    def _renew(self) -> None:
        """In a thread."""
        if self._credentials is None:
            self._credentials, self.project = _find()
        if self.are_anonymous:
            return
        try:
            self._credentials.refresh(Request())
        except exceptions.GoogleAuthError as error:
            if self._credentials.token_state is not TokenState.STALE:
                raise
            kind = type(error).__name__
            log.warning("a new token of Google could not be fetched", extra={"error": kind})


def _find() -> tuple[google.auth.credentials.Credentials, str]:
    """Return the default credentials and their project, or anonymous ones."""
    try:
        found, project = google.auth.default(scopes=_SCOPES)
    except exceptions.DefaultCredentialsError as error:
        # A file that is named and cannot be read, or holds no credentials, is a mistake.
        if os.environ.get(CREDENTIALS) or _NOT_FOUND not in str(error):
            raise
        log.warning("no credentials of Google found: only public buckets can be read")
        return AnonymousCredentials(), ""
    return found, project or ""
