"""Creation and opening of the directory of users, roles and keys.

The supervisor creates what is missing, under the lock on the data folders: the database, the key
that seals secrets, the cluster's id. Workers and commands only open it. Read access to the first
data folder is enough for that; commands do not need a running server.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from cluster.coordination import Coordination, Put, Unchanged
from cluster.coordination.embedded import FILE_NAME, prepare
from cluster.coordination.latest import Latest
from cluster.maintenance import repeat, until
from s3gw.config.coordination import coordination_path, open_latest, with_coordination
from s3gw.config.loading import ConfigError
from s3gw.config.places import common_folder, own_folder
from s3gw.config.schema import Config
from s3gw.identity import users
from s3gw.identity.builtin import ADMIN
from s3gw.identity.directory import USE_EVERY_S, StoredDirectory
from s3gw.identity.errors import IdentityError
from s3gw.identity.passwords import Passwords
from s3gw.identity.records import (
    CLUSTER_ID,
    VAULT,
    DamagedRecord,
    SecretRecord,
    decode,
    encode,
)
from s3gw.identity.vault import Vault, VaultError
from s3gw.keys.master_key import make_key, parse_key, read_key
from storage.errors import Corrupt, StorageError
from storage.startup_errors import MountpathError

KEY_FILE_NAME = "auth.key"

# Between two looks for what is not known here: anybody can make up keys.
_PAUSE_S = 0.05
_PROTECTS = "no secret of a user's access key"
_KNOWN = b"s3gw"
# AIStore's ids: nine characters or more, and neither - nor _ at an end.
_ID_LENGTH = 12
_ID_ALPHABET = string.ascii_letters + string.digits


def prepare_coordination(folder: Path) -> None:
    """Create the store, in the supervisor, before any child opens it. Raises `MountpathError` for a
    damaged one."""
    file = folder / FILE_NAME
    try:
        prepare(file)
    except Corrupt as error:
        message = (
            f"{file} is damaged, with all users, roles and access keys ({error}): put back a good "
            "copy, or `s3gw fsck --rebuild` keeps what can be read; or move "
            f"{file}* away to start without any"
        )
        raise MountpathError(message) from error


def prepare_directory(config: Config) -> None:
    """Create what is missing, and check the rest. Raises `ConfigError`, and `DatabaseUnavailable`
    of a cluster."""
    with_coordination(config, partial(_prepare, config))


@asynccontextmanager
async def open_directory(config: Config) -> AsyncIterator[StoredDirectory]:
    """Open the directory for a command, up to date. Raises `ConfigError`, and `DatabaseUnavailable`
    of a cluster."""
    if not coordination_path(config).exists():
        raise ConfigError(
            f"No users are kept in {own_folder(config)} yet: start `s3gw serve` there once, or "
            "name the folder with --data."
        )
    async with open_latest(config) as coordination:
        yield await _open(config, coordination)


@asynccontextmanager
async def directory_in_use(
    config: Config, coordination: Coordination
) -> AsyncIterator[StoredDirectory]:
    """Open the directory for a server: it stores the last uses of keys from time to time, and at
    the end. Raises `ConfigError`."""
    directory = await _open(config, coordination)
    noting = asyncio.create_task(repeat(directory.write_uses, USE_EVERY_S, until(asyncio.Event())))
    try:
        yield directory
    finally:
        noting.cancel()
        await asyncio.wait([noting])
    with suppress(StorageError):
        await directory.write_uses()


async def _open(config: Config, coordination: Coordination) -> StoredDirectory:
    try:
        vault = await open_vault(config, coordination)
        passwords = Passwords(config.auth.min_password_length)
        latest = Latest(coordination, pause_s=_PAUSE_S) if config.cluster.database else None
        directory = StoredDirectory(coordination, vault, passwords=passwords, latest=latest)
        await directory.load()
    except DamagedRecord as error:
        raise ConfigError(f"{coordination_path(config)}: {error}.") from None
    return directory


async def _prepare(config: Config, coordination: Coordination) -> None:
    if await _value(coordination, VAULT) is None:
        if not _is_configured(config) and not _key_file(config).exists():
            make_key(_key_file(config))
        sealed = Vault(_master_key(config)).seal(VAULT, _KNOWN)
        await _put_first(coordination, VAULT, encode(SecretRecord(sealed=sealed)))
    await _put_first(coordination, CLUSTER_ID, _new_id().encode())
    directory = await _open(config, coordination)
    if config.auth.su_pass and not directory.snapshot.users:
        await _add_administrator(config, directory)


async def _add_administrator(config: Config, directory: StoredDirectory) -> None:
    name, password = config.auth.su_name, config.auth.su_pass
    try:
        await users.add(directory, name, roles=[ADMIN], password=password)
    except IdentityError as error:
        raise ConfigError(f"The administrator of auth.su_name and auth.su_pass: {error}") from None


async def cluster_id_of(coordination: Coordination) -> str:
    """Return the cluster's id, which `prepare_directory` has made."""
    return (await _value(coordination, CLUSTER_ID) or b"").decode()


async def open_vault(config: Config, coordination: Coordination) -> Vault:
    """Return what seals and opens secrets, once its key is verified. Raises `ConfigError` and
    `DamagedRecord`."""
    sealed = await _value(coordination, VAULT)
    if sealed is None:
        raise ConfigError(
            f"{coordination_path(config)} was not created by `s3gw serve`: start it there once."
        )
    vault = Vault(_master_key(config))
    try:
        vault.open(VAULT, decode(VAULT, sealed, SecretRecord).sealed)
    except VaultError:
        raise ConfigError(
            f"The master key in {_source(config)} is not the one that the secrets in "
            f"{_sealed_in(config)} were encrypted with: put that one back."
        ) from None
    return vault


def _master_key(config: Config) -> bytes:
    if config.auth.secrets_key:
        return parse_key(config.auth.secrets_key)
    return read_key(_key_file(config), _PROTECTS)


def _is_configured(config: Config) -> bool:
    return bool(config.auth.secrets_key or config.auth.secrets_key_file)


def _source(config: Config) -> str:
    return "auth.secrets_key" if config.auth.secrets_key else str(_key_file(config))


def _key_file(config: Config) -> Path:
    chosen = config.auth.secrets_key_file
    return Path(chosen) if chosen else common_folder(config) / KEY_FILE_NAME


def _sealed_in(config: Config) -> str:
    return "the cluster's database" if config.cluster.database else str(coordination_path(config))


async def _value(coordination: Coordination, key: str) -> bytes | None:
    entries, _ = await coordination.range(key)
    return next((each.value for each in entries if each.key == key), None)


async def _put_first(coordination: Coordination, key: str, value: bytes) -> None:
    """Write the value, unless the key exists."""
    await coordination.transact([Unchanged(key, 0)], [Put(key, value)])


def _new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
