"""The settings of the native API."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Text, option


@dataclass(frozen=True, slots=True)
class Native:
    """The native API below `/v1`."""

    version: str = option(
        "4.1.0",
        "The release of AIStore that the server says it is like; AIStore's command line compares "
        "it with its own, and warns of another one.",
        Text("a version such as 4.1 or 4.1.0", r"\d{1,3}\.\d{1,5}(\.[A-Za-z0-9]{1,32})?"),
    )
