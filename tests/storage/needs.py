"""Marks for claims of the contract that hold only for backends with an optional ability."""

from __future__ import annotations

from typing import TypeVar

import pytest

from storage.capabilities import Capability

C = TypeVar("C", bound=type)


def needs(capability: Capability) -> pytest.MarkDecorator:
    """For one test, or one parameter of it."""
    return pytest.mark.needs(capability)


def all_need(capability: Capability) -> _MarkAll:
    """For a class of claims. A mark on the class itself would reach, by inheritance, every claim
    of the classes that are put together with it."""
    return _MarkAll(capability)


class _MarkAll:
    def __init__(self, capability: Capability) -> None:
        self._mark = needs(capability)

    def __call__(self, claims: C) -> C:
        for name, test in list(vars(claims).items()):
            if name.startswith("test_"):
                setattr(claims, name, self._mark(test))
        return claims
