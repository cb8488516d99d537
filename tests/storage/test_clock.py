"""A clock for what is given up after a while."""

from __future__ import annotations

from storage.clock import PatientClock
from tests.storage.fake_clock import FakeClock


def test_it_goes_on_as_time_passes() -> None:
    wall, passed = FakeClock(), FakeClock(0)
    clock = PatientClock(wall, passed=passed)
    begun = clock.now_ns()
    wall.advance_s(10)
    passed.advance_s(10)
    assert clock.now_ns() - begun == 10 * 1_000_000_000


def test_a_wall_clock_that_jumps_ahead_makes_nothing_older() -> None:
    wall, passed = FakeClock(), FakeClock(0)
    clock = PatientClock(wall, passed=passed)
    begun = clock.now_ns()
    wall.advance_s(86_400)
    passed.advance_s(5)
    assert clock.now_ns() - begun == 5 * 1_000_000_000


def test_what_was_stamped_after_a_jump_back_is_not_older_either() -> None:
    wall, passed = FakeClock(), FakeClock(0)
    clock = PatientClock(wall, passed=passed)
    wall.advance_s(-3_600)
    stamped = wall.now_ns()
    passed.advance_s(5)
    wall.advance_s(5)
    assert clock.now_ns() - stamped == 5 * 1_000_000_000
