"""Addresses in answers: the scheme, host and root with which the client came.

A proxy in front that ends TLS says so in `X-Forwarded-Proto`. The header changes these addresses
only; for policies, a request is as secure as its connection to this server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from s3gw.http.request import Request

_SECURE_PROXY = "x-forwarded-proto"
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


def scheme_of(headers: Mapping[str, str], scheme: str) -> str:
    """Return the client's scheme; `scheme` is that of the connection to this server."""
    return "https" if (headers.get(_SECURE_PROXY) or scheme) == "https" else "http"


def endpoint_of(headers: Mapping[str, str], scheme: str) -> str:
    """Return scheme and authority, `http://host:port`."""
    host = headers.get("host", "")
    known = host if _HOST.fullmatch(host) else "localhost"
    return f"{scheme_of(headers, scheme)}://{known}"


def bucket_path(request: Request) -> str:
    """Return the path of the request's bucket: below `/s3` if S3 was reached there, and empty for
    the bucket of a host."""
    return "" if request.host_bucket is not None else f"{request.root}/{quote(request.bucket)}"


def bucket_url(request: Request) -> str:
    return endpoint_of(request.headers, request.scheme) + bucket_path(request)


def object_url(request: Request, key: str) -> str:
    """Return the URL of an object in the request's bucket. As at AWS, slashes are escaped."""
    return f"{bucket_url(request)}/{quote(key, safe='')}"
