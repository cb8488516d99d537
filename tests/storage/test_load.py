"""Load of the machine, and the advice that follows from it."""

from __future__ import annotations

import asyncio

import pytest

from storage.load import (
    Advice,
    Grade,
    Load,
    LoadGate,
    LoadMeter,
    MachineSampler,
    Sample,
    graded,
)


@pytest.mark.parametrize(
    ("sample", "dimension", "grade"),
    [
        (Sample(), "memory", Grade.LOW),
        (Sample(memory=0.85), "memory", Grade.MODERATE),
        (Sample(memory=0.92), "memory", Grade.HIGH),
        (Sample(memory=0.97), "memory", Grade.CRITICAL),
        (Sample(cpu=0.99), "cpu", Grade.LOW),
        (Sample(cpu=2.5), "cpu", Grade.HIGH),
        (Sample(disk=0.95), "disk", Grade.CRITICAL),
        (Sample(network=0.7), "network", Grade.MODERATE),
        (Sample(descriptors=0.9), "descriptors", Grade.HIGH),
    ],
)
def test_each_dimension_has_a_grade(sample: Sample, dimension: str, grade: Grade) -> None:
    load = graded(sample)
    assert getattr(load, dimension) is grade
    others = {"memory", "cpu", "disk", "network", "descriptors"} - {dimension}
    assert {getattr(load, name) for name in others} == {Grade.LOW}


@pytest.mark.parametrize(
    ("load", "advice"),
    [
        (Load(), Advice()),
        (Load(memory=Grade.MODERATE, cpu=Grade.MODERATE), Advice()),
        (Load(cpu=Grade.HIGH), Advice(sleep_s=0.001)),
        (Load(cpu=Grade.HIGH, disk=Grade.CRITICAL), Advice(sleep_s=0.01)),
        (Load(network=Grade.CRITICAL), Advice(sleep_s=0.01)),
        (Load(memory=Grade.HIGH, disk=Grade.HIGH), Advice(sleep_s=0.01, at_once=2)),
        (Load(memory=Grade.CRITICAL), Advice(sleep_s=0.1, refuses=True, at_once=1)),
        (Load(descriptors=Grade.CRITICAL), Advice(refuses=True, at_once=1)),
    ],
)
def test_the_advice_is_that_of_the_worst(load: Load, advice: Advice) -> None:
    assert load.advice == advice


def test_a_sample_is_remembered_for_a_second() -> None:
    samples = iter([Sample(), Sample(memory=1.0)])
    now_s = 10.0
    meter = LoadMeter(lambda: next(samples), lambda: now_s)
    assert meter.load() == meter.load() == Load()
    now_s = 11.0
    assert meter.advice().refuses


def test_who_rests_lets_others_go_first() -> None:
    order = []

    async def work(name: str, meter: LoadMeter) -> None:
        await meter.rest()
        order.append(name)

    async def story() -> None:
        busy, idle = LoadMeter(lambda: Sample(cpu=9.0)), LoadMeter(Sample)
        await asyncio.gather(work("busy", busy), work("idle", idle))

    asyncio.run(story())
    assert order == ["idle", "busy"]


class Pressure:
    """A meter of memory in use that the test changes, a sample at each `look`."""

    def __init__(self) -> None:
        self.memory, self.now_s = 0.0, 0.0
        self.meter = LoadMeter(lambda: Sample(memory=self.memory), lambda: self.now_s)

    def look(self, memory: float) -> None:
        self.memory, self.now_s = memory, self.now_s + 1


def test_a_gate_closes_at_once_and_opens_by_and_by() -> None:
    pressure = Pressure()
    gate = LoadGate(pressure.meter, 16)
    rooms = [gate.room]
    for memory in (0.93, 0.93, 0.98, 0.5, 0.5, 0.95, 0.5, 0.5, 0.5, 0.5, 0.5):
        pressure.look(memory)
        rooms.append(gate.room)
        # The same sample changes nothing.
        assert gate.room == rooms[-1]
    assert rooms == [16, 2, 2, 1, 2, 4, 2, 4, 8, 16, 16, 16]


def test_a_gate_of_one_stays_so() -> None:
    pressure = Pressure()
    gate = LoadGate(pressure.meter, 1)
    for memory in (0.98, 0.5, 0.5):
        pressure.look(memory)
        assert gate.room == 1


def test_what_waits_at_a_gate_enters_when_the_load_is_over() -> None:
    async def story() -> list[int]:
        pressure = Pressure()
        pressure.look(0.98)
        gate = LoadGate(pressure.meter, 8, look_s=0.001)
        inside, free = 0, asyncio.Event()

        async def step() -> None:
            nonlocal inside
            async with gate.entered():
                inside += 1
                await free.wait()
                inside -= 1

        steps = [asyncio.create_task(step()) for _ in range(8)]
        counts: list[int] = []
        # Those that are inside do not leave: only the samples let others in.
        while inside < 8:
            await asyncio.sleep(0)
            if inside == gate.room and (not counts or counts[-1] != inside):
                counts.append(inside)
                pressure.look(0.5)
        free.set()
        await asyncio.gather(*steps)
        return counts

    assert asyncio.run(story()) == [1, 2, 4, 8]


def test_a_step_that_fails_leaves_the_gate() -> None:
    async def story() -> None:
        gate = LoadGate(LoadMeter(lambda: Sample(memory=0.98)), 4)

        async def fail() -> None:
            async with gate.entered():
                raise ValueError

        outcomes = await asyncio.gather(*(fail() for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [ValueError] * 3

    asyncio.run(story())


def test_this_machine_can_be_sampled() -> None:
    sample = MachineSampler().read()
    assert 0 < sample.memory < 1
    assert 0 < sample.descriptors < 1
    assert sample.cpu >= 0
    assert sample.disk >= 0
    assert sample.network >= 0
