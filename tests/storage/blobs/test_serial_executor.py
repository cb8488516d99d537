"""A serial executor keeps the order of its jobs; one that fails or is cancelled stops no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.blobs.serial_executor import SerialExecutor

PATIENCE_S = 10


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_jobs_run_one_after_another_in_their_order(threads: ThreadPoolExecutor) -> None:
    serial, done = SerialExecutor(threads), list[int]()
    for job in [serial.submit(done.append, number) for number in range(500)]:
        job.result(PATIENCE_S)
    assert done == list(range(500))


def test_a_job_cancelled_before_its_turn_is_skipped(threads: ThreadPoolExecutor) -> None:
    serial, gate, done = SerialExecutor(threads), threading.Event(), list[str]()
    first = serial.submit(gate.wait, PATIENCE_S)
    cancelled, last = serial.submit(done.append, "cancelled"), serial.submit(done.append, "last")
    assert cancelled.cancel()
    gate.set()
    assert first.result(PATIENCE_S)
    last.result(PATIENCE_S)
    assert done == ["last"]


def test_a_job_that_fails_fails_alone(threads: ThreadPoolExecutor) -> None:
    serial = SerialExecutor(threads)
    failed, fine = serial.submit(int, "x"), serial.submit(int, "1")
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(PATIENCE_S)
    assert fine.result(PATIENCE_S) == 1
