"""The settings of jobs."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Seconds, Whole, option


@dataclass(frozen=True, slots=True)
class Jobs:
    """Work that goes on after its request was answered: deleting, copying and counting many
    objects."""

    at_once: int = option(
        4, "How many jobs run at the same time; the others wait their turn.", Whole(1, 64)
    )
    idle_s: float = option(
        60.0,
        "How long a job of a kind that idles is still listed as running after its work is done.",
        Seconds(0, 86400),
    )
    kept: int = option(1000, "Of how many jobs that ended the outcome is kept.", Whole(1, 10_000))
    kept_s: float = option(
        3600.0, "How long the outcome of a job is kept after its end.", Seconds(60, 30 * 86400)
    )
