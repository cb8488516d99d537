"""Creation and opening of the configured key ring.

A server without a master key does not have a ring, and refuses SSE-S3 and SSE-KMS. A master key is
generated only together with a ring: a new one could not open an existing ring.
"""

from __future__ import annotations

from pathlib import Path

from s3gw.config.loading import ConfigError
from s3gw.config.places import common_folder, data_folders
from s3gw.config.schema import Config
from s3gw.keys.master_key import make_key, parse_key, read_key
from s3gw.keys.ring import Ring, RingError, new_ring

FILE_NAME = "keyring.json"
_PROTECTS = "nothing that is encrypted with SSE-S3 or SSE-KMS"


def open_ring(config: Config) -> Ring | None:
    """Open the ring, which must exist; None when no master key is configured. Raises
    `ConfigError`."""
    if not _has_master_key(config):
        return None
    try:
        return Ring(ring_path(config), _master_key(config))
    except RingError as error:
        raise ConfigError(str(error)) from None


def prepare_ring(config: Config) -> Ring | None:
    """Open the ring, and create it if it is missing, with the master key's file. Raises
    `ConfigError`."""
    if not _has_master_key(config) or ring_path(config).exists():
        return open_ring(config)
    file = config.encryption.master_key_file
    if file and not Path(file).exists():
        make_key(Path(file))
    try:
        return new_ring(ring_path(config), _master_key(config))
    except OSError as error:
        raise ConfigError(f"The key ring cannot be created: {error}.") from None


def ring_path(config: Config) -> Path:
    chosen = config.encryption.key_file
    return Path(chosen) if chosen else common_folder(config) / FILE_NAME


def beside_the_data(config: Config) -> bool:
    """Whether the master key is in a data folder, and so would be stolen with the data."""
    file = config.encryption.master_key_file
    folders = [folder.resolve() for folder in data_folders(config)]
    return bool(file) and any(Path(file).resolve().is_relative_to(each) for each in folders)


def _has_master_key(config: Config) -> bool:
    return bool(config.encryption.master_key or config.encryption.master_key_file)


def _master_key(config: Config) -> bytes:
    if config.encryption.master_key:
        return parse_key(config.encryption.master_key)
    return read_key(Path(config.encryption.master_key_file), _PROTECTS)
