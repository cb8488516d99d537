"""The HTTP servers that a worker can run, each on a given socket.

All do the same: listen, call `on_ready`, take requests until `stop` is set, then let those in
flight finish within the shutdown timeout, and return.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from socket import socket
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from s3gw.config.limits import Limits
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Server
from s3gw.server.descriptors import most_connections
from s3gw.server.tls import Certificate

if TYPE_CHECKING:
    from starlette.types import ASGIApp

BACKLOG = 2048
_MODULES = {
    "hypercorn": ("hypercorn.asyncio",),
    "uvicorn": ("uvicorn", "s3gw.server.http1.connection"),
}
_ENDLESS = 2**62


class Serving(Struct, frozen=True):
    """The inputs of every server besides the application."""

    fd: int
    settings: Server
    limits: Limits
    certificate: Certificate | None
    stop: asyncio.Event
    on_ready: Callable[[], None]


RunServer = Callable[["ASGIApp", Serving], Awaitable[None]]


def choose_server(name: str) -> RunServer:
    """Return the server of that name. Raises `ConfigError` when its package is not installed.

    It is imported at once and not when it runs, so that the supervisor's choice is imported before
    the workers are forked."""
    if find_spec(name) is None:
        raise ConfigError(
            f"server.http_server = {name!r}: it is not installed. Run pip install {name}, or "
            "leave the setting out."
        )
    for module in _MODULES[name]:
        import_module(module)
    return {"hypercorn": run_hypercorn, "uvicorn": run_uvicorn}[name]


async def run_hypercorn(app: ASGIApp, serving: Serving) -> None:
    """Run hypercorn as it is. It knows no limits of connections, of the time of a head, and of
    clients that do not read: it is for behind a proxy that has them."""
    from hypercorn.asyncio import serve

    async def ready_then_stop() -> None:
        # hypercorn calls the shutdown trigger only when it listens.
        serving.on_ready()
        await serving.stop.wait()

    try:
        await serve(app, _hypercorn_config(serving), shutdown_trigger=ready_then_stop)  # type: ignore[arg-type]
    except asyncio.CancelledError:
        # hypercorn ends so when it gave up waiting for requests in flight.
        if not serving.stop.is_set():
            raise


def _hypercorn_config(serving: Serving) -> Any:
    from hypercorn.config import Config

    class QuickConfig(Config):
        """Formats the date once a second, not once a request."""

        _written = -1
        _headers: list[tuple[bytes, bytes]] = []

        @property
        def ssl_enabled(self) -> bool:
            return serving.certificate is not None

        def create_ssl_context(self) -> SSLContext | None:
            return _ssl_context(serving)

        def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
            if (now := int(time.time())) != self._written:
                self._written, self._headers = now, super().response_headers(protocol)
            return self._headers

    config = QuickConfig()
    config.bind = [f"fd://{serving.fd}"]
    config.backlog = BACKLOG
    config.accesslog = None
    config.loglevel = "WARNING"
    # Whether the default of 16 KiB applies depends on how the head is split into packets.
    config.h11_max_incomplete_size = serving.limits.head_bytes
    config.keep_alive_timeout = serving.settings.keep_alive_s
    config.keep_alive_max_requests = _ENDLESS
    config.graceful_timeout = serving.settings.shutdown_timeout_s
    config.include_server_header = False
    return config


def _ssl_context(serving: Serving) -> SSLContext | None:
    return serving.certificate.context if serving.certificate else None


async def run_uvicorn(app: ASGIApp, serving: Serving) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave the signals to the worker."""
            yield

        async def startup(self, sockets: list[socket] | None = None) -> None:
            await super().startup(sockets)
            serving.on_ready()

    config = _uvicorn_config(app, serving)
    config.load()
    config.ssl = _ssl_context(serving)
    server = Server(config)

    async def stop_when_asked() -> None:
        await serving.stop.wait()
        server.should_exit = True

    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(stop_when_asked())
        await server.serve(sockets=[socket(fileno=serving.fd)])
        stopping.cancel()


def _uvicorn_config(app: ASGIApp, serving: Serving) -> Any:
    import uvicorn

    from s3gw.server.http1.connection import Connection
    from s3gw.server.http1.sweep import Bounds, Sweep

    settings, limits = serving.settings, serving.limits
    bounds = Bounds(
        connections=most_connections(limits),
        head_bytes=limits.head_bytes,
        head_s=limits.head_s,
        idle_s=settings.keep_alive_s,
        unread_s=limits.body_stall_s,
    )
    return uvicorn.Config(
        app,
        http=partial(Connection, sweep=Sweep(bounds)),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        # Who sends what is not HTTP writes no line of the log; its start is told by the banner.
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(settings.keep_alive_s),
        timeout_graceful_shutdown=int(settings.shutdown_timeout_s),
    )
