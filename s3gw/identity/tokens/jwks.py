"""An issuer's public keys, as a JSON Web Key Set.

Unusable keys (another kind, for encryption, too weak) are skipped, as RFC 7517 (section 5)
requires; a secret in a public set is never used as a key.
"""

from __future__ import annotations

from typing import Any

from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from s3gw.config.auth import EC_NAMES, RSA_NAMES
from s3gw.identity.tokens.compact import read_object
from s3gw.identity.tokens.protocol import TokenError
from s3gw.identity.tokens.signature import UnusableKey, VerifyingKey, public_key


class KeySetError(Exception):
    """The issuer's answer is not a set of keys; the text says why."""


def read_key_set(body: bytes, max_keys: int) -> tuple[VerifyingKey, ...]:
    """Return the keys that can verify tokens, at least one. Raises `KeySetError`."""
    try:
        rows = read_object(body, "the key set").get("keys")
    except TokenError as error:
        raise KeySetError(str(error)) from None
    if not isinstance(rows, list):
        raise KeySetError("the key set has no list of keys")
    if len(rows) > max_keys:
        raise KeySetError(f"the key set has more than {max_keys} keys")
    keys = tuple(key for row in rows if (key := _key(row)) is not None)
    if not keys:
        raise KeySetError("the key set has no key that can be used")
    return keys


def _key(row: object) -> VerifyingKey | None:
    if not isinstance(row, dict) or "d" in row or not _is_for_signatures(row):
        return None
    key_id = row.get("kid", "")
    names = _names(row)
    if not isinstance(key_id, str) or not names:
        return None
    read = RSAAlgorithm.from_jwk if names[0] in RSA_NAMES else ECAlgorithm.from_jwk
    try:
        return public_key(read(row), names, key_id)
    except (UnusableKey, PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_for_signatures(row: dict[str, Any]) -> bool:
    operations = row.get("key_ops", ["verify"])
    return row.get("use", "sig") == "sig" and isinstance(operations, list) and (
        "verify" in operations
    )  # fmt: skip


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the algorithms of the key's kind, or the one that it names."""
    names = {"RSA": RSA_NAMES, "EC": EC_NAMES}.get(str(row.get("kty")), ())
    wanted = row.get("alg")
    return names if wanted is None else tuple(name for name in names if name == wanted)
