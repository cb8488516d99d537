"""Master keys: 32 bytes that encrypt other keys.

They are in a file, or given as text.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from s3gw.config.loading import ConfigError
from s3gw.config.private_file import Readable, read_private, write_durably
from s3gw.keys.wrapping import KEY_BYTES

_HEX = re.compile(r"[0-9A-Fa-f]{64}")


def parse_key(text: str) -> bytes:
    """Parse a key in base64 or hexadecimal. Raises `ConfigError`."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError("The master key must be 32 bytes in base64 or in hexadecimal.")
    return key


def read_key(file: Path, protects: str) -> bytes:
    """Read a key file. Raises `ConfigError`, with what the key `protects` in its message."""
    try:
        return parse_key(read_private(file).decode("ascii", "replace").strip())
    except Readable:
        raise ConfigError(f"Others can read the key in {file}: run chmod 600 {file}.") from None
    except OSError as error:
        raise ConfigError(
            f"The master key {file} cannot be read ({error.strerror}), and without it {protects}: "
            "put it back."
        ) from None


def make_key(file: Path) -> None:
    """Write a new key to a file that only its owner can read. Raises `ConfigError`."""
    try:
        write_durably(file, base64.b64encode(os.urandom(KEY_BYTES)))
    except OSError as error:
        raise ConfigError(f"The master key cannot be written: {error}.") from None
