"""The whole gateway as one ASGI application.

Requests are routed by host first: to websites, and to S3 for every path on the host of a bucket.
Where the web is a backend, whole URLs of other hosts are for its proxy. All else is routed to
health and metrics by path, to the native API below `/v1/` and `/.well-known/`, to STS by the form
of a request to the root, and otherwise to S3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.http.request import bucket_of_host, origin_form

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from s3gw.native.web_proxy import WebProxy
    from s3gw.sts.app import StsApp
    from s3gw.website.app import WebsiteApp

# No bucket has a name that begins with a dot.
_NATIVE = (b"/v1/", b"/.well-known/")
_READING = ("GET", "HEAD")


class App:
    """`/v1/health`, `/metrics` and `/v1/metrics` are ours; bucket names have three letters or more,
    so `/v1` and `/s3` can never be buckets. On the hosts of websites every path is a page."""

    def __init__(
        self,
        *,
        s3: ASGIApp,
        native: ASGIApp,
        health: ASGIApp,
        metrics: ASGIApp,
        websites: WebsiteApp | None = None,
        sts: StsApp | None = None,
        web_proxy: WebProxy | None = None,
        bucket_domains: tuple[str, ...] = (),
    ) -> None:
        self._s3 = s3
        self._native = native
        self._websites = websites
        self._sts = sts
        self._web_proxy = web_proxy
        self._bucket_domains = bucket_domains
        self._fixed = {
            b"/v1/health": health,
            b"/metrics": metrics,
            b"/v1/metrics": metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._choose(scope)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            # Nothing here speaks WebSocket; closing before accepting answers 403.
            await send({"type": "websocket.close", "code": 1000})

    def _choose(self, scope: Scope) -> ASGIApp:
        if self._websites is not None and self._websites.serves(scope):
            return self._websites
        if self._bucket_domains and _host_names_bucket(scope, self._bucket_domains):
            return self._s3
        if self._web_proxy is not None and self._web_proxy.serves(scope):
            return self._web_proxy
        path = origin_form(scope["raw_path"])
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed if scope["method"] in _READING else _only_read
        if path.startswith(_NATIVE):
            return self._native
        if self._sts is not None and self._sts.serves(scope):
            return self._sts
        return self._s3


def _host_names_bucket(scope: Scope, domains: tuple[str, ...]) -> bool:
    for name, value in scope["headers"]:
        if name == b"host":
            return bucket_of_host(value.decode("latin-1"), domains) is not None
    return False


async def _only_read(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 405 to what would change health or metrics."""
    headers = [(b"allow", ", ".join(_READING).encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
