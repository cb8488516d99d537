"""The keys of OpenID Connect issuers: discovery, refresh, and outages.

An issuer's discovery document names its key set. Both are fetched in the background before the keys
are stale, and at once when a token names an unknown key, because issuers change keys without
notice. But an attacker can send unknown keys: so that happens at most every 30 seconds, and all
waiting requests share one fetch. When a fetch fails, the previous keys are used for a bounded time.

Fetches happen in one job for each issuer, and requests only wait for it: a client that disconnects
does not cancel a fetch.

https://openid.net/specs/openid-connect-discovery-1_0.html (section 4)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cluster.maintenance import run_repeatedly
from s3gw.config.auth import Oidc
from s3gw.identity.tokens.compact import Compact, read_object
from s3gw.identity.tokens.jwks import KeySetError, read_key_set
from s3gw.identity.tokens.protocol import TokenError
from s3gw.identity.tokens.signature import VerifyingKey
from s3gw.outbound.fetch import Fetch, Fetched, OutboundError
from storage.clock import Clock
from storage.digits import read_digits

if TYPE_CHECKING:
    from s3gw.outbound.client import Outbound

log = logging.getLogger(__name__)

# The least interval between fetches because of a token, and between retries during an outage.
UNKNOWN_KEY_S = 30.0
# Until an issuer's keys are fetched for the first time its tokens are refused: retry sooner.
FIRST_RETRY_S = 5.0
LEAST_FRESH_S = 900.0
# Keys are fetched again when this fraction of their lifetime is left.
EARLY = 0.2

_NEVER_S = float("-inf")
_WELL_KNOWN = "/.well-known/openid-configuration"
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=([0-9]+)(?:$|[,\s])", re.IGNORECASE)
_NS = 1_000_000_000


class IssuerKeys:
    """One issuer. A job in the sense of `cluster.maintenance`; times are seconds since the
    epoch."""

    def __init__(self, issuer: str, options: Oidc, outbound: Outbound, clock: Clock) -> None:
        self._issuer = issuer
        self._options = options
        self._outbound = outbound
        self._clock = clock
        self._keys: tuple[VerifyingKey, ...] = ()
        self._version = 0
        self._fetched_s = self._tried_s = self._due_s = _NEVER_S
        self._fetching = False
        self._wanted = asyncio.Event()
        self._round: asyncio.Future[None] | None = None

    @property
    def version(self) -> int:
        """A number that changes with the keys; 0 without usable keys."""
        return self._version if self._usable() else 0

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        """Return the keys that may have signed the token: those with its key id, or, for a token
        without one, the only key of its kind. Raises `TokenError`."""
        found = self._candidates(token)
        if not found and (self._fetching or self._may_try()):
            await self._ask()
            found = self._candidates(token)
        if not found:
            if not self._usable():
                raise TokenError("the issuer's keys cannot be fetched", unreachable=True)
            raise TokenError("the issuer has no such key")
        return found

    async def run_once(self) -> float:
        asked = self._round is not None and self._may_try()
        try:
            if asked or self._now_s() >= self._due_s:
                await self._refresh()
        finally:
            if self._round is not None:
                self._round.set_result(None)
                self._round = None
        return max(0.0, self._due_s - self._now_s())

    async def wanted_within(self, seconds: float) -> bool:
        """Wait that long, or until keys are wanted. Always False (do not stop), for the job ends by
        cancellation."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()
        return False

    async def _ask(self) -> None:
        """Wait for one fetch of the keys, shared by all waiting requests."""
        if self._round is None:
            self._round = asyncio.get_running_loop().create_future()
            self._wanted.set()
        with contextlib.suppress(TimeoutError):
            # Longer than the job's own limits for its two documents.
            async with asyncio.timeout(3 * self._options.jwks_timeout):
                await asyncio.shield(self._round)

    def _candidates(self, token: Compact) -> Sequence[VerifyingKey]:
        usable = [key for key in self._usable() if token.algorithm in key.algorithms]
        if token.key_id:
            return [key for key in usable if key.key_id == token.key_id]
        return usable if len(usable) == 1 else []

    def _usable(self) -> tuple[VerifyingKey, ...]:
        age_s = self._now_s() - self._fetched_s
        too_old_s = self._options.jwks_refresh + self._options.jwks_stale
        return self._keys if age_s < too_old_s else ()

    def _may_try(self) -> bool:
        """Whether the interval between fetches has passed, or the clock was set back."""
        pause_s = UNKNOWN_KEY_S if self._keys else FIRST_RETRY_S
        return not 0 <= self._now_s() - self._tried_s < pause_s

    async def _refresh(self) -> None:
        self._tried_s = self._now_s()
        self._fetching = True
        try:
            keys, fresh_s = await self._fetch()
        except (OutboundError, KeySetError, TokenError, OSError) as error:
            self._due_s = self._tried_s + (UNKNOWN_KEY_S if self._keys else FIRST_RETRY_S)
            log.warning(
                "cannot fetch the keys of an issuer",
                extra={"issuer": self._issuer, "error": str(error), "keys": len(self._keys)},
            )
            return
        finally:
            self._fetching = False
        self._fetched_s = self._now_s()
        self._due_s = self._fetched_s + fresh_s * (1 - EARLY)
        if keys != self._keys:
            self._keys = keys
            self._version += 1
            log.info("new keys of an issuer", extra={"issuer": self._issuer, "keys": len(keys)})

    async def _fetch(self) -> tuple[tuple[VerifyingKey, ...], float]:
        """Return the keys, and for how many seconds they are fresh."""
        tls = await asyncio.to_thread(trusted_authorities, self._options.issuer_ca_bundle)
        described = await self._get(self._issuer.rstrip("/") + _WELL_KNOWN, tls)
        document = read_object(described.body, "the discovery document")
        if document.get("issuer") != self._issuer:
            raise KeySetError("the discovery document is another issuer's")
        address = document.get("jwks_uri")
        if not isinstance(address, str):
            raise KeySetError("the discovery document names no key set")
        answer = await self._get(address, tls)
        keys = read_key_set(answer.body, self._options.jwks_max_keys)
        return keys, self._fresh_s(answer)

    async def _get(self, url: str, tls: ssl.SSLContext | None) -> Fetched:
        wanted = Fetch(url, timeout_s=self._options.jwks_timeout, https_only=True, tls=tls)
        answer = await self._outbound.get(wanted, limit_bytes=self._options.jwks_max_size)
        if answer.status != 200:
            raise KeySetError(f"the issuer answered with status {answer.status}")
        return answer

    def _fresh_s(self, answer: Fetched) -> float:
        said = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
        asked = float(read_digits(said[1]) or 0) if said else self._options.jwks_refresh
        return min(max(asked, LEAST_FRESH_S), self._options.jwks_refresh)

    def _now_s(self) -> float:
        return self._clock.now_ns() / _NS


class Issuers:
    """All issuers whose tokens are accepted."""

    def __init__(self, issuers: Mapping[str, IssuerKeys]) -> None:
        self._issuers = issuers

    def get(self, issuer: str) -> IssuerKeys | None:
        return self._issuers.get(issuer)

    @contextlib.asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        jobs = [
            asyncio.create_task(run_repeatedly(each, UNKNOWN_KEY_S, each.wanted_within))
            for each in self._issuers.values()
        ]
        try:
            yield
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)


def trusted_authorities(bundle: str) -> ssl.SSLContext | None:
    """Return the context of a bundle's file; None without a file, for the system's. Raises
    `OSError`, also as `ssl.SSLError`."""
    return ssl.create_default_context(cafile=bundle) if bundle else None
