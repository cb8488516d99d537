"""Connections to Azure; the only module of the backend that imports aiohttp.

Errors that repeat a URL or a header never leave it: a signature may be in them.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from storage.backends.azure.options import AzureOptions
from storage.backends.azure.place import Place
from storage.errors import BackendError, BackendUnavailable, StorageError

# What is sent is what was signed.
_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# All metadata of a blob are 8 KiB at most, one of them may be most of that.
_LONGEST_HEADER = 32 << 10

FOREIGN = (aiohttp.ClientError, aiohttp.InvalidURL, TimeoutError, OSError)

_OURS_TO_MEND = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientSSLError,
    aiohttp.InvalidURL,
)


def open_session(options: AzureOptions) -> aiohttp.ClientSession:
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
    # A request that is not to be done twice is a PUT too. Only this package repeats any.
    session._retry_connection = False
    return session


def as_url(text: str) -> URL:
    return URL(text, encoded=True)


def translated(error: BaseException, place: Place) -> StorageError:
    """Return what to raise in the place of one of `FOREIGN`, by its class."""
    kind = BackendError if isinstance(error, _OURS_TO_MEND) else BackendUnavailable
    return kind(str(place), type(error).__name__)
