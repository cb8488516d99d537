"""The time of the database is known as well as its answers are fast."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.database.clock import DatabaseClock

delays = st.integers(0, 10**9)


class Mono:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@given(
    ahead=st.integers(-(10**18), 10**18),
    answers=st.lists(st.tuples(delays, delays, delays), min_size=1, max_size=6),
)
def test_it_is_off_by_no_more_than_the_last_answer_took(
    ahead: int, answers: list[tuple[int, int, int]]
) -> None:
    mono = Mono()
    clock = DatabaseClock(mono)
    for pause, there, back in answers:
        mono.ns += pause
        sent = mono.ns
        mono.ns += there
        time_ns = mono.ns + ahead
        mono.ns += back
        clock.learn(time_ns, sent, mono.ns)
        assert abs(clock.now_ns() - (mono.ns + ahead)) <= there + back


def test_it_follows_a_clock_that_was_set() -> None:
    mono = Mono()
    clock = DatabaseClock(mono)
    clock.learn(1_000, 0, 10)
    assert clock.now_ns() == 995
    clock.learn(500_000, 0, 10)
    assert clock.now_ns() == 499_995


def test_an_estimate_that_may_be_right_stays() -> None:
    mono = Mono()
    clock = DatabaseClock(mono)
    clock.learn(1_000, 0, 10)
    clock.learn(1_000, 0, 12)
    assert clock.now_ns() == 995
