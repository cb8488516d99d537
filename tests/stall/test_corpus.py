"""The worst inputs are answered, and none of them by an internal error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stall.corpus import CORPUS
from tests.stall.world import World, new_world

# Their archives alone take a minute to make: `make stall` has them.
SLOW = ("a million members", "200,000 members", "100,000 members", "extended headers")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with new_world(tmp_path_factory.mktemp("stall")) as world:
        yield world


@pytest.mark.parametrize("name", [n for n in CORPUS if not any(slow in n for slow in SLOW)])
def test_the_worst_input_is_answered(world: World, name: str) -> None:
    answer, longest_ms = world.measured(CORPUS[name](world))
    assert 200 <= answer.status < 500
    assert longest_ms > 0
