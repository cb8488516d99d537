"""Encrypted bytes at rest, in authenticated frames.

A range decrypts only the frames that it touches.

Each object has a random data key of its own. Each place that holds bytes of it (a blob, by its id;
the index) has a key derived from that with HMAC-SHA256, so that no key ever meets the same nonce
twice, also when a part is uploaded again. In it the bytes are cut into frames and each is sealed
with AES-256-GCM. The nonce is the frame's number and a bit that says whether it is the last one, as
in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar: Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance, 2015): a frame that was cut off, moved, or taken from elsewhere
does not open.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import Corrupt, KeyRequired
from storage.values import Attributes, ObjectInfo, Unlock

KEY_BYTES = 32
TAG_BYTES = 16
# The place of bytes in the index; blob ids are hexadecimal and cannot be this.
INLINE = "inline"
_LABEL = b"s3gw frames 1\x00"


def check_key(data_key: bytes | None, attributes: Attributes) -> None:
    """Who writes encrypted bytes says how they are read, and the other way round: `ValueError`."""
    if (data_key is None) != (attributes.encryption is None):
        raise ValueError("a data key and the record of it go together")


async def unlocked(info: ObjectInfo, unlock: Unlock | None) -> bytes | None:
    """The data key of an object, None when it is not encrypted. Raises `KeyRequired`, and what
    `unlock` raised."""
    record = info.attributes.encryption
    if record is None:
        return None
    if unlock is None:
        raise KeyRequired(info.name)
    return await unlock(record)


class FrameCipher:
    """Seals and opens the frames of one place. `data_key` has 32 bytes."""

    __slots__ = ("_aead", "_place")

    def __init__(self, data_key: bytes, place: str) -> None:
        if len(data_key) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes, not {len(data_key)}")
        self._aead = AESGCM(hmac.digest(data_key, _LABEL + place.encode(), hashlib.sha256))
        self._place = place

    def seal(self, frame: bytes | memoryview, number: int, *, last: bool) -> bytes:
        """`TAG_BYTES` longer than the frame."""
        return self._aead.encrypt(_nonce(number, last), frame, None)

    def open(self, sealed: bytes | memoryview, number: int, *, last: bool) -> bytes:
        """Raises `Corrupt`, also when the data key is not the one that sealed."""
        try:
            return self._aead.decrypt(_nonce(number, last), sealed, None)
        except InvalidTag:
            reason = f"{self._place}: frame {number} is not what was encrypted"
            raise Corrupt(reason) from None


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
