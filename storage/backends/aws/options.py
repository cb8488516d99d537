"""Options of an S3 backend, and the environment variables that set them.

The variables are those of AWS' own tools, with `S3_ENDPOINT` as AIStore spells the endpoint. Keys
that are not in the options come from botocore's usual chain: shared files, a web identity, the
container's or the machine's role.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from storage.secret_fields import WithSecretFields

# The first of them that is set counts.
_ENDPOINT = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT")
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")

MIN_PART_BYTES = 5 << 20


class AwsOptions(WithSecretFields, frozen=True):
    """How to reach an S3 endpoint; every field has a default that suits AWS.

    `endpoint` is a URL, empty for AWS' own; another one is addressed by path, `addressing` set to
    `virtual` by host. `anonymous` sends unsigned requests, for public buckets. `connections` is the
    most that one process opens; `read_timeout_s` bounds the wait for an answer, and for each 64 KiB
    of a body. `attempts` counts the first one. A larger body is sent in parts of `part_bytes`,
    `parts_at_once` in parallel, each in memory. A page of a listing has at most `page_rows`.
    Without `checksums` none is sent or asked for, as some older S3 servers need it.
    """

    secret_fields = frozenset({"secret_access_key", "session_token"})

    endpoint: str = ""
    region: str = ""
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    anonymous: bool = False
    addressing: str = ""
    connections: int = 64
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    attempts: int = 5
    retry_mode: str = "standard"
    part_bytes: int = 8 << 20
    parts_at_once: int = 2
    page_rows: int = 1000
    checksums: bool = True

    def __post_init__(self) -> None:
        if self.addressing not in ("", "path", "virtual", "auto"):
            raise ValueError(f"addressing must be path, virtual or auto, not {self.addressing!r}")
        if self.retry_mode not in ("standard", "adaptive", "legacy"):
            raise ValueError(
                f"retry_mode must be standard, adaptive or legacy, not {self.retry_mode!r}"
            )
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError("an access key id and a secret access key go together")
        if self.part_bytes < MIN_PART_BYTES:
            raise ValueError(f"part_bytes must be at least {MIN_PART_BYTES}: S3 takes no less")
        for name in ("connections", "connect_timeout_s", "read_timeout_s", "attempts"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
        if self.parts_at_once < 1:
            raise ValueError(f"parts_at_once must be 1 or more, not {self.parts_at_once}")
        if not 1 <= self.page_rows <= 1000:
            raise ValueError(f"page_rows must be 1 to 1000, not {self.page_rows}")

    @property
    def addressing_style(self) -> str:
        return self.addressing or ("path" if self.endpoint else "auto")


def options_from_environment(environment: Mapping[str, str] = os.environ) -> AwsOptions:
    """Raises `ValueError`, with the variable's name, for a value that cannot be."""

    def first(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    defaults = AwsOptions()
    attempts = first("AWS_MAX_ATTEMPTS")
    if attempts and not (attempts.isascii() and attempts.isdecimal() and int(attempts)):
        raise ValueError(f"AWS_MAX_ATTEMPTS must be a number from 1 on, not {attempts!r}")
    return AwsOptions(
        endpoint=first(*_ENDPOINT),
        region=first(*_REGION),
        profile=first("AWS_PROFILE"),
        access_key_id=first("AWS_ACCESS_KEY_ID"),
        secret_access_key=first("AWS_SECRET_ACCESS_KEY"),
        session_token=first("AWS_SESSION_TOKEN"),
        attempts=int(attempts) if attempts else defaults.attempts,
        retry_mode=first("AWS_RETRY_MODE") or defaults.retry_mode,
        checksums=first("AWS_REQUEST_CHECKSUM_CALCULATION").lower() != "when_required",
    )
