"""Request ids: 16 upper-case hex digits, unique and random, in AWS' format."""

from __future__ import annotations

import os
from contextvars import ContextVar
from itertools import count

# The id of the current task's request; it is in every line that the task logs.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

# A random start for each process and a counter: one system call a process, not one a request.
_START = int.from_bytes(os.urandom(8), "big")
_NEXT = count()
# Odd, so that multiplying by it visits every 64-bit number once.
_STRIDE = 0x9E3779B97F4A7C15


def new_request_id() -> str:
    return f"{(_START + next(_NEXT) * _STRIDE) & 0xFFFFFFFFFFFFFFFF:016X}"
