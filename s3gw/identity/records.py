"""Records of identities in the coordination store: JSON below `/auth/`.

/auth/users/NAME        a user: roles, and the password's hash
/auth/roles/NAME        what a role allows, and who may assume it
/auth/keys/ACCESSKEY    the key's user, and its sealed secret
/auth/uses/ACCESSKEY    the last use of the key; separate, because it is written so often
/auth/revoked/SHA256    revoked tokens, by their hash, until they expire anyway
/auth/clusters/ID       other clusters, for AuthN
/auth/secrets/NAME      sealed secrets of the server itself
/auth/vault             a sealed constant, to recognise the master key
/auth/generation        written by every change of the above, so that each sees all earlier ones

A record has a format version. One of a newer program is not read: it may forbid something in a way
that an older program does not know.
"""

from __future__ import annotations

import secrets
from typing import TypeVar

import msgspec
from msgspec import Struct

from s3gw.identity.permissions import BucketName, Permissions
from s3gw.identity.protocol import Role, Trust

FORMAT = 1
ROOT = "/auth/"
GENERATION = "/auth/generation"
VAULT = "/auth/vault"
CLUSTER_ID = "/cluster/uuid"


class DamagedRecord(Exception):
    """A record cannot be read; the text says which."""


class Record(Struct, frozen=True, kw_only=True):
    format: int = FORMAT


class UserRecord(Record, frozen=True):
    """`password` is a hash with its cost parameters; empty when the user cannot log in.
    `incarnation` is another one for each user of the same name; empty in older records."""

    roles: tuple[str, ...] = ()
    enabled: bool = True
    password: str = ""
    created_s: int = 0
    incarnation: str = ""


class RoleRecord(Record, frozen=True):
    description: str = ""
    admin: bool = False
    clusters: dict[str, int] = {}
    buckets: tuple[tuple[BucketName, int], ...] = ()
    trust: tuple[Trust, ...] = ()
    max_session_s: int = 3600
    incarnation: str = ""


class KeyRecord(Record, frozen=True):
    """`expires_s` is 0 when the key does not expire."""

    user: str
    sealed: bytes
    enabled: bool = True
    created_s: int = 0
    expires_s: int = 0


class UseRecord(Record, frozen=True):
    last_s: int


class RevokedRecord(Record, frozen=True):
    expires_s: int


class ClusterRecord(Record, frozen=True):
    alias: str = ""
    urls: tuple[str, ...] = ()


class SecretRecord(Record, frozen=True):
    sealed: bytes


R = TypeVar("R", bound=Record)


def user_key(name: str) -> str:
    return f"{ROOT}users/{name}"


def role_key(name: str) -> str:
    return f"{ROOT}roles/{name}"


def access_key_key(access_key: str) -> str:
    return f"{ROOT}keys/{access_key}"


def use_key(access_key: str) -> str:
    return f"{ROOT}uses/{access_key}"


def revoked_key(digest: str) -> str:
    return f"{ROOT}revoked/{digest}"


def cluster_key(cluster: str) -> str:
    return f"{ROOT}clusters/{cluster}"


def secret_key(name: str) -> str:
    return f"{ROOT}secrets/{name}"


def encode(record: Record) -> bytes:
    return msgspec.json.encode(record)


def decode(key: str, value: bytes, kind: type[R]) -> R:
    """Decode a record. Raises `DamagedRecord`."""
    try:
        if msgspec.json.decode(value, type=Record).format != FORMAT:
            raise DamagedRecord(f"{key} was written by a newer s3gw")
        return msgspec.json.decode(value, type=kind)
    except msgspec.DecodeError as error:
        raise DamagedRecord(f"{key} is damaged: {error}") from None


def new_incarnation() -> str:
    return secrets.token_hex(8)


def role_record(role: Role) -> RoleRecord:
    given = role.permissions
    return RoleRecord(
        description=role.description,
        admin=given.admin,
        clusters=dict(given.clusters),
        buckets=tuple(given.buckets.items()),
        trust=role.trust,
        max_session_s=role.max_session_s,
        incarnation=role.incarnation,
    )


def role_of(name: str, record: RoleRecord) -> Role:
    permissions = Permissions(record.admin, record.clusters, dict(record.buckets))
    return Role(
        name,
        record.description,
        permissions,
        record.trust,
        record.max_session_s,
        record.incarnation,
    )
