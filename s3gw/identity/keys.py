"""Access keys of users: several each, to replace one without interruption.

A secret is shown once, when its key is created.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import LimitExceeded, NoSuchKey, NoSuchUser, Refused
from s3gw.identity.protocol import UserKey
from s3gw.identity.records import KeyRecord, access_key_key, encode, use_key
from s3gw.identity.root_keys import generate
from s3gw.identity.snapshot import Snapshot

KEYS_OF_A_USER = 8


async def add(directory: StoredDirectory, user: str) -> UserKey:
    """Create a key. Raises `NoSuchUser` and `LimitExceeded`."""
    key, put = _new(directory, user)

    def edit(now: Snapshot) -> list[Put | Delete]:
        _check_room(now, user)
        return [put]

    await directory.change(edit)
    return key


async def rotate(directory: StoredDirectory, access_key: str, grace_s: int) -> UserKey:
    """Create a new key for the same user. The old one works for `grace_s` more seconds, and with 0
    not at all: it stays in the list, disabled.

    Raises `NoSuchKey`, `LimitExceeded`, and `Refused` for a key that does not work any more.
    """
    await directory.catch_up()
    found = directory.snapshot.keys.get(access_key)
    if found is None:
        raise NoSuchKey(access_key)
    key, put = _new(directory, found.user)
    ends_s = directory.now_s() + grace_s

    def retire(old: KeyRecord) -> KeyRecord:
        if not directory.key_facts(access_key, old).enabled:
            raise Refused(f"{access_key} is disabled or has expired: make a new key instead.")
        if not grace_s:
            return msgspec.structs.replace(old, enabled=False)
        sooner_s = min(ends_s, old.expires_s or ends_s)
        return msgspec.structs.replace(old, expires_s=sooner_s)

    def edit(now: Snapshot) -> list[Put | Delete]:
        retired = _changed(now, access_key, retire)
        _check_room(now, key.user)
        return [put, *retired]

    await directory.change(edit)
    return key


async def set_enabled(directory: StoredDirectory, access_key: str, *, enabled: bool) -> None:
    """Enable or disable a key. Raises `NoSuchKey`, and `Refused` to enable an expired one."""

    def change(key: KeyRecord) -> KeyRecord:
        if enabled and 0 < key.expires_s <= directory.now_s():
            raise Refused(f"{access_key} has expired: make a new key instead.")
        return msgspec.structs.replace(key, enabled=enabled)

    await directory.change(lambda now: _changed(now, access_key, change))


async def remove(directory: StoredDirectory, access_key: str) -> None:
    """Remove a key. Raises `NoSuchKey`."""

    def edit(now: Snapshot) -> list[Put | Delete]:
        if access_key not in now.keys:
            raise NoSuchKey(access_key)
        return [Delete(access_key_key(access_key)), Delete(use_key(access_key))]

    await directory.change(edit)


def _new(directory: StoredDirectory, user: str) -> tuple[UserKey, Put]:
    made = generate()
    key = UserKey(made.access_key, user, made.secret_key, created_s=directory.now_s())
    sealed = directory.vault.seal(key.access_key, key.secret.encode())
    record = KeyRecord(user=user, sealed=sealed, created_s=key.created_s)
    return key, Put(access_key_key(key.access_key), encode(record))


def _check_room(now: Snapshot, user: str) -> None:
    if user not in now.users:
        raise NoSuchUser(user)
    if len(now.keys_of(user)) >= KEYS_OF_A_USER:
        raise LimitExceeded(f"{user!r} has {KEYS_OF_A_USER} access keys: remove one first.")


def _changed(
    now: Snapshot, access_key: str, change: Callable[[KeyRecord], KeyRecord]
) -> list[Put | Delete]:
    found = now.keys.get(access_key)
    if found is None:
        raise NoSuchKey(access_key)
    return [Put(access_key_key(access_key), encode(change(found)))]
