"""Jobs in a lane keep their order, and one that is cancelled or fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.backends.local.lane import Lane

PATIENCE_S = 10


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_jobs_run_one_after_another_in_their_order(threads: ThreadPoolExecutor) -> None:
    lane, done = Lane(threads), list[int]()
    for job in [lane.submit(done.append, number) for number in range(500)]:
        job.result(PATIENCE_S)
    assert done == list(range(500))


def test_a_job_cancelled_before_its_turn_is_skipped(threads: ThreadPoolExecutor) -> None:
    lane, gate, done = Lane(threads), threading.Event(), list[str]()
    first = lane.submit(gate.wait, PATIENCE_S)
    cancelled, last = lane.submit(done.append, "cancelled"), lane.submit(done.append, "last")
    assert cancelled.cancel()
    gate.set()
    assert first.result(PATIENCE_S)
    last.result(PATIENCE_S)
    assert done == ["last"]


def test_a_job_that_fails_fails_alone(threads: ThreadPoolExecutor) -> None:
    lane = Lane(threads)
    failed, fine = lane.submit(int, "x"), lane.submit(int, "1")
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(PATIENCE_S)
    assert fine.result(PATIENCE_S) == 1
