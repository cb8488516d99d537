"""Waiting for work of the server: looks at it, with pauses that grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from s3gw.client.call import Call, Pause, Steps
from s3gw.client.errors import ClientError

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0

T = TypeVar("T")
Now = Callable[[], float]


def wait_until(
    is_done: Callable[[T], bool],
    look: Callable[[], Call[T]],
    watch: Callable[[T], None] | None,
    timeout_s: float,
    late: ClientError,
    now: Now = time.monotonic,
) -> Steps[T]:
    """Return what a look shows when it is done; `watch` receives what each has shown. Raises `late`
    when it is not done within the timeout, if there is one."""
    pause_s, started = _FIRST_PAUSE_S, now()
    while True:
        shown: T = yield look()
        if watch is not None:
            watch(shown)
        if is_done(shown):
            return shown
        if timeout_s and now() - started + pause_s > timeout_s:
            raise late
        yield Pause(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
