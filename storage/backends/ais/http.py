"""Connections to other clusters; the only module of the backend that imports aiohttp.

Errors that repeat a URL or a header never leave it.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from storage.backends.ais.options import AisOptions
from storage.backends.ais.place import Place
from storage.errors import BackendError, BackendUnavailable, StorageError

_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_LONGEST_HEADER = 64 << 10

FOREIGN = (aiohttp.ClientError, aiohttp.InvalidURL, TimeoutError, OSError)

# Nothing of the request was sent.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_OURS_TO_MEND = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientSSLError,
    aiohttp.InvalidURL,
)


def open_session(options: AisOptions) -> aiohttp.ClientSession:
    """A session whose bodies are what was stored, compressed or not."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=options.connections),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=options.connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_ADDED_BY_AIOHTTP,
        max_field_size=_LONGEST_HEADER,
        max_line_size=_LONGEST_HEADER,
    )
    # A body that is a stream cannot be sent twice. Only this package repeats any request.
    session._retry_connection = False
    return session


def as_url(text: str) -> URL:
    return URL(text, encoded=True)


def is_not_sent(error: BaseException) -> bool:
    return isinstance(error, _NOT_SENT)


def translated(error: BaseException, place: Place) -> StorageError:
    """Return what to raise in the place of one of `FOREIGN`, by its class."""
    kind = BackendError if isinstance(error, _OURS_TO_MEND) else BackendUnavailable
    return kind(str(place), type(error).__name__)
