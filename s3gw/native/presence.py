"""The presence that a request wants: here, or outside of the cluster."""

from __future__ import annotations

from s3gw.native.errors import NativeError

_OUTSIDE = 5


def is_outside(presence: int) -> bool:
    """Whether only what is not here is wanted; all that is known here is here. Raise 400."""
    if presence > _OUTSIDE:
        raise NativeError(400, f'invalid presence "{presence}"')
    return presence == _OUTSIDE
