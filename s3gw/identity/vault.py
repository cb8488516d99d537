"""Secrets at rest, sealed with AES-256-GCM.

The sealing key is derived from the master key. A sealed secret is bound to its name, so that a
record copied to another name does not open. The name of an access key's secret is the access key.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap


class VaultError(Exception):
    """The master key is a different one, or the sealed data has been changed."""


class Vault:
    def __init__(self, master: bytes) -> None:
        """`master` has 32 bytes."""
        self._master = master
        self._sealing = self.derive("seal secrets")

    def seal(self, name: str, secret: bytes) -> bytes:
        return wrap(self._sealing, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Return the secret. Raises `VaultError`."""
        try:
            return unwrap(self._sealing, sealed, name.encode())
        except WrongKey:
            raise VaultError(f"the secret of {name!r} cannot be opened") from None

    def derive(self, purpose: str) -> bytes:
        """Derive a key of 32 bytes, always the same for a purpose; it does not reveal the master
        key or other derived keys."""
        info = f"s3gw auth {purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, None, info).derive(self._master)
