"""Limits of a request's head that HTTP servers do not check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.config.limits import Limits
from s3gw.wire.errors import Code, S3Error

if TYPE_CHECKING:
    from starlette.types import Scope


def check_head(scope: Scope, limits: Limits) -> None:
    """Raise `RequestHeaderSectionTooLarge`; servers limit a head only if it arrives in pieces."""
    headers = scope["headers"]
    if len(headers) > limits.headers:
        most = str(limits.headers)
        raise S3Error(Code.RequestHeaderSectionTooLarge, MaxHeadersAllowed=most)
    target_bytes = len(scope["raw_path"]) + len(scope["query_string"])
    if target_bytes + sum([len(name) + len(value) for name, value in headers]) > limits.head_bytes:
        most = str(limits.head_bytes)
        raise S3Error(Code.RequestHeaderSectionTooLarge, MaxSizeAllowed=most)
