"""The settings of the key that nodes sign with; what it does stands in cluster/cluster_key.py."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Duration, Switch, option

_HOUR = 3600.0
_LONGEST_TTL = 10 * 366 * 24 * _HOUR


@dataclass(frozen=True, slots=True)
class ClusterKey:
    """Times in seconds."""

    enabled: bool = option(
        False,
        "Whether nodes sign what they ask of one another, and refuse what is not signed. A single "
        "node has nobody to ask.",
        Switch(),
        aliases=("request_auth",),
    )
    ttl: float = option(
        24 * _HOUR,
        "How long a key is signed with before the next one takes its place; 0 keeps it for ever.",
        Duration(_HOUR, _LONGEST_TTL, or_zero=True),
    )
    nonce_window: float = option(
        60.0,
        "How far the clocks of two nodes may be apart; within it no signature is taken twice.",
        Duration(1.0, 600.0),
    )
    rotation_grace: float = option(
        60.0,
        "How long the key before is still taken after a rotation.",
        Duration(0.0, _HOUR),
    )
