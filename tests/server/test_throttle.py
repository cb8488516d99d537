"""Who guesses is slowed down, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.auth.throttle import Throttle, Throttled
from s3gw.config.auth import ThrottleOptions
from tests.storage.fake_clock import FakeClock

OPTIONS = ThrottleOptions(burst=5, per_minute=6)
HERE, THERE = "192.0.2.1", "192.0.2.2"


def is_refused(throttle: Throttle, address: str, name: str) -> bool:
    try:
        throttle.check(address, name)
    except Throttled:
        return True
    return False


def fail(throttle: Throttle, address: str, name: str, times: int) -> int:
    """How often it was told to slow down."""
    told = 0
    for _ in range(times):
        try:
            throttle.failed(address, name)
        except Throttled:
            told += 1
    return told


def test_the_last_failure_of_a_burst_is_the_one_that_counts() -> None:
    throttle = Throttle(OPTIONS, FakeClock())
    fail(throttle, HERE, "KEY", 4)
    assert not is_refused(throttle, HERE, "KEY")
    fail(throttle, HERE, "KEY", 1)
    assert is_refused(throttle, HERE, "KEY")


def test_the_same_key_elsewhere_and_another_key_here_pass() -> None:
    throttle = Throttle(OPTIONS, FakeClock())
    fail(throttle, HERE, "KEY", 40)
    assert is_refused(throttle, HERE, "KEY")
    assert not is_refused(throttle, THERE, "KEY")
    assert not is_refused(throttle, HERE, "OTHER")


def test_time_gives_back_one_attempt_after_the_other() -> None:
    clock = FakeClock()
    throttle = Throttle(OPTIONS, clock)
    fail(throttle, HERE, "KEY", 5)
    with pytest.raises(Throttled) as caught:
        throttle.check(HERE, "KEY")
    assert caught.value.retry_after_s == 10
    clock.advance_s(9)
    assert is_refused(throttle, HERE, "KEY")
    clock.advance_s(1)
    assert not is_refused(throttle, HERE, "KEY")
    fail(throttle, HERE, "KEY", 1)
    assert is_refused(throttle, HERE, "KEY")
    clock.advance_s(50)
    fail(throttle, HERE, "KEY", 4)
    assert not is_refused(throttle, HERE, "KEY")


def test_failures_that_were_under_way_make_nobody_wait_for_long() -> None:
    throttle = Throttle(OPTIONS, FakeClock())
    fail(throttle, HERE, "KEY", 1000)
    with pytest.raises(Throttled) as caught:
        throttle.check(HERE, "KEY")
    assert caught.value.retry_after_s <= 20


def test_an_address_that_tries_many_keys_is_told_to_slow_down() -> None:
    throttle = Throttle(OPTIONS, FakeClock())
    told = [fail(throttle, HERE, f"KEY{number}", 1) for number in range(60)]
    assert told == [0] * 49 + [1] * 11
    assert not is_refused(throttle, HERE, "FRESH")


def test_all_of_a_hosts_v6_addresses_are_one() -> None:
    throttle = Throttle(OPTIONS, FakeClock())
    for number in range(5):
        fail(throttle, f"2001:db8::{number:x}", "KEY", 1)
    assert is_refused(throttle, "2001:db8::ffff:1", "KEY")
    assert not is_refused(throttle, "2001:db8:0:1::1", "KEY")


def test_it_can_be_turned_off() -> None:
    throttle = Throttle(replace(OPTIONS, enabled=False), FakeClock())
    fail(throttle, HERE, "KEY", 1000)
    assert throttle.is_idle


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3), st.integers(0, 30))))
def test_the_memory_is_bounded_and_forgets_what_is_over(
    attempts: list[tuple[str, str, int]],
) -> None:
    clock = FakeClock()
    throttle = Throttle(OPTIONS, clock, most=4)
    for address, name, pause_s in attempts:
        clock.advance_s(pause_s)
        fail(throttle, address, name, 1)
        assert len(throttle._names.counters) <= 4
        assert len(throttle._addresses.counters) <= 4
    clock.advance_s(10_000)
    fail(throttle, HERE, "KEY", 1)
    assert len(throttle._names.counters) == 1


def test_nobody_failed_of_late_is_idle() -> None:
    assert Throttle(OPTIONS).is_idle
