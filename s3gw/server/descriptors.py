"""File descriptors of a worker, and the connections that they are enough for."""

from __future__ import annotations

import resource
from contextlib import suppress

from s3gw.config.limits import Limits

# What is open besides connections: databases, logs, sockets, files of jobs.
RESERVED = 256
# A connection, and the file that is read or written for it.
EACH = 2


def raise_limit() -> int:
    """Raise this process' limit to what the system allows, also for its children; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_within(wanted: int, descriptors: int) -> int:
    """Return how many connections fit into so many descriptors: `wanted` at most, one at least."""
    if descriptors == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (descriptors - RESERVED) // EACH))


def most_connections(limits: Limits) -> int:
    """Return how many connections this worker may have open."""
    return connections_within(limits.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def warning(limits: Limits, descriptors: int) -> str:
    """Return what to say when the system allows fewer connections than the limits; or nothing."""
    fitting = connections_within(limits.connections, descriptors)
    if fitting == limits.connections:
        return ""
    needed = limits.connections * EACH + RESERVED
    return (
        f"Warning: the system allows {descriptors} open files, which is enough for {fitting} "
        f"connections of each worker and not for {limits.connections} (limits.connections). Allow "
        f"{needed} with `ulimit -n` or LimitNOFILE, or lower the setting."
    )
