"""Key wrapping with AES-256-GCM.

The sealing key is derived for each use from a new random salt of 256 bits. So a nonce is never used
twice, however often a key wraps: with random nonces of 96 bits the uses would have to be counted.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_SALT = 32
_NONCE = bytes(12)
_LABEL = b"s3gw wrap 1\x00"


class WrongKey(Exception):
    """The secret was not wrapped under this key, or not in this context."""


def wrap(key: bytes, secret: bytes, context: bytes) -> bytes:
    """Return the salt and the sealed secret."""
    salt = os.urandom(_SALT)
    return salt + _derived(key, salt).encrypt(_NONCE, secret, context)


def unwrap(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Return the secret. Raises `WrongKey`."""
    try:
        return _derived(key, wrapped[:_SALT]).decrypt(_NONCE, wrapped[_SALT:], context)
    except (InvalidTag, ValueError):
        raise WrongKey from None


def _derived(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, _LABEL + salt, hashlib.sha256))
