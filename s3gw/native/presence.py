"""The presence that a request wants: here, or at a backend, or either."""

from __future__ import annotations

from s3gw.native.errors import NativeError

_EXISTS_NO_PROPS = 1
_PRESENT, _PRESENT_NO_PROPS, _PRESENT_IN_CLUSTER = 2, 3, 4
_OUTSIDE = 5
_HERE = (_PRESENT, _PRESENT_NO_PROPS, _PRESENT_IN_CLUSTER)


def is_outside(presence: int) -> bool:
    """Whether only what is not here is wanted. Raise 400."""
    if presence > _OUTSIDE:
        raise NativeError(400, f'invalid presence "{presence}"')
    return presence == _OUTSIDE


def is_here(presence: int) -> bool:
    """Whether only what is here is wanted."""
    return presence in _HERE


def wants_props(presence: int) -> bool:
    """Whether more is wanted than whether it exists."""
    return presence not in (_EXISTS_NO_PROPS, _PRESENT_NO_PROPS)
