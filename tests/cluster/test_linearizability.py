"""The checker of histories is itself checked."""

from __future__ import annotations

import pytest

from tests.cluster.linearizability import UNKNOWN_END, Kind, Operation, is_linearizable

READ, WRITE, CREATE, REPLACE = Kind.READ, Kind.WRITE, Kind.CREATE, Kind.REPLACE


def test_one_after_the_other() -> None:
    history = [
        Operation(READ, 0, 1, None),
        Operation(CREATE, 2, 3, 1),
        Operation(CREATE, 4, 5, 2, done=False),
        Operation(REPLACE, 6, 7, 3, expected=1),
        Operation(REPLACE, 8, 9, 4, expected=1, done=False),
        Operation(READ, 10, 11, 3),
    ]
    assert is_linearizable(history)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([Operation(WRITE, 0, 1, 1), Operation(READ, 2, 3, None)], id="a stale read"),
        pytest.param([Operation(CREATE, 0, 1, 1), Operation(CREATE, 0, 1, 2)], id="two creations"),
        pytest.param(
            [Operation(CREATE, 0, 1, 1, done=False), Operation(READ, 2, 3, 1)],
            id="a write that was denied",
        ),
        pytest.param(
            [
                Operation(WRITE, 0, 1, 1),
                Operation(WRITE, 2, 3, 2),
                Operation(READ, 4, 5, 2),
                Operation(READ, 6, 7, 1),
            ],
            id="back in time",
        ),
        pytest.param(
            [
                Operation(WRITE, 0, 1, 1),
                Operation(REPLACE, 2, 3, 2, expected=1),
                Operation(REPLACE, 2, 3, 3, expected=1),
            ],
            id="a lost update",
        ),
    ],
)
def test_what_cannot_be_explained(history: list[Operation]) -> None:
    assert not is_linearizable(history)


@pytest.mark.parametrize("seen", [None, 1])
def test_an_unknown_write_was_or_was_not(seen: int | None) -> None:
    unknown = Operation(WRITE, 0, UNKNOWN_END, 1, done=None)
    assert is_linearizable([unknown, Operation(READ, 5, 6, seen)])
    assert not is_linearizable([unknown, Operation(READ, 5, 6, 1), Operation(READ, 7, 8, None)])


def test_concurrent_reads_may_see_either() -> None:
    write = Operation(WRITE, 0, 10, 1)
    assert is_linearizable([write, Operation(READ, 1, 2, None), Operation(READ, 3, 4, 1)])
    assert not is_linearizable([write, Operation(READ, 1, 2, 1), Operation(READ, 3, 4, None)])
