"""Request ids: 16 upper-case hex digits, unique and random, in AWS' format."""

from __future__ import annotations

import os
from base64 import b64encode
from contextvars import ContextVar
from itertools import count

# The id of the current task's request; it is in every line that the task logs.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

# Odd, so that multiplying by it visits every 64-bit number once.
_STRIDE = 0x9E3779B97F4A7C15
_NEXT = count()
# A random start for each process and a counter: one system call a process, not one a request.
_START: int
# Of the process, as AWS' host ids are of a server: the second half of `x-amz-id-2`.
_HOST: str


def _begin() -> None:
    global _START, _HOST
    _START = int.from_bytes(os.urandom(8), "big")
    _HOST = b64encode(os.urandom(33)).decode()


_begin()
# Otherwise all workers would count from the number of the process that they are forks of.
os.register_at_fork(after_in_child=_begin)


def host_id(request_id: str) -> str:
    """Return the `x-amz-id-2` of a request: 60 characters of base64, its id backwards among them,
    so that neither of the two is found in the other."""
    return request_id[::-1] + _HOST


def new_request_id() -> str:
    return f"{(_START + next(_NEXT) * _STRIDE) & 0xFFFFFFFFFFFFFFFF:016X}"
