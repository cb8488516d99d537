"""Verifier and issuer of tokens, from the configuration."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from s3gw.config.auth import HMAC_NAMES, Auth
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.tokens.claims import Rules
from s3gw.identity.tokens.issuer import TokenIssuer
from s3gw.identity.tokens.keys import OWN_SECRET, new_own_secret, own_key
from s3gw.identity.tokens.oidc import IssuerKeys, Issuers, trusted_authorities
from s3gw.identity.tokens.signature import UnusableKey, VerifyingKey, configured_key, weakness
from s3gw.identity.tokens.verifier import Signers, Verifier
from s3gw.identity.vault import VaultError
from s3gw.outbound.addresses import Allowed
from storage.clock import Clock

log = logging.getLogger(__name__)


def check_tokens(auth: Auth) -> None:
    """Check the settings before the first token arrives, and log warnings once. Raises
    `ConfigError`."""
    key = token_key(auth)
    if auth.secret:
        log.warning("auth.secret is AIStore 4.0's form: write it as auth.signature.key")
    if key is not None and (weak := weakness(key)):
        log.warning("the key of tokens is weak", extra={"why": weak})
    try:
        trusted_authorities(auth.oidc.issuer_ca_bundle)
    except OSError as error:
        raise ConfigError(
            f"auth.oidc.issuer_ca_bundle = {auth.oidc.issuer_ca_bundle!r} cannot be used: "
            f"{error.strerror or 'it holds no certificates'}."
        ) from None


def token_key(auth: Auth) -> VerifyingKey | None:
    """Return the configured key, or None. Raises `ConfigError`."""
    name = "auth.secret" if auth.secret else "auth.signature.key"
    text = auth.secret or auth.signature.key
    if not text:
        return None
    try:
        return configured_key(auth.signature.method or "HS256", text)
    except UnusableKey as error:
        raise ConfigError(f"{name} cannot be used: {error}.") from None


@asynccontextmanager
async def verifying(
    config: Config, directory: StoredDirectory, clock: Clock
) -> AsyncIterator[Verifier]:
    """Run the verifier and keep its issuers' keys fresh. Raises `ConfigError`."""
    auth = config.auth
    async with _issuers(config, clock) as issuers:
        signers = Signers(issuers, token_key(auth), await _own_key(directory))
        rules = Rules(frozenset(auth.required_claims.aud), auth.leeway_s)
        async with issuers.kept_fresh():
            yield Verifier(signers, directory, rules, auth.oidc.roles_claim, clock)


@asynccontextmanager
async def _issuers(config: Config, clock: Clock) -> AsyncIterator[Issuers]:
    oidc, allowed = config.auth.oidc, Allowed.parse(config.outbound.allow)
    if not oidc.allowed_iss:
        yield Issuers({})
        return
    from s3gw.outbound.client import Outbound

    async with Outbound(allowed) as outbound:
        yield Issuers(
            {issuer: IssuerKeys(issuer, oidc, outbound, clock) for issuer in oidc.allowed_iss}
        )


async def token_issuer(auth: Auth, directory: StoredDirectory, clock: Clock) -> TokenIssuer:
    """Return the issuer of our tokens. Raises `ConfigError`."""
    key = token_key(auth)
    if key is None or key.algorithms[0] not in HMAC_NAMES:
        key = await _own_key(directory)
    return TokenIssuer(key, auth.required_claims.aud, int(auth.longest_token), clock)


async def _own_key(directory: StoredDirectory) -> VerifyingKey:
    """Return our signing key, created on first use. Raises `ConfigError`."""
    try:
        return own_key(await directory.secret(OWN_SECRET, new_own_secret))
    except VaultError as error:
        raise ConfigError(f"The key of our own tokens cannot be used: {error}.") from None
