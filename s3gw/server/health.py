"""`/v1/health`: 200 while this server takes requests, 503 while it starts or stops.

It needs no token. The parameters `readiness` and `prr` of AIStore's clients change nothing; with
`cii` the answer is the state of the cluster, as in `what=node_status`. The headers
`Ais-Node-Uptime` and `Ais-Cluster-Uptime` have the server's uptime, in nanoseconds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TYPE_CHECKING

from s3gw.http.binding import is_true

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class HealthApp:
    """Answers with the state that was set last, as JSON; on a full disk a ready server says so,
    still with 200. `cluster_state`, once it is set, returns the state of the cluster."""

    def __init__(self, started_ns: int | None = None) -> None:
        self.state = State.STARTING
        self.cluster_state: Callable[[Scope], Awaitable[bytes]] | None = None
        self.has_room: Callable[[], bool] = lambda: True
        self._started_ns = time.time_ns() if started_ns is None else started_ns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b'{"status":"%b"%b}\n' % (self.state.value.encode(), self._room())
        if self.cluster_state is not None and _asks_for_cluster(scope):
            body = await self.cluster_state(scope)
        uptime = b"%d" % max(time.time_ns() - self._started_ns, 1)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"ais-node-uptime", uptime),
            (b"ais-cluster-uptime", uptime),
        ]
        status = 200 if self.state is State.READY else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    def _room(self) -> bytes:
        return b"" if self.has_room() else b',"storage":"no room: for reading and deleting only"'


def _asks_for_cluster(scope: Scope) -> bool:
    pairs = (pair.partition(b"=") for pair in scope["query_string"].split(b"&"))
    return any(name == b"cii" and is_true(text.decode("latin-1")) for name, _, text in pairs)
