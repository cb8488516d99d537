"""The users, roles and keys of the cluster, from the coordination store.

Every process has a copy in memory and checks the store on each request, in microseconds, for
changes. So a key that was disabled by one process is refused by all others from then on.

A change is committed only if the copy is still current: it compares and writes the generation, so
it cannot miss a concurrent change of another administrator, such as a limit reached or a role now
in use.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cluster.coordination import Coordination, Delete, Put, Unchanged
from cluster.coordination.latest import Latest
from s3gw.identity.builtin import built_in_roles
from s3gw.identity.errors import Busy, NoSuchUser
from s3gw.identity.passwords import Passwords
from s3gw.identity.permissions import NO_PERMISSIONS, Permissions, merged
from s3gw.identity.protocol import Role, User, UserKey
from s3gw.identity.records import (
    CLUSTER_ID,
    GENERATION,
    ROOT,
    KeyRecord,
    SecretRecord,
    UseRecord,
    UserRecord,
    decode,
    encode,
    role_of,
    secret_key,
    use_key,
)
from s3gw.identity.snapshot import Snapshot
from s3gw.identity.vault import Vault
from storage.clock import Clock, SystemClock

# The accuracy of the last use of a key.
USE_EVERY_S = 60
USES_IN_ONE_WRITE = 64

_ATTEMPTS = 100
_NS = 1_000_000_000
_CLOCK = SystemClock()

# Computes the writes from the current records; raises `IdentityError` to refuse the change.
Edit = Callable[[Snapshot], Sequence[Put | Delete]]


class KeyFacts(Struct, frozen=True):
    """An access key without its secret; times in seconds since the epoch, 0 for never."""

    access_key: str
    user: str
    enabled: bool
    created_s: int
    last_used_s: int
    expires_s: int


class UserFacts(Struct, frozen=True):
    """A user without the password's hash."""

    name: str
    roles: tuple[str, ...]
    enabled: bool
    has_password: bool
    keys: tuple[str, ...]
    created_s: int


class StoredDirectory:
    """A `Directory`, for one event loop. Call `load` before any lookup; the modules `users`,
    `roles`, `keys`, `revocation` and `clusters` change it. `latest` reads what other machines have
    written; None on one that is alone."""

    def __init__(
        self,
        coordination: Coordination,
        vault: Vault,
        *,
        clock: Clock = _CLOCK,
        passwords: Passwords | None = None,
        latest: Latest | None = None,
    ) -> None:
        self.vault = vault
        self.passwords = passwords or Passwords()
        self.cluster_id = ""
        self._coordination = coordination
        self._clock = clock
        self._snapshot = Snapshot(revision=-1)
        self._built_in = built_in_roles("")
        self._catching_up = asyncio.Lock()
        self._latest = latest
        self._opened: dict[str, UserKey] = {}
        self._merged: dict[tuple[str, ...], Permissions] = {}
        self._used: dict[str, int] = {}

    async def load(self) -> None:
        """Read all records. Raises `DamagedRecord`, and the store's errors."""
        entries, _ = await self._coordination.range(CLUSTER_ID)
        self.cluster_id = next((each.value.decode() for each in entries), "")
        self._built_in = built_in_roles(self.cluster_id)
        await self.catch_up()

    async def refresh(self) -> None:
        """Bring the copy up to date, to decide about access. Raises the store's errors:
        `DatabaseUnavailable` where a change of some seconds ago may not be known here."""
        self._coordination.require_current()
        await self.catch_up()

    async def refresh_latest(self) -> None:
        if self._latest is not None:
            await self._latest.wait()
            await self.refresh()

    async def catch_up(self) -> None:
        """Bring the copy up to date with what is known here. That is enough for a change, which is
        compared with what is in the store."""
        if self._coordination.revision() != self._snapshot.revision:
            await self._read_changes()

    # Lookups

    def user(self, name: str) -> User | None:
        found = self._snapshot.users.get(name)
        if found is None:
            return None
        return User(name, found.roles, found.enabled, found.created_s, found.incarnation)

    def role(self, name: str) -> Role | None:
        built_in = self._built_in.get(name)
        if built_in is not None:
            return built_in
        found = self._snapshot.roles.get(name)
        return None if found is None else role_of(name, found)

    def roles(self) -> Sequence[Role]:
        """Return all roles: the built-in ones first, the others by name."""
        stored = sorted(self._snapshot.roles.items())
        return [*self._built_in.values(), *(role_of(*each) for each in stored)]

    def alias_of(self, cluster: str) -> str:
        found = self._snapshot.clusters.get(cluster)
        return found.alias if found is not None else ""

    def key(self, access_key: str) -> UserKey | None:
        """Return the key, or None. Raises `VaultError` when its secret was changed in the store."""
        found = self._opened.get(access_key)
        if found is None:
            record = self._snapshot.keys.get(access_key)
            if record is None:
                return None
            found = self._opened[access_key] = self._open(access_key, record)
        if found.expires_s and found.enabled and self.now_s() >= found.expires_s:
            return replace(found, enabled=False)
        return found

    def permissions_of(self, user: User) -> Permissions:
        found = self._merged.get(user.roles)
        if found is None:
            found = self._merged[user.roles] = self._merge(user.roles)
        return found

    def is_revoked(self, token: str) -> bool:
        return bool(self._snapshot.revoked) and self.is_revoked_digest(token_digest(token))

    def is_revoked_digest(self, digest: str) -> bool:
        return digest in self._snapshot.revoked

    # Without secrets

    def all_users(self) -> Sequence[UserFacts]:
        """Return all users, by name."""
        return [self._facts(name, each) for name, each in sorted(self._snapshot.users.items())]

    def user_facts(self, name: str) -> UserFacts:
        """Return one user. Raises `NoSuchUser`."""
        found = self._snapshot.users.get(name)
        if found is None:
            raise NoSuchUser(name)
        return self._facts(name, found)

    def all_keys(self) -> Sequence[KeyFacts]:
        """Return all keys by user, the oldest first."""
        every = self._snapshot.keys.items()
        ordered = sorted(every, key=lambda each: (each[1].user, each[1].created_s, each[0]))
        return [self.key_facts(name, record) for name, record in ordered]

    def key_facts(self, access_key: str, record: KeyRecord) -> KeyFacts:
        used = self._snapshot.uses.get(access_key)
        enabled = record.enabled and not 0 < record.expires_s <= self.now_s()
        last_s = used.last_s if used else 0
        return KeyFacts(
            access_key, record.user, enabled, record.created_s, last_s, record.expires_s
        )

    @property
    def snapshot(self) -> Snapshot:
        """The copy of the store's records, to be read only."""
        return self._snapshot

    def now_s(self) -> int:
        return self._clock.now_ns() // _NS

    # Changes

    async def change(self, edit: Edit) -> None:
        """Commit the writes of `edit` on the latest records, and refresh the copy.

        Raises what `edit` raises, and `Busy` after too many concurrent changes.
        """
        for _ in range(_ATTEMPTS):
            await self.catch_up()
            unchanged = Unchanged(GENERATION, self._snapshot.generation)
            writes = [*edit(self._snapshot), Put(GENERATION, b"")]
            if await self._coordination.transact([unchanged], writes) is not None:
                await self.catch_up()
                return
        raise Busy("Others change users and roles at the same time: try again.")

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a secret of the server itself, kept sealed; `make` creates a missing one.

        All processes get the same. Raises `VaultError` when it was changed in the store.
        """
        key = secret_key(name)
        while True:
            entries, _ = await self._coordination.range(key)
            found = next((each.value for each in entries if each.key == key), None)
            if found is not None:
                return self.vault.open(key, decode(key, found, SecretRecord).sealed)
            record = SecretRecord(sealed=self.vault.seal(key, make()))
            await self._coordination.transact([Unchanged(key, 0)], [Put(key, encode(record))])

    # Last use

    def note_use(self, access_key: str) -> None:
        self._used[access_key] = self.now_s()

    async def write_uses(self) -> float:
        """Store the last uses of keys, each at most once a minute for all processes; return the
        seconds until the next call. A concurrent change takes precedence: the uses are then stored
        by the next call."""
        await self.catch_up()
        used, self._used = self._used, {}
        due = [(key, last_s) for key, last_s in used.items() if self._is_due(key, last_s)]
        for start in range(0, len(due), USES_IN_ONE_WRITE):
            batch = due[start : start + USES_IN_ONE_WRITE]
            writes = [Put(use_key(key), encode(UseRecord(last_s=last_s))) for key, last_s in batch]
            unchanged = Unchanged(GENERATION, self._snapshot.generation)
            if await self._coordination.transact([unchanged], writes) is None:
                self._used = dict(due[start:]) | self._used
                break
        return float(USE_EVERY_S)

    def _is_due(self, access_key: str, last_s: int) -> bool:
        known = self._snapshot.uses.get(access_key)
        before_s = known.last_s if known else 0
        return access_key in self._snapshot.keys and last_s - before_s >= USE_EVERY_S

    async def _read_changes(self) -> None:
        async with self._catching_up:
            latest, known = self._coordination.revision(), self._snapshot.revision
            if latest == known:
                return
            changes = await self._coordination.changes(ROOT, known) if known >= 0 else None
            if changes is None:
                self._snapshot = Snapshot(*await self._coordination.range(ROOT))
            else:
                for each in changes:
                    self._snapshot.apply(each.key, each.value, each.revision)
                self._snapshot.revision = max(latest, *(each.revision for each in changes), 0)
            self._opened.clear()
            self._merged.clear()

    def _open(self, access_key: str, record: KeyRecord) -> UserKey:
        secret = self.vault.open(access_key, record.sealed).decode()
        facts = self.key_facts(access_key, record)
        return UserKey(
            access_key,
            record.user,
            secret,
            record.enabled,
            facts.created_s,
            facts.last_used_s,
            facts.expires_s,
        )

    def _merge(self, names: tuple[str, ...]) -> Permissions:
        roles = [role for name in names if (role := self.role(name)) is not None]
        return merged(role.permissions for role in roles) if roles else NO_PERMISSIONS

    def _facts(self, name: str, record: UserRecord) -> UserFacts:
        return UserFacts(
            name,
            record.roles,
            record.enabled,
            bool(record.password),
            tuple(self._snapshot.keys_of(name)),
            record.created_s,
        )


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
