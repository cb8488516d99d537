"""The key ring that a configuration asks for: where it is, what opens it, and when one is made.

A server without a master key has none, and refuses SSE-S3 and SSE-KMS. A master key is made only
together with a ring: a new one would open nothing that is there.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from s3gw.config import ConfigError
from s3gw.encryption.ring import Ring, RingError, new_ring
from s3gw.encryption.wrapping import KEY_BYTES
from s3gw.private_file import Readable, read_private, write_durably
from s3gw.sections import Config

FILE_NAME = "keyring.json"
_HEX = re.compile(r"[0-9A-Fa-f]{64}")


def open_ring(config: Config) -> Ring | None:
    """The ring, which must be there; None when no master key is configured. Raises
    `ConfigError`."""
    if not _has_master_key(config):
        return None
    try:
        return Ring(ring_path(config), _master_key(config))
    except RingError as error:
        raise ConfigError(str(error)) from None


def prepare_ring(config: Config) -> Ring | None:
    """As `open_ring`, but makes what is missing: the ring, and with it the master key's file."""
    if not _has_master_key(config) or ring_path(config).exists():
        return open_ring(config)
    file = config.encryption.master_key_file
    if file and not Path(file).exists():
        _make_master_key(Path(file))
    try:
        return new_ring(ring_path(config), _master_key(config))
    except OSError as error:
        raise ConfigError(f"The key ring cannot be made: {error}.") from None


def ring_path(config: Config) -> Path:
    chosen = config.encryption.key_file
    return Path(chosen) if chosen else Path(config.storage.data[0]) / FILE_NAME


def beside_the_data(config: Config) -> bool:
    """Whether who takes the data takes the master key too."""
    file = config.encryption.master_key_file
    folders = [Path(folder).resolve() for folder in config.storage.data]
    return bool(file) and any(Path(file).resolve().is_relative_to(each) for each in folders)


def _has_master_key(config: Config) -> bool:
    return bool(config.encryption.master_key or config.encryption.master_key_file)


def _make_master_key(file: Path) -> None:
    try:
        write_durably(file, base64.b64encode(os.urandom(KEY_BYTES)))
    except OSError as error:
        raise ConfigError(f"The master key cannot be written: {error}.") from None


def _master_key(config: Config) -> bytes:
    text = config.encryption.master_key or _read(Path(config.encryption.master_key_file))
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError("The master key must be 32 bytes in base64 or in hexadecimal.")
    return key


def _read(file: Path) -> str:
    try:
        return read_private(file).decode("ascii", "replace").strip()
    except Readable:
        raise ConfigError(f"Others can read the key in {file}: run chmod 600 {file}.") from None
    except OSError as error:
        raise ConfigError(
            f"The master key {file} cannot be read ({error.strerror}), and without it nothing that "
            "is encrypted with SSE-S3 or SSE-KMS: put it back."
        ) from None
