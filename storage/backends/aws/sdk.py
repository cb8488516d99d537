"""Clients of aiobotocore; with `foreign_errors` the only module that imports it.

Importing it takes a second of processor time, and reading its model of S3 another half: both happen
in a thread, at the first use of a bucket.
"""

from __future__ import annotations

import logging
import random
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.handlers import add_expect_header
from botocore.loaders import Loader, create_loader

from storage.backends.aws.foreign_errors import FOREIGN, by_code, translated
from storage.backends.aws.listing_rows import read_rows
from storage.backends.aws.options import AwsOptions

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["FOREIGN", "by_code", "new_session", "open_client", "translated"]

_LONGEST_WAIT_S = 20.0
_LISTINGS = ("ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")

# Below this, botocore logs what it signs, and with what.
logging.getLogger("botocore").setLevel(logging.INFO)
logging.getLogger("aiobotocore").setLevel(logging.INFO)


def new_session(options: AwsOptions) -> AioSession:
    """Return a session that has read the model of S3; call it in a thread."""
    session = AioSession(profile=options.profile or None)
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    session.warm_up_loader_caches("s3")
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    """Keeps what it has read, for all endpoints of a process."""
    return create_loader(data_path)


async def open_client(session: AioSession, options: AwsOptions, stack: AsyncExitStack) -> S3Client:
    """Return a client that is closed with the stack."""
    keys: dict[str, Any] = {}
    if options.access_key_id:
        keys = {
            "aws_access_key_id": options.access_key_id,
            "aws_secret_access_key": options.secret_access_key,
            "aws_session_token": options.session_token or None,
        }
    client: S3Client = await stack.enter_async_context(
        session.create_client(
            "s3",
            region_name=options.region or None,
            endpoint_url=options.endpoint or None,
            config=_config(options),
            **keys,
        )
    )
    events: Any = client.meta.events
    # A server that does not answer "100 Continue" would make aiohttp wait until the time is up.
    events.unregister("before-call.s3", add_expect_header)
    events.register("needs-retry.s3", _Throttled(options.attempts).needs_retry)
    for listing in _LISTINGS:
        events.register(f"before-parse.s3.{listing}", read_rows)
    return client


class _Throttled:
    """Repeats what was answered with 429 under a code that AWS does not use; others do."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def needs_retry(self, response: Any, attempts: int, **_: object) -> float | None:
        """The seconds to wait; None for no other attempt. Called by botocore."""
        if response is None or response[0].status_code != 429 or attempts >= self._attempts:
            return None
        return random.random() * min(2.0 ** (attempts - 1), _LONGEST_WAIT_S)


def _config(options: AwsOptions) -> AioConfig:
    signed: dict[str, Any] = {"signature_version": UNSIGNED} if options.anonymous else {}
    return AioConfig(
        connect_timeout=options.connect_timeout_s,
        read_timeout=options.read_timeout_s,
        max_pool_connections=options.connections,
        retries={"mode": options.retry_mode, "total_max_attempts": options.attempts},
        # This package computes the checksums of what it sends in a thread.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_supported" if options.checksums else "when_required",
        s3={
            "addressing_style": options.addressing_style,
            # A checksum protects the payload; hashing it for the signature would hold up the loop.
            "payload_signing_enabled": False,
        },
        **signed,
    )
