"""Coordination in memory, for one process: the model of the engines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from cluster.coordination import (
    KEPT_REVISIONS,
    Change,
    Delete,
    Entry,
    Put,
    Unchanged,
    check_transaction,
)


class MemoryCoordination:
    """Nothing is kept beyond the process."""

    def __init__(self, *, kept_revisions: int = KEPT_REVISIONS) -> None:
        self._entries: dict[str, Entry] = {}
        self._revision = 0
        self._log: deque[Sequence[Change]] = deque(maxlen=kept_revisions)

    def revision(self) -> int:
        return self._revision

    def require_current(self) -> None:
        """Every commit is seen at once."""

    async def catch_up(self) -> None:
        """Every commit is seen at once."""

    async def range(self, prefix: str) -> tuple[Sequence[Entry], int]:
        found = (entry for key, entry in self._entries.items() if key.startswith(prefix))
        return sorted(found, key=lambda entry: entry.key.encode()), self._revision

    async def changes(self, prefix: str, after: int) -> Sequence[Change] | None:
        if not self._revision - len(self._log) <= after <= self._revision:
            return None
        return [
            change
            for changes in self._log
            for change in changes
            if change.revision > after and change.key.startswith(prefix)
        ]

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        check_transaction(writes)
        for each in unchanged:
            entry = self._entries.get(each.key)
            if (entry.mod_revision if entry else 0) != each.mod_revision:
                return None
        done = [w for w in writes if isinstance(w, Put) or w.key in self._entries]
        if not done:
            return self._revision
        self._revision += 1
        self._log.append([self._apply(write) for write in done])
        return self._revision

    def _apply(self, write: Put | Delete) -> Change:
        if isinstance(write, Delete):
            del self._entries[write.key]
            return Change(write.key, None, self._revision)
        self._entries[write.key] = Entry(write.key, write.value, self._revision)
        return Change(write.key, write.value, self._revision)
