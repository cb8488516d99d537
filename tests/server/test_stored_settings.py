"""The configuration in the coordination store, while other processes change it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from cluster.coordination import Delete, Put, Unchanged
from cluster.coordination.memory import MemoryCoordination
from s3gw.config.runtime import RuntimeConfig
from s3gw.config.stored import TRANSIENT, Busy, StoredSettings
from tests.storage.event_loop import run

WAIT = "get_batch.max_wait"
SOFT_ERRORS = "get_batch.max_soft_errs"


class Contended(MemoryCoordination):
    """Another process changes the store just before this one's next transactions."""

    def __init__(self) -> None:
        super().__init__()
        self.is_changing = False
        self.others: list[Callable[[], Awaitable[None]]] = []

    async def transact(
        self, unchanged: Sequence[Unchanged], writes: Sequence[Put | Delete]
    ) -> int | None:
        if self.others and not self.is_changing:
            self.is_changing = True
            await self.others.pop()()
            self.is_changing = False
        return await super().transact(unchanged, writes)


def allow(_: RuntimeConfig) -> None:
    """Every value is allowed."""


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("other_is_transient", [True, False])
def test_two_changes_at_once_both_hold(transient: bool, other_is_transient: bool) -> None:
    async def main() -> None:
        store = Contended()
        mine = StoredSettings(store, RuntimeConfig())
        theirs = StoredSettings(store, RuntimeConfig())

        async def other() -> None:
            await theirs.change({SOFT_ERRORS: 3}, allow, transient=other_is_transient)

        store.others.append(other)
        await mine.change({WAIT: 7}, allow, transient=transient)
        await theirs.refresh()
        for settings in (mine, theirs):
            batch = settings.in_force.get_batch
            assert (batch.max_wait_s, batch.max_soft_errs) == (7, 3)
        entries, _ = await store.range(TRANSIENT)
        assert bool(entries) is (transient or other_is_transient)

    run(main())


def test_a_change_that_is_always_late_is_given_up() -> None:
    async def main() -> None:
        store = Contended()
        mine = StoredSettings(store, RuntimeConfig())
        theirs = StoredSettings(store, RuntimeConfig())
        number = 0

        async def other() -> None:
            nonlocal number
            number += 1
            await theirs.change({SOFT_ERRORS: number % 7}, allow, transient=True)

        store.others += [other] * 1000
        with pytest.raises(Busy):
            await mine.change({WAIT: 7}, allow, transient=True)

    run(main())
