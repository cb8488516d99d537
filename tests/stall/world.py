"""The whole gateway on a local store, and ways to send it one request while its loop is watched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.http.request import Addressing
from s3gw.identity.accounts import Account, Accounts
from s3gw.native.app import NativeApp
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.app import App
from s3gw.server.health import HealthApp, State
from s3gw.server.operations import all_operations
from storage.backend import Backend
from storage.backends.local import StoreOptions
from storage.clock import SystemClock
from tests.asgi import Answer, AsgiServer
from tests.native.scene import HOST, KnownTokens
from tests.s3.gateway import ALICE, BOB, ROOT, Quiet, signed
from tests.services import new_native_services, new_services
from tests.stall.probe import Probe
from tests.storage.local_stores import local_store, mountpaths_in

# So much of an answer shows what it is; more would be work of the test, and not of the server.
KEPT = 64 << 10
_numbers = itertools.count()


class World:
    def __init__(self, store: Backend) -> None:
        accounts = Accounts(ROOT, [ALICE, BOB])
        services, observer = new_services(store, accounts), Quiet()
        health = HealthApp()
        health.state = State.READY
        s3 = S3App(
            table=OperationTable(all_operations()),
            authenticator=Authenticator(accounts, AuthOptions()),
            throttle=Throttle(ThrottleOptions()),
            addressing=Addressing(),
            observer=observer,  # type: ignore[arg-type]
            services=services,
        )
        native = NativeApp(
            observer=observer,  # type: ignore[arg-type]
            services=services,
            native=new_native_services(services, KnownTokens()),
        )
        self.store = store
        self.server = AsgiServer(App(s3=s3, native=native, health=health, metrics=health))

    def new_bucket(self, account: Account = ALICE) -> str:
        name = f"bucket-{next(_numbers)}"
        assert self.s3("PUT", f"/{name}", account=account).status == 200
        return name

    def s3(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        account: Account | None = ALICE,
    ) -> Answer:
        sent = {"host": "127.0.0.1", "content-length": str(len(body)), **(headers or {})}
        if account is not None:
            sent = signed(method, target, sent, body, account)
        return self._send(method, target, sent, body)

    def native(self, method: str, target: str, body: bytes = b"", token: str = "admin") -> Answer:
        sent = {"host": HOST, "content-length": str(len(body)), "content-type": "application/json"}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return self._send(method, f"/v1/{target}", sent, body)

    def _send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sending = self.server.sending(method, target, list(headers.items()), body, KEPT)
        return self.server.start(sending).result(600)  # type: ignore[no-any-return]

    def measured(self, send: Callable[[], Answer]) -> tuple[Answer, float]:
        """The answer, and the longest step of the loop meanwhile, in milliseconds of CPU time."""
        probe = Probe()
        self.server.run(probe.begin())
        answer = send()
        return answer, self.server.run(probe.end())


@contextmanager
def new_world(folder: Path) -> Iterator[World]:
    paths = mountpaths_in(folder, 1)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        world = World(store)
        try:
            yield world
        finally:
            world.server.close()
