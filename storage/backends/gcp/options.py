"""Options of a Cloud Storage backend, and the environment variables that set them.

The variables are those of Google's own tools. google-auth finds the credentials: it reads
`GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud auth application-default login` and the
metadata server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
EMULATOR = "STORAGE_EMULATOR_HOST"
# The first of them that is set counts.
PROJECT = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")

ENDPOINT = "https://storage.googleapis.com"
# Pieces of an upload that is not yet complete must be multiples of this.
PIECE_BYTES = 256 << 10
# Emulators take any project.
_EMULATED_PROJECT = "emulator"


class GcpOptions(Struct, frozen=True):
    """How to reach Cloud Storage; every field has a default that suits Google's own.

    `endpoint` is the URL of both APIs. `project` is where buckets are created and listed; empty for
    that of the credentials. `anonymous` sends requests without credentials, for public buckets and
    emulators. `connections` is the most that one process opens for bodies that are read, and as
    many for all else; `read_timeout_s` bounds the wait for an answer, and for each 64 KiB of a
    body. `attempts` counts the first one; before the second are at most `first_pause_s`, and twice
    as much before each further one. A body of more than `piece_bytes` is sent in such pieces,
    one at a time, each in memory.
    """

    endpoint: str = ENDPOINT
    project: str = ""
    anonymous: bool = False
    connections: int = 64
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    attempts: int = 5
    first_pause_s: float = 1.0
    piece_bytes: int = 8 << 20
    deletions_at_once: int = 16

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"endpoint must be a URL of http or https, not {self.endpoint!r}")
        if self.piece_bytes < PIECE_BYTES or self.piece_bytes % PIECE_BYTES:
            raise ValueError(f"piece_bytes must be a multiple of {PIECE_BYTES}")
        for name in (
            "connections",
            "connect_timeout_s",
            "read_timeout_s",
            "attempts",
            "first_pause_s",
            "deletions_at_once",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")


def options_from_environment(environment: Mapping[str, str] = os.environ) -> GcpOptions:
    """Raises `ValueError`, with the variable's name, for a value that cannot be."""
    project = next((environment[name] for name in PROJECT if environment.get(name)), "")
    host = environment.get(EMULATOR, "")
    if not host:
        return GcpOptions(project=project)
    # Some of Google's libraries want the scheme, others do without.
    url = urlsplit(host if "://" in host else f"http://{host}")
    if url.scheme not in ("http", "https") or not url.netloc:
        raise ValueError(f"{EMULATOR} must be a host and port, or a URL of http, not {host!r}")
    return GcpOptions(
        endpoint=f"{url.scheme}://{url.netloc}",
        project=project or _EMULATED_PROJECT,
        anonymous=True,
    )
