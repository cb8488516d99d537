"""Settings of slowing down failed authentication."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Switch, Whole, option


@dataclass(frozen=True, slots=True)
class ThrottleOptions:
    """How often authentication may fail."""

    enabled: bool = option(True, "Whether failed authentication is slowed down.", Switch())
    burst: int = option(
        100,
        "How often an access key, or a user's name, may fail at one address before it has to wait; "
        "ten times as often for all that is tried at one address.",
        Whole(1, 1_000_000),
    )
    per_minute: int = option(
        60, "How many further failures each minute then allows.", Whole(1, 1_000_000)
    )
