"""Secrets at rest: sealed with AES-256-GCM under a key that is derived from the master key.

What is sealed is bound to its name, so that a record copied to another name does not open. The
name of an access key's secret is the access key.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap


class VaultError(Exception):
    """The master key is another one, or what was sealed has been changed."""


class Vault:
    def __init__(self, master: bytes) -> None:
        """`master` has 32 bytes."""
        self._master = master
        self._sealing = self.derive("seal secrets")

    def seal(self, name: str, secret: bytes) -> bytes:
        return wrap(self._sealing, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Raises `VaultError`."""
        try:
            return unwrap(self._sealing, sealed, name.encode())
        except WrongKey:
            raise VaultError(f"the secret of {name!r} cannot be opened") from None

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for something else, always the same for a purpose; from it neither the
        master key nor another one can be found."""
        info = f"s3gw auth {purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, None, info).derive(self._master)
