"""A copy of the coordination store's records of identities, at one revision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from cluster.coordination import Entry
from s3gw.identity.records import (
    GENERATION,
    ROOT,
    ClusterRecord,
    KeyRecord,
    Record,
    RevokedRecord,
    RoleRecord,
    UseRecord,
    UserRecord,
    decode,
)

R = TypeVar("R", bound=Record)


class Table(dict[str, R], Generic[R]):
    """Records by the last part of their key."""

    def __init__(self, kind: type[R]) -> None:
        super().__init__()
        self._kind = kind

    def apply(self, name: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.pop(name, None)
        else:
            self[name] = decode(key, value, self._kind)


class Snapshot:
    """`generation` is the revision of the last change by an administrator."""

    def __init__(self, entries: Iterable[Entry] = (), revision: int = 0) -> None:
        """Read the entries. Raises `DamagedRecord`."""
        self.revision = revision
        self.generation = 0
        self.users = Table(UserRecord)
        self.roles = Table(RoleRecord)
        self.keys = Table(KeyRecord)
        self.uses = Table(UseRecord)
        self.revoked = Table(RevokedRecord)
        self.clusters = Table(ClusterRecord)
        self._tables: dict[
            str,
            Table[UserRecord]
            | Table[RoleRecord]
            | Table[KeyRecord]
            | Table[UseRecord]
            | Table[RevokedRecord]
            | Table[ClusterRecord],
        ] = {
            "users": self.users,
            "roles": self.roles,
            "keys": self.keys,
            "uses": self.uses,
            "revoked": self.revoked,
            "clusters": self.clusters,
        }
        for entry in entries:
            self.apply(entry.key, entry.value, entry.mod_revision)

    def apply(self, key: str, value: bytes | None, revision: int) -> None:
        """Apply a change; keys of other subsystems are ignored. Raises `DamagedRecord`."""
        if key == GENERATION:
            self.generation = revision
        table, _, name = key.removeprefix(ROOT).partition("/")
        if table in self._tables:
            self._tables[table].apply(name, key, value)

    def keys_of(self, user: str) -> list[str]:
        """Return the user's access keys, the oldest first."""
        mine = [(key.created_s, name) for name, key in self.keys.items() if key.user == user]
        return [name for _, name in sorted(mine)]
