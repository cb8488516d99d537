"""Connections to far services over HTTP.

It imports aiohttp, so a backend imports it with its first request (`answers.import_connections`).
Errors that repeat a URL or a header never leave it: a signature or a token may be in them.
"""

from __future__ import annotations

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from storage.errors import BackendError, BackendUnavailable, StorageError

# What is sent is what was said, or signed.
_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

FOREIGN = (aiohttp.ClientError, aiohttp.InvalidURL, TimeoutError, OSError)

# Nothing of the request was sent.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_OURS_TO_MEND = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientSSLError,
    aiohttp.InvalidURL,
)


def open_session(
    connections: int,
    connect_timeout_s: float,
    longest_header: int,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """A session whose bodies are what was stored, compressed or not."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_ADDED_BY_AIOHTTP,
        max_field_size=longest_header,
        max_line_size=longest_header,
    )
    # A stream cannot be sent twice, and some writes must not be. Only backends repeat a request.
    session._retry_connection = False
    return session


def as_url(text: str) -> URL:
    return URL(text, encoded=True)


def is_not_sent(error: BaseException) -> bool:
    return isinstance(error, _NOT_SENT)


def translated(error: BaseException, subject: object) -> StorageError:
    """Return what to raise in the place of one of `FOREIGN`, by its class."""
    kind = BackendError if isinstance(error, _OURS_TO_MEND) else BackendUnavailable
    return kind(str(subject), type(error).__name__)
