"""Limits of requests to other clusters."""

from __future__ import annotations

from msgspec import Struct


class AisOptions(Struct, frozen=True):
    """`read_timeout_s` bounds the wait for an answer, and for each 64 KiB of a body. `attempts`
    counts the first one; a request goes to each URL of the cluster in each attempt, until one
    answers. Between two attempts are `pause_s`, and twice as much before each further one."""

    connections: int = 64
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    attempts: int = 3
    pause_s: float = 0.3
    at_once: int = 16
