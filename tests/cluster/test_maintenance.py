from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from cluster.maintenance import repeat, run_maintenance, until


@dataclass
class MaintenanceRound:
    more: bool = False


@dataclass
class Maintainer:
    """Has so many rounds of chores; the rounds in `failing` fail."""

    rounds: int
    failing: frozenset[int] = frozenset()
    done: list[int] = field(default_factory=list)

    def run_once(self) -> MaintenanceRound:
        self.done.append(len(self.done))
        if self.done[-1] in self.failing:
            raise OSError("disk")
        return MaintenanceRound(more=len(self.done) < self.rounds)


@dataclass
class Pauses:
    """Stops after so many pauses, and remembers how long each was to be."""

    stop_after: int
    asked: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return len(self.asked) == self.stop_after


def test_rounds_follow_one_another_while_there_is_more_to_do() -> None:
    keeper, pauses = Maintainer(rounds=3), Pauses(stop_after=4)
    asyncio.run(run_maintenance(keeper, 5.0, pauses))
    assert pauses.asked == [0, 0, 5.0, 5.0]


def test_a_round_that_fails_is_tried_again_after_the_interval() -> None:
    keeper, pauses = Maintainer(rounds=0, failing=frozenset({0})), Pauses(stop_after=2)
    asyncio.run(run_maintenance(keeper, 5.0, pauses))
    assert keeper.done == [0, 1]
    assert pauses.asked == [5.0, 5.0]


def test_the_event_ends_the_longest_pause() -> None:
    async def stop_soon() -> bool:
        stop = asyncio.Event()
        stopped_within = until(stop)
        assert not await stopped_within(0)
        asyncio.get_running_loop().call_soon(stop.set)
        return await stopped_within(3600)

    assert asyncio.run(stop_soon())


def test_a_job_says_when_it_wants_to_be_done_again_and_a_failure_is_not_its_end() -> None:
    answers: list[float | Exception] = [0.0, OSError("disk"), 3.0]

    async def job() -> float:
        match answers.pop(0):
            case Exception() as error:
                raise error
            case float(pause_s):
                return pause_s

    pauses = Pauses(stop_after=3)
    asyncio.run(repeat(job, 7.0, pauses))
    assert pauses.asked == [0.0, 7.0, 3.0]
