"""Keys of the root account: configured, or generated at the first start.

Generated keys are stored in `credentials.json` in the first data folder, or in a cluster's shared
folder, readable by its owner only.
"""

from __future__ import annotations

import secrets
import string
from pathlib import Path

import msgspec
from msgspec import Struct

from s3gw.config.loading import ConfigError
from s3gw.config.places import common_folder
from s3gw.config.private_file import Readable, read_private, write_durably
from s3gw.config.schema import Config

FILE_NAME = "credentials.json"

_ID_PREFIX = "AKIA"
_ID_ALPHABET = string.ascii_uppercase + "234567"
_ID_LENGTH = 20
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SECRET_LENGTH = 40


class RootKeys(Struct, frozen=True):
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"RootKeys({self.access_key!r}, ***)"


class FoundKeys(Struct, frozen=True):
    """The root keys, their file (None: they are configured), and whether they are new."""

    keys: RootKeys
    file: Path | None = None
    new: bool = False

    def keep(self) -> None:
        """Store new keys durably."""
        if self.new and self.file is not None:
            write_durably(self.file, msgspec.json.format(msgspec.json.encode(self.keys)))


def find_root_keys(config: Config) -> FoundKeys:
    """Return the configured keys, else the stored ones, else new ones that are not yet stored."""
    auth = config.auth
    if auth.root_access_key:
        return FoundKeys(RootKeys(auth.root_access_key, auth.root_secret_key))
    file = common_folder(config) / FILE_NAME
    try:
        return FoundKeys(_read(file), file)
    except FileNotFoundError:
        return FoundKeys(generate(), file, new=True)


def generate() -> RootKeys:
    """Return keys in AWS' format, since some clients check their length."""
    tail = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH - len(_ID_PREFIX)))
    secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))
    return RootKeys(_ID_PREFIX + tail, secret)


def _read(file: Path) -> RootKeys:
    try:
        return msgspec.json.decode(read_private(file), type=RootKeys)
    except Readable:
        raise ConfigError(f"Others can read the secret in {file}: run chmod 600 {file}.") from None
    except PermissionError:
        raise ConfigError(f"{file} cannot be read: run s3gw as the user who owns it.") from None
    except msgspec.DecodeError:
        raise ConfigError(
            f"{file} is damaged: restore a good copy, or remove it to have new keys generated."
        ) from None
