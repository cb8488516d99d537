"""Load of the machine, and the advice that follows from it."""

from __future__ import annotations

import asyncio

import pytest

from storage.load import Advice, Grade, Load, LoadMeter, MachineSampler, Sample, graded


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


def test_this_machine_can_be_sampled() -> None:
    sample = MachineSampler().read()
    assert 0 < sample.memory < 1
    assert 0 < sample.descriptors < 1
    assert sample.cpu >= 0
    assert sample.disk >= 0
    assert sample.network >= 0
