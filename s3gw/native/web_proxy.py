"""A proxy for the web, which keeps what it has read.

    curl -x http://127.0.0.1:8080 http://host/dir/object

A request whose target is a whole URL is the native API's GET or HEAD of the object with that
original URL, with the same rights. The token is that of a proxy: `Proxy-Authorization: Bearer
TOKEN`, or the password of Basic, as clients take it from the proxy's URL. Nothing of the client is
passed on to the other server, no credentials and no cookies: what is kept is what anybody gets.

There are no tunnels (CONNECT), through which nothing could be kept.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from s3gw.http.front_end import FrontEnd
from s3gw.http.reply import Reply
from s3gw.http.request import read_headers
from s3gw.native.app import NativeApp
from s3gw.native.call import MOUNT
from s3gw.native.remote_buckets import ORIGINAL_URL
from s3gw.telemetry.exchange import Exchange
from storage.backends.http import PROVIDER, BadUrl, read_url

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_READING = ("GET", "HEAD")
_TUNNEL = "CONNECT"
# Of the client's headers, those that are about the answer or the connection.
_KEPT = frozenset(
    {b"host", b"user-agent", b"connection", b"content-length", b"transfer-encoding", b"range"}
    | {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"}
)
_NO_CACHE = "no-cache"
_CHALLENGE = 'Bearer, Basic realm="a token as password"'
_NO_TUNNEL = "This proxy has no tunnels: it keeps objects of http:// URLs. For one of https, GET "
_NO_TUNNEL += "/v1/objects/BUCKET/OBJECT?provider=ht&original_url=URL."


class WebProxy(FrontEnd):
    """`own` are the authorities, in lower case, whose URLs are this server's."""

    request_id_header = "Ais-Request-Id"

    def __init__(self, native: NativeApp, own: frozenset[str]) -> None:
        super().__init__(native.observer, native.limits)
        self._native = native
        self._own = own

    def serves(self, scope: Scope) -> bool:
        """Whether the target is a tunnel or a URL elsewhere."""
        if scope["method"] == _TUNNEL:
            return True
        target: bytes = scope["raw_path"]
        if target.startswith(b"/") or b"://" not in target:
            return False
        authority = target.partition(b"://")[2].partition(b"/")[0]
        return authority.decode("latin-1").lower() not in self._own

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        method = scope["method"]
        if method == _TUNNEL:
            return _refusal(405, _NO_TUNNEL)
        if method not in _READING:
            return _refusal(405, "This proxy only reads: GET and HEAD.")
        target, query = scope["raw_path"], scope["query_string"]
        url = (target + b"?" + query if query else target).decode("latin-1")
        try:
            link = read_url(url)
        except BadUrl as error:
            return _refusal(400, f"Nothing to read: {error}.")
        headers = read_headers(scope["headers"])
        asked = {"provider": PROVIDER, ORIGINAL_URL: url}
        if method == "GET" and _wants_newest(headers):
            asked["latest-ver"] = "true"
        path = f"objects/{link.directory.bucket}/{quote(link.name, safe='')}"
        inner = {
            **scope,
            "raw_path": MOUNT + path.encode(),
            "query_string": urlencode(asked).encode(),
            "headers": _inner_headers(scope, headers.get("proxy-authorization", "")),
        }
        return _as_proxy(await self._native.reply(inner, receive, exchange))


def _inner_headers(scope: Scope, credentials: str) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name in _KEPT]
    if token := _token(credentials):
        kept.append((b"authorization", b"Bearer " + token))
    return kept


def _token(credentials: str) -> bytes:
    """Return the token in `Proxy-Authorization`; empty without one."""
    scheme, _, rest = credentials.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("latin-1")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(rest.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _wants_newest(headers: Mapping[str, str]) -> bool:
    said = headers.get("cache-control", "") + headers.get("pragma", "")
    return _NO_CACHE in said.lower()


def _as_proxy(reply: Reply) -> Reply:
    """Return the answer; a missing or wrong token is that of the proxy."""
    if reply.status != 401:
        return reply
    headers = {name: value for name, value in reply.headers.items() if name != "WWW-Authenticate"}
    return Reply(407, {**headers, "Proxy-Authenticate": _CHALLENGE}, reply.body)


def _refusal(status: int, text: str) -> Reply:
    headers = {"Content-Type": "text/plain", "Connection": "close"}
    if status == 405:
        headers["Allow"] = ", ".join(_READING)
    return Reply(status, headers, f"{text}\n".encode())
